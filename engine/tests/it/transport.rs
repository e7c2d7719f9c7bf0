//! Listeners: who finds which services where, reconnecting, starting and stopping.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use domain::desired::KeySpec;
use engine::{Engine, EngineError, EngineParts, Limits, Listeners, StartingScorers, bind_unix};
use proto::channel::{Endpoint, in_memory, server};
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::admin_client::AdminClient;
use scorer::HeuristicScorer;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_stream::StreamExt;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::{RealClock, Stack, soon};

async fn health(channel: Channel, service: &str) -> Result<i32, Code> {
    let request = HealthCheckRequest { service: service.into() };
    let answer = soon(HealthClient::new(channel).check(request)).await;
    answer.map(|answer| answer.into_inner().status).map_err(|status| status.code())
}

#[tokio::test]
async fn every_service_is_healthy_and_reflected_over_tcp() {
    const SERVING: i32 = 1;
    let stack = Stack::start().await;
    let channel = stack.over_tcp().await;
    let services = [
        "routing.v1.Routing",
        "snapshot.v1.Snapshot",
        "admin.v1.Admin",
        "admin.v1.Records",
        "signalbox.scorer.v1.Scorers",
    ];
    for service in services {
        assert_eq!(health(channel.clone(), service).await, Ok(SERVING), "{service}");
    }
    assert_eq!(health(channel.clone(), "unknown.v1.Unknown").await, Err(Code::NotFound));

    let ask = |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let questions = tokio_stream::iter([
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("routing.v1.DecideRequest".into())),
    ]);
    let mut client = ServerReflectionClient::new(channel);
    let mut answers = soon(client.server_reflection_info(questions)).await.unwrap().into_inner();
    let mut answer = async || soon(answers.message()).await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = answer().await else { panic!("services were asked for") };
    let names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    for service in services {
        assert!(names.iter().any(|name| name == service), "{service} is not in {names:?}");
    }
    assert!(matches!(answer().await, MessageResponse::FileDescriptorResponse(_)));
}

fn with_key(key: &str) -> Request<pb::StatusRequest> {
    let mut request = Request::new(pb::StatusRequest {});
    let value = MetadataValue::try_from(format!("Bearer {key}")).unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn admin_over_tcp_needs_a_platform_key() {
    let stack = Stack::start().await;
    let new_key = async |name: &str, scopes: &[&str]| {
        let spec = serde_json::json!({ "name": name, "scopes": scopes });
        let spec: KeySpec = serde_json::from_value(spec).unwrap();
        stack
            .registry
            .create_key(&stack.organisation, spec, registry::Terms::operator())
            .await
            .unwrap()
            .key
            .expose()
            .to_owned()
    };
    let (routing, platform) = (new_key("app", &["routing"]).await, new_key("operator", &["platform"]).await);
    let mut client = AdminClient::new(stack.over_tcp().await);
    let without = soon(client.status(pb::StatusRequest {})).await.unwrap_err();
    assert_eq!(without.code(), Code::Unauthenticated);
    assert!(without.message().contains("scope platform"), "{without}");

    let mut code = async |key: &str| soon(client.status(with_key(key))).await.map_err(|status| status.code()).err();
    assert_eq!(code(&routing).await, Some(Code::PermissionDenied));
    assert_eq!(code("sk-sb-nonsense").await, Some(Code::Unauthenticated));
    assert_eq!(code("a-foreign-key-of-some-length").await, Some(Code::Unauthenticated));
    assert_eq!(code(&platform).await, None);
    stack.registry.revoke_key(&stack.organisation, "operator", registry::Terms::operator()).await.unwrap();
    assert_eq!(code(&platform).await, Some(Code::Unauthenticated));
}

#[tokio::test]
async fn admin_is_on_the_unix_socket_and_not_in_memory() {
    let stack = Stack::start().await;
    let status = soon(AdminClient::new(stack.over_unix().await).status(pb::StatusRequest {})).await;
    let status = status.unwrap().into_inner();
    assert_eq!(status.version, Some(stack.registry.version().into()));
    assert!(status.scorer_healthy && !status.has_records);
    let refused = soon(AdminClient::new(stack.in_process().await).status(pb::StatusRequest {})).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}

#[tokio::test]
async fn an_in_memory_channel_reconnects() {
    let (connector, mut listener) = in_memory();
    let channel = proto::connect_lazy(&Endpoint::InMemory(connector));
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;

    let (stop, stopped) = oneshot::channel::<()>();
    let first_service = service.clone();
    let first = tokio::spawn(async move {
        let connection = listener.next().await.unwrap();
        let only = tokio_stream::once(connection).chain(tokio_stream::pending());
        let shutdown = async { drop(stopped.await) };
        server().add_service(first_service).serve_with_incoming_shutdown(only, shutdown).await.unwrap();
        listener
    });
    assert_eq!(health(channel.clone(), "").await, Ok(1));
    stop.send(()).unwrap();
    let listener = soon(first).await.unwrap();

    // The connection is gone, the connector is not.
    tokio::spawn(server().add_service(service).serve_with_incoming(listener));
    let reconnected = async { while health(channel.clone(), "").await != Ok(1) {} };
    soon(reconnected).await;
}

#[tokio::test]
async fn an_address_others_can_reach_is_refused() {
    let stack = Stack::start().await;
    let parts = EngineParts {
        registry: stack.registry.clone(),
        scorers: StartingScorers::fixed(Arc::new(HeuristicScorer::new())),
        records: None,
        clock: Arc::new(RealClock),
        limits: Limits::default(),
    };
    let open = Listeners { tcp: Some(TcpListener::bind("0.0.0.0:0").await.unwrap()), ..Listeners::default() };
    let refused = Engine::new(parts).unwrap().serve(open, std::future::pending()).await.unwrap_err();
    assert!(matches!(refused, EngineError::NotLoopback(_)), "{refused}");
}

#[tokio::test]
async fn a_socket_in_use_is_refused_and_one_left_behind_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let living = bind_unix(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(bind_unix(&path).unwrap_err(), EngineError::InUse { .. }));
    drop(living);
    assert!(path.exists(), "a dead engine leaves its socket behind");
    bind_unix(&path).unwrap();
}

#[tokio::test]
async fn an_engine_that_is_told_to_stop_stops() {
    let stack = Stack::start().await;
    let channel = stack.over_tcp().await;
    assert_eq!(health(channel.clone(), "").await, Ok(1));
    stack.stop().await.unwrap();
    assert_eq!(health(channel, "").await, Err(Code::Unavailable));
}
