//! The real server as a child that can be killed and started again over the same data folder, on the same ports.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use domain::{RecordFilter, RecordReader, RequestRecord};
use ledger::{Ledger, LedgerReader};
use tempfile::TempDir;

use crate::faults::caller::Call;
use crate::harness::process::Process;

/// A first start makes keys and a database: many seconds on a busy machine, and more without optimisation.
const START: Duration = Duration::from_mins(1);
const STOP: Duration = Duration::from_mins(1);
const SCRAPE: Duration = Duration::from_secs(10);
const PAGE: u32 = 1_000;

/// A folder, a configuration, ports, and the server that runs on them, if it runs.
#[derive(Debug)]
pub struct Product {
    program: PathBuf,
    folder: TempDir,
    secrets: Vec<(&'static str, String)>,
    drain_seconds: u64,
    process: Option<Process>,
    console: SocketAddr,
    /// Where the gateway listens, also after a restart.
    pub gateway: SocketAddr,
}

impl Product {
    /// Starts one over a new folder.
    ///
    /// # Errors
    /// When there is no such program, or it does not start.
    pub fn start(program: Option<&Path>, config: &str, secrets: Vec<(&'static str, String)>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("config.toml"), config)?;
        let mut product = Self {
            program: find(program)?,
            folder,
            secrets,
            drain_seconds: 30,
            process: None,
            console: free_port()?,
            gateway: free_port()?,
        };
        product.run()?;
        Ok(product)
    }

    /// Starts the server, which does not run, and returns how long it took until it said that it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run(&mut self) -> Result<Duration> {
        let mut command = Command::new(&self.program);
        command.arg("up").arg("--data-dir").arg(self.data()).arg("--config").arg(self.config());
        command.arg("--gateway").arg(self.gateway.to_string()).arg("--console").arg(self.console.to_string());
        command.args(["--engine", "127.0.0.1:0", "--no-demo", "--json"]);
        command.arg("--drain-seconds").arg(self.drain_seconds.to_string());
        command.envs(self.secrets.iter().map(|(name, value)| (*name, value.as_str())));
        // Every fault is logged, and there are many: what matters is in the tables.
        command.env("SIGNALBOX_LOG", "off");
        for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"] {
            command.env_remove(name);
        }
        let began = Instant::now();
        let (process, _) = Process::start("signalbox", command, None, START)?;
        self.process = Some(process);
        Ok(began.elapsed())
    }

    /// Its process id; 0 where none runs.
    pub fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::id)
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        // Dropping kills with signal 9 and waits.
        self.process = None;
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not well.
    pub fn terminate(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { bail!("it does not run") };
        let status = process.terminate(STOP)?;
        ensure!(status.success(), "signalbox ended with {status}");
        Ok(())
    }

    /// The process has not ended.
    pub fn is_alive(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", self.id()))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
    }

    /// Puts another configuration in place of the one that is watched, in one step.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn configure(&self, config: &str) -> Result<()> {
        let fresh = self.folder.path().join("config.new");
        fs::write(&fresh, config)?;
        fs::rename(fresh, self.config())?;
        Ok(())
    }

    /// Runs a command of the program against the server.
    ///
    /// # Errors
    /// When it fails.
    pub fn command(&self, args: &[&str]) -> Result<String> {
        let output = Command::new(&self.program).args(args).arg("--data-dir").arg(self.data()).output()?;
        ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Every counter and gauge, summed over its labels, and each by itself.
    ///
    /// # Errors
    /// When the port does not answer.
    pub async fn metrics(&self) -> Result<HashMap<String, f64>> {
        let mut call = Call::open(self.console).await?;
        call.send(b"GET /metrics HTTP/1.1\r\nhost: console\r\nconnection: close\r\n\r\n").await;
        let seen = call.answer(SCRAPE).await;
        ensure!(seen.status == 200, "/metrics answers {}", seen.status);
        let mut sums = HashMap::new();
        for line in seen.body.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let value: f64 = value.parse().unwrap_or(0.0);
            let sum = name.split('{').next().unwrap_or(name);
            *sums.entry(sum.to_owned()).or_insert(0.0) += value;
            if name != sum {
                sums.insert(name.to_owned(), value);
            }
        }
        Ok(sums)
    }

    /// The rows of the ledger.
    ///
    /// # Errors
    /// When there is no database yet.
    pub fn ledger(&self) -> Result<LedgerReader> {
        Ok(Ledger::open_reader(&self.data().join("ledger"))?)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }
}

/// All rows after a sequence, in their order.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn rows_after(ledger: &LedgerReader, sequence: u64) -> Result<Vec<RequestRecord>> {
    let mut filter = RecordFilter { after_sequence: Some(sequence), limit: PAGE, ..RecordFilter::default() };
    let mut rows = Vec::new();
    loop {
        let page = ledger.list(filter.clone()).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        filter.after_sequence = Some(last.sequence);
        rows.extend(page);
    }
}

fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn find(given: Option<&Path>) -> Result<PathBuf> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => env::current_exe()?.with_file_name("signalbox"),
    };
    path.canonicalize()
        .with_context(|| format!("there is no {}: build it, or name it with --signalbox", path.display()))
}
