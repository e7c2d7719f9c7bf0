//! Operating the engine over its Unix socket.

use domain::Diff;
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::admin_client::AdminClient;
use proto::pb::admin::v1::explain_response::Answer;
use proto::pb::routing::v1 as routing;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use crate::harness::{Stack, soon};

async fn client(stack: &Stack) -> AdminClient<Channel> {
    AdminClient::new(stack.over_unix().await)
}

fn document(value: &Value, dry_run: bool) -> pb::ApplyRequest {
    pb::ApplyRequest { document_json: value.to_string().into_bytes(), dry_run, ..Default::default() }
}

#[tokio::test]
async fn a_dry_run_tells_and_an_apply_does() {
    let stack = Stack::start().await;
    let mut client = client(&stack).await;
    let wanted = json!({"policies": [{"name": "cheap", "strategy": {"type": "single", "model": "acme/small"}, "candidates": "all"}]});
    let before = stack.registry.version();
    let told = soon(client.apply(document(&wanted, true))).await.unwrap().into_inner();
    assert_eq!((stack.registry.version(), told.faults.len()), (before, 0));
    let done = soon(client.apply(document(&wanted, false))).await.unwrap().into_inner();
    assert_eq!(told.diff, done.diff);
    assert!(stack.registry.version() > before);
    let diff = Diff::try_from(done.diff.unwrap()).unwrap();
    assert!(!diff.is_empty());
    let again = soon(client.apply(document(&wanted, false))).await.unwrap().into_inner();
    assert!(Diff::try_from(again.diff.unwrap()).unwrap().is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told_at_once_and_nothing_changes() {
    let stack = Stack::start().await;
    let before = stack.registry.version();
    let wrong = json!({"policies": [
        {"name": "a", "strategy": {"type": "single", "model": "acme/none"}, "candidates": "all"},
        {"name": "b", "strategy": {"type": "single", "model": "acme/nobody"}, "candidates": "all"},
    ]});
    let answer = soon(client(&stack).await.apply(document(&wrong, false))).await.unwrap().into_inner();
    assert!(answer.diff.is_none());
    let paths: Vec<_> = answer.faults.iter().map(|fault| fault.path.as_str()).collect();
    assert!(paths.iter().any(|path| path.starts_with("policies[0]")), "{paths:?}");
    assert!(paths.iter().any(|path| path.starts_with("policies[1]")), "{paths:?}");
    assert_eq!(stack.registry.version(), before);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_refused_without_repeating_it() {
    let stack = Stack::start().await;
    let mut client = client(&stack).await;
    let typed = json!({"keys": [{"name": "x", "scopes": "sk-secret-value"}]});
    let unknown = json!({"polices": []});
    for (value, expected) in [(typed, "wrong type"), (unknown, "polices")] {
        let status = soon(client.apply(document(&value, true))).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("document_json:"), "{status}");
        assert!(status.message().contains(expected) && !status.message().contains("secret"), "{status}");
    }
}

async fn explain(stack: &Stack, request: pb::ExplainRequest) -> Value {
    match soon(client(stack).await.explain(request)).await.unwrap().into_inner().answer.unwrap() {
        Answer::RecordJson(json) | Answer::RefusalJson(json) => serde_json::from_slice(&json).unwrap(),
    }
}

#[tokio::test]
async fn an_injected_complexity_decides() {
    let stack = Stack::start().await;
    for (complexity, model) in [(0.1, "acme/small"), (0.9, "acme/large")] {
        let request = pb::ExplainRequest {
            policy: Some("support".into()),
            text: "hi".into(),
            complexity: Some(complexity),
            capabilities: vec![routing::Capability { tag: "code".into(), probability: 0.9 }],
            ..Default::default()
        };
        let record = explain(&stack, request.clone()).await;
        assert_eq!(record["selected_model"], model, "{record}");
        assert_eq!(record["complexity"], complexity);
        assert_eq!(record["capabilities"]["code"], 0.9);
        assert_eq!(record, explain(&stack, request).await);
    }
}

#[tokio::test]
async fn an_injected_difficulty_is_what_optimal_weighs() {
    let stack = Stack::start().await;
    let wanted = json!({"policies": [
        {"name": "Worth", "candidates": "all", "strategy": {"type": "optimal", "min_quality": 0.9}}]});
    soon(client(&stack).await.apply(document(&wanted, false))).await.unwrap();
    for difficulty in [-2.5, 3.0] {
        let request = pb::ExplainRequest {
            policy: Some("Worth".into()),
            text: "hi".into(),
            difficulty: Some(difficulty),
            ..Default::default()
        };
        let record = explain(&stack, request).await;
        assert_eq!(record["difficulty"], difficulty, "{record}");
    }
}

#[tokio::test]
async fn an_explanation_resolves_as_a_request_would() {
    let stack = Stack::start().await;
    let asks = |model: &str| pb::ExplainRequest {
        key: Some("default".into()),
        text: "hi".into(),
        facts: Some(routing::Facts { requested_model: Some(model.into()), ..Default::default() }),
        ..Default::default()
    };
    assert_eq!(explain(&stack, asks("acme/small")).await["strategy"], "direct");
    assert_eq!(explain(&stack, asks("@alias/support")).await["policy"], "Support");
    assert_eq!(explain(&stack, asks("auto")).await["policy"], "default");
    let listed = pb::ExplainRequest { models: vec!["acme/large".into(), "acme/small".into()], ..Default::default() };
    assert_eq!(explain(&stack, listed).await["selected_model"], "acme/large");

    let refusal = explain(&stack, asks("acme/none")).await;
    assert_eq!(refusal["error"]["code"], "model_not_found", "{refusal}");
    assert_eq!(refusal["error"]["param"], "model");
    assert_eq!(refusal["error"]["source"], "gateway");
}

#[tokio::test]
async fn an_import_brings_prices_and_keeps_what_the_operator_decided() {
    let stack = Stack::start().await;
    let file = json!({"acme/small": {
        "litellm_provider": "acme", "mode": "chat", "max_input_tokens": 64_000,
        "input_cost_per_token": 3e-07, "output_cost_per_token": 6e-07,
    }});
    let request = pb::ImportModelsRequest {
        catalogue: file.to_string().into_bytes(),
        source: "price list of a test".into(),
        ..Default::default()
    };
    let answer = soon(client(&stack).await.import_models(request)).await.unwrap().into_inner();
    assert!(answer.faults.is_empty(), "{:?}", answer.faults);
    let tenant = stack.registry.tenant(&stack.organisation).unwrap();
    let model = &tenant.models["acme/small"];
    assert_eq!(model.pricing.prompt.unwrap().to_string(), "0.0000003");
    assert_eq!((model.capability, model.source.as_deref()), (Some(0.2), Some("price list of a test")));
    let nonsense = pb::ImportModelsRequest { catalogue: b"[1]".to_vec(), ..Default::default() };
    let status = soon(client(&stack).await.import_models(nonsense)).await.unwrap_err();
    assert!(status.message().starts_with("catalogue:"), "{status}");
}
