//! What of an answer no other dialect can say is named, of whole answers and of streams alike.

use bytes::{Bytes, BytesMut};
use dialect::answer::Shown;
use dialect::canonical::Loss;
use dialect::{Answer, Dialect, Echo};
use serde_json::{Value, json};

use crate::cases;

fn paths(loss: &Loss) -> Vec<String> {
    loss.iter().map(|lost| lost.path.clone()).collect()
}

fn whole(upstream: Dialect, caller: Dialect, body: &Value) -> Vec<String> {
    let answer = Answer::decode(upstream, Bytes::from(body.to_string())).expect("an answer");
    let shown = Shown { model: "acme/one", id: "msg_1", created: 7, usage: None, echo: &Echo::NONE };
    paths(answer.render(caller, &shown).loss())
}

/// What is lost of a stream; `None` = it goes on as it came.
fn streamed(upstream: Dialect, caller: Dialect, events: &[Value]) -> Option<Vec<String>> {
    let mut translator = cases::translator(upstream, caller, "msg_1");
    let mut out = BytesMut::new();
    for event in events {
        translator.push(format!("data: {event}\n\n").as_bytes(), &mut out).expect("a sound event");
    }
    translator.loss().map(paths)
}

#[track_caller]
fn check(upstream: Dialect, body: &Value, events: &[Value], expected: &[&str]) {
    for caller in Dialect::ALL {
        if caller == upstream {
            assert_eq!((whole(upstream, caller, body), streamed(upstream, caller, events)), (vec![], None));
            continue;
        }
        assert_eq!(whole(upstream, caller, body), expected, "whole for {caller:?}");
        assert_eq!(streamed(upstream, caller, events).expect("a translation"), expected, "streamed for {caller:?}");
    }
}

#[test]
fn sources_media_and_calls_of_chat_are_named() {
    let source = json!({"type": "url_citation", "url_citation": {"url": "https://cite.example"}});
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
    let call = json!({"index": 0, "id": "c", "type": "custom", "custom": {"name": "k", "input": "raw"}});
    let message = json!({"content": "hi", "annotations": [source], "images": [image],
        "audio": {"id": "a", "data": "AA", "transcript": "t"}, "tool_calls": [call]});
    let body = json!({"choices": [{"message": message, "finish_reason": "stop"}]});
    let chunk = |delta: &Value| json!({"choices": [{"index": 0, "delta": delta}]});
    let events = [
        chunk(&json!({"content": "hi", "annotations": [], "audio": null})),
        chunk(&json!({"annotations": [source]})),
        chunk(&json!({"images": [image]})),
        chunk(&json!({"audio": {"data": "AA"}})),
        chunk(&json!({"audio": {"data": "AA"}})),
        chunk(&json!({"tool_calls": [call]})),
        chunk(&json!({"tool_calls": [{"index": 0, "custom": {"input": "raw"}}]})),
    ];
    let path = |name: &str| format!("choices[0].message.{name}");
    let expected = ["annotations", "images", "audio", "tool_calls[0]"].map(path);
    check(Dialect::Openai, &body, &events, &expected.each_ref().map(String::as_str));
}

#[test]
fn sources_and_items_of_the_provider_s_tools_are_named() {
    let source = json!({"type": "url_citation", "url": "https://cite.example"});
    let part = json!({"type": "output_text", "text": "hi", "annotations": [source]});
    let output = json!([
        {"type": "web_search_call", "id": "w", "status": "completed"},
        {"type": "message", "role": "assistant", "content": [part]},
        {"type": "image_generation_call", "id": "i", "result": "AA=="},
        {"type": "custom_tool_call", "call_id": "c", "name": "k", "input": "raw"},
    ]);
    let body = json!({"status": "completed", "output": output});
    let done =
        |place: usize| json!({"type": "response.output_item.done", "output_index": place, "item": output[place]});
    let end = json!({"type": "response.completed", "response": body});
    let expected = [
        "choices[0].output[0]",
        "choices[0].output[1].content[0].annotations",
        "choices[0].output[2]",
        "choices[0].output[3]",
    ];
    check(Dialect::OpenaiResponses, &body, &[done(0), done(1), done(2), done(3), end.clone()], &expected);
    check(Dialect::OpenaiResponses, &body, &[end], &expected);
}

#[test]
fn blocks_of_the_provider_s_tools_and_citations_are_named() {
    let cited = json!({"type": "web_search_result_location", "url": "https://cite.example"});
    let call = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}});
    let found = json!({"type": "web_search_tool_result", "tool_use_id": "s", "content": []});
    let text = json!({"type": "text", "text": "hi", "citations": [cited]});
    let body = json!({"content": [call, found, text], "stop_reason": "end_turn"});
    let begin =
        |index: u64, block: &Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let cites =
        json!({"type": "content_block_delta", "index": 2, "delta": {"type": "citations_delta", "citation": cited}});
    let plain = json!({"type": "text", "text": "", "citations": []});
    let events = [begin(0, &call), begin(1, &found), begin(2, &plain), cites.clone(), cites];
    let expected = ["choices[0].content[0]", "choices[0].content[1]", "choices[0].content[2].citations"];
    check(Dialect::Anthropic, &body, &events, &expected);
}

#[test]
fn where_an_answer_of_gemini_is_from_is_named() {
    let candidate = json!({"content": {"parts": [{"text": "hi"}, {"videoMetadata": {"fps": 1}}]}, "finishReason": "STOP",
        "groundingMetadata": {"webSearchQueries": ["x"]}, "citationMetadata": {"citationSources": [{"uri": "u"}]},
        "urlContextMetadata": {}});
    let body = json!({"candidates": [candidate]});
    let first = json!({"candidates": [{"content": {"parts": [{"text": "hi"}]}, "groundingMetadata": {}}]});
    let mut last = body.clone();
    last["candidates"][0]["content"]["parts"] = json!([{"videoMetadata": {"fps": 1}}]);
    let expected = ["choices[0].content[1]", "choices[0].groundingMetadata", "choices[0].citationMetadata"];
    check(Dialect::Gemini, &body, &[first, last], &expected);
}

#[test]
fn an_image_of_gemini_is_named_in_streams_too() {
    let parts = json!([{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]);
    let body = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]});
    for caller in [Dialect::Openai, Dialect::OpenaiResponses, Dialect::Anthropic] {
        assert_eq!(whole(Dialect::Gemini, caller, &body).len(), 1, "{caller:?}");
        let lost = streamed(Dialect::Gemini, caller, std::slice::from_ref(&body)).expect("a translation");
        assert_eq!(lost, ["choices[0].content[1]"], "{caller:?}");
    }
}
