//! What is read of a request, what other dialects are asked, and that no wrong answer passes.

#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use domain::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{BadAnswer, Dialect};

const SHOWN: Shown<'_> = Shown { model: "acme/one", usage: SUPPLIED, routing: &[("routing", b"{\"a\":1}")] };

fn request(body: &Value) -> EmbeddingsRequest {
    EmbeddingsRequest::decode(Bytes::from(body.to_string())).unwrap()
}

fn bytes(body: &Value) -> Bytes {
    Bytes::from(body.to_string())
}

fn answer(upstream: Dialect, body: &Value, expected: usize) -> Result<EmbeddingsAnswer, BadAnswer> {
    EmbeddingsAnswer::decode(upstream, bytes(body), &request(&json!({"input": vec!["a"; expected]})))
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
    assert_eq!(request.path(Dialect::Gemini, "embed-1").unwrap(), "/models/embed-1:batchEmbedContents");
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
    assert_eq!(tokens.path(Dialect::Anthropic, "e"), None);
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
    let request = request(&json!({"input": "a"}));
    let answer = EmbeddingsAnswer::decode(Dialect::Openai, Bytes::from_static(body.as_bytes()), &request).unwrap();
    let rendered = answer.render(&request, &SHOWN);
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
        let asked = request(&json!({"input": "a"}));
        assert_eq!(EmbeddingsAnswer::decode(Dialect::Openai, Bytes::from(body), &asked).unwrap_err(), expected);
    }
}

// === Asked by Gemini's callers ===

fn asked(body: &Value, is_batch: bool) -> EmbeddingsRequest {
    EmbeddingsRequest::decode_gemini(bytes(body), "acme/one".to_owned(), is_batch).unwrap()
}

fn sent(request: &EmbeddingsRequest, upstream: Dialect) -> (Value, Vec<String>) {
    let encoded = request.encode_for(upstream, "native-1").unwrap();
    let lost = encoded.loss.iter().map(|lost| lost.path.clone()).collect();
    (serde_json::from_slice(&encoded.body).unwrap(), lost)
}

fn content(text: &str) -> Value {
    json!({"role": "user", "parts": [{"text": text}]})
}

