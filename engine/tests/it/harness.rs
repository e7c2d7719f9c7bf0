//! An engine of one organisation on all three kinds of listener.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use domain::{Clock, Desired, OrganisationId, RecordReader, Score, ScorerInput, Timestamp};
use engine::{Engine, EngineError, EngineParts, Limits, Listeners, StartingScorers, bind_unix};
use proto::channel::{Endpoint, InMemoryConnector, in_memory};
use registry::Registry;
use scorer::{HeuristicScorer, Scorer, ScorerError};
use seal::{Keyring, SealingKey};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

pub(crate) struct RealClock;

impl Clock for RealClock {
    fn wall(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Timestamp(i64::try_from(since.as_micros()).unwrap())
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// A scorer that never scores.
pub(crate) struct BrokenScorer(pub(crate) Arc<str>);

impl Scorer for BrokenScorer {
    fn score(&self, _batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError> {
        Err(ScorerError::Refused("no vocabulary".into()))
    }

    fn version(&self) -> &Arc<str> {
        &self.0
    }
}

pub(crate) struct Stack {
    pub(crate) registry: Registry,
    pub(crate) organisation: OrganisationId,
    pub(crate) memory: InMemoryConnector,
    pub(crate) tcp: SocketAddr,
    pub(crate) socket: PathBuf,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), EngineError>>,
    _folder: tempfile::TempDir,
}

pub(crate) struct Setup {
    pub(crate) scorers: StartingScorers,
    pub(crate) records: Option<Arc<dyn RecordReader>>,
    pub(crate) limits: Limits,
}

impl Default for Setup {
    fn default() -> Self {
        Self { scorers: StartingScorers::fixed(Arc::new(HeuristicScorer::new())), records: None, limits: patient() }
    }
}

/// The product's limits, but for a busy machine's sake scoring may take its time.
pub(crate) fn patient() -> Limits {
    Limits { scoring: Duration::from_secs(10), ..Limits::default() }
}

/// A provider with a small and a large model, a policy over both, and a project.
pub(crate) fn configuration() -> Desired {
    let model = |id: &str, capability: f64, price: &str| {
        json!({"id": id, "capability": capability, "context_length": 100_000,
               "pricing": {"prompt": price, "completion": price}})
    };
    serde_json::from_value(json!({
        "providers": [{
            "slug": "acme", "dialect": "openai", "base_url": "https://acme.example/v1",
            "credentials": [{"name": "main", "secret": "sk-acme-0123456789"}],
        }],
        "models": [model("acme/small", 0.2, "0.0000001"), model("acme/large", 0.9, "0.00001")],
        "policies": [{
            "name": "Support", "strategy": {"type": "intelligent"},
            "candidates": {"listed": [{"model": "acme/small"}, {"model": "acme/large"}]},
        }],
    }))
    .unwrap()
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    pub(crate) async fn start_with(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::new(SealingKey::from_bytes([7; 32]));
        let registry = Registry::open(&folder.path().join("registry.db"), keyring).await.unwrap();
        let organisation = registry.bootstrap().await.unwrap().unwrap().organisation;
        registry.apply(&organisation, &configuration(), false, registry::Terms::operator()).await.unwrap();

        let (memory, incoming) = in_memory();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = listener.local_addr().unwrap();
        let socket = folder.path().join("admin.sock");
        let listeners =
            Listeners { tcp: Some(listener), unix: Some(bind_unix(&socket).unwrap()), memory: Some(incoming) };
        let parts = EngineParts {
            registry: registry.clone(),
            scorers: setup.scorers,
            records: setup.records,
            clock: Arc::new(RealClock),
            limits: setup.limits,
        };
        let engine = Engine::new(parts).unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            engine.serve(listeners, shutdown).await
        });
        Self { registry, organisation, memory, tcp, socket, stop, served, _folder: folder }
    }

    /// As the gateway of the same process.
    pub(crate) async fn in_process(&self) -> Channel {
        proto::connect(&Endpoint::InMemory(self.memory.clone())).await.unwrap()
    }

    /// As the operator.
    pub(crate) async fn over_unix(&self) -> Channel {
        proto::connect(&Endpoint::Unix(self.socket.clone())).await.unwrap()
    }

    pub(crate) async fn over_tcp(&self) -> Channel {
        proto::connect(&format!("http://{}", self.tcp).parse().unwrap()).await.unwrap()
    }

    /// Stops the engine and returns what serving came to.
    pub(crate) async fn stop(self) -> Result<(), EngineError> {
        self.stop.send(()).unwrap();
        soon(self.served).await.unwrap()
    }
}

/// Waits for what must come soon.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("comes within 10 s")
}
