//! Embeddings: the model that is named answers, or another provider's offer of the same one.

use std::sync::Arc;

use domain::{Ability, Money, Object, Outcome, Snapshot};
use serde_json::json;

use crate::stack::{KEY, NARROW, Setup, TestStack, summary};
use crate::upstream::{Act, Upstream, refusal, whole};
use crate::wire::{Response, post};

const ANSWER: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},{"object":"embedding","index":1,"embedding":[1,0.25]}],"model":"native-small","usage":{"prompt_tokens":4,"total_tokens":4},"extra":1}"#;
const BODY: &str = r#"{"model":"p0/small","input":["one","two"],"own_field":true}"#;

fn good() -> Upstream {
    Upstream::answering(whole("200 OK", "", ANSWER))
}

/// Each provider offers the same model of vectors.
fn over(upstreams: &[&Upstream]) -> TestStack {
    let addresses = upstreams.iter().map(|upstream| upstream.address).collect();
    TestStack::start(Setup { upstreams: addresses, change: Some(as_vectors), ..Setup::default() })
}

fn as_vectors(snapshot: &Snapshot) -> Snapshot {
    let version = snapshot.version;
    let objects = snapshot.objects().into_iter().map(|object| match object {
        Object::Model(model) => {
            let mut model = domain::Model::clone(&model);
            model.capabilities = vec![Ability::Embeddings];
            model.dimensions = Some(2);
            Object::Model(Arc::new(model))
        }
        other => other,
    });
    Snapshot::full(version, objects)
}

fn embed(stack: &TestStack, body: &str) -> Response {
    stack.send(&post("/v1/embeddings", KEY, body))
}

#[test]
fn vectors_come_as_they_are_under_our_name_for_the_model() {
    let upstream = good();
    let stack = over(&[&upstream]);
    let answer = embed(&stack, BODY);
    assert_eq!((answer.status, answer.header("x-routing-model")), (200, Some("p0/small")), "{}", answer.body);
    let document = answer.json();
    assert_eq!((&document["model"], &document["extra"]), (&json!("p0/small"), &json!(1)));
    assert_eq!(document["data"][1]["embedding"], json!([1, 0.25]));
    assert_eq!(
        (&document["routing"]["selected_model"], &document["routing"]["cost_usd"]),
        (&json!("p0/small"), &json!("0.000004"))
    );
    let sent: serde_json::Value = serde_json::from_str(&upstream.last_body()).unwrap();
    assert_eq!((&sent["model"], &sent["own_field"]), (&json!("native-small"), &json!(true)));
    assert!(upstream.last_request().starts_with("POST /v1/embeddings "), "{}", upstream.last_request());
    let record = stack.record();
    assert_eq!(summary(&record), (Outcome::Completed, 200, vec!["p0/small ok".to_owned()]));
    assert_eq!(record.finished.cost, Some(Money::from_pico(4_000_000)));
}

#[test]
fn another_provider_of_the_same_model_steps_in() {
    let (broken, other) = (Upstream::acting(vec![Act::Reset]), good());
    let stack = over(&[&broken, &other]);
    let answer = embed(&stack, BODY);
    assert_eq!((answer.status, &answer.json()["model"]), (200, &json!("p1/small")), "{}", answer.body);
    let attempts = summary(&stack.record()).2;
    assert_eq!(attempts, ["p0/small disconnected", "p1/small ok"]);
}

#[test]
fn the_callers_mistake_is_told_at_once() {
    let refusing = Upstream::answering(refusal(
        "400 Bad Request",
        "",
        "invalid_request_error",
        "bad_dimensions",
        "too many dimensions",
    ));
    let other = good();
    let stack = over(&[&refusing, &other]);
    embed(&stack, BODY).assert_error(400, "invalid_request_error", "bad_dimensions");
    assert_eq!(other.calls(), 0);
}

#[test]
fn too_few_vectors_are_no_answer() {
    let short = ANSWER.replace(r#",{"object":"embedding","index":1,"embedding":[1,0.25]}"#, "");
    let stack = over(&[&Upstream::answering(whole("200 OK", "", &short))]);
    embed(&stack, BODY).assert_error(502, "provider_error", "bad_answer");
}

#[test]
fn nobody_chooses_a_model_of_vectors_for_the_caller() {
    let stack = over(&[&good()]);
    let answer = embed(&stack, r#"{"model":"auto","input":"x"}"#);
    answer.assert_error(400, "invalid_request_error", "invalid_value");
    assert_eq!(answer.json()["error"]["param"], "model");
    embed(&stack, r#"{"model":"p0/small"}"#).assert_error(400, "invalid_request_error", "missing_field");
}

#[test]
fn who_may_use_one_provider_is_not_served_by_another() {
    let (broken, other) = (Upstream::acting(vec![Act::Reset]), good());
    let stack = over(&[&broken, &other]);
    let answer = stack.send(&post("/v1/embeddings", NARROW, BODY));
    answer.assert_error(502, "provider_error", "disconnected");
    assert_eq!(other.calls(), 0);
}

#[test]
fn a_key_that_may_not_use_the_model_is_told_so() {
    let (one, other) = (good(), good());
    let stack = over(&[&one, &other]);
    let served = stack.send(&post("/v1/embeddings", NARROW, &BODY.replace("p0/small", "p1/small")));
    assert_eq!(served.header("x-routing-model"), Some("p0/small"), "it offers the same");
    let stack = TestStack::start(Setup {
        upstreams: vec![one.address, other.address],
        change: Some(as_different_vectors),
        ..Setup::default()
    });
    let refused = stack.send(&post("/v1/embeddings", NARROW, &BODY.replace("p0/small", "p1/small")));
    refused.assert_error(403, "permission_error", "model_not_allowed");
    let unknown = stack.send(&post("/v1/embeddings", NARROW, &BODY.replace("p0/small", "p1/none")));
    unknown.assert_error(404, "not_found_error", "model_not_found");
    assert_eq!(other.calls(), 0);
}

fn as_different_vectors(snapshot: &Snapshot) -> Snapshot {
    let objects = as_vectors(snapshot).objects().into_iter().map(|object| match object {
        Object::Model(model) => {
            let native = format!("native of {}", model.id);
            Object::Model(Arc::new(domain::Model { native, ..domain::Model::clone(&model) }))
        }
        other => other,
    });
    Snapshot::full(snapshot.version, objects)
}
