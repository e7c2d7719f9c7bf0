//! How the configuration of a large installation behaves: opening it, handing it to a gateway, one change at a time, and
//! the gateway's restart from its own copy.
//!
//! `cargo run --release -p benches --bin scale [-- --keys 100000 --policies 10000 --changes 200]`; `--quick` is a
//! twentieth of it. One process owns the registry and serves the engine; the gateway is a second one, so that each has a
//! resident memory of its own, and follows over loopback TCP as it always does. A change's time runs from the call of the
//! registry until the gateway has said that a snapshot with it is in force.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use anyhow::{Context, Result, ensure};
use benches::engine_fixture::{self, RealClock};
use benches::harness::process::{end_with_parent, resident_mib};
use benches::world;
use clap::{Parser, Subcommand};
use domain::{Desired, OrganisationId, SnapshotVersion};
use engine::{Engine, EngineParts, Limits, Listeners, StartingScorers};
use gateway::{Gateway, GatewayConfig, GatewayParts, SnapshotStore, SystemClock};
use hdrhistogram::Histogram;
use ledger::{Ledger, LedgerOptions};
use providers::TrustRoots;
use registry::{Registry, Terms};
use scorer::HeuristicScorer;
use seal::{Keyring, SealingKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(2);
/// Each so many policies, one has rules and another one ranks by a blend.
const RULED: usize = 10;
/// Scorecards, each with a score of every model.
const SCORECARDS: usize = 20;
/// Blends, each of six scorecards.
const BLENDS: usize = 100;
const WEIGHED: usize = 6;

#[derive(Parser)]
struct Cli {
    /// API keys.
    #[arg(long, default_value_t = 100_000)]
    keys: usize,
    /// Policies, a tenth of them with rules, another tenth over a hundred blends.
    #[arg(long, default_value_t = 10_000)]
    policies: usize,
    /// Single changes, one after the other: a policy, a blend, a scorecard saved, a key created, a key revoked, in turn.
    #[arg(long, default_value_t = 200)]
    changes: usize,
    /// A twentieth of keys and policies, and 50 changes.
    #[arg(long)]
    quick: bool,
    /// Writes the figures as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Internal: writes the registry.
    #[command(hide = true)]
    Fill { folder: PathBuf },
    /// Internal: a gateway that tells each revision as it comes into force.
    #[command(hide = true)]
    Follow { folder: PathBuf, engine: String },
}

fn main() -> Result<()> {
    let mut cli = Cli::parse();
    if cli.quick {
        (cli.keys, cli.policies, cli.changes) = (5_000, 500, 50);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match &cli.role {
        None => runtime.block_on(measure(&cli)),
        Some(Role::Fill { folder }) => runtime.block_on(fill(&cli, folder)),
        Some(Role::Follow { folder, engine }) => runtime.block_on(follow(folder, engine)),
    }
}

// === The registry's process ===

async fn measure(cli: &Cli) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let (owned, copy) = (scratch.path().join("registry"), scratch.path().join("gateway"));
    std::fs::create_dir(&owned)?;
    std::fs::create_dir(&copy)?;
    let mut found = Found::default();

    let begin = Instant::now();
    let sizes = ["--keys".to_owned(), cli.keys.to_string(), "--policies".to_owned(), cli.policies.to_string()];
    let filled = Command::new(env::current_exe()?).args(sizes).arg("fill").arg(&owned).status()?;
    ensure!(filled.success(), "the registry could not be filled");
    found.note("registry written, everything in one change", begin.elapsed());

    let own_memory = || resident_mib(process::id());
    let before = own_memory();
    let begin = Instant::now();
    let registry = open(&owned).await?;
    found.note("registry opened", begin.elapsed());
    found.note_memory("resident memory of the registry's process", own_memory());
    found.note_memory("of which the configuration", own_memory() - before);
    let organisation = registry.list_organisations().first().context("an organisation")?.id.clone();

    let address = serve(&registry).await?;
    let mut gateway = Follower::start(&copy, &format!("http://{address}"))?;
    found.note("gateway: full copy, from its start until in force", gateway.reached(registry.version())?);
    found.note_memory("resident memory of the gateway's process", resident_mib(gateway.child.id()));

    changes(cli.changes, &registry, &organisation, &gateway, &mut found).await?;
    found.note_memory("resident memory of the registry's process, after the changes", own_memory());
    found.note_memory("resident memory of the gateway's process, after the changes", resident_mib(gateway.child.id()));

    let version = registry.version();
    stored(&copy, version, cli)?;
    gateway.end()?;
    // Nobody listens on the port of an engine that is away.
    let restarted = Follower::start(&copy, "http://127.0.0.1:9")?;
    found.note("gateway: restart from its own copy, the engine away", restarted.reached(version)?);
    println!("\n{} keys, {} policies", cli.keys, cli.policies);
    found.write(cli)
}

async fn open(folder: &Path) -> Result<Registry> {
    Ok(Registry::open(&folder.join("registry.sqlite"), keyring()).await?)
}

fn keyring() -> Keyring {
    Keyring::new(SealingKey::from_bytes([7; 32]))
}

async fn serve(registry: &Registry) -> Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let engine = Engine::new(EngineParts {
        registry: registry.clone(),
        scorers: StartingScorers::fixed(Arc::new(HeuristicScorer::new())),
        records: None,
        clock: Arc::new(RealClock),
        limits: Limits::default(),
    })?;
    let listeners = Listeners { tcp: Some(listener), unix: None, memory: None };
    tokio::spawn(async move { engine.serve(listeners, std::future::pending()).await });
    Ok(address)
}

