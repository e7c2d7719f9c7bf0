//! The engine beside the gateway: asked where a score is needed, never missed when it is away, followed when it speaks.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::{
    Axis, Decision, Degradation, Facts, Object, OutputTokens, Score, Snapshot, SnapshotVersion, Strategy, Timestamp,
};
use gateway::{Limits, SnapshotStore};
use proto::pb::routing::v1 as routing;
use proto::pb::routing::v1::routing_server::{Routing, RoutingServer};
use proto::pb::snapshot::v1 as wire;
use proto::pb::snapshot::v1::snapshot_server::{Snapshot as SnapshotService, SnapshotServer};
use proto::{DecideAnswer, DecideCall};
use serde_json::json;
use tokio::sync::watch;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status};

use crate::stack::{KEY, Setup, TestStack, ask, ask_for_stream, limits};
use crate::upstream::{Act, Upstream, begun, good_stream, role, word};
use crate::wire::get;

// === A scripted engine ===

/// What the engine does when it is asked.
#[derive(Clone)]
pub(crate) enum Mood {
    /// Gives this complexity, and leaves the decision to the caller.
    Scores(f64),
    /// Gives this complexity, and decides so.
    Decides(f64, Box<Decision>),
    /// Says that it cannot score.
    CannotScore,
    /// Fails.
    Fails,
    /// Has too much to do.
    Overloaded,
    /// Says nothing.
    Silent,
}

struct Script {
    reported: Mutex<Vec<routing::OutcomeReport>>,
    health: watch::Sender<wire::Health>,
    mood: Mutex<Mood>,
    asked: AtomicUsize,
    told: Mutex<Option<Facts>>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
}

/// An engine on a socket; gone when dropped.
pub(crate) struct ScriptedEngine {
    script: Arc<Script>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl ScriptedEngine {
    pub(crate) fn start(socket: &Path, mood: Mood) -> Self {
        let script = Arc::new(Script {
            reported: Mutex::default(),
            health: watch::Sender::default(),
            mood: Mutex::new(mood),
            asked: AtomicUsize::new(0),
            told: Mutex::default(),
            snapshots: watch::Sender::new(None),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _ = std::fs::remove_file(socket);
        let listener = runtime.block_on(async { tokio::net::UnixListener::bind(socket) }).unwrap();
        let server = proto::channel::server()
            .add_service(RoutingServer::new(Service(script.clone())))
            .add_service(SnapshotServer::new(Service(script.clone())));
        runtime.spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
        Self { script, runtime: Some(runtime) }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.script.mood.lock().unwrap() = mood;
    }

    pub(crate) fn asked(&self) -> usize {
        self.script.asked.load(Ordering::SeqCst)
    }

    /// What it was told of the last request.
    pub(crate) fn told(&self) -> Facts {
        self.script.told.lock().unwrap().clone().expect("it was asked")
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.script.snapshots.send_replace(Some(Arc::new(snapshot)));
    }
}

impl Drop for ScriptedEngine {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(tokio::runtime::Runtime::shutdown_background);
    }
}

struct Service(Arc<Script>);

#[tonic::async_trait]
impl Routing for Service {
    async fn decide(
        &self,
        request: Request<routing::DecideRequest>,
    ) -> Result<Response<routing::DecideResponse>, Status> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        *self.0.told.lock().unwrap() = Some(DecideCall::try_from(request.into_inner())?.facts);
        let mood = self.0.mood.lock().unwrap().clone();
        let (score, decision, degraded) = match mood {
            Mood::Scores(complexity) => (Some(score(complexity)), None, None),
            Mood::Decides(complexity, decision) => (Some(score(complexity)), Some(*decision), None),
            Mood::CannotScore => (None, None, Some(Degradation::Scorer)),
            Mood::Fails => return Err(Status::internal("a bug")),
            Mood::Overloaded => return Err(Status::resource_exhausted("the scoring queue is full")),
            Mood::Silent => std::future::pending().await,
        };
        let answer = DecideAnswer { score, decision, version: SnapshotVersion::default(), degraded };
        Ok(Response::new((&answer).try_into().unwrap()))
    }

    async fn score(&self, _: Request<routing::ScoreRequest>) -> Result<Response<routing::ScoreResponse>, Status> {
        Err(Status::unimplemented("the gateway never asks for a score alone"))
    }

    async fn report(
        &self,
        request: Request<routing::ReportRequest>,
    ) -> Result<Response<routing::ReportResponse>, Status> {
        self.0.reported.lock().unwrap().extend(request.into_inner().outcomes);
        Ok(Response::new(routing::ReportResponse::default()))
    }
}

#[tonic::async_trait]
impl SnapshotService for Service {
    type WatchStream = ReceiverStream<Result<wire::WatchMessage, Status>>;

