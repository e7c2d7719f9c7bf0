//! Operating the engine over its Unix socket.

use domain::{Diff, ObjectKind};
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::admin_client::AdminClient;
use proto::pb::admin::v1::explain_response::Answer;
use proto::pb::object::v1 as object;
use proto::pb::routing::v1 as routing;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use crate::harness::{Stack, soon};

async fn client(stack: &Stack) -> AdminClient<Channel> {
    AdminClient::new(stack.over_unix().await)
}

fn document(value: &Value, dry_run: bool) -> pb::ApplyRequest {
    pb::ApplyRequest { organisation: None, document_json: value.to_string().into_bytes(), dry_run }
}

fn of_kind(kind: ObjectKind) -> pb::ListRequest {
    pb::ListRequest { kind: object::ObjectKind::from(kind).into(), ..Default::default() }
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

#[tokio::test]
async fn lists_go_page_by_page_and_show_no_secrets() {
    let stack = Stack::start().await;
    let mut client = client(&stack).await;
    let mut ids = Vec::new();
    let mut request = pb::ListRequest { limit: 1, ..of_kind(ObjectKind::Model) };
    loop {
        let page = soon(client.list(request.clone())).await.unwrap().into_inner();
        assert!(page.objects.len() <= 1);
        ids.extend(page.objects.into_iter().map(|it| domain::Object::try_from(it).unwrap().key().id));
        if page.next_cursor.is_empty() {
            break;
        }
        request.cursor = page.next_cursor;
    }
    assert_eq!(ids, ["acme/large", "acme/small"]);

    let credentials = soon(client.list(of_kind(ObjectKind::Credential))).await.unwrap().into_inner().objects;
    let Some(object::object::Object::Credential(credential)) = &credentials[0].object else { panic!("asked for") };
    assert!(credential.sealed.is_empty() && !credential.hint.is_empty());
    let keys = soon(client.list(of_kind(ObjectKind::Key))).await.unwrap().into_inner().objects;
    let Some(object::object::Object::Key(key)) = &keys[0].object else { panic!("asked for") };
    assert!(key.hash.iter().all(|byte| *byte == 0));
    let pepper = soon(client.list(of_kind(ObjectKind::Pepper))).await.unwrap_err();
    assert_eq!(pepper.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_key_is_made_changed_and_revoked() {
    let stack = Stack::start().await;
    let mut client = client(&stack).await;
    let wanted = pb::CreateKeyRequest {
        name: "ci".into(),
        policy: Some("support".into()),
        allowed_models: vec!["acme/small".into()],
        ..Default::default()
    };
    let created = soon(client.create_key(wanted.clone())).await.unwrap().into_inner().key.unwrap();
    let hash = stack.registry.pepper().hash_key(&created.key);
    let held = || stack.registry.snapshot().keys.get(&hash).unwrap().clone();
    assert!(held().routing.as_ref().unwrap().active);

    let again = soon(client.create_key(wanted)).await.unwrap_err();
    assert_eq!(again.code(), Code::InvalidArgument);
    assert!(again.message().starts_with("name:"), "{again}");

    let before = held();
    let change = pb::UpdateKeyRequest { key: "ci".into(), active: Some(false), ..Default::default() };
    soon(client.update_key(change)).await.unwrap();
    let routing = before.routing.clone().map(|routing| domain::KeyRouting { active: false, ..routing });
    assert_eq!(*held(), domain::ApiKey { routing, ..domain::ApiKey::clone(&before) });

    let revoke = pb::RevokeKeyRequest { key: "ci".into(), organisation: None };
    let revoked = soon(client.revoke_key(revoke)).await.unwrap().into_inner().key.unwrap();
    assert!(revoked.revoked_at_micros.is_some() && held().revoked_at.is_some());
    let change = pb::UpdateKeyRequest { key: "ci".into(), active: Some(true), ..Default::default() };
    assert_eq!(soon(client.update_key(change)).await.unwrap_err().code(), Code::FailedPrecondition);
    let unknown = pb::RevokeKeyRequest { key: "nobody".into(), organisation: None };
    assert_eq!(soon(client.revoke_key(unknown)).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_key_without_a_policy_has_nothing_to_enforce() {
    let stack = Stack::start().await;
    let mut client = client(&stack).await;
    let change = pb::UpdateKeyRequest { key: "default".into(), active: Some(false), ..Default::default() };
    let status = soon(client.update_key(change)).await.unwrap_err();
    assert!(status.message().starts_with("active:"), "{status}");
    let inactive = pb::CreateKeyRequest { name: "x".into(), inactive: true, ..Default::default() };
    let status = soon(client.create_key(inactive)).await.unwrap_err();
    assert!(status.message().starts_with("inactive:"), "{status}");
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

#[tokio::test]
async fn several_organisations_must_be_told_apart() {
    let stack = Stack::start().await;
    stack.registry.create_organisation("second").await.unwrap();
    let mut client = client(&stack).await;
    let open = soon(client.list(of_kind(ObjectKind::Model))).await.unwrap_err();
    assert!(open.message().starts_with("organisation:"), "{open}");
    let named = pb::ListRequest { organisation: Some("second".into()), ..of_kind(ObjectKind::Model) };
    assert!(soon(client.list(named)).await.unwrap().into_inner().objects.is_empty());
}
