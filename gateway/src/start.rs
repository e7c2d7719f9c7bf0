//! Starts and stops a gateway.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{Clock, CredentialState, SnapshotVersion};
use ledger::Ledger;
use proto::CredentialReport;
use providers::{Breaker, BreakerConfig, CredentialStatus, RetryBudget, TlsError, Upstreams, Vault, tls_config};
use seal::Keyring;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::clock::RequestIds;
use crate::config::GatewayConfig;
use crate::kept::KeptAnswers;
use crate::latencies::Latencies;
use crate::layers::load_shed::LoadShed;
use crate::meters::Meters;
use crate::probes;
use crate::reporter::reporter;
use crate::server::{Listeners, Server};
use crate::sessions::Sessions;
use crate::snapshot_store::SnapshotStore;
use crate::snapshots::Snapshots;
use crate::spend::{self, Spend};
use crate::substitutions::Substitutions;
use crate::tls::{ServerTls, ServerTlsError};
use crate::traces::Traces;
use crate::watch;

/// How often readiness is looked at while somebody waits for it.
const POLL: Duration = Duration::from_millis(2);
/// Secrets that the engine is told of at a time.
const MOST_REPORTED: usize = 1_000;
/// How often the gauges of provider secrets are brought up to date.
const HEALTH_TOLD: Duration = Duration::from_secs(5);

/// What has ended may take this long to reach the store of shared limits when the gateway stops.
const SETTLING: Duration = Duration::from_secs(1);

