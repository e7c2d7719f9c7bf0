//! A running `signalbox up`, and plain HTTP to talk to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const FREE_PORTS: [&str; 6] =
    ["--gateway", "127.0.0.1:0", "--console", "127.0.0.1:0", "--engine", "127.0.0.1:0"];

/// The binary, without the provider keys of whoever runs the tests.
pub(crate) fn signalbox() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    let kept = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        !name.ends_with("_API_KEY") && !name.starts_with("SIGNALBOX_")
    });
    command.env_clear().envs(kept);
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    signalbox().args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A scratch folder with a data folder to be made in it.
pub(crate) struct Scratch {
    folder: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Starts `signalbox up` and waits until it says that it is ready.
    pub(crate) fn start(&self, more: &[&str]) -> Server {
        Server::start(&self.data_dir(), more)
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) ready: Value,
    /// What it has said on standard error.
    log: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    fn start(data_dir: &Path, more: &[&str]) -> Self {
        Self::start_with(data_dir, more, &[])
    }

    /// As [`Scratch::start`], with variables in its environment.
    pub(crate) fn start_with(data_dir: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = signalbox();
        command.envs(variables.iter().copied());
        command.arg("up").arg("--json").args(FREE_PORTS).arg("--data-dir").arg(data_dir).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(ready) = serde_json::from_str(&line) else {
            child.kill().unwrap();
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("not ready: {line}{said}");
        };
        // Whether or not anybody reads the log, it must not fill its pipe.
        let mut said = child.stderr.take().unwrap();
        let log = Arc::<Mutex<Vec<u8>>>::default();
        let kept = log.clone();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = said.read(&mut piece) {
                kept.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        });
        Self { child, ready, log }
    }

    pub(crate) fn key(&self) -> String {
        self.ready["api_key"].as_str().expect("the first start shows a key").to_owned()
    }

    pub(crate) fn gateway(&self) -> String {
        self.ready["gateway"].as_str().unwrap().split_once("://").unwrap().1.to_owned()
    }

    pub(crate) fn console(&self) -> String {
        self.ready["console"].as_str().unwrap().trim_start_matches("http://").to_owned()
    }

    pub(crate) fn chat(&self, key: &str, body: &str) -> Answer {
        post(&self.gateway(), "/v1/chat/completions", key, body).expect("an answer")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop and returns its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn log(&self) -> String {
        text(&self.log.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer that came whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {}", self.body))
    }
}

pub(crate) fn get(address: &str, path: &str) -> Answer {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")).expect("an answer")
}

/// Posts and reads the answer to its end; `None` when it did not come whole.
pub(crate) fn post(address: &str, path: &str, key: &str, body: &str) -> Option<Answer> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    exchange(address, &(head + body))
}

pub(crate) fn exchange(address: &str, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let answer = text(&bytes);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let header = |name: &str| {
        head.lines()
            .find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
            .map(|(_, value)| value)
    };
    let body = match header("content-length") {
        Some(length) if length.parse() == Ok(body.len()) => body.to_owned(),
        Some(_) => return None,
        None => unchunk(body)?,
    };
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, request_id: header("x-request-id").unwrap_or_default().to_owned(), body })
}

/// Joins the chunks of a chunked body; `None` without its last one.
fn unchunk(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, after) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(after.get(..length)?);
        rest = after.get(length + 2..)?;
    }
}
