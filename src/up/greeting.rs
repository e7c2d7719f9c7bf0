//! What is printed when everything is ready: endpoint, key, a curl that works, and what to do next.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::output;
use crate::up::new_keys::{NewKeys, shown};

/// What there is to say.
pub(crate) struct Greeting<'a> {
    pub(crate) gateway: SocketAddr,
    /// Whether the gateway speaks TLS.
    pub(crate) tls: bool,
    pub(crate) console: SocketAddr,
    pub(crate) engine: SocketAddr,
    pub(crate) admin: &'a Path,
    pub(crate) new_keys: &'a NewKeys,
    pub(crate) demo: bool,
    pub(crate) data_dir: &'a Path,
    pub(crate) ready: Duration,
}

impl Greeting<'_> {
    /// Prints text for people, or one JSON line for programs.
    pub(crate) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json { output::json(&self.json()) } else { output::line(self.text()?) }
    }

    fn endpoint(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.gateway)
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "gateway": self.endpoint(),
            "console": format!("http://{}", self.console),
            "engine": format!("http://{}", self.engine),
            "admin": format!("unix:{}", self.admin.display()),
            "api_key": self.new_keys.first.as_ref().map(shown),
            "created_keys": self.new_keys.of_file,
            "ready_ms": u64::try_from(self.ready.as_millis()).unwrap_or(u64::MAX),
            "pid": std::process::id(),
        })
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        writeln!(text, "Signalbox is ready after {} ms.\n", self.ready.as_millis())?;
        writeln!(text, "  endpoint   {}/v1", self.endpoint())?;
        match &self.new_keys.first {
            Some(key) => writeln!(text, "  API key    {}   (shown once: keep it)", shown(key))?,
            None => writeln!(text, "  API key    the one you have; another: signalbox keys create --name NAME")?,
        }
        for key in &self.new_keys.of_file {
            writeln!(text, "  new key    {}   (`{}` of the file; shown once: keep it)", shown(&key.key), key.name)?;
        }
        writeln!(text, "  data       {}", self.data_dir.display())?;
        writeln!(text, "  operators  http://{}/metrics, gRPC on {}\n", self.console, self.engine)?;
        if self.demo {
            writeln!(
                text,
                "No provider is configured, so the built-in demo provider answers (demo/small, demo/medium,"
            )?;
            writeln!(text, "demo/large): real wire format, pretended models. For real ones, set OPENAI_API_KEY,")?;
            writeln!(text, "ANTHROPIC_API_KEY, OPENROUTER_API_KEY or GEMINI_API_KEY, or apply a configuration.\n")?;
        }
        let key = self.new_keys.first.as_ref().map_or("$SIGNALBOX_API_KEY", shown);
        writeln!(text, "Try it:\n")?;
        writeln!(text, "  curl {}/v1/chat/completions \\", self.endpoint())?;
        writeln!(text, "    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\")?;
        writeln!(
            text,
            "    -d '{{\"model\": \"auto\", \"messages\": [{{\"role\": \"user\", \"content\": \"What is the capital of France?\"}}]}}'\n"
        )?;
        writeln!(text, "Next:\n")?;
        let program = std::env::args().next().unwrap_or_else(|| "signalbox".to_owned());
        writeln!(text, "  {program} logs --limit 5")?;
        writeln!(text, "      which model answered, and what it cost")?;
        writeln!(text, "  {program} models list")?;
        writeln!(text, "      what can be routed to")?;
        writeln!(text, "  {program} apply -f FILE.toml")?;
        writeln!(text, "      providers, models, policies, routers, keys of your own")?;
        write!(text, "  Ctrl-C stops; running requests may finish.")?;
        Ok(text)
    }
}
