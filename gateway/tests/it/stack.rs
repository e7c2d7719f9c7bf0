//! A gateway in process: its configuration lies on disk as the engine would have left it, and no engine answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{
    Ability, Affinity, ApiKey, AuthScheme, BodyLogging, Budget, Candidates, Clock, Credential, CredentialId,
    CredentialSource, DialectKind, KeyId, KeyText, Model, ModelId, Money, Object, Organisation, OrganisationId,
    Outcome, Owner, Policy, PolicyId, PolicyModel, Pricing, Project, ProjectId, Provider, ProviderSlug, RecordFilter,
    RequestRecord, Router, RouterId, Rules, Scope, SealedBytes, Snapshot, SnapshotVersion, Strategy, Timeouts,
    Timestamp,
};
use gateway::{Gateway, GatewayConfig, GatewayParts, Limits, SharedLimits, SnapshotStore, SystemClock};
use ledger::{BodyStore, Ledger, LedgerOptions};
use seal::{Aad, Keyring, Pepper, SealingKey};

use crate::wire::{Call, Response, post};

pub(crate) const KEY: &str = "test-key-of-the-operators-own-making-0001";
pub(crate) const REVOKED: &str = "test-key-of-the-operators-own-making-0002";
pub(crate) const EXPIRED: &str = "test-key-of-the-operators-own-making-0003";
/// May administer, not send requests.
pub(crate) const ADMIN: &str = "test-key-of-the-operators-own-making-0004";
/// May use `p0/small` only.
pub(crate) const NARROW: &str = "test-key-of-the-operators-own-making-0005";
pub(crate) const UNKNOWN: &str = "test-key-of-the-operators-own-making-9999";

/// A body that asks a question, with more members.
pub(crate) fn ask(more: &str) -> String {
    format!(r#"{{"model":"auto","messages":[{{"role":"user","content":"What is the capital of France?"}}]{more}}}"#)
}

/// As [`ask`], for a stream.
pub(crate) fn ask_for_stream(more: &str) -> String {
    ask(&format!(r#","stream":true{more}"#))
}

/// A running gateway with what it stands on.
pub(crate) struct TestStack {
    pub(crate) address: SocketAddr,
    /// The configuration that lay on disk.
    pub(crate) snapshot: Snapshot,
    ledger: Arc<Ledger>,
    gateway: Option<Gateway>,
    config: GatewayConfig,
    pub(crate) keyring: Keyring,
    clock: Arc<dyn Clock>,
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
}

/// What differs between tests.
pub(crate) struct Setup {
    /// Upstreams: `p0/small`, `p1/small`, … in priority order under the default policy.
    pub(crate) upstreams: Vec<SocketAddr>,
    /// Their context lengths; unknown where there are fewer.
    pub(crate) context_lengths: Vec<u64>,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) strategy: Strategy,
    /// Of the default policy.
    pub(crate) rules: Rules,
    /// Of the default policy.
    pub(crate) affinity: Option<Affinity>,
    /// Beside the default policy.
    pub(crate) policies: Vec<Policy>,
    /// Each provider has a key of the organisation besides, and the router uses those.
    pub(crate) own_secrets: bool,
    pub(crate) ledger: LedgerOptions,
    /// What `KEY` may consume, each of its users, and who may spend what.
    pub(crate) key_limits: KeyLimits,
    pub(crate) shared_limits: Option<SharedLimits>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Numbers of the upstreams that are known to keep and collect nothing; of the others nothing is known.
    pub(crate) discreet: Vec<usize>,
    /// Of the organisation.
    pub(crate) body_logging: Option<BodyLogging>,
    /// Changes the configuration before it is laid on disk.
    pub(crate) change: Option<fn(&Snapshot) -> Snapshot>,
    /// Whether a configuration lies on disk.
    pub(crate) configured: bool,
    /// With which certificate callers are spoken to.
    pub(crate) tls: Option<gateway::TlsFiles>,
    /// An authority that is trusted beside the usual ones.
    pub(crate) extra_ca: Option<PathBuf>,
}

/// Limits and budgets of `KEY`, its project and its organisation.
#[derive(Clone, Copy, Default)]
pub(crate) struct KeyLimits {
    pub(crate) key: domain::Limits,
    pub(crate) per_user: domain::Limits,
    pub(crate) key_budget: Option<Budget>,
    pub(crate) project_budget: Option<Budget>,
    pub(crate) organisation_budget: Option<Budget>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            context_lengths: Vec::new(),
            limits: limits(),
            timeouts: Timeouts::default(),
            strategy: Strategy::Priority {},
            rules: Rules::default(),
            affinity: None,
            policies: Vec::new(),
            own_secrets: false,
            ledger: LedgerOptions { flush_interval: Duration::from_millis(1), ..LedgerOptions::default() },
            key_limits: KeyLimits::default(),
            shared_limits: None,
            clock: Arc::new(SystemClock::default()),
            discreet: Vec::new(),
            body_logging: None,
            change: None,
            configured: true,
            tls: None,
            extra_ca: None,
        }
    }
}

