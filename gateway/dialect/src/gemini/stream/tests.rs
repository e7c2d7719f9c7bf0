//! Events of the dialect, read and written.

use bytes::BytesMut;
use domain::Usage;
use serde_json::{Value, json};

use super::*;
use crate::SseParser;
use crate::canonical::{Event, StopReason};
use crate::stream::{Encode, Ending, StreamOptions};

fn text(text: &str) -> Event {
    Event::text(0, text.into())
}

fn begins(call: usize, name: &str) -> Event {
    let id = format!("c{call}");
    Event::ToolCall { choice: 0, call, id, name: name.into(), signature: None }
}

fn more(call: usize, text: &str) -> Event {
    Event::Arguments { choice: 0, call, text: text.into() }
}

/// Writes events; the answer consists of what each event says.
fn write(events: &[Event], reason: StopReason) -> Vec<Value> {
    let mut encoder = Encoder::new(StreamOptions {
        model: "acme/small".into(),
        include_usage: true,
        opening_routing: vec![("routing".into(), b"1".to_vec())],
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "id-1".into(),
        created: 7,
        echo: crate::Echo::NONE,
    });
    let mut out = BytesMut::new();
    for event in events {
        encoder.event(event, &mut out);
    }
    let usage = Usage { prompt_tokens: 5, completion_tokens: 3, reasoning_tokens: 2, ..Usage::default() };
    let ending = Ending { finishes: &[(0, reason)], usage: Some(usage), routing: &[("routing", b"2")] };
    encoder.close(&ending, &mut out);
    let text = String::from_utf8(out.to_vec()).unwrap();
    text.split_terminator("\n\n").map(|it| serde_json::from_str(it.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn parts(chunks: &[Value]) -> Vec<Value> {
    chunks.iter().flat_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array().unwrap().clone()).collect()
}

#[test]
fn every_event_is_an_answer_and_the_last_one_closes() {
    let chunks = write(&[Event::Start { id: None, model: None }, text("a"), text("b")], StopReason::Length);
    let chunk = |text: &str, more: Value| {
        let mut chunk = json!({
            "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}],
            "modelVersion": "acme/small", "responseId": "id-1",
        });
        chunk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        chunk
    };
    let usage =
        json!({"promptTokenCount": 5, "candidatesTokenCount": 1, "thoughtsTokenCount": 2, "totalTokenCount": 8});
    let mut last = chunk("", json!({"usageMetadata": usage, "routing": 2}));
    last["candidates"][0]["finishReason"] = json!("MAX_TOKENS");
    assert_eq!(chunks, [chunk("a", json!({"routing": 1})), chunk("b", json!({})), last]);
}

#[test]
fn an_answer_of_nothing_is_opened_all_the_same() {
    let chunks = write(&[Event::Start { id: None, model: None }], StopReason::Stop);
    assert_eq!((chunks.len(), &chunks[0]["routing"], &chunks[1]["routing"]), (2, &json!(1), &json!(2)));
}

#[test]
fn calls_are_told_whole_and_in_order_however_their_pieces_come() {
    let called = |call: usize, name: &str, args: Value| json!({"functionCall": {"id": format!("c{call}"), "name": name, "args": args}});
    let interleaved =
        [begins(0, "f"), more(0, "{\"a\""), begins(1, "g"), more(1, "{}"), text("so"), more(0, ":1}"), text("and")];
    let expected = [
        json!({"text": "so"}),
        called(0, "f", json!({"a": 1})),
        called(1, "g", json!({})),
        json!({"text": "and"}),
        json!({"text": ""}),
    ];
    let chunks = write(&interleaved, StopReason::ToolCalls);
    assert_eq!(parts(&chunks), expected);
    assert_eq!(chunks.last().unwrap()["candidates"][0]["finishReason"], "STOP");
    let broken = write(&[begins(0, "f"), begins(1, "g"), more(1, "{\"a\":")], StopReason::Length);
    let expected = [called(0, "f", json!({})), called(1, "g", json!({"arguments": "{\"a\":"})), json!({"text": ""})];
    assert_eq!(parts(&broken), expected);
}

#[test]
fn a_proof_in_pieces_is_told_whole() {
    let proof =
        |signature: &str, redacted| Event::ReasoningSignature { choice: 0, signature: signature.into(), redacted };
    let thought = Event::Reasoning { choice: 0, text: "hm".into() };
    let chunks =
        write(&[thought, proof("Eq", false), proof("QB", false), proof("rest", true), text("a")], StopReason::Stop);
    let parts = parts(&chunks);
    let signatures: Vec<_> = parts
        .iter()
        .filter_map(|part| part["thoughtSignature"].as_str())
        .map(crate::gemini::proof::read)
        .map(|proof| (proof.signature, proof.redacted))
        .collect();
    assert_eq!(parts[0], json!({"text": "hm", "thought": true}));
    assert_eq!(signatures, [("EqQB".to_owned(), false), ("rest".to_owned(), true)]);
}
