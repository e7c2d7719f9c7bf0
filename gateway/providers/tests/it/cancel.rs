//! When the caller leaves, the upstream is closed within 100 ms, whatever it is doing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::scripted::{STREAM_HEAD, Scripted, Step, call, client, provider, send};

const LIMIT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_call_dropped_before_the_head_closes_the_connection() {
    let mut upstream = Scripted::start([vec![Step::Read, Step::Hold]]).await;
    let (client, provider) = (client(), Arc::new(provider(&upstream.base_url())));
    let requests = upstream.requests.clone();
    let sent = async {
        while requests.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = call(&client, &provider, true) => panic!("answered: {answer:?}"),
        () = sent => {}
    }
    let left = Instant::now();
    assert!(upstream.closed().await.duration_since(left) < LIMIT);
}

#[tokio::test]
async fn an_answer_dropped_mid_stream_closes_the_connection() {
    let script = vec![Step::Read, send(STREAM_HEAD), send("5\r\ndata:\r\n"), Step::Hold];
    let mut upstream = Scripted::start([script]).await;
    let provider = Arc::new(provider(&upstream.base_url()));
    let client = client();
    let mut answer = call(&client, &provider, true).await.unwrap();
    assert_eq!(answer.next_chunk().await.unwrap().unwrap(), "data:");
    let left = Instant::now();
    drop(answer);
    assert!(upstream.closed().await.duration_since(left) < LIMIT);
}

#[tokio::test]
async fn an_answer_dropped_unread_closes_the_connection() {
    let mut upstream = Scripted::start([vec![Step::Read, send(STREAM_HEAD), Step::Hold]]).await;
    let provider = Arc::new(provider(&upstream.base_url()));
    let client = client();
    let answer = call(&client, &provider, true).await.unwrap();
    let left = Instant::now();
    drop(answer);
    assert!(upstream.closed().await.duration_since(left) < LIMIT);
}

#[tokio::test]
async fn a_call_dropped_during_the_handshake_closes_the_connection() {
    let mut upstream = Scripted::start([vec![Step::Hold]]).await;
    let provider = Arc::new(provider(&format!("https://127.0.0.1:{}/v1", upstream.port)));
    let accepted = upstream.accepted.clone();
    let connected = async {
        while *accepted.lock().unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    let client = client();
    tokio::select! {
        answer = call(&client, &provider, true) => panic!("answered: {answer:?}"),
        () = connected => {}
    }
    let left = Instant::now();
    assert!(upstream.closed().await.duration_since(left) < LIMIT);
}

/// Whoever serves on several threads needs to move these between them.
#[test]
fn calls_and_answers_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Send + Sync>() {}
    is_shared::<providers::ProviderClient>();
    is_shared::<providers::Upstreams>();
    is_shared::<providers::Vault>();
    is_shared::<providers::Breaker>();
    let (client, provider) = (client(), Arc::new(provider("http://127.0.0.1:1")));
    let future = call(&client, &provider, true);
    is_send(&future);
}