/// The usual limits, with a short drain so that a test that fails ends soon.
pub(crate) fn limits() -> Limits {
    Limits { drain: Duration::from_secs(2), ..Limits::default() }
}

impl TestStack {
    pub(crate) fn start(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::new(SealingKey::generate());
        let snapshot = snapshot(&setup, &keyring);
        let snapshot = setup.change.map_or_else(|| snapshot.clone(), |change| change(&snapshot));
        if setup.configured {
            SnapshotStore::new(folder.path()).save(&snapshot).unwrap();
        }
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledger"), setup.ledger).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = GatewayConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: folder.path().to_owned(),
            // One, so that what requests share between them in a thread is shared in tests.
            threads: 1,
            trust_roots: providers::TrustRoots::WebPki,
            extra_ca: setup.extra_ca,
            tls: setup.tls,
            limits: setup.limits,
            shared_limits: setup.shared_limits,
        };
        let (address, clock) = (config.listen, setup.clock);
        let mut stack = Self { address, snapshot, ledger, gateway: None, config, keyring, clock, runtime, folder };
        stack.start_gateway();
        stack
    }

    fn start_gateway(&mut self) {
        let parts = GatewayParts {
            config: self.config.clone(),
            keyring: self.keyring.clone(),
            ledger: self.ledger.clone(),
            engine: proto::Endpoint::Unix(self.engine_socket()),
            clock: self.clock.clone(),
            traces: None,
        };
        let gateway = self.runtime.block_on(async { Gateway::start(parts) }).unwrap();
        self.address = gateway.address();
        self.gateway = Some(gateway);
    }

    /// Stops the gateway and starts another over what it left on disk.
    pub(crate) fn restart(&mut self) {
        self.gateway.take().unwrap().stop();
        self.start_gateway();
    }

    /// As [`Self::restart`], with another sealing key.
    pub(crate) fn restart_with_another_sealing_key(&mut self) {
        self.keyring = Keyring::new(SealingKey::generate());
        self.restart();
    }

    /// Where the gateway looks for the engine.
    pub(crate) fn engine_socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    /// A file of the gateway's data folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until a revision of the configuration is in force.
    #[track_caller]
    pub(crate) fn wait_for_revision(&self, revision: u64) {
        let version = SnapshotVersion { revision, ..self.snapshot.version };
        let gateway = self.gateway.as_ref().unwrap();
        assert!(self.runtime.block_on(gateway.reached(version, Duration::from_secs(10))), "{:?}", gateway.version());
    }

    /// A stack whose candidates are these upstreams, tried in this order.
    pub(crate) fn over(upstreams: &[SocketAddr]) -> Self {
        Self::start(Setup { upstreams: upstreams.to_vec(), ..Setup::default() })
    }

    /// All records so far.
    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.runtime.block_on(async {
            self.ledger.flush(Duration::from_secs(5)).await.unwrap();
            let filter = RecordFilter { limit: 1_000, ..RecordFilter::default() };
            self.ledger.reader().list(filter).await.unwrap()
        })
    }

    /// Waits until nothing is in flight and returns the one record that there is.
    #[track_caller]
    pub(crate) fn record(&self) -> RequestRecord {
        self.wait_until_idle();
        let mut records = self.records();
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }

    /// What was kept of a request's bodies: sent and given.
    pub(crate) fn bodies(&self, record: &RequestRecord) -> Option<(String, String)> {
        self.wait_until_idle();
        assert!(self.ledger.bodies().flush(Duration::from_secs(5)));
        let request = record.finished.started.id;
        let folder = self.file("ledger");
        self.runtime.block_on(async {
            let mut store = BodyStore::open(&folder).await.unwrap()?;
            let kept = store.get(request).await.unwrap()?;
            let text = |body: ledger::KeptBody| String::from_utf8(body.begin).unwrap();
            Some((text(kept.request), text(kept.answer)))
        })
    }

    /// Waits until a request is in flight.
    #[track_caller]
    pub(crate) fn wait_until_busy(&self) {
        let until = Instant::now() + Duration::from_secs(5);
        while self.in_flight() == 0 {
            assert!(Instant::now() < until, "no request came");
            std::thread::yield_now();
        }
    }

    /// Waits until no request is in flight.
    #[track_caller]
    pub(crate) fn wait_until_idle(&self) {
        let until = Instant::now() + Duration::from_secs(5);
        while self.in_flight() > 0 {
            assert!(Instant::now() < until, "{} requests are still in flight", self.in_flight());
            std::thread::yield_now();
        }
    }

    pub(crate) fn chat(&self, body: &str) -> Response {
        self.send(&post("/v1/chat/completions", KEY, body))
    }

    pub(crate) fn send(&self, request: &str) -> Response {
        let mut call = self.call();
        call.send(request);
        call.answer()
    }

    /// Opens a connection and sends a chat request.
    pub(crate) fn begin(&self, body: &str) -> Call {
        let mut call = self.call();
        call.send(post("/v1/chat/completions", KEY, body));
        call
    }

    pub(crate) fn call(&self) -> Call {
        Call::open(self.address)
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.gateway.as_ref().map_or(0, Gateway::in_flight)
    }

    /// Begins to stop the gateway on a thread of its own.
    pub(crate) fn begin_to_stop(&mut self) -> std::thread::JoinHandle<()> {
        let gateway = self.gateway.take().unwrap();
        std::thread::spawn(move || gateway.stop())
    }

    pub(crate) fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }
}