    async fn watch(&self, _: Request<wire::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (sender, receiver) = tokio::sync::mpsc::channel(16);
        let (mut snapshots, mut health) = (self.0.snapshots.subscribe(), self.0.health.subscribe());
        snapshots.mark_changed();
        health.mark_changed();
        tokio::spawn(async move {
            loop {
                let messages = tokio::select! {
                    Ok(()) = snapshots.changed() => {
                        let snapshot = snapshots.borrow_and_update().clone();
                        snapshot.iter().flat_map(|snapshot| proto::watch::full_messages(snapshot)).collect()
                    }
                    Ok(()) = health.changed() => vec![proto::watch::health_message(health.borrow_and_update().clone())],
                    else => return,
                };
                for message in messages {
                    if sender.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

fn score(complexity: f64) -> Score {
    Score {
        complexity,
        difficulty: 0.0,
        capabilities: Vec::new(),
        expected_output_tokens: OutputTokens { p50: 100, p90: 500 },
        uncertainty: 0.1,
        truncated: false,
        micros: 1_000,
        version: "scripted".into(),
    }
}

/// A stack with a weak and a strong model under an intelligent policy.
struct Scored {
    stack: TestStack,
    _upstreams: [Upstream; 2],
}

fn scored(engine_wait: Duration) -> Scored {
    let upstreams = [Upstream::good(), Upstream::good()];
    let setup = Setup {
        upstreams: upstreams.iter().map(|upstream| upstream.address).collect(),
        strategy: Strategy::Intelligent { axis: Axis::Performance },
        limits: Limits { engine_wait, ..limits() },
        ..Setup::default()
    };
    Scored { stack: TestStack::start(setup), _upstreams: upstreams }
}

/// Long enough for a busy machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(5);

/// Which model answered and what was missing.
#[track_caller]
fn route(stack: &TestStack) -> (String, Option<String>) {
    let answer = stack.chat(&ask(""));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let degraded = answer.header("x-routing-degraded").map(str::to_owned);
    assert_eq!(answer.json()["routing"]["degraded"].as_str(), degraded.as_deref());
    (answer.json()["model"].as_str().unwrap().to_owned(), degraded)
}

fn strong_without(what: &str) -> (String, Option<String>) {
    ("p1/small".to_owned(), Some(what.to_owned()))
}

// === Asked ===

#[test]
fn simple_prompts_go_to_the_weak_model_and_complex_ones_to_the_strong() {
    let Scored { stack, .. } = scored(PATIENT);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Scores(0.05));
    assert_eq!(route(&stack), ("p0/small".to_owned(), None));
    engine.set(Mood::Scores(0.95));
    assert_eq!(route(&stack), ("p1/small".to_owned(), None));
    assert_eq!(engine.asked(), 2);
    let complexities: Vec<_> =
        stack.records().iter().map(|record| record.finished.decision.clone().unwrap().complexity.unwrap()).collect();
    assert_eq!(complexities, [0.95, 0.05], "newest first");
}

#[test]
fn an_answer_says_which_scorer_spoke_and_whether_it_read_all() {
    let Scored { stack, .. } = scored(PATIENT);
    let _engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Scores(0.05));
    let routing = stack.chat(&ask("")).json()["routing"].clone();
    assert_eq!((&routing["scorer_version"], &routing["truncated"]), (&"scripted".into(), &false.into()), "{routing}");
}

#[test]
fn a_policy_that_needs_no_score_never_asks() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Fails);
    assert_eq!(route(&stack), ("p0/small".to_owned(), None));
    assert_eq!(engine.asked(), 0);
}

#[test]
fn a_scorer_that_fails_is_named() {
    let Scored { stack, .. } = scored(PATIENT);
    let _engine = ScriptedEngine::start(&stack.engine_socket(), Mood::CannotScore);
    assert_eq!(route(&stack), strong_without("scorer"));
}

#[test]
fn the_score_of_an_engine_is_followed_and_its_decision_is_not() {
    let Scored { stack, .. } = scored(PATIENT);
    let decision = json!({
        "policy": null, "rule": null, "strategy": "intelligent", "axis": null, "complexity": 0.5, "adjusted": null,
        "selected_model": "p9/evil", "candidates": [{"model": "p9/evil"}], "removed": [], "degraded": null,
        "scorer": null, "snapshot": {"epoch": 1, "revision": 1}, "seed": domain::RequestId::from_value(1).to_string(),
        "reason": "because",
    });
    let decision = Box::new(serde_json::from_value(decision).unwrap());
    let _engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Decides(0.05, decision));
    assert_eq!(route(&stack), ("p0/small".to_owned(), None));
}

// === Latency ===

#[test]
fn the_fastest_by_what_the_engine_tells_goes_first() {
    let upstreams = [Upstream::good(), Upstream::good()];
    let stack = TestStack::start(Setup {
        upstreams: upstreams.iter().map(|upstream| upstream.address).collect(),
        strategy: Strategy::LeastLatency {},
        ..Setup::default()
    });
    assert_eq!(route(&stack), ("p0/small".to_owned(), None), "nobody is observed: the cheapest");
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Fails);
    let organisation = stack.snapshot.tenants.keys().next().unwrap().to_string();
    let observed = |model: &str, first_token: u64| wire::ModelHealth {
        organisation: organisation.clone(),
        model: model.to_owned(),
        first_token_micros: Some(first_token),
        micros_per_token: Some(1_000),
        ..wire::ModelHealth::default()
    };
    let models = vec![observed("p0/small", 900_000), observed("p1/small", 100_000)];
    engine.script.health.send_replace(wire::Health { models });
    let until = Instant::now() + PATIENT;
    while route(&stack).0 != "p1/small" {
        assert!(Instant::now() < until, "what the engine tells is not used");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(engine.asked(), 0, "no score is needed");
}

#[test]
fn whole_answers_tell_how_many_tokens_came_in_their_time() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Fails);
    route(&stack);
    let written = stack.record().finished.usage.unwrap().completion_tokens;
    assert!(written > 0);
    let report = reported(&engine);
    assert_eq!((report.output_tokens, report.first_token_micros), (Some(written), None));
}

