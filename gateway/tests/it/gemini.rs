//! What clients of Gemini alone do: paths without `models/`, and embeddings in Gemini's words.

use std::sync::Arc;

use domain::{Ability, DialectKind, Money, Object, Snapshot, Surface};
use serde_json::{Value, json};

use crate::stack::{KEY, NARROW, Setup, TestStack};
use crate::upstream::{DONE, Upstream, event, finish, role, stream_of, usage, whole, word};
use crate::wire::{Response, post, post_with};

const HELLO: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}"#;

fn ask(stack: &TestStack, path: &str, body: &str) -> Response {
    stack.send(&post_with(path, &format!("x-goog-api-key: {KEY}\r\ncontent-type: application/json\r\n"), body))
}

#[test]
fn a_model_is_asked_by_its_bare_name() {
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    for path in ["/v1beta/p0/small", "/v1beta/p0%2Fsmall", "/v1/p0/small", "/v1beta/models/p0%2Fsmall"] {
        let answer = ask(&stack, &format!("{path}:generateContent"), HELLO);
        assert_eq!(
            (answer.status, &answer.json()["modelVersion"]),
            (200, &json!("p0/small")),
            "{path} {}",
            answer.body
        );
        assert!(ask(&stack, &format!("{path}:countTokens"), HELLO).json()["totalTokens"].as_u64() > Some(0));
    }
    let sent: Value = serde_json::from_str(&upstream.last_body()).unwrap();
    assert_eq!(sent["model"], "native-small");
}

#[test]
fn what_is_no_model_of_ours_is_refused_as_google_refuses() {
    let stack = TestStack::over(&[Upstream::nobody()]);
    for path in ["/v1beta/tunedModels/p0/small:generateContent", "/v1beta/p0/none:generateContent"] {
        let refused = ask(&stack, path, HELLO);
        assert_eq!((refused.status, &refused.json()["error"]["status"]), (404, &json!("NOT_FOUND")), "{path}");
    }
}

#[test]
fn what_a_translated_stream_has_lost_is_told_at_its_end_and_recorded() {
    let source = event(r#"{"index":0,"delta":{"annotations":[{"type":"url_citation"}]},"finish_reason":null}"#, "");
    let events = [role(), word("Paris"), source, finish(), usage(10, 5), DONE.to_owned()];
    let upstream = Upstream::acting(stream_of(&events));
    let stack = TestStack::over(&[upstream.address]);
    let asked = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"cachedContent":"c"}"#;
    let answer = ask(&stack, "/v1beta/models/auto:streamGenerateContent?alt=sse", asked);
    let chunks = answer.chunks();
    let paths = |chunk: &Value| -> Vec<String> {
        let lost = chunk["routing"]["loss"].as_array().into_iter().flatten();
        lost.map(|lost| lost["path"].as_str().unwrap().to_owned()).collect()
    };
    let both = ["cachedContent", "choices[0].message.annotations"];
    assert_eq!(paths(&chunks[0]), both[..1], "{}", answer.body);
    assert_eq!(paths(chunks.last().unwrap()), both);
    assert_eq!(stack.record().finished.loss, both);
}

// === Embeddings ===

const OPENAIS: &str = r#"{"data":[{"index":0,"embedding":[0.5,-1]},{"index":1,"embedding":[1,0.25]}],"model":"native-small","usage":{"prompt_tokens":4,"total_tokens":4}}"#;
const GEMINIS: &str =
    r#"{"embeddings":[{"values":[0.50]},{"values":[1],"statistics":{}}],"usageMetadata":{"promptTokenCount":4}}"#;
const BATCH: &str = r#"{"requests":[{"model":"models/p0/small","content":{"parts":[{"text":"one"}]},"taskType":"RETRIEVAL_QUERY"},{"content":{"parts":[{"text":"two"}]},"taskType":"RETRIEVAL_QUERY"}]}"#;

fn of_vectors(upstream: &Upstream, change: fn(&Snapshot) -> Snapshot) -> TestStack {
    TestStack::start(Setup { upstreams: vec![upstream.address], change: Some(change), ..Setup::default() })
}

fn at_openai(snapshot: &Snapshot) -> Snapshot {
    speaking(snapshot, DialectKind::Openai)
}

fn at_gemini(snapshot: &Snapshot) -> Snapshot {
    speaking(snapshot, DialectKind::Gemini)
}

