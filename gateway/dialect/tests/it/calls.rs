//! Calls of servers that only resemble a dialect: without a place, with one place for all, with arguments as an object.

use bytes::{Bytes, BytesMut};
use dialect::answer::Shown;
use dialect::{Answer, Dialect, Echo};
use serde_json::{Value, json};

use crate::cases;

const CALLERS: [Dialect; 3] = [Dialect::OpenaiResponses, Dialect::Anthropic, Dialect::Gemini];

/// A piece of a call.
fn piece(index: Option<u64>, id: Option<&str>, name: Option<&str>, arguments: &Value) -> Value {
    let mut call = json!({"type": "function", "function": {"arguments": arguments}});
    if let Some(index) = index {
        call["index"] = json!(index);
    }
    if let Some(id) = id {
        call["id"] = json!(id);
    }
    if let Some(name) = name {
        call["function"]["name"] = json!(name);
    }
    call
}

/// What a caller is told of chunks, each of some pieces of calls.
fn streamed(caller: Dialect, chunks: &[Vec<Value>]) -> Vec<Value> {
    let mut translator = cases::translator(Dialect::Openai, caller, "msg_1");
    let mut out = BytesMut::new();
    for pieces in chunks {
        let chunk = json!({"choices": [{"index": 0, "delta": {"tool_calls": pieces}}]});
        translator.push(format!("data: {chunk}\n\n").as_bytes(), &mut out).expect("a sound chunk");
    }
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    translator.push(format!("data: {end}\n\ndata: [DONE]\n\n").as_bytes(), &mut out).expect("a sound end");
    translator.close(&[], &mut out);
    let text = String::from_utf8(out.to_vec()).expect("text");
    text.lines().filter_map(|it| serde_json::from_str(it.strip_prefix("data: ")?).ok()).collect()
}

