//! An engine in a scratch folder, with eight models and an intelligent policy, reachable as a gateway reaches it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use domain::{Clock, Desired, Facts, Features, OrganisationId, PolicyId, RequestId, Route, SnapshotVersion, Timestamp};
use engine::{Engine, EngineParts, Limits, Listeners, StartingScorers};
use proto::DecideCall;
use proto::channel::{Endpoint, InMemoryConnector, in_memory};
use proto::pb::routing::v1 as pb;
use proto::pb::routing::v1::routing_client::RoutingClient;
use registry::Registry;
use scorer::Scorer;
use seal::{Keyring, SealingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::Channel;

use crate::world;

/// The clock of this machine.
pub struct RealClock;

impl Clock for RealClock {
    fn wall(&self) -> Timestamp {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// A running engine; it stops when this is dropped.
pub struct RunningEngine {
    registry: Registry,
    organisation: OrganisationId,
    policy: PolicyId,
    platform_key: String,
    memory: InMemoryConnector,
    tcp: std::net::SocketAddr,
    _stop: oneshot::Sender<()>,
    _folder: tempfile::TempDir,
}

impl RunningEngine {
    /// Starts one with this scorer.
    ///
    /// # Errors
    /// When it cannot be configured or cannot listen.
    pub async fn start(scorer: Arc<dyn Scorer>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let keyring = Keyring::new(SealingKey::from_bytes([7; 32]));
        let registry = Registry::open(&folder.path().join("registry.sqlite"), keyring).await?;
        let organisation = registry.bootstrap().await?.context("a new registry")?.organisation;
        registry.apply(&organisation, &configuration()?, false, registry::Terms::operator()).await?;
        let tenant = registry.tenant(&organisation).context("the organisation")?;
        let policy = tenant.policy_named("bench").context("the policy")?.id.clone();

        let spec = serde_json::from_value(json!({"name": "operator", "scopes": ["platform"]}))?;
        let made = registry.create_key(&organisation, spec, registry::Terms::operator()).await?;
        let platform_key = made.key.expose().to_owned();

        let (memory, incoming) = in_memory();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let tcp = listener.local_addr()?;
        let engine = Engine::new(EngineParts {
            registry: registry.clone(),
            scorers: StartingScorers::fixed(scorer),
            records: None,
            clock: Arc::new(RealClock),
            limits: Limits::default(),
        })?;
        let (stop, stopped) = oneshot::channel::<()>();
        let listeners = Listeners { tcp: Some(listener), unix: None, memory: Some(incoming) };
        tokio::spawn(async move { engine.serve(listeners, async { drop(stopped.await) }).await });
        Ok(Self { registry, organisation, policy, platform_key, memory, tcp, _stop: stop, _folder: folder })
    }

    /// Connects as the gateway of the same process does.
    ///
    /// # Errors
    /// When the engine has gone.
    pub async fn in_memory(&self) -> Result<RoutingClient<Channel>> {
        Ok(RoutingClient::new(proto::connect(&Endpoint::InMemory(self.memory.clone())).await?))
    }

    /// Connects as the gateway of another process does.
    ///
    /// # Errors
    /// When the engine has gone.
    pub async fn over_tcp(&self) -> Result<RoutingClient<Channel>> {
        Ok(RoutingClient::new(proto::connect(&self.url().parse()?).await?))
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.tcp)
    }

    /// A key with which it may be operated over TCP.
    pub fn platform_key(&self) -> &str {
        &self.platform_key
    }

    /// Who asks it questions.
    pub fn asker(&self) -> Asker {
        let (organisation, policy) = (self.organisation.clone(), self.policy.clone());
        Asker { organisation, policy, version: self.registry.version() }
    }

    /// The question of a gateway that needs a score for this text.
    pub fn question(&self, text: &str) -> pb::DecideRequest {
        self.asker().question(text)
    }
}

/// What a gateway knows of an engine's configuration. As JSON it can be told to another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asker {
    organisation: OrganisationId,
    policy: PolicyId,
    version: SnapshotVersion,
}

impl Asker {
    /// The question of a gateway that needs a score for this text.
    pub fn question(&self, text: &str) -> pb::DecideRequest {
        let features = Features { input_tokens: 240, max_output_tokens: Some(256), turns: 1, ..Features::default() };
        pb::DecideRequest::from(&DecideCall {
            organisation: self.organisation.clone(),
            route: Route::Policy(self.policy.clone()),
            facts: Facts { features, requested_model: Some("auto".to_owned()), ..Facts::default() },
            text: text.to_owned(),
            context: String::new(),
            truncated: false,
            unhealthy: Vec::new(),
            previous: None,
            version: self.version,
            seed: RequestId::from_parts(1_700_000_000_000, 7),
            now: Timestamp(1_700_000_000_000_000),
        })
    }
}

/// Eight models of four providers, and one intelligent policy over them.
///
/// # Errors
/// When the configuration types no longer read what is written here.
pub fn configuration() -> Result<Desired> {
    let provider = |number| {
        json!({"slug": format!("provider-{number}"), "dialect": "openai", "base_url": "https://provider.example/v1",
               "allow_anonymous": true})
    };
    let listed: Vec<Value> = world::model_names().map(|model| json!({ "model": model })).collect();
    Ok(serde_json::from_value(json!({
        "providers": (0..4).map(provider).collect::<Vec<_>>(),
        "models": world::model_specs(),
        "policies": [{"name": "bench", "strategy": {"type": "intelligent"}, "candidates": {"listed": listed}}],
    }))?)
}