/// What a gateway is made of.
pub struct GatewayParts {
    /// Its settings.
    pub config: GatewayConfig,
    /// Opens provider secrets and the key pepper.
    pub keyring: Keyring,
    /// Takes its records.
    pub ledger: Arc<Ledger>,
    /// Where the engine is.
    pub engine: proto::Endpoint,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Takes finished requests to make traces of; `None` = none are made.
    pub traces: Option<Traces>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("the gateway cannot listen on {address}: {}", listen_cure(source))]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The shared limits cannot be used.
    #[error(transparent)]
    SharedLimits(#[from] limits::SharedError),
    /// TLS cannot be set up.
    #[error("the gateway cannot set up TLS for providers")]
    Tls(#[from] TlsError),
    /// TLS cannot be offered to callers.
    #[error("the gateway cannot offer TLS: {0}")]
    ServerTls(#[from] ServerTlsError),
    /// The operating system refuses threads or randomness.
    #[error("the gateway cannot start: {0}")]
    System(String),
}

fn listen_cure(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another process uses the port; stop it, or choose another with `--gateway 127.0.0.1:PORT` (0 picks a free one)"
                .to_owned()
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one".to_owned(),
        _ => source.to_string(),
    }
}

/// A running gateway.
pub struct Gateway {
    app: Arc<App>,
    /// Gone once it has been stopped.
    server: Mutex<Option<Server>>,
    tls: Option<ServerTls>,
    /// Follows the engine's configuration and tells it how calls went.
    engine_link: JoinHandle<()>,
    address: SocketAddr,
}

impl Gateway {
    /// Starts the I/O threads and begins to follow the engine on the caller's runtime.
    ///
    /// A configuration stored on disk is in force at once, so the engine need not be there.
    pub fn start(parts: GatewayParts) -> Result<Self, StartError> {
        let GatewayParts { config, keyring, ledger, engine, clock, traces } = parts;
        let tls = config.tls.clone().map(ServerTls::load).transpose()?;
        let listeners = Listeners::bind(config.listen, config.threads)
            .map_err(|source| StartError::Listen { address: config.listen, source })?;
        let address = listeners.address;
        let system = |fault: &dyn std::fmt::Display| StartError::System(fault.to_string());
        let mut seed = [0_u8; 8];
        getrandom::fill(&mut seed).map_err(|fault| system(&fault))?;
        let seed = u64::from_be_bytes(seed);
        let vault = Arc::new(Vault::new(keyring.clone()));
        let upstreams = Arc::new(Upstreams::new(BreakerConfig::default(), seed));
        let store = SnapshotStore::new(&config.data_dir);
        let snapshots = Arc::new(Snapshots::new(keyring, store, vault.clone(), upstreams.clone()));
        snapshots.install_stored();
        let latencies = Arc::new(Latencies::default());
        let (reporter, reports) = reporter();
        let upstream_tls = tls_config(config.trust_roots, config.extra_ca.as_deref())?;
        let limiter = spend::limiter(&config, &upstream_tls, clock.wall()).map_err(|fault| match fault {
            spend::LimiterError::Address(fault) => StartError::SharedLimits(fault),
            spend::LimiterError::Name(fault) => system(&fault),
        })?;
        let app = Arc::new(App {
            limiter: Arc::new(limiter),
            spend: Spend::new(clock.wall()),
            tls: upstream_tls,
            shed: Arc::new(LoadShed::new(&config.limits)),
            config,
            snapshots: snapshots.clone(),
            ledger,
            upstreams,
            latencies: latencies.clone(),
            sessions: Sessions::default(),
            kept: KeptAnswers::default(),
            vault,
            engine: engine.clone(),
            engine_breaker: Breaker::new(engine_breaker(), seed),
            clock,
            ids: RequestIds::new().map_err(|fault| system(&fault))?,
            retries: RetryBudget::default(),
            reporter,
            meters: Meters::new(),
            traces,
            idempotency: Arc::default(),
            substitutions: Substitutions::default(),
            leaving: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            cutting: AtomicBool::new(false),
        });
        // So that the first request need not wait for it.
        let reading = app.clone();
        tokio::spawn(async move { reading.spend.recall(&reading).await });
        let server = Server::start(&app, listeners, tls.as_ref()).map_err(|fault| system(&fault))?;
        let channel = proto::connect_lazy(&engine);
        let watched = app.clone();
        let engine_link = tokio::spawn(async move {
            let following = watch::follow(snapshots, latencies, channel.clone());
            let states = || credential_reports(&watched);
            let reporting = reports.send_to(channel, states);
            tokio::join!(following, reporting, keep_health_told(&watched), probes::keep_probing(&watched));
        });
        Ok(Self { app, server: Mutex::new(Some(server)), tls, engine_link, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until requests can be served, at most this long; says whether they can.
    pub async fn ready(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while !self.app.is_ready() && Instant::now() < until {
            sleep(POLL).await;
        }
        self.app.is_ready()
    }

    /// Waits until a configuration at least this new is in force, at most this long; says whether it is.
    pub async fn reached(&self, version: SnapshotVersion, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let reached = || {
            self.app.snapshots.version().is_some_and(|it| it.epoch == version.epoch && it.revision >= version.revision)
        };
        while !reached() && Instant::now() < until {
            sleep(POLL).await;
        }
        reached()
    }

    /// The version in force, if any.
    pub fn version(&self) -> Option<SnapshotVersion> {
        self.app.snapshots.version()
    }

    /// Reads certificate and key again, if there are any; connections that are open keep theirs.
    ///
    /// # Errors
    /// When the files are unusable: what was in force stays in force.
    pub fn reload_tls(&self) -> Result<(), ServerTlsError> {
        self.tls.as_ref().map_or(Ok(()), ServerTls::reload)
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.app.shed.in_flight()
    }

    /// Says that it is not ready any more, and serves on: balancers get time to look elsewhere before it stops.
    pub fn leave(&self) {
        self.app.leaving.store(true, Ordering::Relaxed);
    }

    /// Stops: not ready any more, no new connections, running requests finish within the drain wait. Blocks.
    ///
    /// A second call changes nothing.
    pub fn stop(&self) {
        let Some(server) = self.server.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.leave();
        self.app.draining.store(true, Ordering::Relaxed);
        self.engine_link.abort();
        server.stop();
        let until = std::time::Instant::now() + SETTLING;
        while self.app.limiter.is_settling() && std::time::Instant::now() < until {
            std::thread::sleep(POLL);
        }
        // What came last may not have been stored yet.
        self.app.snapshots.save();
    }
}

/// The provider secrets that are not healthy.
fn credential_reports(app: &App) -> Vec<CredentialReport> {
    let statuses = app.upstreams.credential_states(app.clock.monotonic());
    let unwell = statuses.into_iter().filter(|status| status.state != CredentialState::Healthy);
    let report = |it: CredentialStatus| CredentialReport {
        organisation: it.organisation,
        credential: it.credential,
        state: it.state,
    };
    unwell.map(report).take(MOST_REPORTED).collect()
}

/// Cooldowns and failures end by time alone: what the gauges say of them is looked through now and then.
async fn keep_health_told(app: &App) {
    loop {
        sleep(HEALTH_TOLD).await;
        app.upstreams.refresh(app.clock.monotonic());
    }
}

/// The engine is one hop away and answers in a millisecond: probe it sooner than a provider.
fn engine_breaker() -> BreakerConfig {
    BreakerConfig { open_min: Duration::from_millis(250), open_max: Duration::from_secs(5), ..BreakerConfig::default() }
}
