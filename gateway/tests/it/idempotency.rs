//! `Idempotency-Key`: one name, one answer, one bill.

use crate::stack::{KEY, TestStack, ask};
use crate::upstream::{ANSWER, Act, Upstream, whole};
use crate::wire::{Call, post_with};

fn named(name: &str) -> String {
    let headers =
        format!("authorization: Bearer {KEY}\r\ncontent-type: application/json\r\nidempotency-key: {name}\r\n");
    post_with("/v1/chat/completions", &headers, &ask(""))
}

#[test]
fn an_answered_request_is_not_sent_again() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let first = stack.send(&named("order-7"));
    assert_eq!(first.status, 200, "{}", first.body);
    let second = stack.send(&named("order-7"));
    second.assert_error(409, "invalid_request_error", "already_completed");
    assert!(second.body.contains(first.header("x-request-id").unwrap()), "{}", second.body);
    assert_eq!(second.header("x-should-retry"), Some("false"));
    assert_eq!((stack.send(&named("order-8")).status, upstream.calls()), (200, 2));
    let billed = stack.records().iter().filter(|record| record.finished.cost.is_some()).count();
    assert_eq!(billed, 2);
}

#[test]
fn a_twin_is_refused_while_the_first_is_running() {
    let upstream = Upstream::acting(vec![Act::Gate, Act::Send(whole("200 OK", "", ANSWER))]);
    let stack = TestStack::over(&[upstream.address]);
    let mut first: Call = stack.call();
    first.send(named("order-7"));
    upstream.wait_for_call();
    stack.send(&named("order-7")).assert_error(409, "invalid_request_error", "request_in_progress");
    upstream.open_gate();
    assert_eq!((first.answer().status, upstream.calls()), (200, 1));
}

#[test]
fn a_name_is_free_again_after_a_failure() {
    let upstream =
        Upstream::start(vec![vec![Act::Send(whole("500 No", "", "{}"))], vec![Act::Send(whole("200 OK", "", ANSWER))]]);
    let stack = TestStack::over(&[upstream.address]);
    assert_eq!(stack.send(&named("order-7")).status, 502);
    assert_eq!(stack.send(&named("order-7")).status, 200);
    stack.send(&named("")).assert_error(400, "invalid_request_error", "invalid_value");
}
