//! A real `redis-server` of a test's own, on a Unix socket in a scratch folder. The gateway's tests take this file too.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct RedisServer {
    folder: tempfile::TempDir,
    process: Option<Child>,
    /// Where it speaks TLS, if it does.
    port: Option<u16>,
}

impl RedisServer {
    /// `None`, with a word why, where there is no `redis-server`.
    pub(crate) fn start() -> Option<Self> {
        Self::begin_one(None)
    }

    /// As [`Self::start`]; speaks TLS as well, with a certificate of its own for `localhost`, and wants a password.
    pub(crate) fn start_secured() -> Option<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self::begin_one(Some(free.port()))
    }

    fn begin_one(port: Option<u16>) -> Option<Self> {
        let is_there = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if is_there.is_err() {
            eprintln!("skipped: there is no redis-server on the PATH (Debian: apt-get install redis-server)");
            return None;
        }
        let mut server = Self { folder: tempfile::tempdir().unwrap(), process: None, port };
        server.certify();
        server.begin();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Its address over TLS.
    pub(crate) fn secured_url(&self) -> String {
        format!("rediss://:word-of-the-store@localhost:{}/0", self.port.unwrap())
    }

    /// The file with its certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("redis.crt")
    }

    fn certify(&self) {
        let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(self.certificate(), signed.cert.pem()).unwrap();
        std::fs::write(self.certificate().with_extension("key"), signed.signing_key.serialize_pem()).unwrap();
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Starts it, empty, and waits until it listens.
    pub(crate) fn begin(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(port) = self.port {
            command.args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"]);
            command.args(["--requirepass", "word-of-the-store"]).arg("--tls-cert-file").arg(self.certificate());
            command.arg("--tls-key-file").arg(self.certificate().with_extension("key"));
            command.arg("--tls-ca-cert-file").arg(self.certificate());
        }
        self.process = Some(command.spawn().unwrap());
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