#[test]
fn contents_go_to_openai_as_texts_and_what_it_cannot_say_is_told_once() {
    let one = |text: &str| json!({"model": "models/acme/one", "content": content(text), "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8});
    let batch = asked(&json!({"requests": [one("a\n"), one("b")], "tags": [{"key": "team", "value": "docs"}]}), true);
    let (body, lost) = sent(&batch, Dialect::Openai);
    assert_eq!(body, json!({"model": "native-1", "input": ["a\n", "b"], "dimensions": 8}));
    assert_eq!(lost, ["requests[0].taskType"]);
    assert_eq!((batch.count(), batch.model(), batch.features().input_tokens), (2, Some("acme/one"), 2));
    assert_eq!(batch.path(Dialect::Openai, "native-1").unwrap(), "/embeddings");

    let body = json!({"content": {"parts": [{"text": "a"}, {"text": "b"}]}, "title": "t", "embed_content_config": {"output_dimensionality": 4, "autoTruncate": true}});
    let (body, lost) = sent(&asked(&body, false), Dialect::OpenaiResponses);
    assert_eq!(body, json!({"model": "native-1", "input": ["a\nb"], "dimensions": 4}));
    assert_eq!(lost, ["embed_content_config.autoTruncate", "content.parts", "title"]);
}

#[test]
fn contents_go_to_gemini_as_they_are() {
    let body = r#"{ "content" : {"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}, "taskType":"X","vendor":1,"routing":{} }"#;
    let single =
        EmbeddingsRequest::decode_gemini(Bytes::from_static(body.as_bytes()), "acme/one".into(), false).unwrap();
    let encoded = single.encode_for(Dialect::Gemini, "native-1").unwrap();
    let expected = r#"{ "content" : {"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}, "taskType":"X","vendor":1,"model":"models/native-1" }"#;
    assert_eq!((std::str::from_utf8(&encoded.body), encoded.loss.is_empty()), (Ok(expected), true));
    assert_eq!(single.path(Dialect::Gemini, "native-1").unwrap(), "/models/native-1:embedContent");
    assert_eq!(single.encode_for(Dialect::Openai, "n").unwrap_err(), Unsayable::Media);
    assert_eq!(single.encode_for(Dialect::Anthropic, "n").unwrap_err(), Unsayable::NoEmbeddings);

    for requests in
        [r#"[{"content":{"parts":[]},"title":"x"} , {"model":"acme/one","content":{}}]"#, r#"{"content":{}}"#]
    {
        let body = Bytes::from(format!(r#"{{"requests":{requests}}}"#));
        let batch = EmbeddingsRequest::decode_gemini(body, "acme/one".into(), true).unwrap();
        let (body, _) = sent(&batch, Dialect::Gemini);
        let elements = body["requests"].as_array().unwrap();
        assert_eq!(elements.len(), batch.count());
        assert!(elements.iter().all(|it| it["model"] == "models/native-1" && it["content"].is_object()), "{body}");
        assert_eq!(elements[0].get("title").is_some(), batch.count() == 2);
        assert_eq!(batch.path(Dialect::Gemini, "native-1").unwrap(), "/models/native-1:batchEmbedContents");
    }
}

#[test]
fn what_gemini_callers_get_wrong_is_refused_with_its_path() {
    let refused = |body: Value, is_batch, param: &str, code: &str| {
        let fault = EmbeddingsRequest::decode_gemini(bytes(&body), "acme/one".into(), is_batch).unwrap_err();
        assert_eq!((fault.param.as_deref(), fault.code), (Some(param), code), "{body}");
    };
    refused(json!({}), false, "content", "missing_field");
    refused(json!({"content": {"parts": [{"text": 1}]}}), false, "content.parts[0].text", "invalid_type");
    refused(json!({"content": {}, "outputDimensionality": 0}), false, "outputDimensionality", "invalid_value");
    refused(json!({"content": {}, "model": "models/acme/two"}), false, "model", "invalid_value");
    refused(json!({"requests": []}), true, "requests", "invalid_value");
    refused(json!({"requests": [{"content": {}}, {"model": "x"}]}), true, "requests[1].model", "invalid_value");
    let uneven = json!([{"content": {}, "output_dimensionality": 8}, {"content": {}}]);
    refused(json!({"requests": uneven}), true, "requests[1]", "invalid_value");
    refused(json!({"content": {}, "policy": "x"}), false, "policy", "not_a_request_field");
}

#[test]
fn vectors_of_openai_come_in_geminis_shape_in_the_order_asked_for() {
    let batch = asked(&json!({"requests": [{"content": content("a")}, {"content": content("b")}]}), true);
    let body = json!({"data": [{"index": 1, "embedding": [2.5]}, {"index": 0, "embedding": [1]}], "usage": {"prompt_tokens": 4}});
    let rendered = EmbeddingsAnswer::decode(Dialect::Openai, bytes(&body), &batch).unwrap().render(&batch, &SHOWN);
    assert_eq!(
        serde_json::from_slice::<Value>(&rendered).unwrap(),
        json!({
            "embeddings": [{"values": [1]}, {"values": [2.5]}],
            "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
            "routing": {"a": 1},
        })
    );
    let single = asked(&json!({"content": content("a")}), false);
    let body = json!({"data": [{"embedding": [1]}]});
    let rendered = EmbeddingsAnswer::decode(Dialect::Openai, bytes(&body), &single).unwrap().render(&single, &SHOWN);
    let rendered: Value = serde_json::from_slice(&rendered).unwrap();
    assert_eq!((&rendered["embedding"], rendered.get("embeddings")), (&json!({"values": [1]}), None));
    assert_eq!(rendered["usageMetadata"]["promptTokenCount"], 5);
    let packed = json!({"data": [{"embedding": "AACAPw=="}]});
    let fault = EmbeddingsAnswer::decode(Dialect::Openai, bytes(&packed), &single).unwrap_err();
    assert!(fault.to_string().contains("base64"), "{fault}");
}

#[test]
fn vectors_of_gemini_keep_their_bytes_for_its_callers() {
    let single = asked(&json!({"content": content("a")}), false);
    let body = r#"{"embedding": {"values":[0.10, 2],"statistics":{"tokenCount":1}},"vendor":1}"#;
    let answer = EmbeddingsAnswer::decode(Dialect::Gemini, Bytes::from_static(body.as_bytes()), &single).unwrap();
    let rendered = answer.render(&single, &SHOWN);
    assert_eq!(rendered, format!(r#"{},"routing":{{"a":1}}}}"#, body.trim_end_matches('}')));
    // A server that answers one as it answers several.
    let listed = json!({"embeddings": [{"values": [3]}]});
    let answer = EmbeddingsAnswer::decode(Dialect::Gemini, bytes(&listed), &single).unwrap();
    let rendered: Value = serde_json::from_slice(&answer.render(&single, &SHOWN)).unwrap();
    assert_eq!(rendered["embedding"], json!({"values": [3]}));
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

    #[test]
    fn damaged_contents_keep_their_laws(at in any::<prop::sample::Index>(), byte in any::<u8>(), batch in any::<bool>()) {
        let mut body = if batch {
            br#"{"requests":[{"model":"m/n","content":{"parts":[{"text":"a"}]}},{"content":{"parts":{"text":"b"}}}]}"#.to_vec()
        } else {
            br#"{"content":{"parts":[{"text":"a"},{"inlineData":{}}]},"outputDimensionality":3,"model":"m/n"}"#.to_vec()
        };
        let at = at.index(body.len());
        body[at] = byte;
        crate::fuzz::embeddings(&body);
    }
}
