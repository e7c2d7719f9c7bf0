//! Following the configuration.

use std::sync::Arc;
use std::time::Duration;

use domain::desired::KeySpec;
use domain::{AttemptOutcome, ModelId, Snapshot, SnapshotVersion, Timestamp};
use engine::Limits;
use proto::OutcomeReport;
use proto::pb::routing::v1 as routing;
use proto::pb::routing::v1::routing_client::RoutingClient;
use proto::pb::snapshot::v1 as pb;
use proto::pb::snapshot::v1::snapshot_client::SnapshotClient;
use proto::pb::snapshot::v1::watch_message::Message as Kind;
use proto::watch::{Assembler, Event};
use tonic::{Code, Streaming};

use crate::harness::{Setup, Stack, soon};

struct Follower {
    stream: Streaming<pb::WatchMessage>,
    assembler: Assembler,
    full_copies: usize,
}

impl Follower {
    async fn from(stack: &Stack, held: Option<Arc<Snapshot>>, version: SnapshotVersion) -> Self {
        let mut client = SnapshotClient::new(stack.over_tcp().await);
        let request = pb::WatchRequest { epoch: version.epoch, from_revision: version.revision };
        let stream = soon(client.watch(request)).await.unwrap().into_inner();
        Self { stream, assembler: Assembler::new(held), full_copies: 0 }
    }

    async fn event(&mut self) -> Event {
        let message = soon(self.stream.message()).await.unwrap().unwrap();
        self.full_copies += usize::from(matches!(message.message, Some(Kind::FullBegin(_))));
        self.assembler.take(message).unwrap()
    }

    async fn commit(&mut self) -> Arc<Snapshot> {
        loop {
            if let Event::Committed(snapshot) = self.event().await {
                return snapshot;
            }
        }
    }
}

async fn add_key(stack: &Stack, name: &str) {
    let spec: KeySpec = serde_json::from_value(serde_json::json!({ "name": name })).unwrap();
    stack.registry.create_key(&stack.organisation, spec, registry::Terms::operator()).await.unwrap();
}

#[tokio::test]
async fn a_full_copy_and_the_deltas_after_it_give_the_registrys_snapshot() {
    let stack = Stack::start().await;
    let mut follower = Follower::from(&stack, None, SnapshotVersion::default()).await;
    assert_eq!(follower.commit().await, stack.registry.snapshot());
    add_key(&stack, "second").await;
    assert_eq!(follower.commit().await, stack.registry.snapshot());
    stack.registry.revoke_key(&stack.organisation, "second", registry::Terms::operator()).await.unwrap();
    assert_eq!(follower.commit().await, stack.registry.snapshot());
    assert_eq!(follower.full_copies, 1);
}

#[tokio::test]
async fn a_follower_that_comes_back_gets_what_it_missed_and_no_more() {
    let stack = Stack::start().await;
    let held = stack.registry.snapshot();
    add_key(&stack, "second").await;
    let mut follower = Follower::from(&stack, Some(held.clone()), held.version).await;
    assert_eq!(follower.commit().await, stack.registry.snapshot());
    assert_eq!(follower.full_copies, 0);
}

#[tokio::test]
async fn a_follower_that_missed_nothing_is_told_so() {
    let stack = Stack::start().await;
    let held = stack.registry.snapshot();
    let mut follower = Follower::from(&stack, Some(held.clone()), held.version).await;
    assert_eq!(follower.event().await, Event::Committed(held));
}

#[tokio::test]
async fn a_follower_of_another_registry_or_of_the_future_starts_anew() {
    let stack = Stack::start().await;
    let now = stack.registry.version();
    let elsewhere = SnapshotVersion { epoch: now.epoch.wrapping_add(1), ..now };
    let ahead = SnapshotVersion { revision: now.revision + 100, ..now };
    for version in [elsewhere, ahead] {
        let held = Arc::new(Snapshot::full(version, []));
        let mut follower = Follower::from(&stack, Some(held), version).await;
        assert_eq!(follower.commit().await, stack.registry.snapshot());
        assert_eq!(follower.full_copies, 1);
    }
}

#[tokio::test]
async fn heartbeats_tell_the_newest_version() {
    let limits = Limits { heartbeat: Duration::from_millis(5), ..Limits::default() };
    let stack = Stack::start_with(Setup { limits, ..Setup::default() }).await;
    let mut follower = Follower::from(&stack, None, SnapshotVersion::default()).await;
    follower.commit().await;
    assert_eq!(follower.event().await, Event::Heartbeat(stack.registry.version()));
}

#[tokio::test]
async fn reports_come_back_as_health_and_change_no_version() {
    let limits = Limits { heartbeat: Duration::from_millis(5), ..Limits::default() };
    let stack = Stack::start_with(Setup { limits, ..Setup::default() }).await;
    let report = |model: &str, outcome| OutcomeReport {
        organisation: stack.organisation.clone(),
        model: ModelId::parse(model).unwrap(),
        credential: None,
        outcome,
        latency_micros: 1000,
        first_token_micros: Some(500),
        output_tokens: Some(10),
        at: Timestamp(1),
    };
    let reports = [
        report("acme/small", AttemptOutcome::Ok),
        report("acme/small", AttemptOutcome::ServerError),
        report("acme/unknown", AttemptOutcome::Ok),
    ];
    let outcomes = reports.iter().map(Into::into).collect();
    let version = stack.registry.version();
    let mut client = RoutingClient::new(stack.in_process().await);
    let accepted = soon(client.report(routing::ReportRequest { outcomes, ..Default::default() }))
        .await
        .unwrap()
        .into_inner()
        .accepted;
    assert_eq!(accepted, 2);

    let mut follower = Follower::from(&stack, None, SnapshotVersion::default()).await;
    let health = loop {
        if let Event::Health(health) = follower.event().await {
            break health;
        }
    };
    assert_eq!(health.models.len(), 1);
    assert!((health.models[0].success_rate - 0.5).abs() < 1e-9);
    assert_eq!(stack.registry.version(), version);
}

#[tokio::test]
async fn an_engine_that_stops_ends_its_watches() {
    let stack = Stack::start().await;
    let mut follower = Follower::from(&stack, None, SnapshotVersion::default()).await;
    follower.commit().await;
    stack.stop().await.unwrap();
    let status = soon(follower.stream.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_copy_larger_than_any_message_arrives_whole() {
    let stack = Stack::start().await;
    let model = |number: u32| {
        let source = format!("price list number {number}, {}", "read with care ".repeat(130));
        serde_json::json!({ "id": format!("acme/model-{number}"), "source": source })
    };
    let models: Vec<_> = (0..2_500).map(model).collect();
    let desired = serde_json::from_value(serde_json::json!({ "models": models })).unwrap();
    stack.registry.apply(&stack.organisation, &desired, false, registry::Terms::operator()).await.unwrap();
    let mut follower = Follower::from(&stack, None, SnapshotVersion::default()).await;
    let mut parts = 0;
    let snapshot = loop {
        match follower.event().await {
            Event::Committed(snapshot) => break snapshot,
            _ => parts += 1,
        }
    };
    assert!(parts > 4, "more than the 4 MiB that one message may have: {parts} parts");
    assert_eq!(snapshot, stack.registry.snapshot());
}
