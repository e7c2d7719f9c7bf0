//! Starts and stops a gateway.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{Clock, SnapshotVersion};
use ledger::Ledger;
use providers::{Breaker, BreakerConfig, TlsError, Upstreams, Vault, tls_config};
use seal::Keyring;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::clock::RequestIds;
use crate::config::GatewayConfig;
use crate::latencies::Latencies;
use crate::layers::load_shed::LoadShed;
use crate::meters::Meters;
use crate::reporter::reporter;
use crate::server::{Listeners, Server};
use crate::sessions::Sessions;
use crate::snapshot_store::SnapshotStore;
use crate::snapshots::Snapshots;
use crate::spend::{self, Spend};
use crate::watch;

/// How often readiness is looked at while somebody waits for it.
const POLL: Duration = Duration::from_millis(2);

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
    server: Server,
    /// Follows the engine's configuration and tells it how calls went.
    engine_link: JoinHandle<()>,
    address: SocketAddr,
}

impl Gateway {
    /// Starts the I/O threads and begins to follow the engine on the caller's runtime.
    ///
    /// A configuration stored on disk is in force at once, so the engine need not be there.
    pub fn start(parts: GatewayParts) -> Result<Self, StartError> {
        let GatewayParts { config, keyring, ledger, engine, clock } = parts;
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
        let limiter = spend::limiter(&config, clock.wall()).map_err(|fault| match fault {
            spend::LimiterError::Address(fault) => StartError::SharedLimits(fault),
            spend::LimiterError::Name(fault) => system(&fault),
        })?;
        let app = Arc::new(App {
            limiter: Arc::new(limiter),
            spend: Spend::new(clock.wall()),
            tls: tls_config(config.trust_roots, config.extra_ca.as_deref())?,
            shed: Arc::new(LoadShed::new(&config.limits)),
            config,
            snapshots: snapshots.clone(),
            ledger,
            upstreams,
            latencies: latencies.clone(),
            sessions: Sessions::default(),
            vault,
            engine: engine.clone(),
            engine_breaker: Breaker::new(engine_breaker(), seed),
            clock,
            ids: RequestIds::new().map_err(|fault| system(&fault))?,
            reporter,
            meters: Meters::new(),
            draining: AtomicBool::new(false),
            cutting: AtomicBool::new(false),
        });
        // So that the first request need not wait for it.
        let reading = app.clone();
        tokio::spawn(async move { reading.spend.recall(&reading).await });
        let server = Server::start(&app, listeners).map_err(|fault| system(&fault))?;
        let channel = proto::connect_lazy(&engine);
        let engine_link = tokio::spawn(async move {
            tokio::join!(watch::follow(snapshots, latencies, channel.clone()), reports.send_to(channel));
        });
        Ok(Self { app, server, engine_link, address })
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

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.app.shed.in_flight()
    }

    /// Stops: not ready any more, no new connections, running requests finish within the drain wait. Blocks.
    pub fn stop(self) {
        self.app.draining.store(true, Ordering::Relaxed);
        self.engine_link.abort();
        self.server.stop();
        let until = std::time::Instant::now() + SETTLING;
        while self.app.limiter.is_settling() && std::time::Instant::now() < until {
            std::thread::sleep(POLL);
        }
        // What came last may not have been stored yet.
        self.app.snapshots.save();
    }
}

/// The engine is one hop away and answers in a millisecond: probe it sooner than a provider.
fn engine_breaker() -> BreakerConfig {
    BreakerConfig { open_min: Duration::from_millis(250), open_max: Duration::from_secs(5), ..BreakerConfig::default() }
}