/// The first report that the engine is given.
fn reported(engine: &ScriptedEngine) -> routing::OutcomeReport {
    let until = Instant::now() + PATIENT;
    while engine.script.reported.lock().unwrap().is_empty() {
        assert!(Instant::now() < until, "nothing was reported");
        std::thread::sleep(Duration::from_millis(20));
    }
    engine.script.reported.lock().unwrap()[0].clone()
}

/// What the engine is told of a stream, once it has ended.
fn report_of_stream(acts: Vec<Act>) -> routing::OutcomeReport {
    let upstream = Upstream::acting(acts);
    let stack = TestStack::over(&[upstream.address]);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Fails);
    stack.chat(&ask_for_stream(""));
    reported(&engine)
}

#[test]
fn streams_tell_their_first_token_and_how_many_came_when_they_have_ended() {
    let report = report_of_stream(good_stream());
    assert_eq!((report.outcome(), report.output_tokens), (routing::AttemptOutcome::Ok, Some(5)));
    assert!(report.first_token_micros.is_some_and(|it| it <= report.latency_micros), "{report:?}");
}

#[test]
fn streams_that_break_off_speak_against_their_model() {
    let report = report_of_stream(begun(&[&role(), &word("Paris")], Act::Reset));
    assert_eq!(report.outcome(), routing::AttemptOutcome::Interrupted);
}

// === Away ===

#[test]
fn an_engine_that_is_silent_costs_its_wait_and_no_more() {
    let Scored { stack, .. } = scored(Limits::default().engine_wait);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Silent);
    for _ in 0..3 {
        let answer = stack.chat(&ask(""));
        let overhead: f64 = answer.header("x-overhead-ms").unwrap().parse().unwrap();
        assert!(overhead < 500.0, "{overhead} ms");
        assert_eq!(answer.header("x-routing-degraded"), Some("engine"));
    }
    drop(engine);
}

#[test]
fn what_an_overloaded_engine_refuses_goes_to_the_most_capable_model_and_the_next_request_asks_again() {
    let Scored { stack, .. } = scored(PATIENT);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Overloaded);
    for _ in 0..20 {
        assert_eq!(route(&stack), strong_without("engine"));
    }
    assert_eq!(engine.asked(), 20, "a refusal is an answer: an engine that gives one is there");
    engine.set(Mood::Scores(0.05));
    assert_eq!(route(&stack), ("p0/small".to_owned(), None));
}

