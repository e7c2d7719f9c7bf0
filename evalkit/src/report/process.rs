//! A fresh process: how long until its first score, and how much memory it then holds.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::ReportError;

/// Longest wait for the first score.
const DEADLINE: Duration = Duration::from_mins(1);

/// What was seen of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// Milliseconds from its start to its first score.
    pub milliseconds: f64,
    /// Resident memory after it, megabytes; where the system tells.
    pub megabytes: Option<f64>,
}

/// Starts `evalkit score` on one row and watches it.
///
/// # Errors
/// When it cannot be started or gives no score within a minute.
pub fn start(executable: &Path, model: Option<&Path>) -> Result<Start, ReportError> {
    let fault = |reason: String| ReportError::Process(reason);
    let mut command = Command::new(executable);
    command.args(["score", "--threads", "1", "--input", "-", "--output", "-"]);
    if let Some(model) = model {
        command.arg("--model").arg(model);
    }
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| fault(format!("{}: {error}", executable.display())))?;
    let seen = watch(&mut child, begun);
    if seen.is_err() {
        // It may have ended already; then there is nothing to kill.
        let _ = child.kill();
    }
    let _ = child.wait();
    seen.map_err(fault)
}

fn watch(child: &mut Child, begun: Instant) -> Result<Start, String> {
    let (mut stdin, stdout) = child.stdin.take().zip(child.stdout.take()).ok_or("it has no standard streams")?;
    stdin.write_all(b"{\"id\":1,\"prompt\":\"What is the capital of Portugal?\"}\n").map_err(|it| it.to_string())?;
    stdin.flush().map_err(|it| it.to_string())?;
    let (told, hear) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        // Nobody listens any more once the deadline has passed.
        let _ = told.send((Instant::now(), read.map(|_| line)));
    });
    let (at, line) = hear.recv_timeout(DEADLINE).map_err(|_| "no score within a minute".to_owned())?;
    let line = line.map_err(|it| it.to_string())?;
    if !line.contains("\"complexity\"") {
        return Err("it ended without a score".to_owned());
    }
    let megabytes = resident(child.id());
    drop(stdin);
    Ok(Start { milliseconds: (at - begun).as_secs_f64() * 1e3, megabytes })
}

/// Resident memory of a process in megabytes, where the system has `/proc`.
fn resident(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
