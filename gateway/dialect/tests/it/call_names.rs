//! Calls that came without a name: a client keys its history by the names, so they must differ across a conversation.

use bytes::{Bytes, BytesMut};
use dialect::answer::Shown;
use dialect::{Answer, Dialect, Echo};
use serde_json::Value;

use crate::cases;

const CALLERS: [Dialect; 4] = [Dialect::Openai, Dialect::OpenaiResponses, Dialect::Anthropic, Dialect::Gemini];

/// Two calls without a name, as a whole answer and as the events of a stream.
fn unnamed(upstream: Dialect) -> (&'static str, &'static str) {
    match upstream {
        Dialect::Gemini => (
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}},{"functionCall":{"name":"g"}}]},"finishReason":"STOP"}]}"#,
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}}},{\"functionCall\":{\"name\":\"g\"}}]},\"finishReason\":\"STOP\"}]}\n\n",
        ),
        Dialect::Openai => (
            r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}},{"id":"","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"index\":1,\"id\":\"\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
        ),
        Dialect::OpenaiResponses => (
            r#"{"status":"completed","output":[{"type":"function_call","name":"f","arguments":"{}"},{"type":"function_call","name":"g","call_id":"","arguments":"{}"}]}"#,
            "data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"function_call\",\"name\":\"f\"}}\n\ndata: {\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":\"function_call\",\"name\":\"g\"}}\n\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
        ),
        Dialect::Anthropic => (
            r#"{"content":[{"type":"tool_use","name":"f","input":{}},{"type":"tool_use","name":"g","input":{}}],"stop_reason":"tool_use"}"#,
            "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"name\":\"f\",\"input\":{}}}\n\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"name\":\"g\",\"input\":{}}}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
    }
}

fn whole(upstream: Dialect, caller: Dialect, id: &str) -> String {
    let answer = Answer::decode(upstream, Bytes::from_static(unnamed(upstream).0.as_bytes())).expect("an answer");
    let shown = Shown { model: "acme/one", id, created: 7, usage: None, echo: &Echo::NONE };
    String::from_utf8(answer.render(caller, &shown).finish(&[]).to_vec()).expect("text")
}

fn streamed(upstream: Dialect, caller: Dialect, id: &str) -> String {
    let mut translator = cases::translator(upstream, caller, id);
    let mut out = BytesMut::new();
    translator.push(unnamed(upstream).1.as_bytes(), &mut out).expect("sound events");
    translator.close(&[], &mut out);
    String::from_utf8(out.to_vec()).expect("text")
}

/// Every text that begins like a name that was made up, in order, each once.
fn names(said: &str) -> Vec<String> {
    let documents = said.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
    let mut found = Vec::new();
    documents.filter_map(|it| serde_json::from_str(it).ok()).for_each(|document: Value| collect(&document, &mut found));
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with("call_") && !found.contains(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|it| collect(it, found)),
        Value::Object(members) => members.values().for_each(|it| collect(it, found)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn calls_without_a_name_get_one_that_no_other_answer_has() {
    for upstream in CALLERS {
        for caller in CALLERS.into_iter().filter(|caller| *caller != upstream) {
            for write in [whole, streamed] {
                let [first, second] = ["msg_01", "msg_02"].map(|id| names(&write(upstream, caller, id)));
                assert_eq!((first.len(), second.len()), (2, 2), "{upstream:?} to {caller:?}: {first:?} {second:?}");
                assert!(first.iter().all(|name| !second.contains(name)), "{upstream:?} to {caller:?}: {first:?}");
            }
        }
    }
}
