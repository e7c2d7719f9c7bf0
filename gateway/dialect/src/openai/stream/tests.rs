//! Streams: golden translations at every cut, faults, and ends that are none.

#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const OPENING: &[u8] = br#"{"selected_model":"acme/one"}"#;
const CLOSING: &[(&str, &[u8])] = &[("routing", br#"{"cost_usd":"0.1"}"#)];

/// A translated stream: what went out, how it ended, and what was learned.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Before the end.
    sent: String,
    /// After it.
    closed: String,
    result: Result<(), StreamFault>,
    progress: Progress,
    usage: Option<Usage>,
    served_model: Option<String>,
    finish_reason: Option<String>,
    estimate: u64,
}

fn translator(include_usage: bool) -> StreamTranslator {
    StreamTranslator::new(StreamOptions {
        model: "acme/one".into(),
        include_usage,
        opening_routing: vec![("routing".into(), OPENING.to_vec())],
        max_event_bytes: 4096,
        id: "chatcmpl-1".into(),
        created: 7,
        echo: crate::Echo::NONE,
    })
}

fn translate(pieces: &[&[u8]], include_usage: bool) -> Outcome {
    let mut translator = translator(include_usage);
    let mut sent = BytesMut::new();
    let pushed = pieces.iter().try_for_each(|piece| translator.push(piece, &mut sent).map(drop));
    let result = pushed.and_then(|()| translator.end());
    let mut closed = BytesMut::new();
    if result.is_ok() {
        translator.close(CLOSING, &mut closed);
    }
    let text = |bytes: BytesMut| String::from_utf8(bytes.to_vec()).unwrap();
    Outcome {
        sent: text(sent),
        closed: text(closed),
        result,
        progress: translator.progress(),
        usage: translator.usage(),
        served_model: translator.served_model().map(Into::into),
        finish_reason: translator.finish_reason().map(Into::into),
        estimate: translator.estimated_completion(),
    }
}

/// Translates a stream, and asserts that no way of cutting it in two, nor into bytes, makes a difference.
#[track_caller]
fn any_cut(stream: &str, include_usage: bool) -> Outcome {
    let stream = stream.as_bytes();
    let whole = translate(&[stream], include_usage);
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        assert_eq!(translate(&[head, tail], include_usage), whole, "cut at {cut}");
    }
    let bytes: Vec<_> = stream.chunks(1).collect();
    assert_eq!(translate(&bytes, include_usage), whole, "byte by byte");
    whole
}

/// The events of an output, each parsed, `[DONE]` as text.
fn events(output: &str) -> Vec<Value> {
    let data = |event: &str| {
        let data = event.strip_prefix("data: ").unwrap();
        if data == "[DONE]" { Value::from(data) } else { serde_json::from_str(data).unwrap() }
    };
    output.split_terminator("\n\n").map(data).collect()
}

fn chunk(delta: &str, finish: &str) -> String {
    format!(
        r#"{{"id":"c-1","created":5,"model":"native-1","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
    )
}

fn stream_of(chunks: &[String]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect::<Vec<_>>().concat()
}

const USAGE: &str = r#"{"id":"c-1","model":"native-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"x":1}}"#;

