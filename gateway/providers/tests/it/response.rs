//! Answers that are refusals, broken, or none.

use std::sync::Arc;
use std::time::Duration;

use providers::{Fault, FaultKind, Retry};

use crate::scripted::{SECRET, STREAM_HEAD, Scripted, Step, call, client, fetch, provider, send, status};

async fn fault_of(answer: Step) -> Fault {
    let upstream = Scripted::start([vec![Step::Read, answer, Step::Fin]]).await;
    let fault = fetch(&client(), &Arc::new(provider(&upstream.base_url()))).await.unwrap_err();
    assert_eq!(upstream.connections(), 1, "nothing was repeated or followed");
    fault
}

#[track_caller]
fn check(fault: &Fault, kind: FaultKind, status: Option<u16>) {
    assert_eq!((fault.kind, fault.status), (kind, status), "{fault}");
}

#[tokio::test]
async fn a_rate_limit_tells_how_long_to_wait() {
    let fault = fault_of(status("429 Too Many Requests", "retry-after: 7\r\n", "{}")).await;
    check(&fault, FaultKind::RateLimited, Some(429));
    assert_eq!((fault.retry, fault.retry_after), (Retry::NextCredential, Some(Duration::from_secs(7))));
}

#[tokio::test]
async fn a_refused_secret_is_not_repeated_in_the_message() {
    let body = format!(r#"{{"error":{{"message":"bad key {SECRET}","code":"invalid_api_key"}}}}"#);
    let fault = fault_of(status("401 Unauthorized", "", &body)).await;
    check(&fault, FaultKind::Unauthorised, Some(401));
    assert_eq!((fault.message.as_str(), fault.code()), ("bad key ***", Some("invalid_api_key")));
}

#[tokio::test]
async fn an_error_without_end_still_has_its_status() {
    let endless = format!("HTTP/1.1 503 Service Unavailable\r\n\r\n{}", "x".repeat(300_000));
    check(&fault_of(send(&endless)).await, FaultKind::ServerError, Some(503));
    let cut = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 99\r\n\r\n{";
    check(&fault_of(send(cut)).await, FaultKind::ServerError, Some(500));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let upstream = Scripted::start([vec![Step::Read, crate::scripted::ok("stolen")]]).await;
    let headers = format!("location: {}\r\n", upstream.base_url());
    check(&fault_of(status("302 Found", &headers, "")).await, FaultKind::BadAnswer, Some(302));
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn web_pages_and_unknown_packings_are_no_answers() {
    let page = fault_of(status("200 OK", "content-type: text/html; charset=utf-8\r\n", "<html>")).await;
    check(&page, FaultKind::BadAnswer, Some(200));
    assert!(page.message.contains("base_url"), "{page}");
    let packed = fault_of(status("200 OK", "content-encoding: compress\r\n", "\x1f")).await;
    check(&packed, FaultKind::BadAnswer, Some(200));
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_answer() {
    check(&fault_of(send("SSH-2.0-OpenSSH_9.9\r\n")).await, FaultKind::BadAnswer, None);
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_a_fault() {
    let fault = fault_of(send("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"id\":")).await;
    check(&fault, FaultKind::Disconnected, None);
    assert!(fault.possibly_charged);
}

#[tokio::test]
async fn a_body_larger_than_the_cap_is_a_fault() {
    let body = "x".repeat(2000);
    for head in ["content-length: 2000\r\n", ""] {
        let answer = send(&format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}"));
        let upstream = Scripted::start([vec![Step::Read, answer, Step::Fin]]).await;
        let answer = call(&client(), &Arc::new(provider(&upstream.base_url())), false).await.unwrap();
        let fault = answer.collect(1999, Duration::from_secs(5)).await.unwrap_err();
        check(&fault, FaultKind::BadAnswer, None);
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let answer = send("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{");
    let mut upstream = Scripted::start([vec![Step::Read, answer, Step::Hold]]).await;
    let answer = call(&client(), &Arc::new(provider(&upstream.base_url())), false).await.unwrap();
    let fault = answer.collect(1000, Duration::from_millis(30)).await.unwrap_err();
    check(&fault, FaultKind::Timeout, None);
    upstream.closed().await;
}

async fn chunks_of(steps: Vec<Step>) -> (Vec<String>, Option<Fault>) {
    let upstream = Scripted::start([[vec![Step::Read], steps].concat()]).await;
    let mut answer = call(&client(), &Arc::new(provider(&upstream.base_url())), true).await.unwrap();
    let mut chunks = Vec::new();
    loop {
        match answer.next_chunk_within(Duration::from_secs(5)).await {
            Ok(Some(chunk)) => chunks.push(String::from_utf8(chunk.to_vec()).unwrap()),
            Ok(None) => return (chunks, None),
            Err(fault) => return (chunks, Some(fault)),
        }
    }
}

#[tokio::test]
async fn a_stream_that_ends_without_its_last_chunk_is_a_fault() {
    for end in [Step::Fin, Step::Reset] {
        let gap = Step::Wait(Duration::from_millis(20));
        let (chunks, fault) = chunks_of(vec![send(STREAM_HEAD), send("5\r\ndata:\r\n"), gap, end]).await;
        assert_eq!(chunks, ["data:"]);
        check(&fault.unwrap(), FaultKind::Disconnected, None);
    }
}

#[tokio::test]
async fn a_stream_that_ends_properly_is_clean() {
    let (chunks, fault) = chunks_of(vec![send(STREAM_HEAD), send("5\r\ndata:\r\n0\r\n\r\n")]).await;
    assert_eq!((chunks, fault), (vec!["data:".to_owned()], None));
}

#[tokio::test]
async fn a_malformed_chunk_is_a_bad_answer_or_a_broken_one() {
    let (chunks, fault) = chunks_of(vec![send(STREAM_HEAD), send("zz\r\ndata:\r\n")]).await;
    let fault = fault.unwrap();
    assert!(chunks.is_empty() && matches!(fault.kind, FaultKind::BadAnswer | FaultKind::Disconnected), "{fault}");
}

#[tokio::test]
async fn the_providers_own_name_of_the_request_is_kept() {
    let headers = "content-type: application/json\r\nx-request-id: r1\r\nserver: acme\r\n";
    let upstream = Scripted::start([vec![Step::Read, status("200 OK", headers, "{}")]]).await;
    let answer = call(&client(), &Arc::new(provider(&upstream.base_url())), false).await.unwrap();
    assert_eq!(answer.request_id(), Some("r1"));
}
