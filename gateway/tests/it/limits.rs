//! Bounds of the process: what is too much is refused early and cheaply, and every place is given back.

use gateway::Limits;

use crate::stack::{KEY, Setup, TestStack, ask, limits};
use crate::upstream::{ANSWER, Act, Upstream, whole};
use crate::wire::post;

fn bounded(limits: Limits) -> (TestStack, Upstream) {
    let upstream = Upstream::acting(vec![Act::Gate, Act::Send(whole("200 OK", "", ANSWER))]);
    (TestStack::start(Setup { upstreams: vec![upstream.address], limits, ..Setup::default() }), upstream)
}

#[test]
fn more_requests_than_places_are_shed_and_health_still_answers() {
    let (stack, upstream) = bounded(Limits { requests_in_flight: 1, ..limits() });
    let mut first = stack.begin(&ask(""));
    upstream.wait_for_call();
    assert_eq!(stack.in_flight(), 1);
    let shed = stack.chat(&ask(""));
    shed.assert_error(503, "overloaded_error", "overloaded");
    assert_eq!(shed.header("retry-after"), Some("1"));
    assert_eq!(stack.send("GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n").status, 200);
    upstream.open_gate();
    assert_eq!(first.answer().status, 200);
    stack.wait_until_idle();
    assert_eq!(stack.chat(&ask("")).status, 200);
    // The one that was shed was nobody's yet: it is counted, not recorded.
    stack.wait_until_idle();
    assert_eq!(stack.records().len(), 2);
}

#[test]
fn more_body_bytes_than_may_be_held_are_shed() {
    let (stack, upstream) = bounded(Limits { body_bytes_in_flight: 1_000, ..limits() });
    let mut first = stack.begin(&ask(&format!(r#","user":"{}""#, "x".repeat(600))));
    upstream.wait_for_call();
    let shed = stack.chat(&ask(&format!(r#","user":"{}""#, "x".repeat(600))));
    shed.assert_error(503, "overloaded_error", "overloaded");
    upstream.open_gate();
    assert_eq!(first.answer().status, 200);
    stack.wait_until_idle();
    assert_eq!(stack.chat(&ask(&format!(r#","user":"{}""#, "x".repeat(600)))).status, 200);
}

#[test]
fn more_connections_than_allowed_are_closed_at_once() {
    let (stack, upstream) = bounded(Limits { connections: 2, ..limits() });
    upstream.open_gate();
    let mut kept: Vec<_> = (0..2).map(|_| stack.begin(&ask(""))).collect();
    for call in &mut kept {
        assert_eq!(call.answer().status, 200);
    }
    let mut refused = stack.call();
    refused.send(post("/v1/chat/completions", KEY, &ask("")));
    assert!(refused.head().is_none());
    // A place that is given back is used again.
    drop(kept);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        let mut call = stack.begin(&ask(""));
        if let Some(head) = call.head() {
            assert_eq!(head.status, 200);
            break;
        }
        assert!(std::time::Instant::now() < until, "no place was given back");
    }
}
