//! Streams that end as if they were complete, and are not: text, and then the marker that clients wait for, without a word
//! of why the answer ends. Nobody is told that such an answer is whole, whatever the two sides speak.

use std::sync::Arc;

use domain::{DialectKind, Object, Outcome, Snapshot};
use serde_json::json;

use crate::stack::{KEY, Setup, TestStack, ask_for_stream, summary};
use crate::upstream::{DONE, Upstream, begun, chunk, good_stream, last_chunk, role, usage, word};
use crate::wire::post;

/// A stream request of each dialect.
fn asks() -> [String; 4] {
    let chat = r#"{"model":"auto","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let messages = r#"{"model":"auto","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    [
        post("/v1/chat/completions", KEY, chat),
        post("/v1/messages", KEY, messages),
        post("/v1/responses", KEY, r#"{"model":"auto","stream":true,"input":"hi"}"#),
        post("/v1beta/models/auto:streamGenerateContent?alt=sse", KEY, r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#),
    ]
}

/// What clients take for the end of a whole answer.
const ENDS: [&str; 6] =
    ["[DONE]", "\"finish_reason\":\"", "\"stop_reason\":\"", "message_stop", "response.completed", "finishReason"];

/// Each caller sees what was said and then an error, and its connection breaks.
#[track_caller]
fn nobody_takes_it_for_whole(said: &[&str], then: &str, change: Option<fn(&Snapshot) -> Snapshot>) {
    for ask in asks() {
        let acts = [begun(said, chunk(then)), vec![last_chunk()]].concat();
        let upstreams = vec![Upstream::acting(acts).address];
        let stack = TestStack::start(Setup { upstreams, change, ..Setup::default() });
        let answer = stack.send(&ask);
        assert_eq!((answer.status, answer.complete), (200, false), "{}", answer.body);
        let last = answer.chunks().pop().unwrap();
        assert!(last.get("error").is_some() || last["type"] == "error", "{}", answer.body);
        assert!(answer.body.contains("Paris"), "{}", answer.body);
        assert!(!ENDS.iter().any(|end| answer.body.contains(end)), "{}", answer.body);
        let record = stack.record();
        assert_eq!(summary(&record), (Outcome::Interrupted, 502, vec!["p0/small interrupted".to_owned()]));
        assert!(record.finished.usage.is_some_and(|usage| usage.completion_tokens > 0), "what was said is billed");
    }
}

#[test]
fn a_marker_of_chat_without_a_finish_reason_is_no_end() {
    let (role, word) = (role(), word("Paris is the"));
    nobody_takes_it_for_whole(&[&role, &word], DONE, None);
    nobody_takes_it_for_whole(&[&role, &word, &usage(10, 5)], DONE, None);
}

/// Makes every provider speak Anthropic's dialect.
fn all_speak_anthropic(snapshot: &Snapshot) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Provider(provider) => {
            let provider = domain::Provider::clone(&provider);
            Object::Provider(Arc::new(domain::Provider { dialect: DialectKind::Anthropic, ..provider }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

const START: &str = "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"native-small\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\n";
const BLOCK: &str =
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
const TEXT: &str = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Paris is\"}}\n\n";
const BLOCK_STOP: &str = "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
const STOP: &str = "data: {\"type\":\"message_stop\"}\n\n";

#[test]
fn a_message_stop_without_a_stop_reason_is_no_end() {
    nobody_takes_it_for_whole(&[START, BLOCK, TEXT], STOP, Some(all_speak_anthropic));
    nobody_takes_it_for_whole(&[START, BLOCK, TEXT, BLOCK_STOP], STOP, Some(all_speak_anthropic));
}

#[test]
fn what_comes_in_one_piece_with_its_bare_marker_was_promised_to_nobody() {
    let lost = Upstream::acting(begun(&[&(role() + &word("Paris is the") + DONE)], last_chunk()));
    let stack = TestStack::over(&[lost.address, Upstream::acting(good_stream()).address]);
    let answer = stack.chat(&ask_for_stream(""));
    assert_eq!((answer.text().as_str(), answer.complete), ("Paris, of course.", true));
    assert_eq!(answer.chunks()[0]["routing"]["attempts"][0]["outcome"], json!("disconnected"));
}

#[test]
fn what_passes_as_it_is_breaks_behind_a_bare_marker_and_is_recorded_so() {
    let stream = [role(), word("Paris is the"), DONE.to_owned()];
    let acts = begun(&stream.each_ref().map(String::as_str), last_chunk());
    let stack = TestStack::over(&[Upstream::acting(acts).address]);
    let answer = stack.send(&post("/p0/chat/completions", KEY, r#"{"model":"small","stream":true}"#));
    assert_eq!((answer.body, answer.complete), (stream.concat(), false));
    assert_eq!(stack.record().finished.outcome, Outcome::Interrupted);
}