/// Makes the changes one after the other, each as soon as the one before has arrived.
async fn changes(
    count: usize,
    registry: &Registry,
    organisation: &OrganisationId,
    gateway: &Follower,
    found: &mut Found,
) -> Result<()> {
    let names = ["a policy saved", "a blend saved", "a scorecard saved", "a key created", "a key revoked"];
    let mut times = Vec::new();
    for _ in names {
        times.push((histogram()?, histogram()?));
    }
    for number in 0..count {
        let begin = Instant::now();
        match number % names.len() {
            0..3 => drop(registry.apply(organisation, &change(number)?, false, Terms::operator()).await?),
            3 => drop(
                registry
                    .create_key(
                        organisation,
                        serde_json::from_value(json!({"name": late_key(number)}))?,
                        Terms::operator(),
                    )
                    .await?,
            ),
            _ => drop(registry.revoke_key(organisation, &late_key(number - 1), Terms::operator()).await?),
        }
        let (written, arrived) = &mut times[number % names.len()];
        written.record(nanos(begin.elapsed()))?;
        gateway.reached(registry.version())?;
        arrived.record(nanos(begin.elapsed()))?;
    }
    let mut all = histogram()?;
    for (name, (written, arrived)) in names.iter().zip(&times) {
        found.note_all(&format!("{name}, until the registry has it"), written);
        found.note_all(&format!("{name}, until the gateway has it"), arrived);
        all.add(arrived)?;
    }
    found.note_all("any change, until the gateway has it", &all);
    Ok(())
}

fn late_key(number: usize) -> String {
    format!("late-{number}")
}

/// Waits until the gateway's own copy is that of the version, and counts what is in it.
fn stored(folder: &Path, version: SnapshotVersion, cli: &Cli) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let (snapshot, faults) = SnapshotStore::new(folder).load();
        ensure!(faults.is_empty(), "the gateway's copy is damaged: {faults:?}");
        if let Some(snapshot) = snapshot.filter(|it| it.version == version) {
            let policies: usize = snapshot.tenants.values().map(|tenant| tenant.policies.len()).sum();
            ensure!(snapshot.keys.len() >= cli.keys && policies >= cli.policies, "the gateway's copy is not complete");
            return Ok(());
        }
        ensure!(Instant::now() < until, "the gateway has not stored {version:?}");
        thread::sleep(Duration::from_millis(100));
    }
}

// === Filling ===

async fn fill(cli: &Cli, folder: &Path) -> Result<()> {
    let registry = open(folder).await?;
    let organisation = registry.bootstrap().await?.context("a new registry")?.organisation;
    let mut desired = serde_json::to_value(engine_fixture::configuration()?)?;
    desired["scorecards"] = (0..SCORECARDS).map(scorecard).collect();
    desired["blends"] = (0..BLENDS).map(blend).collect();
    desired["policies"] = (0..cli.policies).map(policy).collect();
    desired["keys"] = (0..cli.keys).map(|number| json!({"name": format!("key-{number}")})).collect();
    registry.apply(&organisation, &serde_json::from_value(desired)?, false, Terms::operator()).await?;
    registry.close().await;
    Ok(())
}

fn policy(number: usize) -> Value {
    let listed: Vec<Value> = world::model_names().map(|model| json!({ "model": model })).collect();
    let mut policy = json!({"name": format!("policy {number}"), "strategy": {"type": "intelligent"},
                            "candidates": {"listed": listed}});
    if number % RULED == 1 {
        // Each refers to one that has no rules, and to a strategy of its own.
        policy["rules"] = json!([
            {"priority": 1, "when": {"field": "tag.tier", "op": "eq", "value": "premium"},
             "use": {"policy": format!("policy {}", number - 1)}},
            {"priority": 2, "when": {"field": "tag.region", "op": "in", "value": ["eu", "uk"]},
             "use": {"strategy": {"type": "lowest_cost"}}},
        ]);
    }
    if number % RULED == 2 {
        policy["strategy"] = json!({"type": "blend", "blend": format!("blend {}", number / RULED % BLENDS)});
    }
    policy
}