/// The calls that a caller was told of: names and arguments.
fn called(caller: Dialect, events: &[Value]) -> Vec<(String, Value)> {
    let mut calls: Vec<(String, String)> = Vec::new();
    for event in events {
        match caller {
            Dialect::Anthropic => {
                if let Some(name) = event["content_block"]["name"].as_str() {
                    calls.push((name.to_owned(), String::new()));
                }
                if let Some(text) = event["delta"]["partial_json"].as_str() {
                    calls.last_mut().expect("a call").1.push_str(text);
                }
            }
            Dialect::OpenaiResponses => {
                let items = event["response"]["output"].as_array().filter(|_| event["type"] == "response.completed");
                calls.extend(items.into_iter().flatten().map(|item| (text(&item["name"]), text(&item["arguments"]))));
            }
            Dialect::Openai | Dialect::Gemini => {
                let parts = event["candidates"][0]["content"]["parts"].as_array().into_iter().flatten();
                let parts = parts.map(|part| &part["functionCall"]).filter(|call| call.is_object());
                calls.extend(parts.map(|call| (text(&call["name"]), call["args"].to_string())));
            }
        }
    }
    calls.into_iter().map(|(name, text)| (name, serde_json::from_str(&text).expect("arguments"))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

#[track_caller]
fn check(chunks: &[Vec<Value>], expected: &[(&str, Value)]) {
    for caller in CALLERS {
        let found = called(caller, &streamed(caller, chunks));
        let expected: Vec<_> = expected.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect();
        assert_eq!(found, expected, "{caller:?}");
    }
}

fn both() -> [(&'static str, Value); 2] {
    [("f", json!({"x": 1})), ("g", json!({"y": 2}))]
}

#[test]
fn a_new_id_begins_a_call_whatever_the_place() {
    for index in [None, Some(0)] {
        let first = piece(index, Some("a"), Some("f"), &json!("{\"x\":1}"));
        let second = piece(index, Some("b"), Some("g"), &json!("{\"y\":2}"));
        check(&[vec![first.clone()], vec![second.clone()]], &both());
        check(&[vec![first, second]], &both());
    }
}

#[test]
fn pieces_without_place_and_id_go_on_with_the_last_call() {
    for index in [None, Some(0)] {
        let begun = |id, name, text: &str| vec![piece(index, Some(id), Some(name), &json!(text))];
        let more = |text: &str| vec![piece(index, None, None, &json!(text))];
        let again = |id, text: &str| vec![piece(index, Some(id), None, &json!(text))];
        check(
            &[begun("a", "f", ""), more("{\"x\""), more(":1}"), begun("b", "g", "{"), more("\"y\":"), again("b", "2}")],
            &both(),
        );
    }
}

#[test]
fn a_name_begins_a_call_where_there_is_neither_place_nor_id() {
    let named = |name, text: &str| piece(None, None, Some(name), &json!(text));
    let more = |text: &str| piece(None, None, None, &json!(text));
    check(&[vec![named("f", "{\"x\":1}")], vec![named("g", "{\"y\":2}")]], &both());
    check(&[vec![named("f", "{\"x\":1}"), named("g", "{\"y\":2}")]], &both());
    let twice = [("f", json!({"x": 1})), ("f", json!({"x": 2}))];
    check(&[vec![named("f", "{\"x\":1}")], vec![named("f", "")], vec![more("{\"x\":2}")]], &twice);
}

#[test]
fn places_tell_calls_apart_that_are_told_in_turns() {
    let begun = |index, id, name| vec![piece(Some(index), Some(id), Some(name), &json!(""))];
    let more = |index, text: &str| vec![piece(Some(index), None, None, &json!(text))];
    let turns = [more(0, "{\"x\""), more(1, "{\"y\""), more(0, ":1}"), more(1, ":2}")];
    check(&[&[begun(0, "a", "f"), begun(1, "b", "g")], &turns[..]].concat(), &both());
}

#[test]
fn arguments_that_are_an_object_go_on_as_its_text() {
    let call = piece(Some(0), Some("a"), Some("f"), &json!({"x": [1, "é"]}));
    let expected = [("f", json!({"x": [1, "é"]}))];
    check(&[vec![call.clone()]], &expected);
    let chat = json!({"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]});
    let item = json!({"type": "function_call", "call_id": "a", "name": "f", "arguments": {"x": [1, "é"]}});
    let response = json!({"status": "completed", "output": [item]});
    for (upstream, body) in [(Dialect::Openai, chat), (Dialect::OpenaiResponses, response)] {
        let answer = Answer::decode(upstream, Bytes::from(body.to_string())).expect("an answer");
        let shown = Shown { model: "acme/one", id: "msg_1", created: 7, usage: None, echo: &Echo::NONE };
        let said = answer.render(Dialect::Gemini, &shown).finish(&[]);
        let said: Value = serde_json::from_slice(&said).expect("JSON");
        assert_eq!(called(Dialect::Gemini, &[said]), [("f".to_owned(), json!({"x": [1, "é"]}))], "{upstream:?}");
    }
}

#[test]
fn no_arguments_are_an_empty_object_to_callers_that_parse_them() {
    let call = piece(Some(0), Some("a"), Some("f"), &json!(""));
    let events = streamed(Dialect::OpenaiResponses, &[vec![call.clone()]]);
    let told = |kind: &str| events.iter().find(|event| event["type"] == kind).expect("an event").clone();
    assert_eq!(told("response.function_call_arguments.delta")["delta"], "{}");
    assert_eq!(told("response.function_call_arguments.done")["arguments"], "{}");
    assert_eq!(told("response.output_item.done")["item"]["arguments"], "{}");
    assert_eq!(told("response.completed")["response"]["output"][0]["arguments"], "{}");
    for (reason, expected) in [("tool_calls", "{}"), ("length", "")] {
        let chat = json!({"choices": [{"message": {"tool_calls": [call]}, "finish_reason": reason}]});
        let answer = Answer::decode(Dialect::Openai, Bytes::from(chat.to_string())).expect("an answer");
        let shown = Shown { model: "acme/one", id: "msg_1", created: 7, usage: None, echo: &Echo::NONE };
        let said = answer.render(Dialect::OpenaiResponses, &shown).finish(&[]);
        let said: Value = serde_json::from_slice(&said).expect("JSON");
        assert_eq!(said["output"][0]["arguments"], expected, "{reason}");
    }
}
