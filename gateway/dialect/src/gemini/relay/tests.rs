//! Streams that stay in the dialect keep everything but our members and the model's name.

use crate::stream::{StreamFault, StreamOptions, Translator};
use crate::{Dialect, SseParser, UpstreamError};
use bytes::BytesMut;

fn options() -> StreamOptions {
    StreamOptions {
        model: "acme/small".into(),
        include_usage: true,
        opening_routing: vec![("routing".into(), br#"{"selected_model":"acme/small"}"#.to_vec())],
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "id-1".into(),
        created: 7,
        echo: crate::Echo::NONE,
    }
}

/// Passes events on; the last argument of the result is what the end is judged as.
fn relay(events: &[&str]) -> (Vec<String>, Result<(), StreamFault>) {
    let mut translator = Translator::new(Dialect::Gemini, Dialect::Gemini, options());
    let mut out = BytesMut::new();
    for event in events {
        if let Err(fault) = translator.push(format!("data: {event}\r\n\r\n").as_bytes(), &mut out) {
            return (Vec::new(), Err(fault));
        }
    }
    let end = translator.end();
    translator.close(&[("routing", br#"{"cost_usd":"0"}"#)], &mut out);
    let text = String::from_utf8(out.to_vec()).unwrap();
    let events = text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap().to_owned());
    (events.collect(), end)
}

const TEXT: &str =
    r#"{"candidates":[{"content":{"parts":[{"text":"a","new":1}],"role":"model"}}],"modelVersion":"g-3", "x":[1]}"#;
const LAST: &str = r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"routing":7,"usageMetadata":{"promptTokenCount":3}}"#;

#[test]
fn events_keep_what_we_do_not_know() {
    let (events, end) = relay(&[TEXT, LAST]);
    let expected = [
        r#"{"candidates":[{"content":{"parts":[{"text":"a","new":1}],"role":"model"}}],"modelVersion":"acme/small", "x":[1],"routing":{"selected_model":"acme/small"}}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"routing":{"cost_usd":"0"},"usageMetadata":{"promptTokenCount":3},"modelVersion":"acme/small"}"#,
    ];
    assert_eq!((events, end), (expected.map(str::to_owned).to_vec(), Ok(())));
}

#[test]
fn an_answer_in_one_event_is_opened_before_it() {
    let (events, end) = relay(&[LAST]);
    assert_eq!((events.len(), end), (2, Ok(())));
    assert!(events[0].contains(r#""parts":[{"text":""}]"#) && events[0].contains("selected_model"), "{}", events[0]);
    assert!(!events[0].contains("finishReason") && !events[0].contains("usageMetadata"), "{}", events[0]);
    assert!(events[1].contains("cost_usd") && !events[1].contains("selected_model"), "{}", events[1]);
}

#[test]
fn what_follows_the_end_carries_the_closing_members() {
    let (events, _) = relay(&[TEXT, LAST, r#"{"usageMetadata":{"promptTokenCount":4}}"#]);
    assert!(!events[1].contains("cost_usd") && events[1].contains("STOP"), "{}", events[1]);
    assert!(events[2].contains("cost_usd"), "{}", events[2]);
}

#[test]
fn an_answer_that_did_not_end_is_cut_off() {
    assert_eq!(relay(&[TEXT]).1, Err(StreamFault::Truncated));
    assert_eq!(relay(&[]).1, Err(StreamFault::Truncated));
}

#[test]
fn errors_in_the_stream_end_it() {
    let error = r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#;
    for event in [error.to_owned(), format!("[{error}]")] {
        let fault = relay(&[TEXT, &event]).1.unwrap_err();
        let StreamFault::Upstream(UpstreamError { message, status, .. }) = fault else { panic!("{fault}") };
        assert_eq!((message.as_str(), status), ("busy", Some(503)));
    }
    assert!(matches!(relay(&["7"]).1, Err(StreamFault::Malformed { .. })));
}

#[test]
fn a_blocked_prompt_is_an_answer() {
    let (events, end) = relay(&[r#"{"promptFeedback":{"blockReason":"SAFETY"},"modelVersion":"g"}"#]);
    assert_eq!(end, Ok(()));
    assert!(events[1].contains("blockReason") && !events[0].contains("promptFeedback"), "{events:?}");
}
