//! Streams of the dialect, read, written and relayed, wherever their bytes are cut.

#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::BytesMut;
use serde_json::{Value, json};

use crate::stream::{StreamFault, StreamOptions, Translator};
use crate::{Dialect, SseParser};

/// Each so manieth place is tried, a prime so that all parts of events have their turn.
const SOME: usize = 61;
const ROUTING: &[(&str, &[u8])] = &[("routing", br#"{"cost_usd":"0.1"}"#)];

fn golden(dialect: &str, name: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    std::fs::read_to_string(format!("{root}/tests/golden/{dialect}/streams/{name}.sse")).unwrap()
}

fn translator(from: Dialect, to: Dialect) -> Translator {
    let options = StreamOptions {
        model: "acme/one".into(),
        include_usage: true,
        opening_routing: vec![("routing".into(), br#"{"selected_model":"acme/one"}"#.to_vec())],
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "resp_x1".into(),
        created: 7,
        echo: crate::Echo::NONE,
    };
    Translator::new(from, to, options)
}

fn translate(from: Dialect, to: Dialect, pieces: &[&str]) -> (String, Result<(), StreamFault>) {
    let mut translator = translator(from, to);
    let mut out = BytesMut::new();
    for piece in pieces {
        if let Err(fault) = translator.push(piece.as_bytes(), &mut out) {
            return (String::from_utf8(out.to_vec()).unwrap(), Err(fault));
        }
    }
    let ending = translator.end();
    if ending.is_ok() {
        translator.close(ROUTING, &mut out);
    }
    (String::from_utf8(out.to_vec()).unwrap(), ending)
}

/// The output, which must be the same wherever the stream is cut: between any two characters, and once at many places.
fn any_cut(from: Dialect, to: Dialect, stream: &str) -> (Vec<Value>, Result<(), StreamFault>) {
    let whole = translate(from, to, &[stream]);
    let ends = stream.char_indices().map(|(at, _)| at).chain([stream.len()]).collect::<Vec<_>>();
    let characters: Vec<&str> = ends.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
    assert_eq!(translate(from, to, &characters), whole, "character by character");
    for cut in ends.iter().step_by(SOME) {
        assert_eq!(translate(from, to, &[&stream[..*cut], &stream[*cut..]]), whole, "cut at {cut}");
    }
    (events(&whole.0), whole.1)
}

fn events(out: &str) -> Vec<Value> {
    let data = out.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap_or_default()).collect()
}

fn from_chat(name: &str) -> Vec<Value> {
    let (events, ending) = any_cut(Dialect::Openai, Dialect::OpenaiResponses, &golden("openai", name));
    assert_eq!(ending, Ok(()), "{name}");
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number), "{name}");
    }
    events
}

fn to_chat(name: &str) -> (Vec<Value>, Result<(), StreamFault>) {
    any_cut(Dialect::OpenaiResponses, Dialect::Openai, &golden("openai_responses", name))
}

#[test]
fn a_text_is_written_with_every_event_of_its_life() {
    let events = from_chat("text");
    assert_eq!(
        kinds(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let (first, last) = (&events[0], &events[10]);
    assert_eq!(first["routing"], first["response"]["routing"]);
    assert_eq!(first["routing"]["selected_model"], "acme/one");
    assert_eq!(
        (&last["routing"], &last["response"]["routing"]),
        (&json!({"cost_usd": "0.1"}), &json!({"cost_usd": "0.1"}))
    );
    assert_eq!(last["response"]["output"][0], events[9]["item"]);
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], "The Danube, the Mekong and the Nile — ünd mehr.");
    assert_eq!(last["response"]["usage"]["input_tokens_details"]["cached_tokens"], 8);
    assert!(events[1].get("routing").is_none());
}

