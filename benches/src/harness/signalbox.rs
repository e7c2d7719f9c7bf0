//! The real server as a child: scratch data folder, free ports, and at the end what its ledger holds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use ledger::{Ledger, LedgerReader};
use tempfile::TempDir;

use crate::harness::process::Process;

/// A first start makes keys and a database: seconds on a busy machine.
const START: Duration = Duration::from_secs(30);
/// Running requests end and records are drained within this.
const STOP: Duration = Duration::from_secs(30);

/// How to start it.
#[derive(Debug, Default)]
pub struct Options<'a> {
    /// The program; `None` = the one beside this program.
    pub program: Option<&'a Path>,
    /// The core it may use.
    pub core: Option<usize>,
    /// A configuration file's text; `None` = the demo provider.
    pub config: Option<String>,
    /// Environment variables that the configuration reads secrets from.
    pub secrets: Vec<(&'static str, String)>,
}

/// A running server.
#[derive(Debug)]
pub struct Signalbox {
    process: Process,
    folder: TempDir,
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// The key made at the first start.
    pub first_key: Option<String>,
    /// How long it took to be ready, by its own account.
    pub ready_ms: u64,
}

impl Signalbox {
    /// Starts one and waits until it serves.
    ///
    /// # Errors
    /// When the program is not there, or is not ready in time.
    pub fn start(options: Options<'_>) -> Result<Self> {
        let program = program(options.program)?;
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(&program);
        command.arg("up").arg("--data-dir").arg(data_dir(&folder));
        for listener in ["--gateway", "--console", "--engine"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command.arg("--json").envs(options.secrets);
        match options.config {
            Some(text) => {
                let file = folder.path().join("config.toml");
                fs::write(&file, text)?;
                command.arg("--no-demo").arg("--config").arg(file);
            }
            None => {
                command.arg("--demo");
            }
        }
        // Accounts of whoever runs this must not become providers.
        for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"] {
            command.env_remove(name);
        }
        let (process, ready) = Process::start("signalbox", command, options.core, START)?;
        let gateway = ready["gateway"].as_str().and_then(|url| url.strip_prefix("http://"));
        let gateway = gateway.and_then(|address| address.parse().ok());
        Ok(Self {
            process,
            folder,
            gateway: gateway.with_context(|| format!("no gateway address in {ready}"))?,
            first_key: ready["api_key"].as_str().map(ToOwned::to_owned),
            ready_ms: ready["ready_ms"].as_u64().unwrap_or(0),
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it, so that every record is in the database, and opens the ledger it leaves behind.
    ///
    /// # Errors
    /// When it does not end in time, or not well.
    pub fn stop(mut self) -> Result<LeftBehind> {
        let status = self.process.terminate(STOP)?;
        ensure!(status.success(), "signalbox ended with {status}");
        let ledger = Ledger::open_reader(&data_dir(&self.folder).join("ledger"))?;
        Ok(LeftBehind { ledger, _folder: self.folder })
    }
}

/// The ledger of a server that has ended. Its folder goes when this is dropped.
pub struct LeftBehind {
    /// Its rows.
    pub ledger: LedgerReader,
    _folder: TempDir,
}

fn data_dir(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

fn program(given: Option<&Path>) -> Result<PathBuf> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => env::current_exe()?.with_file_name("signalbox"),
    };
    if !path.is_file() {
        bail!("there is no {}: build it with `cargo build --release`, or name it with --signalbox", path.display());
    }
    // A relative path is looked up by taskset too, and not in the same folders.
    Ok(path.canonicalize()?)
}
