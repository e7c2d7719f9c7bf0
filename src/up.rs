//! All roles in one process: registry, engine, ledger, gateway, the demo provider, and the operators' port.
//!
//! The gateway reaches the engine over in-memory gRPC, the same services that a remote one would use.

mod config_file;
mod demo;
mod greeting;
mod new_keys;
mod tls_files;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use domain::{Clock, OrganisationId};
use engine::{Engine, EngineParts, StartingScorers};
use gateway::{Gateway, GatewayConfig, GatewayParts, Limits, SharedLimits, SystemClock, TlsFiles, Traces};
use ledger::{Durability, Ledger, LedgerOptions};
use metrics_exporter_prometheus::PrometheusHandle;
use providers::tls_config;
use registry::Registry;
use scorer::{HeuristicScorer, LearnedScorer};
use seal::{Keyring, SealingKey};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cli::{DurabilityChoice, ScorerChoice, UpArgs};
use crate::console_port;
use crate::data_dir::{self, DataDir};
use crate::environment;
use crate::exit::{Exit, UsageError};
use crate::traces::Exporting;
use crate::up::demo::Demo;
use crate::up::greeting::Greeting;
use crate::up::new_keys::NewKeys;

/// The gateway has its configuration within this, or something is wrong.
const READY: Duration = Duration::from_secs(10);
/// Records still in the spool may be drained within this when the process ends; the next start does the rest.
const CLOSE_LEDGER: Duration = Duration::from_secs(10);

/// Runs until a signal.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let metrics = console_port::install_metrics()?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let running = start(&args, metrics, began).await?;
    let grace = tokio::select! {
        // No balancer looks at what somebody runs in a terminal.
        _ = interrupt.recv() => Duration::ZERO,
        _ = terminate.recv() => Duration::from_secs(args.readiness_grace_seconds),
        () = running.engine_ended() => {
            running.stop().await?;
            return Err(anyhow!("the engine ended by itself; the log says why"));
        }
    };
    tokio::select! {
        stopped = running.leave_and_stop(grace) => stopped?,
        // Whoever asks twice does not want to wait. The spool holds what is not a row yet.
        _ = interrupt.recv() => end_at_once(),
        _ = terminate.recv() => end_at_once(),
    }
    Ok(Exit::Done)
}

/// Ends the process although requests may be running: their records have begun, so the next start finds them.
fn end_at_once() {
    tracing::warn!("asked to stop a second time: ending at once");
    std::process::exit(0);
}

/// Everything that has been started.
struct Running {
    gateway: Arc<Gateway>,
    ledger: Arc<Ledger>,
    engine: JoinHandle<()>,
    stop_engine: oneshot::Sender<()>,
    engine_ended: tokio::sync::watch::Receiver<bool>,
    console: JoinHandle<()>,
    socket: PathBuf,
    _config_watch: Option<config_file::Watch>,
    tls_watch: Option<tls_files::Watch>,
    exporting: Option<Exporting>,
    _demo: Demo,
    _data_dir: DataDir,
}

async fn start(args: &UpArgs, metrics: PrometheusHandle, began: Instant) -> anyhow::Result<Running> {
    if !args.engine.ip().is_loopback() {
        return Err(UsageError(format!(
            "--engine {}: the engine has no mutual TLS yet, so it listens on loopback only",
            args.engine
        ))
        .into());
    }
    let data_dir = DataDir::open(&args.data_dir)?;
    let folder = data_dir.path().to_owned();
    // Reading the scorer takes longest: it goes on beside everything else.
    let scorers = tokio::task::spawn_blocking({
        let (choice, named, kept) = (args.scorer, args.scorer_model.clone(), data_dir::scorers(&folder));
        move || load_scorers(choice, named.as_deref(), &kept)
    });
    let keyring = keyring(args, &folder)?;
    let registry = Registry::open(&data_dir::registry(&folder), keyring.clone()).await?;
    let mut scorers: LoadingScorers = Box::pin(async { scorers.await.context("the scorer could not be read")? });
    if args.scorer_model.is_some() {
        // It may be refused, and that is told before a key is made that is shown but once.
        let loaded = scorers.await?;
        scorers = Box::pin(std::future::ready(Ok(loaded)));
    }
    let first = registry.bootstrap().await?.map(|first| first.key.key);
    let mut new_keys = NewKeys { first, ..NewKeys::default() };
    let store = Store { data_dir, folder, keyring, registry };
    let started = start_roles(args, metrics, began, store, scorers, &mut new_keys).await;
    if started.is_err() {
        new_keys.show_after_failure();
    }
    started
}

/// What is kept, opened.
struct Store {
    data_dir: DataDir,
    folder: PathBuf,
    keyring: Keyring,
    registry: Registry,
}

type LoadingScorers = Pin<Box<dyn Future<Output = anyhow::Result<StartingScorers>> + Send>>;