#[test]
fn interleaved_calls_keep_their_arguments_apart() {
    let events = from_chat("tools_parallel");
    let output = events.last().unwrap()["response"]["output"].clone();
    assert_eq!(output[1]["arguments"], r#"{"city":"Oslo"}"#);
    assert_eq!(output[2]["arguments"], r#"{"city":"Rome","unit":"C"}"#);
    assert_eq!(output[2]["extra_content"]["google"]["thought_signature"], "Cg==");
    let count = |kind: &str| kinds(&events).iter().filter(|it| **it == kind).count();
    assert_eq!((count("response.output_item.added"), count("response.output_item.done")), (3, 3));
    for (place, event) in events.iter().filter(|it| it["type"] == "response.output_item.added").enumerate() {
        assert_eq!(event["output_index"], json!(place));
    }
}

#[test]
fn thoughts_and_their_proof_are_items() {
    let events = from_chat("thinking");
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["summary"], json!([{"type": "summary_text", "text": "Try small primes."}]));
    assert_eq!(
        (&output[0]["encrypted_content"], &output[1]["content"][0]["text"]),
        (&json!("sig-1"), &json!("Yes, 2027 is a prime."))
    );
    let withheld = from_chat("withheld_thinking");
    let output = &withheld.last().unwrap()["response"]["output"];
    assert_eq!((&output[0]["summary"], &output[0]["encrypted_content"]), (&json!([]), &json!("withheld-1")));
}

#[test]
fn an_answer_cut_off_or_refused_ends_as_such() {
    let events = from_chat("cut_off");
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.incomplete"), &json!("incomplete")));
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    let events = from_chat("refusal");
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["response"]["output"][0]["content"][0]["refusal"]),
        (&json!("response.completed"), &json!("I will not help with that."))
    );
}

#[test]
fn a_stream_of_the_dialect_says_the_same_in_chat() {
    let (events, ending) = to_chat("text");
    assert_eq!(ending, Ok(()));
    let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "The Danube, the Mekong and the Nile — ünd mehr.");
    let usage = &events.last().unwrap()["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["prompt_tokens_details"]["cached_tokens"]), (&json!(14), &json!(8)));

    let (events, _) = to_chat("tools_parallel");
    let arguments = |call: u64| -> String {
        let calls = events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].get(0));
        calls.filter(|it| it["index"] == call).filter_map(|it| it["function"]["arguments"].as_str()).collect()
    };
    assert_eq!((arguments(0).as_str(), arguments(1).as_str()), (r#"{"city":"Oslo"}"#, r#"{"city":"Rome","unit":"C"}"#));

    let (events, _) = to_chat("thinking");
    let thoughts: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["reasoning_content"].as_str()).collect();
    assert_eq!(thoughts, "Try small primes.\n\nNone divides.");
    assert!(
        events.iter().any(|event| event["choices"][0]["delta"]["reasoning_details"][0]["signature"] == "gAAAAABproof")
    );
}

#[test]
fn what_comes_only_with_whole_items_is_told_once() {
    let (events, ending) = to_chat("whole_items_only");
    assert_eq!(ending, Ok(()));
    let text: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "All at once.");
    let calls: Vec<_> = events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].get(0)).collect();
    assert_eq!(calls[1]["function"]["arguments"], r#"{"city":"Oslo"}"#);
    assert_eq!(calls.len(), 2);
}

#[test]
fn errors_and_cuts_never_end_cleanly() {
    for to in [Dialect::Openai, Dialect::OpenaiResponses] {
        for (name, message) in [("error_event", "the model fell over"), ("failed", "too many tokens this minute")] {
            let (events, ending) = any_cut(Dialect::OpenaiResponses, to, &golden("openai_responses", name));
            let Err(StreamFault::Upstream(error)) = ending else { panic!("{name}: {ending:?}") };
            assert_eq!(error.message, message);
            assert!(!kinds(&events).contains(&"response.completed"));
        }
        let stream = golden("openai_responses", "text");
        for end in (0..stream.len() - 1).filter(|end| stream.is_char_boundary(*end)).step_by(SOME) {
            let (out, ending) = translate(Dialect::OpenaiResponses, to, &[&stream[..end]]);
            assert_eq!(ending, Err(StreamFault::Truncated), "ended after {end}");
            assert!(!out.contains("response.completed") && !out.contains("[DONE]"));
        }
    }
    for bad in ["{", "7", "[]", "nonsense"] {
        let ending = translate(Dialect::OpenaiResponses, Dialect::Openai, &[&format!("data: {bad}\n\n")]).1;
        assert!(matches!(ending, Err(StreamFault::Malformed { .. })), "{bad}");
    }
}

