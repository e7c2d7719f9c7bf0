//! Whole answers: shapes that are none, usage, and what splicing leaves alone.

#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const ANSWER: &str = r#"{"id":"c-1","object":"chat.completion","created":1,"model":"native-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;

fn decode(body: &str) -> Result<ChatResponse, BadAnswer> {
    ChatResponse::decode(Bytes::copy_from_slice(body.as_bytes()))
}

#[track_caller]
fn reports(body: &str, message: &str, kind: Option<&str>, code: Option<&str>) {
    match decode(body) {
        Err(BadAnswer::Upstream(error)) => {
            assert_eq!((error.message.as_str(), error.kind.as_deref(), error.code.as_deref()), (message, kind, code));
        }
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn an_answer_is_read() {
    let answer = decode(ANSWER).unwrap();
    assert_eq!(answer.served_model(), Some("native-1"));
    assert_eq!(answer.finish_reason(), Some("stop"));
    assert_eq!(answer.usage().map(|usage| (usage.prompt_tokens, usage.completion_tokens)), Some((9, 3)));
    assert_eq!(answer.estimated_completion(), 3);
}

#[test]
fn tool_calls_and_reasoning_count_for_the_estimate() {
    let answer = decode(
        r#"{"choices":[{"message":{"content":null,"reasoning_content":"think","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}"#,
    );
    assert_eq!(
        answer.unwrap().estimated_completion(),
        ("think".len() + "f".len() + "{\"a\":1}".len()).div_ceil(4) as u64
    );
}

#[test]
fn only_the_model_is_replaced() {
    assert_eq!(decode(ANSWER).unwrap().splice("acme/one", &[]), ANSWER.replace("native-1", "acme/one"));
}

#[test]
fn routing_is_put_in_under_each_name() {
    let routing: &[(&str, &[u8])] = &[("routing", b"{\"a\":1}"), ("dari_routing", b"{\"a\":1}")];
    let expected = ANSWER.replace("native-1", "acme/one");
    let expected = format!(r#"{},"routing":{{"a":1}},"dari_routing":{{"a":1}}}}"#, &expected[..expected.len() - 1]);
    assert_eq!(decode(ANSWER).unwrap().splice("acme/one", routing), expected);
}

#[test]
fn an_upstreams_own_routing_is_dropped() {
    let body = r#"{"routing":{"x":1},"choices":[{}],"dari_routing":2}"#;
    assert_eq!(decode(body).unwrap().splice("m", &[]), r#"{"choices":[{}],"model":"m"}"#);
    let routing: &[(&str, &[u8])] = &[("routing", b"{}")];
    assert_eq!(decode(body).unwrap().splice("m", routing), r#"{"routing":{},"choices":[{}],"model":"m"}"#);
}

#[test]
fn errors_under_a_good_status_are_errors() {
    reports(r#"{"error":{"message":"busy","type":"overloaded","code":"x"}}"#, "busy", Some("overloaded"), Some("x"));
    reports(r#"{"error":"busy"}"#, "busy", None, None);
    reports(r#"{"object":"error","message":"busy","type":"T","code":50001}"#, "busy", Some("T"), Some("50001"));
    reports(r#"{"detail":"busy"}"#, "busy", None, None);
    reports(r#"{"choices":[{}],"error":{"message":"busy"}}"#, "busy", None, None);
    assert!(decode(&ANSWER.replacen('{', r#"{"error":null,"#, 1)).is_ok());
}

#[test]
fn what_is_no_answer_is_told_apart() {
    assert_eq!(decode("").unwrap_err(), BadAnswer::Empty);
    assert_eq!(decode(" \n").unwrap_err(), BadAnswer::Empty);
    assert_eq!(decode("<!doctype html><title>x</title>").unwrap_err(), BadAnswer::Html);
    for body in ["{}", r#"{"choices":[]}"#, r#"{"choices":null,"usage":{}}"#] {
        assert_eq!(decode(body).unwrap_err(), BadAnswer::NoChoices, "{body}");
    }
    let deep = format!(r#"{{"choices":[{{"x":{}1{}}}]}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        &ANSWER[..ANSWER.len() - 1],
        &ANSWER[..80],
        "OK",
        "[]",
        r#"{"choices":{}}"#,
        r#"{"choices":[7]}"#,
        r#"{"choices":[{"message":"hi"}]}"#,
        &deep,
    ] {
        assert!(matches!(decode(body), Err(BadAnswer::Malformed { .. })), "{body}");
    }
    assert!(matches!(ChatResponse::decode(Bytes::from_static(b"{\"a\":\"\xff\"}")), Err(BadAnswer::Malformed { .. })));
}

#[test]
fn lone_surrogates_of_an_upstream_pass() {
    let body = r#"{"choices":[{"message":{"content":"a\ud83d"}}],"model":"x"}"#;
    assert_eq!(decode(body).unwrap().splice("m", &[]), body.replace("\"x\"", "\"m\""));
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_read(data in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz::response(&data);
    }

    #[test]
    fn damaged_answers_keep_their_laws(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = ANSWER.as_bytes().to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        crate::fuzz::response(&body);
    }
}