fn speaking(snapshot: &Snapshot, dialect: DialectKind) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Provider(provider) => {
            Object::Provider(Arc::new(domain::Provider { dialect, ..domain::Provider::clone(&provider) }))
        }
        Object::Model(model) => {
            let capabilities = vec![Ability::Embeddings];
            Object::Model(Arc::new(domain::Model { capabilities, ..domain::Model::clone(&model) }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

#[test]
fn a_batch_is_embedded_by_a_provider_of_openais_dialect() {
    let upstream = Upstream::answering(whole("200 OK", "", OPENAIS));
    let stack = of_vectors(&upstream, at_openai);
    let answer = ask(&stack, "/v1beta/models/p0/small:batchEmbedContents", BATCH);
    assert_eq!((answer.status, answer.header("x-routing-model")), (200, Some("p0/small")), "{}", answer.body);
    let document = answer.json();
    assert_eq!(document["embeddings"], json!([{"values": [0.5, -1]}, {"values": [1, 0.25]}]));
    assert_eq!(document["usageMetadata"]["promptTokenCount"], 4);
    assert_eq!(document["routing"]["loss"][0]["path"], "requests[0].taskType");
    assert!(upstream.last_request().starts_with("POST /v1/embeddings "), "{}", upstream.last_request());
    let sent: Value = serde_json::from_str(&upstream.last_body()).unwrap();
    assert_eq!(sent, json!({"model": "native-small", "input": ["one", "two"]}));
    let record = stack.record().finished;
    assert_eq!((record.started.endpoint, record.cost), (Surface::Embeddings, Some(Money::from_pico(4_000_000))));
    assert_eq!(record.loss, ["requests[0].taskType"]);
}

#[test]
fn one_content_goes_to_a_provider_of_the_dialect_as_it_is() {
    let upstream = Upstream::answering(whole("200 OK", "", r#"{"embedding":{"values":[0.50, 2]}}"#));
    let stack = of_vectors(&upstream, at_gemini);
    let body = r#"{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},"taskType":"SEMANTIC_SIMILARITY"}"#;
    let answer = ask(&stack, "/v1beta/p0/small:embedContent", body);
    assert!(answer.body.starts_with(r#"{"embedding":{"values":[0.50, 2]},"routing":{"#), "{}", answer.body);
    let request = upstream.last_request();
    assert!(request.starts_with("POST /v1/models/native-small:embedContent "), "{request}");
    assert_eq!(upstream.last_body(), body.replace(r#"Y"}"#, r#"Y","model":"models/native-small"}"#));
    let usage = stack.record().finished.usage.unwrap();
    assert!(usage.estimated && usage.prompt_tokens >= 1000, "{usage:?}");
}

#[test]
fn openais_callers_get_vectors_of_a_provider_that_speaks_gemini() {
    let upstream = Upstream::answering(whole("200 OK", "", GEMINIS));
    let stack = of_vectors(&upstream, at_gemini);
    let answer = stack.send(&post("/v1/embeddings", KEY, r#"{"model":"p0/small","input":["one","two"]}"#)).json();
    assert_eq!((&answer["data"][0]["embedding"], &answer["usage"]["prompt_tokens"]), (&json!([0.5]), &json!(4)));
    assert!(upstream.last_request().starts_with("POST /v1/models/native-small:batchEmbedContents "));
}

#[test]
fn embedding_is_refused_in_geminis_shape() {
    let upstream = Upstream::nobody();
    let stack = TestStack::start(Setup { upstreams: vec![upstream, upstream], ..Setup::default() });
    let refused = |path: &str, key: &str, body: &str, status: u16, word: &str| {
        let headers = format!("x-goog-api-key: {key}\r\ncontent-type: application/json\r\n");
        let answer = stack.send(&post_with(path, &headers, body));
        assert_eq!((answer.status, &answer.json()["error"]["status"]), (status, &json!(word)), "{path} {body}");
    };
    let one = r#"{"content":{"parts":[{"text":"x"}]}}"#;
    refused("/v1beta/models/auto:embedContent", KEY, one, 400, "INVALID_ARGUMENT");
    refused("/v1beta/models/p0/small:embedContent", KEY, "{}", 400, "INVALID_ARGUMENT");
    refused("/v1beta/models/p0/small:batchEmbedContents", KEY, one, 400, "INVALID_ARGUMENT");
    refused("/v1beta/models/p0/none:embedContent", KEY, one, 404, "NOT_FOUND");
    refused("/v1beta/models/p1/small:embedContent", NARROW, one, 400, "INVALID_ARGUMENT");
}
