//! What is read of a request, what other dialects are asked, and that no wrong answer passes.

#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use domain::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::BadAnswer;

const SHOWN: Shown<'_> = Shown { model: "acme/one", usage: SUPPLIED, routing: &[("routing", b"{\"a\":1}")] };

fn request(body: &Value) -> EmbeddingsRequest {
    EmbeddingsRequest::decode(Bytes::from(body.to_string())).unwrap()
}

fn bytes(body: &Value) -> Bytes {
    Bytes::from(body.to_string())
}

fn answer(upstream: Dialect, body: &Value, expected: usize) -> Result<EmbeddingsAnswer, BadAnswer> {
    EmbeddingsAnswer::decode(upstream, bytes(body), expected)
}

#[track_caller]
fn counts(input: &Value, count: usize, tokens: u64) {
    let request = request(&json!({"model": "m", "input": input}));
    assert_eq!((request.count(), request.features().input_tokens), (count, tokens), "{input}");
}

#[test]
fn every_form_of_input_is_counted() {
    counts(&json!("four bytes"), 1, 3);
    counts(&json!(["four", "byte"]), 2, 2);
    counts(&json!([1, 2, 3]), 1, 3);
    counts(&json!([[1, 2], [3]]), 2, 3);
}

#[track_caller]
fn refused(body: &Value, param: &str, code: &str) {
    let fault = EmbeddingsRequest::decode(bytes(body)).unwrap_err();
    assert_eq!((fault.param.as_deref(), fault.code), (Some(param), code), "{body}: {fault}");
}

#[test]
fn what_cannot_be_embedded_is_refused_with_its_path() {
    refused(&json!({"model": "m"}), "input", "missing_field");
    refused(&json!({"input": null}), "input", "invalid_type");
    refused(&json!({"input": []}), "input", "invalid_value");
    refused(&json!({"input": [[]]}), "input[0]", "invalid_value");
    refused(&json!({"input": ["a", 1]}), "input[1]", "invalid_type");
    refused(&json!({"input": [{}]}), "input[0]", "invalid_type");
    refused(&json!({"input": [1, -2]}), "input[1]", "invalid_value");
    refused(&json!({"input": [[1, "x"]]}), "input[0][1]", "invalid_type");
    refused(&json!({"input": "a", "dimensions": 0}), "dimensions", "invalid_value");
    refused(&json!({"input": "a", "encoding_format": "hex"}), "encoding_format", "invalid_value");
    refused(&json!({"input": "a", "policy": "x"}), "policy", "not_a_request_field");
}

#[test]
fn in_its_own_dialect_only_model_and_our_fields_change() {
    let body =
        r#"{"model":"auto","input":["a","b"],"tags":[{"key":"team","value":"docs"}],"x_vendor":1,"dimensions":8}"#;
    let request = EmbeddingsRequest::decode(Bytes::from_static(body.as_bytes())).unwrap();
    let encoded = request.encode_for(Dialect::Openai, "native-1").unwrap();
    assert_eq!(encoded.body, r#"{"model":"native-1","input":["a","b"],"x_vendor":1,"dimensions":8}"#);
    assert_eq!((request.model(), request.dimensions()), (Some("auto"), Some(8)));
    assert_eq!(request.features().parameters, ["dimensions"]);
}

#[test]
fn gemini_is_asked_in_a_batch() {
    let request = request(&json!({"model": "m", "input": ["a\n", "b"], "dimensions": 3, "user": "u", "x_vendor": 1}));
    let encoded = request.encode_for(Dialect::Gemini, "embed-1").unwrap();
    let of = |text: &str| json!({"model": "models/embed-1", "content": {"parts": [{"text": text}]}, "outputDimensionality": 3});
    assert_eq!(serde_json::from_slice::<Value>(&encoded.body).unwrap(), json!({"requests": [of("a\n"), of("b")]}));
    let lost: Vec<_> = encoded.loss.iter().map(|lost| lost.path.as_str()).collect();
    assert_eq!(lost, ["x_vendor", "user"]);
    assert_eq!(path(Dialect::Gemini, "embed-1").unwrap(), "/models/embed-1:batchEmbedContents");
}

#[test]
fn one_text_is_a_batch_of_one() {
    let encoded = request(&json!({"input": "only"})).encode_for(Dialect::Gemini, "e").unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["requests"].as_array().unwrap().len(), 1);
    assert_eq!(body["requests"][0]["content"]["parts"][0]["text"], "only");
}

#[test]
fn who_cannot_be_asked_says_why() {
    let tokens = request(&json!({"input": [[1, 2]]}));
    assert_eq!(tokens.encode_for(Dialect::Gemini, "e").unwrap_err(), Unsayable::Tokens);
    assert_eq!(tokens.encode_for(Dialect::Anthropic, "e").unwrap_err(), Unsayable::NoEmbeddings);
    assert!(tokens.encode_for(Dialect::OpenaiResponses, "e").is_ok());
    assert_eq!(path(Dialect::Anthropic, "e"), None);
}

