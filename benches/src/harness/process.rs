//! Child processes: started on a core, awaited until ready, asked what they have used, and never left behind.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Clock ticks in a second, as the kernel reports CPU time to programs.
const TICKS: f64 = 100.0;

/// A running child. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts a command on a core (or on any) and waits for the JSON line in which it says that it is ready.
    ///
    /// # Errors
    /// When it cannot be started, ends, or says nothing within `wait`.
    pub fn start(name: &str, command: Command, core: Option<usize>, wait: Duration) -> Result<(Self, Value)> {
        let mut command = pinned(command, core);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let stdout = child.stdout.take().context("its output was asked for")?;
        let process = Self { child, name: name.to_owned() };
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout);
            let mut line = String::new();
            let read = lines.read_line(&mut line);
            let _ = sender.send(read.map(|_| line));
            // Whatever it prints later must not fill the pipe.
            let _ = io::copy(&mut lines, &mut io::sink());
        });
        let line = receiver
            .recv_timeout(wait)
            .with_context(|| format!("{name} was not ready within {} s", wait.as_secs()))??;
        let ready = serde_json::from_str(&line).with_context(|| format!("{name} ended before it was ready"))?;
        Ok((process, ready))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, waits, and returns how it did.
    ///
    /// # Errors
    /// When it has not ended within `wait`.
    pub fn terminate(&mut self, wait: Duration) -> Result<ExitStatus> {
        let signalled = Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        anyhow::ensure!(signalled.success(), "{} had ended before it was told to", self.name);
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("{} did not end within {} s", self.name, wait.as_secs())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends this process when the one that started it has gone, which closes standard input.
pub fn end_with_parent() {
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

/// Says on standard output that this child is ready.
///
/// # Errors
/// When nobody listens.
pub fn say_ready(address: std::net::SocketAddr) -> io::Result<()> {
    use io::Write;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", serde_json::json!({ "address": address }))?;
    out.flush()
}

fn pinned(command: Command, core: Option<usize>) -> Command {
    let Some(core) = core else { return command };
    let mut outer = Command::new("taskset");
    outer.args(["-c", &core.to_string()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

/// Moves the calling thread, and those it will start, to one core. Says whether that worked.
pub fn pin_self(core: usize) -> bool {
    // The thread's own id: the first thread's is the process's.
    let Ok(link) = fs::read_link("/proc/thread-self") else { return false };
    let thread = link.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let pinned = Command::new("taskset").args(["-cp", &core.to_string(), &thread]).output();
    pinned.is_ok_and(|output| output.status.success())
}

/// CPU seconds that a process has used, all threads; 0 where the system does not tell.
pub fn cpu_seconds(id: u32) -> f64 {
    cpu_seconds_in(&fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default())
}

/// CPU seconds that all processes have used.
pub fn busy_seconds() -> f64 {
    busy_seconds_in(&fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// MiB of memory that a process holds.
pub fn resident_mib(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1_024.0
}

/// Files, sockets included, that a process has open.
pub fn open_files(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count)
}

/// Threads of a process.
pub fn threads(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/task")).map_or(0, Iterator::count)
}

/// Threads that want to run, over the last minute, or 0.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

fn cpu_seconds_in(stat: &str) -> f64 {
    // The name in parentheses may hold anything; user and system time are the 12th and 13th fields after it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}

fn busy_seconds_in(stat: &str) -> f64 {
    let fields: Vec<f64> =
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|it| it.parse().ok()).collect();
    // user nice system idle iowait irq softirq: what is idle, waits or was stolen is not use.
    [0, 1, 2, 5, 6].iter().filter_map(|place| fields.get(*place)).sum::<f64>() / TICKS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        assert!((cpu_seconds_in(stat) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn idle_time_is_not_use() {
        assert!((busy_seconds_in("cpu  100 0 200 9999 50 0 100 77 0 0\ncpu0 1") - 4.0).abs() < 1e-9);
    }

    #[test]
    fn child_that_says_nothing_is_an_error() {
        let (command, wait) = (Command::new("true"), Duration::from_secs(10));
        assert!(Process::start("true", command, None, wait).is_err());
    }

    #[test]
    fn child_that_is_ready_can_be_ended() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo '{\"ready\": 1}'; exec sleep 60"]);
        let (mut child, ready) = Process::start("sh", command, None, Duration::from_secs(10)).expect("ready");
        assert_eq!(ready["ready"], 1);
        assert!(!child.terminate(Duration::from_secs(10)).expect("ends").success());
    }
}
