//! Breaks everything between callers and upstreams that bytes can break, and says whether a real server stood it.
//!
//! `cargo build --release && target/release/faults matrix [--quick] [--seed N]`; the other commands give the figures.

#![expect(clippy::print_stdout, reason = "a program that prints tables")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use benches::faults::judge::Wrongs;
use benches::faults::matrix::{self, Plan};
use benches::faults::world::Setup;
use benches::faults::{cancels, cuts, kills, malformed, reconcile, restarts, rows, soak, streams};
use clap::{Args, Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: What,
}

#[derive(Args)]
struct Common {
    /// The server; default: the `signalbox` beside this program.
    #[arg(long, global = true)]
    signalbox: Option<PathBuf>,
    /// Chooses faults and places: the same seed repeats a run.
    #[arg(long, global = true, default_value_t = 20_261_122)]
    seed: u64,
    /// A small run: shows that all works.
    #[arg(long, global = true)]
    quick: bool,
}

#[derive(Subcommand)]
enum What {
    /// Every row of the fault matrix, in every dialect.
    Matrix {
        /// Times each cell is tried.
        #[arg(long)]
        trials: Option<usize>,
        /// Only this row.
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=i64::from(rows::COUNT)))]
        row: Option<u8>,
    },
    /// Rows of the ledger against what callers and upstream saw.
    Reconcile {
        #[arg(long)]
        requests: Option<u64>,
        /// How many of them meet a fault.
        #[arg(long, default_value_t = 0.2)]
        fault_share: f64,
    },
    /// Streams that are cut.
    Cuts {
        #[arg(long)]
        streams: Option<u64>,
    },
    /// Callers that leave.
    Cancels {
        /// In each window.
        #[arg(long)]
        trials: Option<usize>,
    },
    /// `kill -9` under load.
    Kills {
        #[arg(long)]
        kills: Option<u64>,
    },
    /// Reloads and drains under load.
    Restarts {
        #[arg(long)]
        count: Option<u64>,
    },
    /// Malformed requests.
    Malformed {
        #[arg(long)]
        requests: Option<u64>,
    },
    /// Many streams at once.
    Streams {
        #[arg(long)]
        count: Option<usize>,
    },
    /// Mixed traffic for a long time.
    Soak {
        #[arg(long)]
        minutes: Option<u64>,
    },
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let wrongs = runtime.block_on(run(&cli))?;
    let (verdict, is_sound) = wrongs.verdict();
    println!("{verdict}");
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(cli: &Cli) -> Result<Wrongs> {
    let Common { signalbox, seed, quick } = &cli.common;
    let (seed, quick) = (*seed, *quick);
    let setup = Setup::small(signalbox.as_deref());
    let mut print = |text: &str| {
        print!("{text}");
        // A table that is watched should be seen.
        let _ = std::io::stdout().flush();
    };
    let print = &mut print;
    match &cli.what {
        What::Matrix { trials, row } => {
            let trials = trials.unwrap_or(if quick { 1 } else { 4 });
            matrix::run(&Plan { seed, trials, row: *row, quick }, setup, print).await
        }
        What::Reconcile { requests, fault_share } => {
            let requests = requests.unwrap_or(if quick { 2_000 } else { 100_000 });
            reconcile::run(requests, *fault_share, seed, setup, print).await
        }
        What::Cuts { streams } => {
            cuts::run(streams.unwrap_or(if quick { 300 } else { 10_000 }), seed, setup, print).await
        }
        What::Cancels { trials } => {
            cancels::run(trials.unwrap_or(if quick { 24 } else { 1_000 }), seed, setup, print).await
        }
        What::Kills { kills } => kills::run(kills.unwrap_or(if quick { 5 } else { 200 }), seed, setup, print).await,
        What::Restarts { count } => {
            restarts::run(count.unwrap_or(if quick { 5 } else { 100 }), seed, setup, print).await
        }
        What::Malformed { requests } => {
            malformed::run(requests.unwrap_or(if quick { 2_000 } else { 100_000 }), seed, setup, print).await
        }
        What::Soak { minutes } => {
            let time = minutes.map_or(Duration::from_mins(if quick { 1 } else { 30 }), Duration::from_mins);
            soak::run(time, seed, setup, print).await
        }
        What::Streams { count } => streams::run(count.unwrap_or(if quick { 200 } else { 5_000 }), setup, print).await,
    }
}