#[test]
fn an_engine_that_fails_is_left_alone_for_a_while_and_used_again_when_it_is_back() {
    let Scored { stack, .. } = scored(PATIENT);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Fails);
    for _ in 0..20 {
        assert_eq!(route(&stack), strong_without("engine"));
    }
    assert!(engine.asked() < 20, "the breaker spares requests the call");
    engine.set(Mood::Scores(0.05));
    let until = Instant::now() + Duration::from_secs(20);
    while route(&stack).1.is_some() {
        assert!(Instant::now() < until, "never used again");
        std::thread::yield_now();
    }
    assert_eq!(route(&stack), ("p0/small".to_owned(), None));
}

#[test]
fn an_engine_that_dies_and_comes_back_is_found_again() {
    let Scored { stack, .. } = scored(PATIENT);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Scores(0.05));
    assert_eq!(route(&stack).1, None);
    drop(engine);
    std::fs::remove_file(stack.engine_socket()).unwrap();
    assert_eq!(route(&stack), strong_without("engine"));
    let _back = ScriptedEngine::start(&stack.engine_socket(), Mood::Scores(0.05));
    let until = Instant::now() + Duration::from_secs(20);
    while route(&stack).1.is_some() {
        assert!(Instant::now() < until, "never found again");
        std::thread::yield_now();
    }
}

// === Followed ===

/// The next revision, in which the usual key is revoked.
fn revoked(snapshot: &Snapshot, revision: u64) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Key(key) if key.name == "key 1" => {
            Object::Key(Arc::new(domain::ApiKey { revoked_at: Some(Timestamp(1)), ..(*key).clone() }))
        }
        other => other,
    });
    Snapshot::full(SnapshotVersion { revision, ..snapshot.version }, objects)
}

fn is_ready(stack: &TestStack) -> bool {
    stack.send("GET /readyz HTTP/1.1\r\nhost: test\r\n\r\n").status == 200
}

/// Waits until the newest configuration has been stored.
#[track_caller]
fn wait_for_store(stack: &TestStack, revision: u64) {
    let store = SnapshotStore::new(stack.file("").as_path());
    let until = Instant::now() + Duration::from_secs(10);
    while store.load().0.is_none_or(|snapshot| snapshot.version.revision < revision) {
        assert!(Instant::now() < until, "not stored");
        std::thread::yield_now();
    }
}

#[test]
fn a_change_of_configuration_is_in_force_at_once_and_outlives_a_restart_without_the_engine() {
    let upstream = Upstream::good();
    let mut stack = TestStack::over(&[upstream.address]);
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Fails);
    assert_eq!(stack.chat(&ask("")).status, 200);
    engine.publish(revoked(&stack.snapshot, 2));
    stack.wait_for_revision(2);
    stack.chat(&ask("")).assert_error(401, "authentication_error", "revoked_api_key");
    wait_for_store(&stack, 2);
    drop(engine);
    stack.restart();
    assert!(is_ready(&stack));
    stack.send(&get("/v1/models", KEY)).assert_error(401, "authentication_error", "revoked_api_key");
}

#[test]
fn a_gateway_without_configuration_waits_for_its_first() {
    let stack = TestStack::start(Setup { configured: false, ..Setup::default() });
    assert!(!is_ready(&stack));
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Fails);
    let version = SnapshotVersion { revision: 5, ..stack.snapshot.version };
    engine.publish(Snapshot::full(version, stack.snapshot.objects()));
    stack.wait_for_revision(5);
    assert!(is_ready(&stack));
    assert_eq!(stack.send(&get("/v1/models", KEY)).status, 200);
}

#[test]
fn a_corrupt_file_gives_way_to_the_one_before() {
    let upstream = Upstream::good();
    let mut stack = TestStack::over(&[upstream.address]);
    SnapshotStore::new(stack.file("").as_path()).save(&revoked(&stack.snapshot, 2)).unwrap();
    let newest = stack.file("gateway.snapshot");
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    stack.restart();
    assert!(is_ready(&stack));
    assert_eq!(stack.chat(&ask("")).status, 200, "the one before, in which the key is good");

    for name in ["gateway.snapshot", "gateway.snapshot.previous"] {
        std::fs::write(stack.file(name), "nonsense").unwrap();
    }
    stack.restart();
    assert!(!is_ready(&stack), "alive, and not ready");
}

#[test]
fn another_sealing_key_opens_nothing() {
    let upstream = Upstream::good();
    let mut stack = TestStack::over(&[upstream.address]);
    stack.restart_with_another_sealing_key();
    assert!(!is_ready(&stack));
    stack.chat(&ask("")).assert_error(503, "overloaded_error", "not_ready");
}
