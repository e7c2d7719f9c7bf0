//! One entry for each parser, for fuzzers and property tests. An entry panics when a law is broken.

use bytes::{Bytes, BytesMut};

use crate::answer::Shown;
use crate::embeddings::{self, EmbeddingsAnswer, EmbeddingsRequest};
use crate::openai::{ChatRequest, ChatResponse, StreamTranslator};
use crate::stream::{StreamFault, StreamOptions};
use crate::{Answer, Dialect, Encoded, Request, SseParser, Target, Translator};

/// A request either is refused, or is sent on as JSON that is read the same way.
///
/// # Panics
/// When it is not.
pub fn request(data: &[u8]) {
    let Ok(request) = ChatRequest::decode(Bytes::copy_from_slice(data)) else { return };
    let encoded = request.encode_for("native/model");
    let again = ChatRequest::decode(encoded).expect("what is sent on is sound");
    assert_eq!(again.model(), Some("native/model"));
    assert_eq!(again.features(), request.features());
    assert!(!again.stream() || again.include_usage());
    assert_eq!(again.extensions(), &crate::request::Extensions::default());
    assert!(request.scorer_input().text.len() <= 4 * 1024);
}

/// An answer either is refused, or is passed on as an answer of the same content.
///
/// # Panics
/// When it is not.
pub fn response(data: &[u8]) {
    let Ok(response) = ChatResponse::decode(Bytes::copy_from_slice(data)) else { return };
    let spliced = response.splice("shown/model", &[("routing", b"{\"a\":1}")]);
    let again = ChatResponse::decode(spliced).expect("what is passed on is sound");
    assert_eq!(again.served_model(), Some("shown/model"));
    assert_eq!(again.usage(), response.usage());
    assert_eq!(again.estimated_completion(), response.estimated_completion());
}

/// A stream gives the same output and ends the same way in one piece and cut at a place that its first byte chooses.
///
/// # Panics
/// When it does not.
pub fn sse(data: &[u8]) {
    let Some((&place, stream)) = data.split_first() else { return };
    let cut = if stream.is_empty() { 0 } else { usize::from(place) % stream.len() };
    let (head, tail) = stream.split_at(cut);
    assert_eq!(translate(&[stream]), translate(&[head, tail]));
}

/// A request of a dialect either is refused, or is JSON in every dialect, and in its own is read again.
///
/// # Panics
/// When it is not.
pub fn request_of(dialect: Dialect, upstream: Dialect, data: &[u8]) {
    let target = Target { model: Some("auto".to_owned()), stream: None };
    let Ok(request) = Request::decode(dialect, Bytes::copy_from_slice(data), target.clone()) else { return };
    assert!(request.scorer_input().text.len() <= 4 * 1024);
    let Ok(Encoded { body, .. }) = request.encode_for(upstream, "native/model") else { return };
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok(), "what is sent on is JSON");
    if dialect == upstream {
        Request::decode(dialect, body, target).expect("what is sent on is sound");
    }
}

/// An answer of a dialect either is refused, or is JSON for every caller, with usage and all.
///
/// # Panics
/// When it is not.
pub fn answer_of(dialect: Dialect, caller: Dialect, data: &[u8]) {
    let Ok(answer) = Answer::decode(dialect, Bytes::copy_from_slice(data)) else { return };
    let shown = Shown { model: "shown/model", id: "answer_1", created: 7, usage: None, echo: &crate::Echo::default() };
    let body = answer.render(caller, &shown).finish(&[("routing", b"{\"a\":1}")]);
    if dialect == caller {
        let again = Answer::decode(dialect, body).expect("what is passed on is sound");
        assert_eq!((again.usage(), again.served_model()), (answer.usage(), Some("shown/model")));
    } else {
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok(), "what is passed on is JSON");
    }
}

/// A stream between two dialects gives the same output and ends the same way in one piece and cut at a place.
///
/// # Panics
/// When it does not.
pub fn stream_of(upstream: Dialect, caller: Dialect, data: &[u8], place: usize) {
    let (head, tail) = data.split_at(place.min(data.len()));
    let whole = translate_between(upstream, caller, &[data]);
    assert_eq!(whole, translate_between(upstream, caller, &[head, tail]));
}

