//! Threads that Anthropic keeps: turns of one are for providers of that dialect alone, and what such a provider says of
//! them reaches the caller whole, since clients mend it by themselves.

use std::sync::Arc;

use domain::{DialectKind, Object, Outcome, Snapshot};
use serde_json::{Value, json};

use crate::stack::{KEY, Setup, TestStack, ask, summary};
use crate::upstream::{Upstream, whole};
use crate::wire::post;

const ANSWER: &str = r#"{"id":"msg_2","type":"message","role":"assistant","model":"native-small","content":[{"type":"text","text":"Paris."}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;
const CREATE: &str = r#"{"type":"create"}"#;
const GO_ON: &str = r#"{"type":"continue","previous_message_id":"msg_1"}"#;

fn turn(model: &str, thread: &str) -> String {
    let body = format!(
        r#"{{"model":"{model}","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}],"thread":{thread}}}"#
    );
    post("/v1/messages", KEY, &body)
}

/// Makes providers speak Anthropic's dialect.
fn speaking(snapshot: &Snapshot, speaks: impl Fn(&str) -> bool) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Provider(provider) if speaks(provider.slug.as_str()) => {
            let provider = domain::Provider::clone(&provider);
            Object::Provider(Arc::new(domain::Provider { dialect: DialectKind::Anthropic, ..provider }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

fn over(upstreams: &[&Upstream], change: fn(&Snapshot) -> Snapshot) -> TestStack {
    let upstreams = upstreams.iter().map(|it| it.address).collect();
    TestStack::start(Setup { upstreams, change: Some(change), ..Setup::default() })
}

#[test]
fn a_thread_is_refused_in_its_clients_words_where_nobody_keeps_any() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    for (model, thread) in [("auto", CREATE), ("auto", GO_ON), ("p0/small", GO_ON)] {
        let answer = stack.send(&turn(model, thread));
        let body = answer.json();
        assert_eq!((answer.status, &body["type"]), (400, &json!("error")), "{}", answer.body);
        assert_eq!(body["error"]["type"], "invalid_request_error");
        let details = json!({"error_code": "thread_unsupported_request", "unsupported": ["thread"]});
        assert_eq!(body["error"]["details"], details);
    }
    assert_eq!(upstream.calls(), 0);
}

#[test]
fn a_thread_goes_to_a_provider_that_keeps_them() {
    let (chat, messages) = (Upstream::good(), Upstream::answering(whole("200 OK", "", ANSWER)));
    let stack = over(&[&chat, &messages], |snapshot| speaking(snapshot, |slug| slug == "p1"));
    let answer = stack.send(&turn("auto", GO_ON));
    assert_eq!((answer.status, answer.header("x-routing-model")), (200, Some("p1/small")), "{}", answer.body);
    assert_eq!((chat.calls(), messages.calls()), (0, 1));
    assert!(messages.last_body().contains(r#""previous_message_id":"msg_1""#));
    // Without one, the first may answer as ever.
    assert_eq!(stack.chat(&ask("")).header("x-routing-model"), Some("p0/small"));
}

fn refusal(kind: &str, cause: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": "No such thread.", "details": {"error_code": cause}}})
}

#[test]
fn what_a_provider_says_of_a_thread_reaches_the_caller_and_nobody_else_is_asked() {
    for (status, line, kind, cause) in [
        (404, "404 Not Found", "not_found_error", "thread_not_found"),
        (409, "409 Conflict", "conflict_error", "thread_already_continued"),
        (400, "400 Bad Request", "invalid_request_error", "thread_fingerprint_mismatch"),
    ] {
        let said = refusal(kind, cause);
        let first = Upstream::answering(whole(line, "", &said.to_string()));
        let second = Upstream::answering(whole("200 OK", "", ANSWER));
        let stack = over(&[&first, &second], |snapshot| speaking(snapshot, |_| true));
        let answer = stack.send(&turn("auto", GO_ON));
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["type"], &error["message"]),
            (status, &json!(kind), &json!("No such thread."))
        );
        assert_eq!(error["details"], said["error"]["details"]);
        assert_eq!((first.calls(), second.calls()), (1, 0));
        assert_eq!(summary(&stack.record()), (Outcome::Failed, status, vec!["p0/small refused".to_owned()]));
    }
}

#[test]
fn a_callers_own_dialect_is_not_mixed_with_a_providers_details() {
    let said = refusal("invalid_request_error", "image_dimensions_too_large").to_string();
    let upstream = Upstream::answering(whole("400 Bad Request", "", &said));
    let stack = over(&[&upstream], |snapshot| speaking(snapshot, |_| true));
    let answer = stack.chat(&ask(""));
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"]), (400, &json!("image_dimensions_too_large")));
    assert_eq!(error.get("details"), None);
}