impl Drop for TestStack {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.stop();
        }
    }
}

/// What a record says in one line: how it ended, and each attempt.
pub(crate) fn summary(record: &RequestRecord) -> (Outcome, u16, Vec<String>) {
    let finished = &record.finished;
    let attempts = finished.attempts.iter().map(|it| format!("{} {}", it.model, json_word(&it.outcome)));
    (finished.outcome, finished.status, attempts.collect())
}

fn json_word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

// === Snapshot ===

pub(crate) fn policy_id() -> PolicyId {
    PolicyId::from_random([2; 20])
}

pub(crate) fn router_id() -> RouterId {
    RouterId::from_random([3; 20])
}

/// A key of our own making with a right checksum.
pub(crate) fn own_key() -> String {
    KeyText::from_random([7; 30]).unwrap()
}

fn snapshot(setup: &Setup, keyring: &Keyring) -> Snapshot {
    let organisation = OrganisationId::from_random([1; 20]);
    let pepper = Pepper::generate();
    let mut objects = vec![
        Object::Pepper(pepper.seal(keyring)),
        Object::Organisation(Arc::new(Organisation {
            body_logging: setup.body_logging,
            budget: setup.key_limits.organisation_budget,
            id: organisation.clone(),
            name: "default".to_owned(),
            default_policy: Some(policy_id()),
            calibration: None,
        })),
    ];
    let (mut models, mut sources) = (Vec::new(), BTreeMap::new());
    for (index, address) in setup.upstreams.iter().enumerate() {
        let slug = ProviderSlug::parse(&format!("p{index}")).unwrap();
        let id = ModelId::parse(&format!("{slug}/small")).unwrap();
        models.push(id.clone());
        let secret = upstream_secret(index);
        objects.push(Object::Credential(Arc::new(credential(&slug, &organisation, Owner::Managed, &secret, keyring))));
        if setup.own_secrets {
            let secret = own_secret(index);
            objects.push(Object::Credential(Arc::new(credential(&slug, &organisation, Owner::Org, &secret, keyring))));
            sources.insert(slug.clone(), CredentialSource::User);
        }
        let mut provider = provider(slug, &organisation, *address, setup.timeouts);
        if setup.discreet.contains(&index) {
            (provider.zero_data_retention, provider.collects_data) = (Some(true), Some(false));
        }
        objects.push(Object::Provider(Arc::new(provider)));
        let context_length = setup.context_lengths.get(index).copied();
        objects.push(Object::Model(Arc::new(model(id, &organisation, index, context_length))));
    }
    let candidates = models.iter().map(|id| PolicyModel { model: id.clone(), priority: None, weight: None }).collect();
    objects.push(Object::Policy(Arc::new(Policy {
        id: policy_id(),
        organisation: organisation.clone(),
        name: "main".to_owned(),
        slug: "main".to_owned(),
        version: 1,
        candidates: Candidates::Listed(candidates),
        strategy: setup.strategy.clone(),
        rules: setup.rules.clone(),
        affinity: setup.affinity,
    })));
    objects.extend(setup.policies.iter().cloned().map(|policy| Object::Policy(Arc::new(policy))));
    objects.push(Object::Router(Arc::new(Router {
        id: router_id(),
        organisation: organisation.clone(),
        name: "own endpoint".to_owned(),
        models: models.clone(),
        policy: Some(policy_id()),
        scorecards: Vec::new(),
        credentials: sources,
    })));
    let key = |number: u8, text: &str| ApiKey {
        per_user: domain::Limits::default(),
        user: None,
        body_logging: None,
        budget: None,
        limits: domain::Limits::default(),
        id: KeyId::from_random([number; 20]),
        organisation: organisation.clone(),
        project: None,
        name: format!("key {number}"),
        hash: pepper.hash_key(text),
        hint: String::new(),
        scopes: vec![Scope::Routing],
        allowed_models: Vec::new(),
        routing: None,
        expires_at: None,
        revoked_at: None,
        created_at: Timestamp(1),
    };
    let project = ProjectId::from_random([8; 20]);
    objects.push(Object::Project(Arc::new(Project {
        id: project.clone(),
        organisation: organisation.clone(),
        name: "shop".to_owned(),
        policy: None,
        budget: setup.key_limits.project_budget,
    })));
    let KeyLimits { key: limits, per_user, key_budget: budget, .. } = setup.key_limits;
    let project = setup.key_limits.project_budget.map(|_| project);
    let keys = [
        ApiKey { limits, per_user, budget, project, ..key(1, KEY) },
        ApiKey { revoked_at: Some(Timestamp(1)), ..key(2, REVOKED) },
        ApiKey { expires_at: Some(Timestamp(1)), ..key(3, EXPIRED) },
        ApiKey { scopes: vec![Scope::Platform], ..key(4, ADMIN) },
        ApiKey { allowed_models: models.first().cloned().into_iter().collect(), ..key(5, NARROW) },
        key(6, &own_key()),
    ];
    objects.extend(keys.into_iter().map(|key| Object::Key(Arc::new(key))));
    Snapshot::full(SnapshotVersion { epoch: 1, revision: 1 }, objects)
}

