//! Estimates of answers in every vendor's shape, wherever they are cut.

use super::super::Meter;

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// The estimate of an answer, wherever it is cut.
#[track_caller]
fn check(media_type: &str, body: &str, expected: u64) {
    for cut in 0..=body.len() {
        let mut meter = Meter::new(Some(media_type));
        meter.push(&body.as_bytes()[..cut]);
        meter.push(&body.as_bytes()[cut..]);
        let heard = meter.end();
        assert_eq!((heard.usage, heard.estimated_completion()), (None, Some(expected)), "{body} cut at {cut}");
    }
}

fn events(events: &[&str]) -> String {
    events.iter().flat_map(|event| ["data: ", event, "\n\n"]).collect()
}

#[test]
fn the_text_of_every_vendors_stream_counts() {
    let chat = [
        r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
        r#"{"choices":[{"delta":{"content":"Twelve bytes"}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":"and 8 on","reasoning_content":"and 8 on"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"find","arguments":"{}{}"}}]}}]}"#,
        "[DONE]",
    ];
    check(EVENTS, &events(&chat), 7);
    let messages = [
        r#"{"type":"message_start","message":{"content":[]}}"#,
        r#"{"type":"content_block_start","content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"Twelve bytes"}}"#,
        r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"four"}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    check(EVENTS, &events(&messages), 4);
    let gemini = [r#"{"candidates":[{"content":{"parts":[{"text":"Twelve bytes"}]}}]}"#; 2];
    check(EVENTS, &events(&gemini), 6);
    check(JSON, &format!("[{}]", gemini.join(",")), 6);
    let responses = [
        r#"{"type":"response.created","response":{"output":[]}}"#,
        r#"{"type":"response.output_text.delta","delta":"Twelve bytes"}"#,
        r#"{"type":"response.output_text.done","text":"Twelve bytes"}"#,
        r#"{"type":"response.completed","response":{"object":"response","output":[{"content":[{"text":"Twelve bytes"}]}]}}"#,
    ];
    check(EVENTS, &events(&responses), 3);
    check(EVENTS, &events(&[responses[0], responses[2], responses[3]]), 3);
}

#[test]
fn the_text_of_every_vendors_document_counts() {
    check(JSON, r#"{"choices":[{"message":{"content":"Twelve bytes"}},{"text":"four"}]}"#, 4);
    check(
        JSON,
        r#"{"type":"message","content":[{"type":"text","text":"Twelve bytes"},{"name":"find","input":{}}]}"#,
        5,
    );
    check(JSON, r#"{"object":"response","output":[{"content":[{"text":"Twelve bytes"}]},{"arguments":"{}{}"}]}"#, 4);
    check(JSON, r#"{"choices":[{"message":{"content":null}}]}"#, 0);
}

#[test]
fn what_cannot_be_read_counts_by_its_length() {
    check(JSON, r#"{"result":"of a shape of its own"}"#, 8);
    check("text/plain", "words and nothing but words!", 7);
    let mut packed = Meter::deaf();
    packed.push(&[0; 41]);
    assert_eq!(packed.end().estimated_completion(), Some(10));
    let mut long = Meter::new(Some(EVENTS));
    long.push(events(&[r#"{"choices":[{"delta":{"content":"Twelve bytes"}}]}"#]).as_bytes());
    long.push(&vec![b'x'; 2 << 20]);
    assert!(long.end().estimated_completion() > Some(500_000));
}

#[test]
fn media_are_no_text() {
    let mut meter = Meter::new(Some("audio/mpeg"));
    meter.push(&[0; 4_096]);
    assert_eq!(meter.end().estimated_completion(), None);
}

/// What is believed of an answer that tells its usage, wrongly.
#[track_caller]
fn told(body: &str, expected: Option<(u64, u64, bool)>) {
    let mut meter = Meter::new(Some(EVENTS));
    meter.push(body.as_bytes());
    let usage = meter.end().usage;
    assert_eq!(usage.map(|it| (it.prompt_tokens, it.completion_tokens, it.estimated)), expected, "{body}");
}

#[test]
fn a_count_that_cannot_be_all_is_made_up_for() {
    let word = r#"{"choices":[{"delta":{"content":"Twelve bytes"}}]}"#;
    let zeros = r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#;
    told(&events(&[word, zeros, "[DONE]"]), None);
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#;
    let text = r#"{"type":"content_block_delta","delta":{"text":"Twelve bytes"}}"#;
    told(&events(&[start, text]), Some((9, 3, true)));
    let stop = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#;
    let end = r#"{"type":"message_stop"}"#;
    told(&events(&[start, text, stop, end]), Some((9, 2, false)));
    told(&events(&[start]), Some((9, 1, false)));
}
