//! How long a decision takes that needs a score: percentiles over an engine in this process, as a gateway asks it.
//!
//! `cargo run --release -p benches --bin decisions [-- --decisions 2000 --at-once 1]` asks in a closed loop: each caller
//! waits for its answer. With `--rate 500` it asks so many times a second whatever the answers do (an open loop), and a
//! question's time begins when it was due, so that a slow answer counts against all that it delays. `--json FILE` writes the
//! figures down as well, for `evalkit report scorer --decisions FILE`.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use benches::engine_fixture::RunningEngine;
use benches::fixtures;
use clap::Parser;
use hdrhistogram::Histogram;
use proto::pb::routing::v1::DecideRequest;
use proto::pb::routing::v1::routing_client::RoutingClient;
use scorer::{LearnedScorer, Scorer};
use serde_json::json;
use tokio::sync::mpsc;
use tonic::transport::Channel;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What `evalkit report` reads.
const FORMAT: &str = "signalbox.decisions/1";

/// Nanoseconds; what takes longer counts as this.
const LONGEST: u64 = 60_000_000_000;

#[derive(Parser)]
struct Cli {
    /// How many of each kind.
    #[arg(long, default_value_t = 2_000)]
    decisions: usize,
    /// How many callers wait at a time.
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// Questions a second, asked whether or not earlier ones are answered, instead of callers that wait.
    #[arg(long)]
    rate: Option<f64>,
    /// A scorer's folder, instead of the built-in one.
    #[arg(long, value_name = "DIR")]
    scorer_model: Option<PathBuf>,
    /// Writes the figures as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run(&cli))
}

async fn run(cli: &Cli) -> Result<()> {
    let scorer = match &cli.scorer_model {
        Some(folder) => LearnedScorer::load(folder).with_context(|| format!("--scorer-model {}", folder.display()))?,
        None => scorer::builtin::load()?,
    };
    let version = scorer.version().to_string();
    let engine = RunningEngine::start(Arc::new(scorer)).await?;
    let mut rows = Vec::new();
    println!("{:<28}{:>10}{:>10}{:>10}   microseconds", "", "p50", "p99", "max");
    for (tokens, words) in [(64, 50), (256, 200), (1_024, 800)] {
        // No two texts are alike, so that nothing can be remembered.
        let questions: Vec<_> =
            (0..cli.decisions).map(|number| engine.question(&format!("{number} {}", fixtures::words(words)))).collect();
        for (transport, client) in [("memory", engine.in_memory().await?), ("TCP", engine.over_tcp().await?)] {
            let seen = match cli.rate {
                Some(rate) => ask_at(&client, &questions, rate).await?,
                None => ask_all(&client, &questions, cli.at_once.max(1)).await?,
            };
            let micros = |quantile| seen.value_at_quantile(quantile) / 1_000;
            println!(
                "{:<28}{:>10}{:>10}{:>10}",
                format!("{tokens} tokens over {transport}"),
                micros(0.5),
                micros(0.99),
                micros(1.0)
            );
            let millis = |quantile| seen.value_at_quantile(quantile) as f64 / 1e6;
            rows.push(json!({
                "tokens": tokens, "transport": transport, "questions": seen.len(),
                "p50_ms": millis(0.5), "p99_ms": millis(0.99), "max_ms": millis(1.0),
            }));
        }
    }
    if let Some(path) = &cli.json {
        let at_once = if cli.rate.is_none() { Some(cli.at_once.max(1)) } else { None };
        let found = json!({
            "format": FORMAT, "scorer": version, "rate": cli.rate, "at_once": at_once,
            "optimised": !cfg!(debug_assertions), "rows": rows,
        });
        std::fs::write(path, format!("{found:#}\n")).with_context(|| format!("--json {}", path.display()))?;
    }
    Ok(())
}

async fn ask_all(client: &RoutingClient<Channel>, all: &[DecideRequest], at_once: usize) -> Result<Histogram<u64>> {
    let mut callers = tokio::task::JoinSet::new();
    for part in all.chunks(all.len().div_ceil(at_once).max(1)) {
        let (mut client, part) = (client.clone(), part.to_vec());
        callers.spawn(async move {
            let mut seen = Histogram::new_with_bounds(1, LONGEST, 3)?;
            for question in part {
                let begin = Instant::now();
                let answer = client.decide(question).await?.into_inner();
                seen.saturating_record(u64::try_from(begin.elapsed().as_nanos())?);
                ensure!(answer.decision.is_some(), "the engine gave a score and no decision");
            }
            anyhow::Ok(seen)
        });
    }
    let mut total = Histogram::new_with_bounds(1, LONGEST, 3)?;
    while let Some(seen) = callers.join_next().await {
        total.add(seen??)?;
    }
    Ok(total)
}

/// Asks each question when it is due.
async fn ask_at(client: &RoutingClient<Channel>, all: &[DecideRequest], rate: f64) -> Result<Histogram<u64>> {
    ensure!(rate > 0.0 && rate.is_finite(), "--rate is {rate}, expected questions a second");
    let begin = Instant::now() + Duration::from_millis(50);
    let mut asked = tokio::task::JoinSet::new();
    let mut ticks = ticks((0..all.len()).map(move |number| begin + Duration::from_secs_f64(number as f64 / rate)));
    for question in all {
        let Some(due) = ticks.recv().await else { bail!("the clock's thread ended early") };
        let (mut client, question) = (client.clone(), question.clone());
        asked.spawn(async move {
            let answer = client.decide(question).await?.into_inner();
            ensure!(answer.decision.is_some(), "the engine gave a score and no decision");
            Ok(u64::try_from(due.elapsed().as_nanos())?)
        });
    }
    let mut seen = Histogram::new_with_bounds(1, LONGEST, 3)?;
    while let Some(nanos) = asked.join_next().await {
        seen.saturating_record(nanos??);
    }
    Ok(seen)
}

/// How long before a tick sleep gives way to waiting: what a thread may be late to wake.
const WAKING: Duration = Duration::from_micros(150);

/// Moments as they come, from a thread of its own: the runtime's timer counts in whole milliseconds, which is more than is
/// to be measured.
fn ticks(dues: impl Iterator<Item = Instant> + Send + 'static) -> mpsc::UnboundedReceiver<Instant> {
    let (tick, ticks) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for due in dues {
            std::thread::sleep(due.saturating_duration_since(Instant::now()).saturating_sub(WAKING));
            while Instant::now() < due {
                std::hint::spin_loop();
            }
            if tick.send(due).is_err() {
                return;
            }
        }
    });
    ticks
}
