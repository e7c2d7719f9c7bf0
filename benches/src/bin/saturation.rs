//! How many scored decisions an engine makes on one core, and what happens to twice as many.
//!
//! `cargo run --release -p benches --bin saturation [-- --seconds 5 --callers 64]`. The engine is a process of its own on
//! core 0, reached over loopback TCP; the callers are on core 1. First a closed loop finds the rate, then an open loop asks
//! at twice that, each question with the deadline that gateways set: what the engine cannot make in time it must refuse,
//! quickly and with word when to try again, and its queue must stay within its bound.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use benches::engine_fixture::{Asker, RunningEngine};
use benches::fixtures;
use benches::harness::process::{Process, cpu_seconds, end_with_parent, pin_self};
use clap::{Parser, Subcommand};
use engine::Limits;
use hdrhistogram::Histogram;
use proto::pb::admin::v1::StatusRequest;
use proto::pb::admin::v1::admin_client::AdminClient;
use proto::pb::routing::v1::DecideRequest;
use proto::pb::routing::v1::routing_client::RoutingClient;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a gateway waits for a decision.
const DEADLINE: Duration = Duration::from_millis(50);
/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// Nanoseconds; what takes longer counts as this.
const LONGEST: u64 = 60_000_000_000;
/// Prompts of one length; no two are alike, so that nothing can be remembered.
const PROMPTS: usize = 2_000;