/// What the gateway shows to the provider with this number.
pub(crate) fn upstream_secret(index: usize) -> String {
    format!("upstream-secret-{index}")
}

/// What the router's requests show to the provider with this number, where the organisation has keys of its own.
pub(crate) fn own_secret(index: usize) -> String {
    format!("own-secret-{index}")
}

fn credential(
    slug: &ProviderSlug,
    organisation: &OrganisationId,
    owner: Owner,
    secret: &str,
    keyring: &Keyring,
) -> Credential {
    let mut random = [0; 20];
    random.copy_from_slice(&blake3::hash(secret.as_bytes()).as_bytes()[..20]);
    let mut credential = Credential {
        kind: domain::CredentialKind::ApiKey,
        user: None,
        weight: 1,
        id: CredentialId::from_random(random),
        organisation: organisation.clone(),
        provider: slug.clone(),
        name: format!("secret of {slug}"),
        owner,
        version: 1,
        sealed: SealedBytes(Vec::new()),
        hint: String::new(),
    };
    credential.sealed = keyring.seal(&Aad::credential(&credential), secret.as_bytes());
    credential
}

fn provider(slug: ProviderSlug, organisation: &OrganisationId, address: SocketAddr, timeouts: Timeouts) -> Provider {
    Provider {
        headers: std::collections::BTreeMap::new(),
        responses: false,
        slug,
        organisation: organisation.clone(),
        dialect: DialectKind::Openai,
        base_url: format!("http://{address}/v1"),
        auth: AuthScheme::Bearer,
        allow_anonymous: false,
        allow_private_network: true,
        zero_data_retention: None,
        collects_data: None,
        timeouts,
        query: std::collections::BTreeMap::new(),
    }
}

/// Each model costs as much as the first times its number, counted from one, and is stronger than those before it.
fn model(id: ModelId, organisation: &OrganisationId, index: usize, context_length: Option<u64>) -> Model {
    let times = index as i128 + 1;
    Model {
        dimensions: None,
        native: format!("native-{}", id.native()),
        id,
        organisation: organisation.clone(),
        name: None,
        enabled: true,
        context_length,
        max_output_tokens: None,
        pricing: Pricing {
            prompt: Some(Money::from_pico(1_000_000 * times)),
            completion: Some(Money::from_pico(4_000_000 * times)),
            ..Pricing::default()
        },
        capability: Some(0.2 + 0.1 * index as f64),
        capabilities: vec![Ability::Tools, Ability::JsonSchema, Ability::JsonObject, Ability::Vision],
        input_modalities: Vec::new(),
        output_modalities: Vec::new(),
        supported_parameters: None,
        released: None,
        zero_data_retention: None,
        source: None,
    }
}
