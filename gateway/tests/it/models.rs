//! The list of models in the shapes of the vendors whose clients ask for it.

use std::sync::Arc;

use domain::{Ability, Object, Snapshot};
use serde_json::{Value, json};

use crate::stack::{KEY, NARROW, Setup, TestStack, UNKNOWN};
use crate::upstream::Upstream;
use crate::wire::{Response, get};

/// Three models: `p2/small` makes vectors, `p0/small` tells most of itself.
fn three() -> TestStack {
    let upstreams = vec![Upstream::nobody(), Upstream::nobody(), Upstream::nobody()];
    TestStack::start(Setup { upstreams, context_lengths: vec![8_000], change: Some(told), ..Setup::default() })
}

fn told(snapshot: &Snapshot) -> Snapshot {
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Model(model) => {
            let mut model = domain::Model::clone(&model);
            if model.id.provider() == "p0" {
                model.name = Some("Small".to_owned());
                model.max_output_tokens = Some(900);
                model.released = Some("2026-03-01".to_owned());
                model.capabilities = vec![Ability::Reasoning];
            } else if model.id.provider() == "p2" {
                model.capabilities = vec![Ability::Embeddings];
            }
            Object::Model(Arc::new(model))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}

fn ask(stack: &TestStack, path: &str, headers: &str) -> Response {
    stack.send(&format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n"))
}

fn gemini(stack: &TestStack, path: &str) -> Response {
    ask(stack, path, &format!("x-goog-api-key: {KEY}\r\n"))
}

fn anthropic(stack: &TestStack, path: &str, key: &str) -> Response {
    ask(stack, path, &format!("x-api-key: {key}\r\nanthropic-version: 2023-06-01\r\n"))
}

fn names(list: &Value, member: &str, name: &str) -> Vec<String> {
    list[member].as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
}

// === Gemini ===

#[test]
fn gemini_is_told_what_is_known_of_a_model() {
    let stack = three();
    for path in ["/v1beta/models/p0/small", "/v1beta/models/p0%2Fsmall", "/v1/models/p0/small"] {
        let expected = json!({
            "name": "models/p0/small", "baseModelId": "p0/small", "version": "2026-03-01", "displayName": "Small",
            "description": "native-small of p0", "inputTokenLimit": 8000, "outputTokenLimit": 900,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"], "thinking": true,
        });
        assert_eq!(gemini(&stack, path).json(), expected, "{path}");
    }
    let vectors = gemini(&stack, "/v1beta/models/p2/small").json();
    assert_eq!(vectors["supportedGenerationMethods"], json!(["embedContent", "batchEmbedContents"]));
    let told: Vec<_> = vectors.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(told, ["baseModelId", "description", "displayName", "name", "supportedGenerationMethods"]);
}

#[test]
fn gemini_reads_the_list_page_by_page() {
    let stack = three();
    let all = gemini(&stack, "/v1beta/models").json();
    assert_eq!(names(&all, "models", "name"), ["models/p0/small", "models/p1/small", "models/p2/small"]);
    assert_eq!(all.get("nextPageToken"), None);
    let first = gemini(&stack, "/v1beta/models?pageSize=2").json();
    assert_eq!(names(&first, "models", "baseModelId"), ["p0/small", "p1/small"]);
    let token = first["nextPageToken"].as_str().unwrap().replace('/', "%2F");
    let second = gemini(&stack, &format!("/v1beta/models?pageSize=2&pageToken={token}")).json();
    assert_eq!((names(&second, "models", "baseModelId"), second.get("nextPageToken")), (vec!["p2/small".into()], None));
    let refused = gemini(&stack, "/v1beta/models?pageSize=many");
    assert_eq!((refused.status, &refused.json()["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
}

#[test]
fn gemini_sees_what_the_key_may_use_and_errors_of_its_own() {
    let stack = three();
    let narrow = ask(&stack, &format!("/v1beta/models?key={NARROW}"), "").json();
    assert_eq!(names(&narrow, "models", "baseModelId"), ["p0/small"]);
    let hidden = stack.send(&get("/v1beta/models/p1/small", NARROW));
    let error = &hidden.json()["error"];
    assert_eq!((hidden.status, &error["code"], &error["status"]), (404, &json!(404), &json!("NOT_FOUND")));
    let unknown = ask(&stack, "/v1/models", &format!("x-goog-api-key: {UNKNOWN}\r\n"));
    assert_eq!((unknown.status, &unknown.json()["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    let posted = stack.send(&crate::wire::post("/v1beta/models", KEY, "{}"));
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
}

// === Anthropic ===

#[test]
fn anthropic_is_told_in_its_shape() {
    let stack = three();
    let known = json!({
        "type": "model", "id": "p0/small", "display_name": "Small", "created_at": "2026-03-01T00:00:00Z",
        "max_input_tokens": 8000, "max_tokens": 900,
    });
    assert_eq!(anthropic(&stack, "/v1/models/p0%2Fsmall", KEY).json(), known);
    let list = anthropic(&stack, "/v1/models", KEY).json();
    assert_eq!((&list["data"][0], &list["has_more"]), (&known, &json!(false)));
    assert_eq!((&list["first_id"], &list["last_id"]), (&json!("p0/small"), &json!("p2/small")));
    let bare = &list["data"][1];
    assert_eq!((&bare["display_name"], &bare["created_at"]), (&json!("p1/small"), &json!("1970-01-01T00:00:00Z")));
    assert_eq!(names(&anthropic(&stack, "/v1/models", NARROW).json(), "data", "id"), ["p0/small"]);
}

#[test]
fn anthropic_pages_in_both_directions() {
    let stack = three();
    let page = |query: &str| {
        let page = anthropic(&stack, &format!("/v1/models?{query}"), KEY).json();
        (names(&page, "data", "id"), page["has_more"].as_bool().unwrap())
    };
    assert_eq!(page("limit=2"), (vec!["p0/small".into(), "p1/small".into()], true));
    assert_eq!(page("limit=2&after_id=p1%2Fsmall"), (vec!["p2/small".into()], false));
    assert_eq!(page("limit=1&before_id=p2/small"), (vec!["p1/small".into()], true));
    let empty = anthropic(&stack, "/v1/models?after_id=z", KEY).json();
    assert_eq!((&empty["data"], &empty["first_id"]), (&json!([]), &json!(null)));
}

#[test]
fn anthropic_is_refused_in_its_shape() {
    let stack = three();
    for (path, key, status, kind) in [
        ("/v1/models/none", KEY, 404, "not_found_error"),
        ("/v1/models", UNKNOWN, 401, "authentication_error"),
        ("/v1/models?limit=x", KEY, 400, "invalid_request_error"),
    ] {
        let refused = anthropic(&stack, path, key);
        let body = refused.json();
        assert_eq!((refused.status, &body["type"], &body["error"]["type"]), (status, &json!("error"), &json!(kind)));
    }
}

#[test]
fn the_list_has_a_head() {
    let stack = TestStack::over(&[Upstream::nobody()]);
    for path in ["/v1/models", "/v1/models/p0/small", "/v1beta/models", "/v1/key"] {
        let whole = stack.send(&get(path, KEY));
        let mut call = stack.call();
        for _ in 0..2 {
            // On one connection: nothing stands behind the head.
            call.send(get(path, KEY).replacen("GET", "HEAD", 1));
            let head = call.head().expect("an answer");
            let length = head.header("content-length").map(str::to_owned);
            assert_eq!((head.status, length), (200, Some(whole.body.len().to_string())), "{path}");
        }
        call.send(get("/v1/models/none", KEY).replacen("GET", "HEAD", 1));
        assert_eq!(call.head().expect("an answer").status, 404);
    }
}