fn scorecard(number: usize) -> Value {
    let scores: Vec<Value> = world::model_names()
        .enumerate()
        .map(|(place, model)| json!({"model": model, "score": 0.2 + 0.01 * ((place * 7 + number * 3) % 70) as f64}))
        .collect();
    json!({"name": format!("scorecard {number}"), "metric": "accuracy", "source": {"kind": "eval"},
           "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0}, "scores": scores})
}

fn blend(number: usize) -> Value {
    let benchmark = |place: usize| format!("scorecard {}", (number + place) % SCORECARDS);
    let weight = |place: usize| if place == 0 { 0.25 } else { 0.15 };
    let weights: Vec<Value> =
        (0..WEIGHED).map(|place| json!({"benchmark": benchmark(place), "weight": weight(place)})).collect();
    json!({"name": format!("blend {number}"), "weights": weights})
}

/// Saves an object otherwise than it was: a policy (with rules, or over a blend), a blend or a scorecard, in turn.
fn change(number: usize) -> Result<Desired> {
    let round = number / 5;
    let desired = match number % 5 {
        0 => {
            let mut changed = policy(if round.is_multiple_of(2) { 1 } else { 2 });
            changed["candidates"]["listed"][0]["weight"] = json!(1 + round);
            json!({"policies": [changed]})
        }
        1 => {
            let mut changed = blend(round % BLENDS);
            changed["boost"] = json!(1.5 + 0.001 * (number % 5_000) as f64);
            json!({"blends": [changed]})
        }
        _ => {
            let mut changed = scorecard(round % SCORECARDS);
            changed["scores"][0]["score"] = json!(0.1 + 0.0001 * (number % 5_000) as f64);
            json!({"scorecards": [changed]})
        }
    };
    Ok(serde_json::from_value(desired)?)
}

// === The gateway's process ===

async fn follow(folder: &Path, engine: &str) -> Result<()> {
    end_with_parent();
    let begin = Instant::now();
    let gateway = Gateway::start(GatewayParts {
        config: GatewayConfig {
            listen: "127.0.0.1:0".parse()?,
            data_dir: folder.to_owned(),
            threads: 1,
            trust_roots: TrustRoots::WebPki,
            extra_ca: None,
            tls: None,
            limits: gateway::Limits::default(),
            shared_limits: None,
        },
        keyring: keyring(),
        ledger: Arc::new(Ledger::open(&folder.join("ledger"), LedgerOptions::default())?),
        engine: engine.parse()?,
        clock: Arc::new(SystemClock::default()),
        traces: None,
    })?;
    let mut told = None;
    loop {
        let version = gateway.version();
        if let Some(version) = version.filter(|_| version != told) {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", json!({"version": version, "after_micros": begin.elapsed().as_micros() as u64}))?;
            out.flush()?;
            told = Some(version);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A gateway in a process of its own, as the registry's process sees it. Ended when dropped.
struct Follower {
    child: Child,
    told: Receiver<(SnapshotVersion, Duration)>,
}

impl Follower {
    fn start(folder: &Path, engine: &str) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("follow").arg(folder).arg(engine).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the gateway")?;
        let lines = BufReader::new(child.stdout.take().context("its output was asked for")?).lines();
        let (sender, told) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let Ok(line) = serde_json::from_str::<Value>(&line) else { return };
                let Ok(version) = serde_json::from_value(line["version"].clone()) else { return };
                let after = Duration::from_micros(line["after_micros"].as_u64().unwrap_or_default());
                if sender.send((version, after)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, told })
    }

    /// Waits until it has the version, and returns when that was, by its own clock, which begins with its start.
    fn reached(&self, version: SnapshotVersion) -> Result<Duration> {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (told, after) = self.told.recv_timeout(left).context("the gateway did not follow")?;
            if told.epoch == version.epoch && told.revision >= version.revision {
                return Ok(after);
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It fails only when it has ended already.
        let _ended = self.end();
    }
}

// === Figures ===

#[derive(Default)]
struct Found {
    rows: Vec<Value>,
}

impl Found {
    fn note(&mut self, what: &str, time: Duration) {
        let millis = time.as_secs_f64() * 1e3;
        println!("{what:<64}{millis:>10.1} ms");
        self.rows.push(json!({"what": what, "ms": millis}));
    }

    fn note_all(&mut self, what: &str, times: &Histogram<u64>) {
        let millis = |quantile| times.value_at_quantile(quantile) as f64 / 1e6;
        let (p50, p99, max) = (millis(0.5), millis(0.99), millis(1.0));
        println!("{what:<64}{p50:>10.1} ms p50 {p99:>8.1} ms p99 {max:>8.1} ms max");
        self.rows.push(json!({"what": what, "count": times.len(), "p50_ms": p50, "p99_ms": p99, "max_ms": max}));
    }

    fn note_memory(&mut self, what: &str, mib: f64) {
        println!("{what:<64}{mib:>10.1} MiB");
        self.rows.push(json!({"what": what, "mib": mib}));
    }

    fn write(&self, cli: &Cli) -> Result<()> {
        let Some(path) = &cli.json else { return Ok(()) };
        let found = json!({"format": "signalbox.scale/1", "keys": cli.keys, "policies": cli.policies,
                           "optimised": !cfg!(debug_assertions), "rows": self.rows});
        std::fs::write(path, format!("{found:#}\n")).with_context(|| format!("--json {}", path.display()))
    }
}

fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, nanos(PATIENCE), 3)?)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