fn relayed(name: &str) -> Vec<Value> {
    let stream = golden("openai_responses", name);
    let (events, ending) = any_cut(Dialect::OpenaiResponses, Dialect::OpenaiResponses, &stream);
    assert_eq!(ending, Ok(()), "{name}");
    events
}

#[test]
fn a_relayed_stream_changes_nothing_but_model_and_routing() {
    for name in ["text", "tools_parallel", "thinking", "withheld_thinking", "cut_off", "refusal", "unknown_events"] {
        let mut sent = relayed(name);
        let mut came = events(&golden("openai_responses", name));
        assert_eq!(sent[0]["routing"], json!({"selected_model": "acme/one"}), "{name}");
        assert_eq!(sent.last().unwrap()["response"]["routing"], json!({"cost_usd": "0.1"}), "{name}");
        let with_routing = sent.iter().filter(|event| event.get("routing").is_some()).count();
        assert_eq!(with_routing, 2, "{name}");
        for event in sent.iter_mut().chain(&mut came) {
            event.as_object_mut().unwrap().remove("routing");
            if let Some(response) = event.get_mut("response") {
                response.as_object_mut().unwrap().remove("routing");
                response["model"] = json!("m");
            }
        }
        assert_eq!(sent, came, "{name}");
    }
}

#[test]
fn a_relayed_stream_keeps_event_names_and_bytes() {
    let stream = golden("openai_responses", "text");
    let (out, _) = translate(Dialect::OpenaiResponses, Dialect::OpenaiResponses, &[&stream]);
    for line in stream.lines().filter(|line| line.contains("output_text.delta")) {
        assert!(out.lines().any(|sent| sent == line), "{line}");
    }
    assert!(!out.contains("native-1") && !out.contains("[DONE]"));
    // What ends the answer waits until the call is recorded.
    let mut translator = translator(Dialect::OpenaiResponses, Dialect::OpenaiResponses);
    let mut early = BytesMut::new();
    let progress = translator.push(stream.as_bytes(), &mut early).unwrap();
    assert!(progress.terminal && !String::from_utf8_lossy(&early).contains("response.completed"));
    assert_eq!(translator.usage().unwrap().cache_write_tokens, 2);
    assert_eq!(translator.served_model(), Some("native-1"));
}

#[test]
fn an_upstreams_own_routing_does_not_pass() {
    let stream = golden("openai_responses", "text")
        .replace(r#""object":"response""#, r#""object":"response","routing":{"x":1},"dari_routing":2"#);
    let (out, _) = translate(Dialect::OpenaiResponses, Dialect::OpenaiResponses, &[&stream]);
    assert!(!out.contains(r#""x":1"#) && !out.contains("dari_routing"));
}

#[test]
fn usage_that_the_upstream_did_not_tell_is_supplied() {
    let event = r#"{"type":"response.completed","response":{"id":"r","model":"n","status":"completed","usage":null,"output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}]}}"#;
    let mut translator = translator(Dialect::OpenaiResponses, Dialect::OpenaiResponses);
    let mut out = BytesMut::new();
    translator.push(format!("data: {event}\n\n").as_bytes(), &mut out).unwrap();
    assert_eq!((translator.end(), translator.usage()), (Ok(()), None));
    translator.supply_usage(domain::Usage { prompt_tokens: 3, completion_tokens: 1, ..domain::Usage::default() });
    translator.close(ROUTING, &mut out);
    let events = events(std::str::from_utf8(&out).unwrap());
    assert_eq!(events[0]["response"]["usage"]["input_tokens"], 3);
    assert_eq!(events[0]["routing"], json!({"cost_usd": "0.1"}));
}

#[test]
fn the_number_that_follows_is_known_wherever_a_stream_breaks() {
    for from in [Dialect::OpenaiResponses, Dialect::Openai] {
        let name = if from == Dialect::Openai { "openai" } else { "openai_responses" };
        let stream = golden(name, "text");
        for end in stream.match_indices("\n\n").map(|(at, _)| at + 2).filter(|end| *end < stream.len() / 2) {
            let mut translator = translator(from, Dialect::OpenaiResponses);
            let mut out = BytesMut::new();
            translator.push(&stream.as_bytes()[..end], &mut out).unwrap();
            let written = events(std::str::from_utf8(&out).unwrap()).len();
            assert_eq!(translator.next_number(), written as u64, "{name} broken at {end}");
        }
    }
}
