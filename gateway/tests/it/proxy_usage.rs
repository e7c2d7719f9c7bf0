//! The provider proxy where answers tell no usage: what is estimated, charged and counted, and what is not.

use domain::{Budget, BudgetMode, BudgetPeriod, Limits, Money, Outcome, Usage};

use crate::stack::{KEY, KeyLimits, Setup, TestStack, summary};
use crate::upstream::{Act, DONE, Upstream, begun, finish, role, stream_of, whole, word};
use crate::wire::{get, post};

const QUESTION: &str = r#""messages":[{"role":"user","content":"What is the capital of France?"}]"#;

fn ask() -> String {
    format!(r#"{{"model":"small","stream":true,"max_tokens":20,{QUESTION}}}"#)
}

/// A stream of 17 bytes of text that tells no usage.
fn silent_stream() -> Vec<Act> {
    stream_of(&[role(), word("Paris"), word(", of course."), finish(), DONE.to_owned()])
}

#[track_caller]
fn assert_estimated(usage: Option<Usage>, cost: Option<Money>, completion: u64) {
    let usage = usage.expect("an estimate");
    assert!(usage.estimated && (8..20).contains(&usage.prompt_tokens), "{usage:?}");
    assert_eq!(usage.completion_tokens, completion);
    let expected = 1_000_000 * usage.prompt_tokens + 4_000_000 * completion;
    assert_eq!(cost, Some(Money::from_pico(expected.into())));
}

#[test]
fn what_tells_no_usage_is_estimated_and_charged() {
    let whole_answer = r#"{"model":"native-small","choices":[{"message":{"content":"Paris, of course."}}]}"#;
    for acts in [silent_stream(), vec![Act::Send(whole("200 OK", "", whole_answer))]] {
        let upstream = Upstream::acting(acts);
        let stack = TestStack::over(&[upstream.address]);
        let answer = stack.send(&post("/p0/chat/completions", KEY, &ask()));
        assert!(answer.complete);
        let record = stack.record();
        assert_eq!(summary(&record), (Outcome::Completed, 200, vec!["p0/small ok".to_owned()]));
        assert_estimated(record.finished.usage, record.finished.cost, 5);
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_judged_by_its_length() {
    let upstream = Upstream::answering(whole("200 OK", "content-encoding: gzip\r\n", &"x".repeat(40)));
    let stack = TestStack::over(&[upstream.address]);
    stack.send(&post("/p0/chat/completions", KEY, &ask()));
    let record = stack.record().finished;
    assert_estimated(record.usage, record.cost, 10);
}

#[test]
fn streams_that_tell_no_usage_do_not_pass_by_budgets_and_limits() {
    let budget = Budget { amount: Money::from_pico(50_000_000), period: BudgetPeriod::Month, mode: BudgetMode::Hard };
    let limits = Limits { total_tokens_per_hour: Some(60), ..Limits::default() };
    for (key_limits, refused) in [
        (KeyLimits { key_budget: Some(budget), ..KeyLimits::default() }, 402),
        (KeyLimits { key: limits, ..KeyLimits::default() }, 429),
    ] {
        let upstream = Upstream::acting(silent_stream());
        let stack = TestStack::start(Setup { upstreams: vec![upstream.address], key_limits, ..Setup::default() });
        let mut statuses = Vec::new();
        for _ in 0..6 {
            statuses.push(stack.send(&post("/p0/chat/completions", KEY, &ask())).status);
            stack.wait_until_idle();
        }
        assert_eq!((statuses[0], statuses[5]), (200, refused), "{statuses:?}");
    }
}

#[test]
fn a_caller_who_leaves_owes_what_has_come() {
    let upstream = Upstream::acting(begun(&[&role(), &word("Paris")], Act::Hold));
    let stack = TestStack::over(&[upstream.address]);
    let mut call = stack.call();
    call.send(post("/p0/chat/completions", KEY, &ask()));
    assert_eq!(call.head().map(|head| head.status), Some(200));
    call.until("Paris");
    drop(call);
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::ClientCancelled, 499, vec!["p0/small cancelled".to_owned()]));
    assert_estimated(record.finished.usage, record.finished.cost, 2);
}

#[test]
fn a_refusal_is_not_estimated() {
    for status in ["400 Bad Request", "307 Temporary Redirect"] {
        let upstream = Upstream::answering(whole(status, "", r#"{"error":{"message":"no"}}"#));
        let stack = TestStack::over(&[upstream.address]);
        stack.send(&post("/p0/chat/completions", KEY, &ask()));
        let record = stack.record().finished;
        assert_eq!((record.outcome, record.usage, record.cost), (Outcome::Failed, None, None), "{status}");
    }
}

#[test]
fn media_and_lists_write_nothing() {
    let list = whole("200 OK", "", r#"{"data":[{"id":"file-1"}]}"#);
    let sound = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 5\r\n\r\nsound".to_vec();
    for (request, answer) in [
        (get("/p0/chat/completions", KEY), list.clone()),
        (post("/p0/files", KEY, r#"{"model":"small"}"#), list),
        (post("/p0/audio/speech", KEY, r#"{"model":"small","input":"Paris"}"#), sound),
    ] {
        let upstream = Upstream::answering(answer);
        let stack = TestStack::over(&[upstream.address]);
        assert_eq!(stack.send(&request).status, 200);
        assert_eq!(stack.record().finished.usage, None, "{request}");
    }
}
