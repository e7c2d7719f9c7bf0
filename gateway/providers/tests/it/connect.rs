//! Connections that fail, and pooled ones that turn out to be closed.

use std::sync::Arc;
use std::time::Duration;

use domain::{AuthScheme, Timeouts};
use providers::{FaultKind, Retry, Waits};
use tokio::net::TcpListener;

use crate::scripted::{
    SECRET, STREAM_HEAD, Scripted, Step, call, call_within, client, fetch, ok, provider, send, waits,
};

#[tokio::test]
async fn a_refused_connection_is_safe_to_move_on_from() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let fault = call(&client(), &Arc::new(provider(&base_url)), false).await.unwrap_err();
    assert_eq!((fault.kind, fault.retry), (FaultKind::ConnectFailed, Retry::NextCandidate), "{fault}");
    assert!(!fault.possibly_charged && fault.message.contains("refused"), "{fault}");
}

#[tokio::test]
async fn a_reset_before_the_head_of_a_fresh_connection_is_not_repeated() {
    let upstream = Scripted::start([vec![Step::Read, Step::Reset], vec![Step::Read, ok("{}")]]).await;
    let fault = call(&client(), &Arc::new(provider(&upstream.base_url())), false).await.unwrap_err();
    assert_eq!((fault.kind, upstream.connections()), (FaultKind::Disconnected, 1), "{fault}");
    assert!(fault.possibly_charged, "the request was sent");
}

#[tokio::test]
async fn connections_are_reused() {
    let upstream = Scripted::start([vec![Step::Read, ok("1"), Step::Read, ok("2"), Step::Read, ok("3")]]).await;
    let (client, provider) = (client(), Arc::new(provider(&upstream.base_url())));
    for expected in ["1", "2", "3"] {
        assert_eq!(fetch(&client, &provider).await.unwrap(), expected);
    }
    assert_eq!(upstream.connections(), 1);
}

/// The first connection answers once and then does `after`; the second one answers.
async fn second_call_after(after: &[Step]) -> (Result<bytes::Bytes, providers::Fault>, usize, usize) {
    let first = [Step::Read, ok("first")].into_iter().chain(after.iter().cloned()).collect();
    let upstream = Scripted::start([first, vec![Step::Read, ok("second")]]).await;
    let (client, provider) = (client(), Arc::new(provider(&upstream.base_url())));
    assert_eq!(fetch(&client, &provider).await.unwrap(), "first");
    let second = fetch(&client, &provider).await;
    let requests = upstream.requests.lock().unwrap().len();
    (second, upstream.connections(), requests)
}

#[tokio::test]
async fn a_pooled_connection_reset_by_the_request_is_replaced_unseen() {
    let (second, connections, requests) = second_call_after(&[Step::Read, Step::Reset]).await;
    assert_eq!((second.unwrap(), connections, requests), ("second".into(), 2, 3));
}

#[tokio::test]
async fn a_pooled_connection_closed_by_the_request_is_replaced_unseen() {
    let (second, connections, requests) = second_call_after(&[Step::Read, Step::Fin]).await;
    assert_eq!((second.unwrap(), connections, requests), ("second".into(), 2, 3));
}

#[tokio::test]
async fn a_pooled_connection_closed_while_idle_is_replaced_unseen() {
    let (second, connections, _) = second_call_after(&[Step::Fin]).await;
    assert_eq!((second.unwrap(), connections), ("second".into(), 2));
}

#[tokio::test]
async fn a_pooled_connection_that_began_to_answer_is_not_repeated() {
    let (second, connections, _) = second_call_after(&[Step::Read, send("HTTP/1.1 2"), Step::Fin]).await;
    let fault = second.unwrap_err();
    assert_eq!((fault.kind, connections), (FaultKind::Disconnected, 1), "{fault}");
}

