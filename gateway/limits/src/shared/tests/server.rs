//! A real `redis-server` of a test's own, on a Unix socket in a scratch folder. The gateway's tests take this file too.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct RedisServer {
    folder: tempfile::TempDir,
    process: Option<Child>,
    options: Vec<String>,
}

impl RedisServer {
    /// `None`, with a word why, where there is no `redis-server`.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(Vec::new())
    }

    /// As [`Self::start`], with more options on its command line.
    pub(crate) fn start_with(options: Vec<String>) -> Option<Self> {
        let is_there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if is_there.is_err() {
            eprintln!("skipped: there is no redis-server on the PATH (Debian: apt-get install redis-server)");
            return None;
        }
        let mut server = Self { folder: tempfile::tempdir().unwrap(), process: None, options };
        server.begin();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Starts it, empty, and waits until it listens.
    pub(crate) fn begin(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        let until = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            assert!(Instant::now() < until, "redis-server does not listen");
            std::thread::yield_now();
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