async fn start_roles(
    args: &UpArgs,
    metrics: PrometheusHandle,
    began: Instant,
    store: Store,
    scorers: LoadingScorers,
    new_keys: &mut NewKeys,
) -> anyhow::Result<Running> {
    let Store { data_dir, folder, keyring, registry } = store;
    let organisation = organisation(&registry)?;
    apply_environment(&registry, &organisation).await?;
    // Before the file, which may name the demo's models.
    let demo = Demo::start(args, &registry, &organisation).await?;
    if let Some(file) = &args.config {
        new_keys.of_file = config_file::apply(&registry, &organisation, file).await?.created_keys;
    }
    let demo = demo.reconsider(args, &registry, &organisation).await?;

    let ledger = Arc::new(Ledger::open(&data_dir::ledger(&folder), ledger_options(args))?);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let scorers = scorers.await?;
    if !args.json {
        scorers.faults().iter().for_each(|fault| eprintln!("warning: {fault}"));
    }
    let engine = Engine::new(EngineParts {
        registry: registry.clone(),
        scorers,
        records: Some(ledger.reader()),
        clock: clock.clone(),
        limits: engine::Limits { scoring_threads: threads(), ..engine::Limits::default() },
    })?;
    if keyring.is_rotating() {
        go_on_rotating(&registry);
    }
    let (connector, memory) = proto::channel::in_memory();
    let tcp = TcpListener::bind(args.engine).await.with_context(|| {
        format!(
            "the engine cannot listen on {}: choose another with `--engine 127.0.0.1:PORT` (0 picks a free one)",
            args.engine
        )
    })?;
    let engine_address = tcp.local_addr()?;
    let socket = data_dir::admin_socket(&folder);
    let listeners = engine::Listeners { tcp: Some(tcp), unix: Some(engine::bind_unix(&socket)?), memory: Some(memory) };
    let (stop_engine, stopped) = oneshot::channel::<()>();
    let (ended, engine_ended) = tokio::sync::watch::channel(false);
    let engine = tokio::spawn(async move {
        let served = engine.serve(listeners, async { drop(stopped.await) }).await;
        if let Err(fault) = served {
            tracing::error!(%fault, "the engine has failed");
        }
        let _ = ended.send(true);
    });

    let config = gateway_config(args, &folder);
    let (traces, exporting) = begin_traces(args.otlp_endpoint.as_deref(), &config)?.unzip();
    let tls = config.tls.clone();
    let gateway = Arc::new(Gateway::start(GatewayParts {
        config,
        keyring,
        ledger: ledger.clone(),
        engine: proto::Endpoint::InMemory(connector),
        clock,
        traces,
    })?);
    let (console_address, console) = console_port::serve(args.console, metrics).await?;
    if !gateway.reached(registry.version(), READY).await {
        return Err(anyhow!(
            "the gateway did not get its configuration within {} s; the log says why",
            READY.as_secs()
        ));
    }
    let config_watch =
        args.config.as_ref().map(|file| config_file::watch(&registry, &organisation, file, args.json)).transpose()?;
    let tls_watch = tls.as_ref().map(|files| tls_files::watch(&gateway, files)).transpose()?;

    Greeting {
        gateway: gateway.address(),
        tls: tls.is_some(),
        console: console_address,
        engine: engine_address,
        admin: &socket,
        new_keys,
        demo: demo.is_running(),
        data_dir: &folder,
        ready: began.elapsed(),
    }
    .print(args.json)?;
    Ok(Running {
        gateway,
        ledger,
        engine,
        stop_engine,
        engine_ended,
        console,
        socket,
        _config_watch: config_watch,
        tls_watch,
        exporting,
        _demo: demo,
        _data_dir: data_dir,
    })
}