#[tokio::test]
async fn a_stale_connection_is_replaced_once_only() {
    let first = vec![Step::Read, ok("first"), Step::Read, Step::Reset];
    let upstream = Scripted::start([first, vec![Step::Read, Step::Reset], vec![Step::Read, ok("third")]]).await;
    let (client, provider) = (client(), Arc::new(provider(&upstream.base_url())));
    fetch(&client, &provider).await.unwrap();
    let fault = fetch(&client, &provider).await.unwrap_err();
    assert_eq!((fault.kind, upstream.connections()), (FaultKind::Disconnected, 2), "{fault}");
}

#[tokio::test]
async fn slow_headers_of_a_stream_are_not_waited_for() {
    let mut upstream = Scripted::start([vec![Step::Read, Step::Hold]]).await;
    let limit = Waits { response_header: Duration::from_millis(40), ..waits() };
    let provider = Arc::new(provider(&upstream.base_url()));
    let fault = call_within(&client(), &provider, true, limit).await.unwrap_err();
    assert_eq!((fault.kind, fault.retry), (FaultKind::Timeout, Retry::NextCandidate), "{fault}");
    assert!(fault.possibly_charged);
    upstream.closed().await;
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_may_take_longer_than_a_stream_head() {
    let upstream = Scripted::start([vec![Step::Read, Step::Wait(Duration::from_millis(60)), ok("{}")]]).await;
    let limit = Waits { response_header: Duration::from_millis(5), ..waits() };
    let provider = Arc::new(provider(&upstream.base_url()));
    assert!(call_within(&client(), &provider, false, limit).await.is_ok());
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_given_up_at_the_providers_own_deadline() {
    // The handshake never gets an answer: the listener accepts TCP but says nothing.
    let upstream = Scripted::start([vec![Step::Hold]]).await;
    let mut provider = provider(&format!("https://127.0.0.1:{}/v1", upstream.port));
    provider.timeouts = Timeouts { connect_ms: Some(50), ..Timeouts::default() };
    let fault = call(&client(), &Arc::new(provider), false).await.unwrap_err();
    assert_eq!((fault.kind, fault.possibly_charged), (FaultKind::ConnectFailed, false), "{fault}");
}

#[tokio::test]
async fn the_request_carries_our_headers_and_the_secret_alone() {
    let upstream = Scripted::start([vec![Step::Read, send(STREAM_HEAD), send("0\r\n\r\n")]]).await;
    let mut provider = provider(&upstream.base_url());
    provider.query.insert("api version".into(), "1&2".into());
    call(&client(), &Arc::new(provider), true).await.unwrap();
    let request = upstream.requests.lock().unwrap()[0].clone();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    lines.sort_unstable();
    let (host, version) = (format!("host: 127.0.0.1:{}", upstream.port), env!("CARGO_PKG_VERSION"));
    let (agent, bearer) = (format!("user-agent: signalbox/{version}"), format!("authorization: Bearer {SECRET}"));
    let mut expected = vec![
        "POST /v1/chat/completions?api%20version=1%262 HTTP/1.1",
        "accept-encoding: identity",
        "accept: text/event-stream",
        "content-length: 13",
        "content-type: application/json",
        &agent,
        &bearer,
        &host,
    ];
    expected.sort_unstable();
    assert_eq!((lines, body), (expected, "{\"model\":\"x\"}"));
}

#[tokio::test]
async fn the_secret_goes_where_the_provider_wants_it() {
    for (auth, place) in [
        (AuthScheme::Header("API-Key".into()), format!("\r\napi-key: {SECRET}\r\n")),
        (AuthScheme::Query("key".into()), format!("?key={SECRET} HTTP/1.1")),
    ] {
        let upstream = Scripted::start([vec![Step::Read, ok("{}")]]).await;
        let mut provider = provider(&upstream.base_url());
        provider.auth = auth;
        fetch(&client(), &Arc::new(provider)).await.unwrap();
        let request = upstream.requests.lock().unwrap()[0].clone();
        assert!(request.contains(&place) && !request.contains("authorization"), "{request}");
    }
}
