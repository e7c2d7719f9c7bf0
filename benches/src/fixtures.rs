//! Inputs of known size: prompts, requests, answers and streams in the `OpenAI` dialect.
//!
//! Made by rule, so that every run and every machine measures the same bytes.

use std::fmt::Write as _;

const SENTENCES: [&str; 8] = [
    "The harbour master keeps a ledger of every vessel that passes the outer light, with its draught and cargo.",
    "Please compare the three schedules below and say which of them leaves the most slack for the night shift.",
    "When the tide turns before the pilot arrives, the tug has to wait outside the bar for almost two hours.",
    "Write a function that takes the readings of a gauge and returns the longest interval without a reversal.",
    "Nobody had expected the signal at the junction to fail twice within the same week of fine weather.",
    "Explain each step so that an apprentice who has never seen the mechanism could repeat it alone.",
    "If the sum of two consecutive readings exceeds the limit, the gate must be closed and the log annotated.",
    "She asked whether the older survey could still be trusted, given how far the channel has moved since.",
];

/// The system prompt of requests.
const INSTRUCTION: &str = "Answer in two sentences.";
/// In its place, and as long: asks the mock for a stream without pauses.
pub const BURST: &str = "Answer all in one burst.";

/// Bytes of text in one turn of a long conversation.
const TURN_BYTES: usize = 1_500;

/// How an answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In one piece.
    Whole,
    /// As events.
    Stream,
    /// As events, in Anthropic's dialect, from an upstream that speaks `OpenAI`'s.
    Translated,
}

/// Plain prose of so many words.
pub fn words(count: usize) -> String {
    let all: Vec<&str> = SENTENCES.iter().flat_map(|sentence| sentence.split(' ')).cycle().take(count).collect();
    all.join(" ")
}

/// Plain ASCII prose of exactly so many bytes.
pub fn prose(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 128);
    for sentence in SENTENCES.iter().cycle() {
        if text.len() >= bytes {
            break;
        }
        text.push_str(sentence);
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

/// A chat request of exactly so many bytes (at least 300): one turn, or a long conversation with escapes in its text.
pub fn request(bytes: usize, delivery: Delivery) -> Vec<u8> {
    let stream = delivery == Delivery::Stream;
    let mut body = format!(
        r#"{{"model":"auto","stream":{stream},"max_tokens":256,"temperature":0.2,"messages":[{{"role":"system","content":"{INSTRUCTION}"}}"#
    );
    let turn = serde_json::Value::from(prose(TURN_BYTES).replace(". ", ".\n\"")).to_string();
    for role in ["user", "assistant"].iter().cycle() {
        if body.len() + 2 * turn.len() > bytes {
            break;
        }
        let _ = write!(body, r#",{{"role":"{role}","content":{turn}}}"#);
    }
    let (open, close) = (r#",{"role":"user","content":""#, r#""}]}"#);
    let filler = prose(bytes.saturating_sub(body.len() + open.len() + close.len()));
    body.extend([open, &filler, close]);
    body.into_bytes()
}

/// A streamed request of Anthropic's dialect of exactly so many bytes (at least 300): one turn.
pub fn messages_request(bytes: usize) -> Vec<u8> {
    let open = format!(
        r#"{{"model":"auto","stream":true,"max_tokens":256,"temperature":0.2,"system":"{INSTRUCTION}","messages":[{{"role":"user","content":""#
    );
    let close = r#""}]}"#;
    [&open, prose(bytes.saturating_sub(open.len() + close.len())).as_str(), close].concat().into_bytes()
}

/// The same request, but for the pauses of its stream.
pub fn in_one_burst(request: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(request).replacen(INSTRUCTION, BURST, 1).into_bytes()
}

/// A whole answer of about 600 bytes.
pub fn answer() -> Vec<u8> {
    let content = prose(180);
    format!(
        concat!(
            r#"{{"id":"chatcmpl-000000000000000000000000","object":"chat.completion","created":1700000000,"model":"mock-1","#,
            r#""choices":[{{"index":0,"message":{{"role":"assistant","content":"{}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"#,
            r#""usage":{{"prompt_tokens":211,"completion_tokens":52,"total_tokens":263,"prompt_tokens_details":{{"cached_tokens":0}}}},"#,
            r#""system_fingerprint":"fp_mock"}}"#
        ),
        content
    )
    .into_bytes()
}

/// Appends one event of a streamed answer with these choices and whatever follows them in the object.
pub fn push_event(out: &mut Vec<u8>, choices: &str, rest: &str) {
    out.extend_from_slice(
        br#"data: {"id":"chatcmpl-000000000000000000000000","object":"chat.completion.chunk","created":1700000000,"model":"mock-1","choices":"#,
    );
    out.extend_from_slice(choices.as_bytes());
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(b"}\n\n");
}

/// Appends an event with a piece of text, which must need no escapes.
pub fn push_content(out: &mut Vec<u8>, text: &str) {
    push_event(out, &format!(r#"[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]"#), "");
}

/// Appends the first event of a streamed answer, which has no text.
pub fn push_opening(out: &mut Vec<u8>) {
    push_event(out, r#"[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]"#, "");
}

/// Appends the end of a streamed answer: finish reason, usage, terminal marker.
pub fn push_closing(out: &mut Vec<u8>, completion_tokens: u64) {
    push_event(out, r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#, "");
    let total = completion_tokens + 211;
    let usage =
        format!(r#","usage":{{"prompt_tokens":211,"completion_tokens":{completion_tokens},"total_tokens":{total}}}"#);
    push_event(out, "[]", &usage);
    out.extend_from_slice(b"data: [DONE]\n\n");
}

/// A whole streamed answer with so many pieces of text.
pub fn stream(pieces: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(pieces * 200);
    push_opening(&mut out);
    for word in SENTENCES.iter().flat_map(|sentence| sentence.split(' ')).cycle().take(pieces) {
        push_content(&mut out, word);
    }
    push_closing(&mut out, pieces as u64);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use dialect::openai::{ChatRequest, ChatResponse};
    use dialect::{Dialect, Request, Target};

    #[test]
    fn requests_have_the_size_asked_for_and_are_sound() {
        for bytes in [400, 1_024, 5_000, 100 * 1_024] {
            for delivery in [Delivery::Whole, Delivery::Stream] {
                let body = request(bytes, delivery);
                assert_eq!(body.len(), bytes);
                let request = ChatRequest::decode(body.into()).expect("a sound request");
                assert_eq!(request.stream(), delivery == Delivery::Stream);
            }
        }
    }

    #[test]
    fn requests_of_the_other_dialect_are_sound_too() {
        let body = in_one_burst(&messages_request(1_024));
        assert_eq!(body.len(), 1_024);
        assert!(String::from_utf8_lossy(&body).contains(BURST));
        let request = Request::decode(Dialect::Anthropic, body.into(), Target::default()).expect("a sound request");
        assert!(request.stream());
    }

    #[test]
    fn answer_is_sound() {
        let answer = ChatResponse::decode(answer().into()).expect("a sound answer");
        assert_eq!(answer.finish_reason(), Some("stop"));
        assert_eq!(answer.usage().map(|usage| usage.completion_tokens), Some(52));
    }

    #[test]
    fn words_are_counted() {
        assert_eq!(words(200).split(' ').count(), 200);
    }
}