impl Running {
    async fn engine_ended(&self) {
        let mut ended = self.engine_ended.clone();
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// Says that it is not ready, serves on for the grace, and stops. Without an engine there is nothing to wait for.
    async fn leave_and_stop(self, grace: Duration) -> anyhow::Result<()> {
        if !grace.is_zero() {
            tracing::info!(seconds = grace.as_secs(), "not ready any more: requests are still taken for a while");
            self.gateway.leave();
            tokio::select! {
                () = tokio::time::sleep(grace) => {}
                () = self.engine_ended() => {}
            }
        }
        tracing::info!("stopping: running requests may finish");
        self.stop().await
    }

    /// Stops in the order of the request's way: no new requests, running ones end, records are kept, then the engine.
    async fn stop(self) -> anyhow::Result<()> {
        let Self { gateway, ledger, engine, stop_engine, console, socket, tls_watch, exporting, _data_dir, .. } = self;
        drop(tls_watch);
        tokio::task::spawn_blocking(move || gateway.stop()).await?;
        tokio::task::spawn_blocking(move || ledger.close(CLOSE_LEDGER)).await??;
        if let Some(exporting) = exporting {
            exporting.finish().await;
        }
        let _ = stop_engine.send(());
        engine.await?;
        console.abort();
        // Whoever asks the socket of a stopped server should be told that nobody is there.
        let _ = std::fs::remove_file(socket);
        Ok(())
    }
}

/// Goes on with a rotation of the sealing key that was interrupted, beside everything else.
fn go_on_rotating(registry: &Registry) {
    let registry = registry.clone();
    tokio::spawn(async move {
        if let Err(fault) = registry.rotate_sealing_key().await {
            tracing::error!(%fault, "the interrupted rotation of the sealing key cannot go on: run `signalbox seal rotate`");
        }
    });
}

/// The sealing keys: those that the arguments name, else those of the folder; a new one only where nothing has been
/// sealed yet.
fn keyring(args: &UpArgs, folder: &Path) -> anyhow::Result<Keyring> {
    if let Some(file) = &args.sealing_key {
        let keyring = Keyring::new(SealingKey::load(file)?);
        let previous = args.previous_sealing_key.as_deref().map(SealingKey::load).transpose()?;
        return Ok(match previous {
            Some(previous) => keyring.with_previous(previous),
            None => keyring,
        });
    }
    let files = data_dir::sealing_keys(folder);
    let file = files.current();
    if data_dir::registry(folder).exists() && !file.exists() {
        bail!(
            "the sealing key {} is missing, but there is a registry that was sealed with it: put the key file back from your backup",
            file.display()
        );
    }
    Ok(files.load_or_create()?)
}

/// The scorer to serve: one that the command line names has to work; without, the promoted one or the best there is.
///
/// Each is tried before anybody relies on it, which also takes the first prompt: it lasts many times as long as later
/// ones and would miss a decision's deadline on a busy machine.
fn load_scorers(choice: ScorerChoice, named: Option<&Path>, kept: &Path) -> anyhow::Result<StartingScorers> {
    Ok(match (choice, named) {
        (ScorerChoice::Heuristic, _) => {
            StartingScorers::pinned(Arc::new(HeuristicScorer::new()), "--scorer heuristic", kept)?
        }
        (ScorerChoice::Learned, None) => StartingScorers::open(kept)?,
        (ScorerChoice::Learned, Some(folder)) => {
            let scorer = LearnedScorer::load(folder)
                .with_context(|| format!("the scorer in {} cannot be used", folder.display()))?;
            StartingScorers::pinned(Arc::new(scorer), "--scorer-model", kept)?
        }
    })
}

fn organisation(registry: &Registry) -> anyhow::Result<OrganisationId> {
    let organisations = registry.list_organisations();
    let organisation = organisations.first().context("the registry holds no organisation: restore it from a backup")?;
    Ok(organisation.id.clone())
}

async fn apply_environment(registry: &Registry, organisation: &OrganisationId) -> anyhow::Result<()> {
    let tenant = registry.tenant(organisation).context("the organisation is gone")?;
    let variable = |name: &str| std::env::var(name).ok();
    let desired = environment::desired(registry::catalogue::seed(), &tenant, variable);
    registry
        .apply(organisation, &desired, false, registry::Terms::operator())
        .await
        .context("the provider keys of the environment cannot be used")?;
    Ok(())
}

fn ledger_options(args: &UpArgs) -> LedgerOptions {
    let durability = match args.durability {
        DurabilityChoice::Grouped => LedgerOptions::default().durability,
        DurabilityChoice::Strict => Durability::Strict,
    };
    let retain = args.retain_days.map(|days| Duration::from_hours(24 * u64::from(days)));
    LedgerOptions { durability, retain, ..LedgerOptions::default() }
}

fn gateway_config(args: &UpArgs, folder: &Path) -> GatewayConfig {
    GatewayConfig {
        listen: args.gateway,
        tls: args.tls_cert.clone().zip(args.tls_key.clone()).map(|(certificate, key)| TlsFiles { certificate, key }),
        data_dir: folder.to_owned(),
        threads: threads(),
        trust_roots: args.trust.roots(),
        extra_ca: args.trust.extra_ca.clone(),
        limits: Limits { drain: Duration::from_secs(args.drain_seconds), ..Limits::default() },
        shared_limits: args
            .redis_url
            .clone()
            .map(|url| SharedLimits { replicas: args.limit_replicas, ..SharedLimits::at(url) }),
    }
}

/// Begins to send traces, if somebody wants them; the collector is trusted as providers are.
fn begin_traces(endpoint: Option<&str>, config: &GatewayConfig) -> anyhow::Result<Option<(Traces, Exporting)>> {
    let Some(endpoint) = endpoint else { return Ok(None) };
    let trusted = tls_config(config.trust_roots, config.extra_ca.as_deref())?;
    crate::traces::begin(endpoint, &trusted).map(Some)
}

/// As many threads of a kind as there are cores to run them.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