fn translate_between(upstream: Dialect, caller: Dialect, pieces: &[&[u8]]) -> (BytesMut, Option<StreamFault>, String) {
    let mut translator = Translator::new(upstream, caller, options());
    let mut out = BytesMut::new();
    let pushed = pieces.iter().try_for_each(|piece| translator.push(piece, &mut out).map(drop));
    let fault = pushed.and_then(|()| translator.end()).err();
    if fault.is_none() {
        translator.close(&[("routing", b"{\"cost_usd\":\"0\"}")], &mut out);
    }
    let (progress, usage, model) = (translator.progress(), translator.usage(), translator.served_model());
    (out, fault, format!("{progress:?} {usage:?} {model:?} {}", translator.estimated_completion()))
}

/// Embeddings: a request or an answer either is refused, or is passed on as JSON that says the same, in any dialect.
///
/// # Panics
/// When it is not.
pub fn embeddings(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    if let Ok(request) = EmbeddingsRequest::decode(body.clone()) {
        let encoded = request.encode_for(Dialect::Openai, "native/model").expect("its own dialect takes anything");
        let again = EmbeddingsRequest::decode(encoded.body).expect("what is sent on is sound");
        assert_eq!((again.model(), again.count()), (Some("native/model"), request.count()));
        if let Ok(encoded) = request.encode_for(Dialect::Gemini, "native/model") {
            let sent: serde_json::Value = serde_json::from_slice(&encoded.body).expect("what is sent on is JSON");
            assert_eq!(sent["requests"].as_array().map(Vec::len), Some(request.count()));
        }
    }
    for is_batch in [false, true] {
        if let Ok(request) = EmbeddingsRequest::decode_gemini(body.clone(), "m/n".to_owned(), is_batch) {
            contents(&request, is_batch);
        }
    }
    let request = EmbeddingsRequest::decode(Bytes::from_static(br#"{"input":"a","encoding_format":"base64"}"#));
    let request = request.expect("a sound request");
    for upstream in [Dialect::Openai, Dialect::Gemini] {
        let Ok(answer) = EmbeddingsAnswer::decode(upstream, body.clone(), &request) else { continue };
        let (usage, routing) = (domain::Usage::default(), &[("routing", &b"{}"[..])]);
        let rendered = answer.render(&request, &embeddings::Shown { model: "shown/model", usage, routing });
        let again = EmbeddingsAnswer::decode(Dialect::Openai, rendered, &request).expect("what is passed on is sound");
        assert_eq!((again.served_model(), again.dimensions()), (Some("shown/model"), answer.dimensions()));
    }
}

/// What Gemini's callers ask for.
fn contents(request: &EmbeddingsRequest, is_batch: bool) {
    let encoded = request.encode_for(Dialect::Gemini, "m/n").expect("its own dialect takes anything");
    let again = EmbeddingsRequest::decode_gemini(encoded.body, "m/n".to_owned(), is_batch).expect("sound");
    assert_eq!((again.count(), again.dimensions()), (request.count(), request.dimensions()));
    if let Ok(encoded) = request.encode_for(Dialect::Openai, "m/n") {
        let sent = EmbeddingsRequest::decode(encoded.body).expect("what is sent on is sound");
        assert_eq!((sent.count(), sent.dimensions()), (request.count(), request.dimensions()));
    }
}

fn translate(pieces: &[&[u8]]) -> (BytesMut, Result<(), StreamFault>, String) {
    let mut translator = StreamTranslator::new(options());
    let mut out = BytesMut::new();
    for piece in pieces {
        if let Err(fault) = translator.push(piece, &mut out) {
            return (out, Err(fault), state_of(&translator));
        }
    }
    let ending = translator.end();
    translator.close(&[("routing", b"{\"cost_usd\":\"0\"}")], &mut out);
    (out, ending, state_of(&translator))
}

fn options() -> StreamOptions {
    StreamOptions {
        model: "shown/model".into(),
        include_usage: true,
        opening_routing: vec![("routing".into(), b"{}".to_vec())],
        max_event_bytes: SseParser::DEFAULT_LIMIT,
        id: "chatcmpl-1".into(),
        created: 7,
        echo: crate::Echo::NONE,
    }
}

fn state_of(translator: &StreamTranslator) -> String {
    let (progress, usage) = (translator.progress(), translator.usage());
    let (model, reason) = (translator.served_model(), translator.finish_reason());
    format!("{progress:?} {usage:?} {model:?} {reason:?} {}", translator.estimated_completion())
}