#[derive(Parser)]
struct Cli {
    /// How long each loop is measured.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Callers of the closed loop.
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Writes the figures as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Internal: the engine.
    #[command(hide = true)]
    Engine,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    if let Some(Role::Engine) = cli.role {
        return runtime()?.block_on(serve());
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("engine");
    let (engine, ready) = Process::start("the engine", command, Some(0), Duration::from_secs(30))?;
    let is_pinned = pin_self(1);
    if !is_pinned {
        println!("the callers could not be kept to core 1: they disturb the engine");
    }
    let rows = runtime()?.block_on(measure(&cli, &engine, &ready))?;
    if let Some(path) = &cli.json {
        let found = json!({"format": "signalbox.saturation/1", "optimised": !cfg!(debug_assertions),
                           "pinned": is_pinned, "rows": rows});
        std::fs::write(path, format!("{found:#}\n")).with_context(|| format!("--json {}", path.display()))?;
    }
    Ok(())
}

async fn serve() -> Result<()> {
    end_with_parent();
    let engine = RunningEngine::start(Arc::new(scorer::builtin::load()?)).await?;
    println!("{}", json!({"url": engine.url(), "asker": engine.asker(), "key": engine.platform_key()}));
    std::future::pending().await
}

async fn measure(cli: &Cli, engine: &Process, ready: &Value) -> Result<Vec<Value>> {
    let url: proto::Endpoint = ready["url"].as_str().context("the engine's address")?.parse()?;
    let asker: Asker = serde_json::from_value(ready["asker"].clone())?;
    let seconds = Duration::from_secs(cli.seconds);
    let authorization = format!("Bearer {}", ready["key"].as_str().context("a platform key")?);
    let authorization: MetadataValue<Ascii> = authorization.parse()?;
    let mut rows = Vec::new();
    for (tokens, words) in [(64, 50), (256, 200)] {
        let prompts: Vec<_> =
            (0..PROMPTS).map(|number| asker.question(&format!("{number} {}", fixtures::words(words)))).collect();
        let prompts: Arc<[DecideRequest]> = prompts.into();
        let client = RoutingClient::new(proto::connect(&url).await?);
        closed(&client, &prompts, cli.callers, WARM_UP).await?;
        let cpu = cpu_seconds(engine.id());
        let seen = closed(&client, &prompts, cli.callers, seconds).await?;
        let (rate, busy) = (seen.accepted.len() as f64 / seen.took, (cpu_seconds(engine.id()) - cpu) / seen.took);
        println!(
            "{tokens} tokens, {} callers that wait: {rate:.0} scored decisions/s, {busy:.2} of a core",
            cli.callers
        );
        seen.print();
        rows.push(json!({"tokens": tokens, "loop": "closed", "rate": rate, "cores": busy, "seen": seen.json()}));

        let watched = Watched::start(AdminClient::new(proto::connect(&url).await?), authorization.clone());
        let seen = open(&client, &prompts, 2.0 * rate, seconds).await?;
        let watched = watched.stop().await?;
        let asked = 2.0 * rate;
        println!(
            "{tokens} tokens, {asked:.0} asked a second: at most {} of {} in the queue; {} words of its status, p99 {:.2} ms, \
             {} failed",
            watched.most_queued,
            Limits::default().queue,
            watched.times.len(),
            millis(&watched.times, 0.99),
            watched.failed
        );
        seen.print();
        rows.push(
            json!({"tokens": tokens, "loop": "open", "asked_per_second": asked, "most_queued": watched.most_queued,
                         "queue_bound": Limits::default().queue, "status_p99_ms": millis(&watched.times, 0.99),
                         "status_failed": watched.failed, "seen": seen.json()}),
        );
    }
    Ok(rows)
}

/// Callers that each wait for their answer before they ask again.
async fn closed(
    client: &RoutingClient<Channel>,
    prompts: &Arc<[DecideRequest]>,
    callers: usize,
    time: Duration,
) -> Result<Seen> {
    let begin = Instant::now();
    let mut all = JoinSet::new();
    for caller in 0..callers {
        let (mut client, prompts) = (client.clone(), prompts.clone());
        all.spawn(async move {
            let mut seen = Seen::new()?;
            let mut place = caller;
            while begin.elapsed() < time {
                let asked = Instant::now();
                let answer = client.decide(prompts[place % prompts.len()].clone()).await;
                seen.note(asked.elapsed(), answer.map(|answer| answer.get_ref().decision.is_some()).as_ref())?;
                place += callers;
            }
            anyhow::Ok(seen)
        });
    }
    let mut seen = Seen::new()?;
    while let Some(part) = all.join_next().await {
        seen.add(&part??)?;
    }
    seen.took = begin.elapsed().as_secs_f64();
    Ok(seen)
}

/// Questions at a rate, whatever becomes of them; a question's time begins when it is sent.
async fn open(
    client: &RoutingClient<Channel>,
    prompts: &Arc<[DecideRequest]>,
    rate: f64,
    time: Duration,
) -> Result<Seen> {
    let begin = Instant::now();
    let mut all = JoinSet::new();
    let mut seen = Seen::new()?;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    let mut sent = 0;
    while begin.elapsed() < time {
        tick.tick().await;
        while (sent as f64) < begin.elapsed().as_secs_f64() * rate {
            let (mut client, prompts) = (client.clone(), prompts.clone());
            all.spawn(async move {
                let mut question = Request::new(prompts[sent % prompts.len()].clone());
                question.set_timeout(DEADLINE);
                let asked = Instant::now();
                let answer = tokio::time::timeout(DEADLINE, client.decide(question)).await;
                let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("the caller gave up")));
                (asked.elapsed(), answer.map(|answer| answer.get_ref().decision.is_some()))
            });
            sent += 1;
        }
        while let Some(answered) = all.try_join_next() {
            let (took, answer) = answered?;
            seen.note(took, answer.as_ref())?;
        }
    }
    while let Some(answered) = all.join_next().await {
        let (took, answer) = answered?;
        seen.note(took, answer.as_ref())?;
    }
    seen.took = begin.elapsed().as_secs_f64();
    Ok(seen)
}

// === What was seen ===

struct Seen {
    accepted: Histogram<u64>,
    refused: Histogram<u64>,
    /// Refusals that do not say when to try again.
    mute: u64,
    /// Neither answered nor refused before the deadline.
    late: u64,
    /// Everything else that is no decision, and the last such answer.
    failed: u64,
    failure: Option<String>,
    took: f64,
}