const SUPPLIED: Usage = Usage {
    prompt_tokens: 5,
    cached_tokens: 0,
    cache_write_tokens: 0,
    completion_tokens: 0,
    reasoning_tokens: 0,
    estimated: true,
};

#[test]
fn an_answer_of_the_dialect_keeps_its_bytes() {
    let body = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1, 0.20]}],"model":"native-1","usage":{"prompt_tokens":2,"total_tokens":2},"routing":{"x":1}}"#;
    let answer = EmbeddingsAnswer::decode(Dialect::Openai, Bytes::from_static(body.as_bytes()), 1).unwrap();
    let rendered = answer.render(&request(&json!({"input": "a"})), &SHOWN);
    let expected = body.replace("native-1", "acme/one").replace(r#"{"x":1}"#, r#"{"a":1}"#);
    assert_eq!(rendered, expected);
    assert_eq!((answer.dimensions(), answer.served_model()), (2, Some("native-1")));
    assert_eq!(answer.usage().unwrap().prompt_tokens, 2);
}

#[test]
fn an_answer_without_usage_is_told_ours() {
    let answer = answer(Dialect::Openai, &json!({"data": [{"embedding": "AACAPw=="}]}), 1).unwrap();
    let rendered = answer.render(&request(&json!({"input": "a"})), &SHOWN);
    let body: Value = serde_json::from_slice(&rendered).unwrap();
    assert_eq!((&body["usage"], answer.dimensions()), (&json!({"prompt_tokens": 5, "total_tokens": 5}), 1));
}

#[test]
fn vectors_of_gemini_come_in_the_form_asked_for() {
    let body = json!({"embeddings": [{"values": [1.0, -2.0, 0.5]}, {"values": [0, 0, 0]}], "usageMetadata": {"promptTokenCount": 4}});
    let answer = answer(Dialect::Gemini, &body, 2).unwrap();
    let rendered = |format: &str| -> Value {
        let request = request(&json!({"input": ["a", "b"], "encoding_format": format}));
        serde_json::from_slice(&answer.render(&request, &SHOWN)).unwrap()
    };
    assert_eq!(
        rendered("float"),
        json!({
            "object": "list",
            "data": [
                {"object": "embedding", "index": 0, "embedding": [1.0, -2.0, 0.5]},
                {"object": "embedding", "index": 1, "embedding": [0, 0, 0]},
            ],
            "model": "acme/one",
            "usage": {"prompt_tokens": 4, "total_tokens": 4},
            "routing": {"a": 1},
        })
    );
    assert_eq!(rendered("base64")["data"][0]["embedding"], "AACAPwAAAMAAAAA/");
}

#[test]
fn wrong_answers_do_not_pass() {
    let reason = |upstream, body: &Value, expected| answer(upstream, body, expected).unwrap_err().to_string();
    let one = json!({"data": [{"embedding": [1.0]}]});
    assert!(reason(Dialect::Openai, &one, 2).contains("2 embeddings were asked for and 1 came"));
    let uneven = json!({"data": [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}]});
    assert!(reason(Dialect::Openai, &uneven, 2).contains("different lengths"));
    for odd in [json!([null]), json!([{}]), json!([{"embedding": []}]), json!([{"embedding": [[1]]}]), json!([7])] {
        assert!(reason(Dialect::Openai, &json!({ "data": odd }), 1).contains("neither"), "{odd}");
    }
    assert!(reason(Dialect::Gemini, &json!({"embeddings": [{"values": ["x"]}]}), 1).contains("neither"));
    assert!(reason(Dialect::Openai, &json!({"error": {"message": "busy"}}), 1).contains("busy"));
    assert!(reason(Dialect::Gemini, &json!([{"error": {"message": "busy"}}]), 1).contains("busy"));
    assert_eq!(answer(Dialect::Openai, &json!({"data": []}), 1).unwrap_err(), BadAnswer::NoChoices);
    for (body, expected) in [("", BadAnswer::Empty), ("<html>", BadAnswer::Html)] {
        assert_eq!(EmbeddingsAnswer::decode(Dialect::Openai, Bytes::from(body), 1).unwrap_err(), expected);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_read(data in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz::embeddings(&data);
    }

    #[test]
    fn damaged_bodies_keep_their_laws(at in any::<prop::sample::Index>(), byte in any::<u8>(), gemini in any::<bool>()) {
        let mut body = if gemini {
            br#"{"embeddings":[{"values":[1.0,-2.5e1]}],"usageMetadata":{"promptTokenCount":4}}"#.to_vec()
        } else {
            br#"{"input":["a","b"],"model":"m","data":[{"embedding":[1.0,2.5]}],"usage":{"prompt_tokens":2}}"#.to_vec()
        };
        let at = at.index(body.len());
        body[at] = byte;
        crate::fuzz::embeddings(&body);
    }
}
