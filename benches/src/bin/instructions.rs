//! Counts the instructions of every kernel under callgrind and fails when one has grown by more than a tenth.
//!
//! `cargo run --release -p benches --bin instructions [-- --update] [--only NAME]`
//!
//! Counts do not depend on load or clock, so a shared machine can judge them. Each kernel runs `n` and `2n` times in a
//! process of its own; the difference is the work alone. The thread that does the work is counted, not those that sync
//! or drain behind it: what these do depends on time. The file of expected counts lies beside this crate's manifest.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use anyhow::{Context, Result, ensure};
use benches::kernels::{self, KERNELS, Kernel};
use clap::{Parser, Subcommand};

/// Growth beyond this share is a regression.
const TOLERANCE: f64 = 0.10;

#[derive(Parser)]
struct Cli {
    /// Writes what was counted as what is expected from now on.
    #[arg(long)]
    update: bool,
    /// Counts this kernel alone.
    #[arg(long, value_name = "NAME", conflicts_with = "update")]
    only: Option<String>,
    #[command(subcommand)]
    command: Option<Run>,
}

#[derive(Subcommand)]
enum Run {
    /// Runs one kernel some times and nothing else: what is counted, and what a profiler may watch.
    Run { name: String, iterations: u32 },
}

type Counts = BTreeMap<String, u64>;

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    if let Some(Run::Run { name, iterations }) = cli.command {
        run_kernel(&name, iterations)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !has_valgrind() {
        println!("skipped: valgrind is not installed, so instructions cannot be counted");
        return Ok(ExitCode::SUCCESS);
    }
    let wanted: Vec<&Kernel> =
        KERNELS.iter().filter(|kernel| cli.only.as_deref().is_none_or(|only| only == kernel.name)).collect();
    ensure!(!wanted.is_empty(), "there is no such kernel; there are {}", names());
    let counted = count_all(&wanted)?;
    let file = expected_file();
    if cli.update {
        fs::write(&file, serde_json::to_string_pretty(&counted)? + "\n")?;
    }
    let expected: Counts = serde_json::from_str(
        &fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}: write it with --update", file.display()))?,
    )?;
    Ok(if compare(&counted, &expected) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn names() -> String {
    KERNELS.iter().map(|kernel| kernel.name).collect::<Vec<_>>().join(", ")
}

fn run_kernel(name: &str, iterations: u32) -> Result<()> {
    let kernel = kernels::find(name).with_context(|| format!("there is no kernel {name}; there are {}", names()))?;
    let scratch = tempfile::tempdir()?;
    let mut work = kernel.prepare(scratch.path())?;
    for _ in 0..iterations {
        work();
    }
    // Cleaning up may be more work than was counted, and grow with it: a ledger would drain all its records.
    scratch.close()?;
    std::process::exit(0)
}

fn has_valgrind() -> bool {
    let probe = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

fn expected_file() -> PathBuf {
    // Where the sources are, or where this is run from if they have been moved since.
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json");
    if beside.parent().is_some_and(Path::is_dir) { beside } else { PathBuf::from("benches/instructions.json") }
}

/// Counts with as many processes at once as there are cores: counts do not disturb each other.
fn count_all(wanted: &[&Kernel]) -> Result<Counts> {
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(Ok(Counts::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(kernel) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let counted = count(kernel);
                    let mut counts = counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match (counts.as_mut(), counted) {
                        (Ok(counts), Ok(counted)) => {
                            counts.insert(kernel.name.to_owned(), counted);
                        }
                        (Ok(_), Err(fault)) => *counts = Err(fault),
                        (Err(_), _) => return,
                    }
                }
            });
        }
    });
    counts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Instructions of one run of a kernel.
fn count(kernel: &Kernel) -> Result<u64> {
    let (once, twice) = (total(kernel, kernel.iterations)?, total(kernel, 2 * kernel.iterations)?);
    let work = twice.checked_sub(once).with_context(|| format!("{} counts less for more work", kernel.name))?;
    Ok(work / u64::from(kernel.iterations))
}

fn total(kernel: &Kernel, iterations: u32) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("counts");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?)
        .args(["run", kernel.name, &iterations.to_string()])
        .output()?;
    ensure!(output.status.success(), "{} failed:\n{}", kernel.name, String::from_utf8_lossy(&output.stderr));
    // One file per thread: the first is the program's own.
    let text = fs::read_to_string(folder.path().join("counts-01")).context("valgrind has written no counts")?;
    let totals = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    totals.and_then(|totals| totals.trim().parse().ok()).context("valgrind's file holds no total")
}

/// Prints the table and says whether all is well.
fn compare(counted: &Counts, expected: &Counts) -> bool {
    println!("{:<24}{:>14}{:>14}{:>9}", "kernel", "expected", "counted", "change");
    let mut is_well = true;
    for (name, counted) in counted {
        let Some(expected) = expected.get(name) else {
            println!("{name:<24}{:>14}{counted:>14}  new: write it with --update", "-");
            is_well = false;
            continue;
        };
        let change = *counted as f64 / (*expected).max(1) as f64 - 1.0;
        let verdict = match change {
            change if change > TOLERANCE => "  REGRESSION",
            change if change < -TOLERANCE => "  better: write it with --update",
            _ => "",
        };
        println!("{name:<24}{expected:>14}{counted:>14}{:>8.1}%{verdict}", change * 100.0);
        is_well &= change <= TOLERANCE;
    }
    is_well
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(value: u64) -> Counts {
        Counts::from([("kernel".to_owned(), value)])
    }

    #[test]
    fn growth_of_more_than_a_tenth_fails() {
        assert!(compare(&counts(1_099), &counts(1_000)));
        assert!(!compare(&counts(1_101), &counts(1_000)));
        assert!(compare(&counts(500), &counts(1_000)));
    }

    #[test]
    fn kernel_without_an_expectation_fails() {
        assert!(!compare(&counts(1), &Counts::new()));
    }

    #[test]
    fn every_kernel_has_an_expectation_and_every_expectation_a_kernel() {
        let text = fs::read_to_string(expected_file()).expect("the file of expected counts");
        let expected: Counts = serde_json::from_str(&text).expect("sound");
        let known: Vec<&str> = expected.keys().map(String::as_str).collect();
        let mut names: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
        names.sort_unstable();
        assert_eq!(known, names);
    }
}