fn plain() -> Vec<String> {
    vec![
        chunk(r#"{"role":"assistant","content":""}"#, "null"),
        chunk(r#"{"content":"Hel"}"#, "null"),
        chunk(r#"{"content":"lo é😀"}"#, "null"),
        chunk("{}", "\"stop\""),
    ]
}

fn with(mut chunks: Vec<String>, more: &[&str]) -> String {
    chunks.extend(more.iter().map(ToString::to_string));
    stream_of(&chunks)
}

#[test]
fn a_plain_stream_comes_out_renamed_with_routing_at_both_ends() {
    let outcome = any_cut(&with(plain(), &[USAGE, "[DONE]"]), false);
    let sent = concat!(
        r#"data: {"id":"c-1","created":5,"model":"acme/one","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"routing":{"selected_model":"acme/one"}}"#,
        "\n\n",
        r#"data: {"id":"c-1","created":5,"model":"acme/one","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"c-1","created":5,"model":"acme/one","choices":[{"index":0,"delta":{"content":"lo é😀"},"finish_reason":null}]}"#,
        "\n\n",
    );
    let closed = concat!(
        r#"data: {"id":"c-1","created":5,"model":"acme/one","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"routing":{"cost_usd":"0.1"}}"#,
        "\n\ndata: [DONE]\n\n",
    );
    assert_eq!((outcome.sent.as_str(), outcome.closed.as_str()), (sent, closed));
    assert_eq!(outcome.result, Ok(()));
    assert_eq!(outcome.progress, Progress { content: true, finished: true, terminal: true });
    assert_eq!(outcome.usage.map(|usage| usage.total_tokens()), Some(12));
    assert_eq!((outcome.served_model.as_deref(), outcome.finish_reason.as_deref()), (Some("native-1"), Some("stop")));
    assert_eq!(outcome.estimate, 2 + 2);
}

#[test]
fn usage_goes_to_those_who_asked_last_before_the_marker() {
    let outcome = any_cut(&with(plain(), &[USAGE, "[DONE]"]), true);
    let closed = events(&outcome.closed);
    assert_eq!(closed.len(), 3);
    assert_eq!(
        closed[1],
        serde_json::json!({"id": "c-1", "model": "acme/one", "choices": [],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12, "x": 1}})
    );
    assert_eq!(closed[2], "[DONE]");
}

#[test]
fn usage_on_content_chunks_is_taken_off_and_the_last_counts() {
    let usage = |tokens: u32| format!(r#","usage":{{"prompt_tokens":9,"completion_tokens":{tokens}}}}}"#);
    let chunks: Vec<_> = plain()
        .iter()
        .zip(1..)
        .map(|(chunk, tokens)| format!("{}{}", &chunk[..chunk.len() - 1], usage(tokens)))
        .collect();
    for include_usage in [false, true] {
        let outcome = any_cut(&stream_of(&chunks), include_usage);
        assert_eq!(outcome.usage.map(|usage| usage.completion_tokens), Some(4));
        assert!(!outcome.sent.contains("usage"));
        let closed = events(&outcome.closed);
        assert!(closed[0].get("usage").is_none());
        assert_eq!(closed.len(), if include_usage { 3 } else { 2 });
        if include_usage {
            assert_eq!(closed[1]["usage"]["completion_tokens"], 4);
            assert_eq!((&closed[1]["id"], &closed[1]["choices"]), (&"c-1".into(), &Value::Array(vec![])));
        }
    }
}

#[test]
fn null_usage_is_kept_for_those_who_asked() {
    let chunks: Vec<_> =
        plain().iter().map(|chunk| format!(r#"{},"usage":null}}"#, &chunk[..chunk.len() - 1])).collect();
    assert_eq!(any_cut(&stream_of(&chunks), true).sent.matches(r#""usage":null"#).count(), 3);
    assert!(!any_cut(&stream_of(&chunks), false).sent.contains("usage"));
}

#[test]
fn supplied_usage_fills_in_for_a_silent_upstream_only() {
    let ours = Usage { prompt_tokens: 1, completion_tokens: 2, estimated: true, ..Usage::default() };
    for (more, total) in [(&[][..], 3), (&[USAGE][..], 12)] {
        let mut translator = translator(true);
        let mut out = BytesMut::new();
        translator.push(with(plain(), more).as_bytes(), &mut out).unwrap();
        translator.end().unwrap();
        translator.supply_usage(ours);
        out.clear();
        translator.close(&[], &mut out);
        assert_eq!(translator.usage().map(|usage| usage.total_tokens()), Some(total));
        assert_eq!(events(std::str::from_utf8(&out).unwrap())[1]["usage"]["total_tokens"], total);
    }
}

#[test]
fn a_count_of_nothing_is_kept_beside_nothing_and_replaced_beside_words() {
    let zero = r#"{"id":"c-1","model":"native-1","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#;
    let ours = Usage { prompt_tokens: 5, completion_tokens: 1, estimated: true, ..Usage::default() };
    for (content, told, passed) in [(r#"{"content":"a"}"#, None, 5), ("{}", Some(0), 0)] {
        let mut translator = translator(true);
        let mut out = BytesMut::new();
        let stream = stream_of(&[chunk(content, "null"), chunk("{}", "\"stop\""), zero.to_owned()]);
        translator.push(stream.as_bytes(), &mut out).unwrap();
        assert_eq!(translator.usage().map(|usage| usage.total_tokens()), told, "{content}");
        out.clear();
        translator.supply_usage(translator.usage().unwrap_or(ours));
        translator.close(&[], &mut out);
        let events = events(std::str::from_utf8(&out).unwrap());
        assert_eq!(events[events.len() - 2]["usage"]["prompt_tokens"], passed, "{content}");
    }
}

#[test]
fn only_content_counts_as_content() {
    let content = |delta: &str| translate(&[stream_of(&[chunk(delta, "null")]).as_bytes()], false).progress.content;
    for delta in [
        r#"{"content":"a"}"#,
        r#"{"reasoning":"a"}"#,
        r#"{"reasoning_content":"a"}"#,
        r#"{"refusal":"a"}"#,
        r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
        r#"{"function_call":{"name":"f"}}"#,
        r#"{"audio":{"id":"a"}}"#,
        r#"{"images":[{"image_url":{"url":"x"}}]}"#,
        r#"{"content":[{"type":"text","text":"a"}]}"#,
    ] {
        assert!(content(delta), "{delta}");
    }
    for delta in [
        "{}",
        "null",
        r#"{"role":"assistant"}"#,
        r#"{"content":"","tool_calls":[],"refusal":null}"#,
        r#"{"content":[ ]}"#,
    ] {
        assert!(!content(delta), "{delta}");
    }
}

#[test]
fn tool_calls_pass_untouched_and_count_without_their_frame() {
    let chunks = [
        chunk(
            r#"{"role":"assistant","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"look","arguments":""}}]}"#,
            "null",
        ),
        chunk(
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\\u00e9"}},{"index":1,"function":{"arguments":"{}"}}]}"#,
            "null",
        ),
        chunk("{}", "\"tool_calls\""),
    ];
    let outcome = any_cut(&with(chunks.to_vec(), &["[DONE]"]), false);
    assert!(outcome.sent.contains(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\\u00e9"}},{"index":1,"function":{"arguments":"{}"}}]}"#));
    assert_eq!(outcome.finish_reason.as_deref(), Some("tool_calls"));
    // look + {"a\u00e9 + {}
    assert_eq!(outcome.estimate, (4 + 9 + 2_u64).div_ceil(4));
}

#[test]
fn several_choices_end_one_by_one_in_order() {
    let of = |index: u32, delta: &str, finish: &str| {
        format!(r#"{{"choices":[{{"index":{index},"delta":{delta},"finish_reason":{finish}}}],"model":"m"}}"#)
    };
    let chunks = vec![
        of(0, r#"{"content":"a"}"#, "null"),
        of(1, r#"{"content":"b"}"#, "null"),
        of(0, "{}", "\"stop\""),
        of(1, r#"{"content":"c"}"#, "null"),
        of(1, "{}", "\"length\""),
    ];
    let outcome = any_cut(&stream_of(&chunks), false);
    let indices: Vec<_> =
        events(&outcome.sent).iter().map(|event| event["choices"][0]["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [0, 1, 0, 1]);
    let closed = events(&outcome.closed);
    assert_eq!((&closed[0]["choices"][0]["index"], &closed[0]["routing"]["cost_usd"]), (&1.into(), &"0.1".into()));
    assert_eq!(outcome.sent.matches("routing").count(), 1);

    for unfinished in [stream_of(&chunks[..4]), with(chunks[..4].to_vec(), &["[DONE]"])] {
        let unfinished = any_cut(&unfinished, false);
        assert_eq!(unfinished.result, Err(StreamFault::Truncated));
        assert!(!unfinished.progress.finished);
    }
}

#[test]
fn line_endings_bom_comments_and_several_data_lines_make_no_difference() {
    let expected = any_cut(&with(plain(), &[USAGE, "[DONE]"]), true);
    let stream = with(plain(), &[USAGE, "[DONE]"]);
    for other in [
        stream.replace('\n', "\r\n"),
        stream.replace('\n', "\r"),
        format!("\u{feff}{stream}"),
        stream.replace("data: ", "data:"),
        stream.replace("data: ", ": keep-alive\n\nevent: message\nid: 1\ndata: "),
    ] {
        assert_eq!(any_cut(&other, true), expected);
    }
    let several = any_cut(&stream.replace("\"created\"", "\ndata: \"created\""), true);
    assert_eq!(events(&several.sent), events(&expected.sent));
    assert_eq!(events(&several.closed), events(&expected.closed));
}

#[test]
fn a_stream_without_its_end_is_truncated_never_complete() {
    let stream = stream_of(&plain());
    let first_end = stream.find("\n\n").unwrap() + 2;
    assert_eq!(any_cut("", false).result, Err(StreamFault::Truncated));
    assert_eq!(any_cut(&stream[..first_end], false).result, Err(StreamFault::Truncated));
    for end in 0..stream.len() {
        let outcome = translate(&[&stream.as_bytes()[..end]], false);
        assert_eq!(outcome.result, Err(StreamFault::Truncated), "ended after {end} of {} bytes", stream.len());
        assert!(!outcome.sent.contains("[DONE]") && !outcome.sent.contains("stop"));
    }
    assert_eq!(translate(&[stream.as_bytes()], false).result, Ok(()));
}

#[test]
fn a_cut_after_the_finish_reason_is_truncated_too() {
    let stream = with(plain(), &[USAGE]);
    assert_eq!(translate(&[&stream.as_bytes()[..stream.len() - 9]], false).result, Err(StreamFault::Truncated));
}

#[test]
fn a_marker_ends_a_stream_only_behind_a_finish_reason() {
    let whole = stream_of(&plain());
    for marker in ["", "data: [DONE]\n\n", "data: [DONE]"] {
        assert_eq!(any_cut(&format!("{whole}{marker}"), false).result, Ok(()), "{marker:?}");
    }
    let begun = plain()[..3].to_vec();
    for stream in [
        with(begun.clone(), &["[DONE]"]),
        with(begun[..1].to_vec(), &["[DONE]"]),
        stream_of(&begun) + "data: [DONE]",
        with(begun.clone(), &[USAGE, "[DONE]"]),
        with(begun, &[r#"{"choices":[{"index":0,"delta":{},"finish_reason":""}]}"#, "[DONE]"]),
        "data: [DONE]\n\n".to_owned(),
    ] {
        let outcome = any_cut(&stream, false);
        assert_eq!(outcome.result, Err(StreamFault::Truncated), "{stream}");
        assert!(!outcome.progress.terminal && !outcome.sent.contains("[DONE]"), "{stream}");
    }
}

#[test]
fn what_comes_behind_the_finish_chunk_leaves_the_closing_members_a_chunk_of_ours() {
    let late = r#"{"id":"c-1","choices":[{"index":0,"delta":{},"finish_reason":null}]}"#;
    let outcome = any_cut(&with(plain(), &[late, "[DONE]"]), false);
    assert_eq!(outcome.result, Ok(()));
    let closed = events(&outcome.closed);
    assert_eq!((&closed[0]["routing"]["cost_usd"], &closed[0]["id"]), (&"0.1".into(), &"c-1".into()));
}

#[test]
fn nothing_after_the_marker_counts() {
    let outcome = any_cut(&with(plain(), &["[DONE]", "{broken", r#"{"error":{"message":"late"}}"#]), false);
    assert_eq!(outcome.result, Ok(()));
}

#[test]
fn a_stream_of_one_chunk_carries_both_routing_objects() {
    let outcome = any_cut(&stream_of(&[chunk(r#"{"content":"all"}"#, "\"stop\"")]), false);
    assert!(outcome.sent.is_empty() && outcome.progress.content && outcome.progress.finished);
    let closed = events(&outcome.closed);
    assert_eq!(closed[0]["routing"]["selected_model"], "acme/one");
    assert_eq!(closed[0]["choices"], serde_json::json!([{"index": 0, "delta": {}, "finish_reason": null}]));
    assert_eq!(closed[1]["choices"][0]["delta"]["content"], "all");
    assert_eq!(closed[1]["routing"]["cost_usd"], "0.1");
}

#[test]
fn malformed_chunks_never_go_on() {
    for bad in [
        "{",
        "nonsense",
        "[]",
        "7",
        r#"{"choices":{}}"#,
        r#"{"choices":[7]}"#,
        r#"{"choices":[{"delta":"x"}]}"#,
        r#"{"choices":[{"index":-1}]}"#,
        "{} {}",
        r#"{"choices":[{"delta":{"content":"a"}}}"#,
    ] {
        let outcome = any_cut(&with(plain()[..2].to_vec(), &[bad]), false);
        assert!(matches!(outcome.result, Err(StreamFault::Malformed { .. })), "{bad}: {:?}", outcome.result);
        assert_eq!(events(&outcome.sent).len(), 2);
    }
    let invalid = [stream_of(&plain()[..2]).as_bytes(), b"data: {\"choices\":[],\"x\":\"\xff\"}\n\n"].concat();
    assert!(matches!(translate(&[&invalid], false).result, Err(StreamFault::Malformed { .. })));
}

#[test]
fn deep_nesting_is_malformed() {
    let deep = format!(r#"{{"choices":[{{"delta":{{"x":{}{}}}}}]}}"#, "[".repeat(1500), "]".repeat(1500));
    assert!(matches!(translate(&[stream_of(&[deep]).as_bytes()], false).result, Err(StreamFault::Malformed { .. })));
}

#[test]
fn upstream_errors_are_recognised_in_every_form() {
    for (event, message, status) in [
        (r#"data: {"error":{"message":"busy","code":502}}"#, "busy", Some(502)),
        (r#"data: {"error":"busy"}"#, "busy", None),
        ("event: error\ndata: {\"message\":\"busy\"}", "busy", None),
        ("event: error\ndata: busy", "busy", None),
        (r#"data: {"object":"error","message":"busy"}"#, "busy", None),
        (
            r#"data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":503,"message":"busy"}}"#,
            "busy",
            Some(503),
        ),
    ] {
        let outcome = any_cut(&format!("{}{event}\n\n", stream_of(&plain()[..2])), false);
        let Err(StreamFault::Upstream(error)) = outcome.result else { panic!("{event}: {:?}", outcome.result) };
        assert_eq!((error.message.as_str(), error.status), (message, status), "{event}");
        assert_eq!(events(&outcome.sent).len(), 2);
    }
    let finish = any_cut(&stream_of(&[chunk("{}", "\"error\"")]), false);
    assert!(matches!(finish.result, Err(StreamFault::Upstream(_))));
}

#[test]
fn json_and_html_bodies_are_no_streams() {
    for body in ["{\"error\":{\"message\":\"x\"}}", "<html>\n</html>\n"] {
        assert_eq!(any_cut(body, false).result, Err(StreamFault::NotEvents));
    }
}

#[test]
fn an_event_over_the_cap_is_a_fault() {
    let long = chunk(&format!(r#"{{"content":"{}"}}"#, "x".repeat(5000)), "null");
    assert_eq!(translate(&[stream_of(&[long]).as_bytes()], false).result, Err(StreamFault::TooLong { limit: 4096 }));
}

#[test]
fn pings_are_dropped_and_counted() {
    let mut translator = translator(false);
    let mut out = BytesMut::new();
    translator.push(b"event: ping\ndata: {\"type\":\"ping\"}\n\n", &mut out).unwrap();
    assert_eq!((translator.ignored_events(), out.len()), (1, 0));
}

#[test]
fn an_upstreams_own_routing_does_not_pass() {
    let chunks: Vec<_> =
        plain().iter().map(|chunk| chunk.replacen('{', r#"{"routing":{"x":1},"dari_routing":7,"#, 1)).collect();
    let outcome = any_cut(&stream_of(&chunks), false);
    assert_eq!(events(&outcome.sent)[0]["routing"]["selected_model"], "acme/one");
    assert!(!outcome.sent.contains(r#""x":1"#) && !outcome.sent.contains("dari_routing"));
    assert_eq!(outcome.sent.matches("\"routing\"").count(), 1);
}

#[test]
fn a_filter_chunk_without_choices_passes() {
    let filter = r#"{"choices":[],"model":"","prompt_filter_results":[{"prompt_index":0}]}"#;
    let outcome = any_cut(&stream_of(&[&[filter.to_owned()], &plain()[..]].concat()), false);
    assert!(events(&outcome.sent)[0]["prompt_filter_results"].is_array());
    assert_eq!(events(&outcome.sent)[0]["routing"]["selected_model"], "acme/one");
}

#[test]
fn without_routing_only_the_model_changes() {
    let mut translator = StreamTranslator::new(StreamOptions {
        model: "acme/one".into(),
        include_usage: true,
        opening_routing: Vec::new(),
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "chatcmpl-1".into(),
        created: 7,
        echo: crate::Echo::NONE,
    });
    let stream = with(plain(), &[USAGE, "[DONE]"]);
    let mut out = BytesMut::new();
    translator.push(stream.as_bytes(), &mut out).unwrap();
    translator.close(&[], &mut out);
    assert_eq!(out, stream.replace("native-1", "acme/one").as_bytes());
}

proptest! {
    #[test]
    fn cuts_do_not_matter(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20), crlf in any::<bool>(), usage in any::<bool>()) {
        let stream = with(plain(), &[USAGE, "[DONE]"]).replace('\n', if crlf { "\r\n" } else { "\n" });
        let stream = stream.as_bytes();
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).chain([0, stream.len()]).collect();
        places.sort_unstable();
        let pieces: Vec<_> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(translate(&pieces, usage), translate(&[stream], usage));
    }

    #[test]
    fn arbitrary_bytes_are_translated_alike_at_any_cut(data in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz::sse(&data);
    }

    #[test]
    fn damaged_streams_keep_their_laws(place in any::<u8>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), usage in any::<bool>()) {
        let mut stream = with(plain(), &[USAGE, "[DONE]"]).into_bytes();
        let at = at.index(stream.len());
        stream[at] = byte;
        crate::fuzz::sse(&[&[place][..], &stream].concat());
        // What goes out is JSON, whatever came in.
        events(&translate(&[&stream], usage).sent);
    }
}