impl Seen {
    fn new() -> Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LONGEST, 3);
        let (accepted, refused) = (histogram()?, histogram()?);
        Ok(Self { accepted, refused, mute: 0, late: 0, failed: 0, failure: None, took: 0.0 })
    }

    fn note(&mut self, took: Duration, answer: Result<&bool, &Status>) -> Result<()> {
        let nanos = u64::try_from(took.as_nanos())?;
        match answer {
            Ok(true) => self.accepted.saturating_record(nanos),
            Ok(false) => self.fail("a score without a decision"),
            Err(status) if status.code() == Code::ResourceExhausted => {
                self.refused.saturating_record(nanos);
                self.mute += u64::from(status.details().is_empty());
            }
            Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => self.late += 1,
            Err(status) => self.fail(&status.to_string()),
        }
        Ok(())
    }

    fn fail(&mut self, why: &str) {
        self.failed += 1;
        self.failure = Some(why.to_owned());
    }

    fn add(&mut self, part: &Self) -> Result<()> {
        self.accepted.add(&part.accepted)?;
        self.refused.add(&part.refused)?;
        self.mute += part.mute;
        self.late += part.late;
        self.failed += part.failed;
        self.failure = self.failure.take().or_else(|| part.failure.clone());
        Ok(())
    }

    fn print(&self) {
        let per_second = |count: u64| count as f64 / self.took;
        for (what, times) in [("accepted", &self.accepted), ("refused", &self.refused)] {
            println!(
                "  {what:<10}{:>9.0}/s   p50 {:>7.2} ms   p99 {:>7.2} ms   max {:>7.2} ms",
                per_second(times.len()),
                millis(times, 0.5),
                millis(times, 0.99),
                millis(times, 1.0),
            );
        }
        println!(
            "  late {:>14.0}/s   failed {}   refused without retry information {}",
            per_second(self.late),
            self.failed,
            self.mute
        );
        if let Some(why) = &self.failure {
            println!("  one failure: {why}");
        }
    }

    fn json(&self) -> Value {
        let times = |times: &Histogram<u64>| {
            json!({"count": times.len(), "p50_ms": millis(times, 0.5), "p99_ms": millis(times, 0.99),
                   "max_ms": millis(times, 1.0)})
        };
        json!({"seconds": self.took, "accepted": times(&self.accepted), "refused": times(&self.refused),
               "late": self.late, "failed": self.failed, "refused_without_retry_information": self.mute})
    }
}

fn millis(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1e6
}

/// What the engine said of itself, asked again and again.
struct Told {
    most_queued: u32,
    times: Histogram<u64>,
    failed: u64,
}

/// Asks the engine for its status until it is stopped.
struct Watched {
    ended: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<Told>>,
}

impl Watched {
    fn start(mut client: AdminClient<Channel>, authorization: MetadataValue<Ascii>) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let is_ended = ended.clone();
        let task = tokio::spawn(async move {
            let times = Histogram::new_with_bounds(1, LONGEST, 3)?;
            let mut told = Told { most_queued: 0, times, failed: 0 };
            while !is_ended.load(Ordering::Relaxed) {
                let mut question = Request::new(StatusRequest::default());
                question.metadata_mut().insert("authorization", authorization.clone());
                let asked = Instant::now();
                match client.status(question).await {
                    Ok(status) => {
                        told.times.saturating_record(u64::try_from(asked.elapsed().as_nanos())?);
                        told.most_queued = told.most_queued.max(status.get_ref().queued);
                    }
                    Err(_) => told.failed += 1,
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(told)
        });
        Self { ended, task }
    }

    async fn stop(self) -> Result<Told> {
        self.ended.store(true, Ordering::Relaxed);
        self.task.await?
    }
}
