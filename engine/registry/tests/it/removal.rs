//! Deleting: refused while something refers to it, and gone for good afterwards.

use domain::ObjectKind;
use domain::desired::Action;
use serde_json::json;

use crate::story::Story;

async fn refused(story: &Story, kind: ObjectKind, name: &str) -> String {
    let before = story.registry.snapshot();
    let refused = story
        .registry
        .delete(&story.organisation, kind, name, registry::Terms::operator())
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(story.registry.snapshot(), before);
    refused
}

#[tokio::test]
async fn what_others_refer_to_is_not_deleted() {
    let story = Story::furnished().await;
    let policy = refused(&story, ObjectKind::Policy, "support").await;
    for holder in [
        "router `edge`: policy",
        "project `web`: policy",
        "organisation `acme`: default_policy",
        "key `ci`: routing.policy",
    ] {
        assert!(policy.contains(holder), "{holder}\n{policy}");
    }
    let model = refused(&story, ObjectKind::Model, "acme-ai/small").await;
    assert!(model.contains("policy `Support`: models[0]: there is no model `acme-ai/small`"), "{model}");
    let provider = refused(&story, ObjectKind::Provider, "acme-ai").await;
    assert!(provider.contains("model `acme-ai/large`: id: there is no provider `acme-ai`"), "{provider}");
    let project = refused(&story, ObjectKind::Project, "web").await;
    assert!(project.contains("key `ci`: project: there is no project"), "{project}");
    let credential = refused(&story, ObjectKind::Credential, "acme-ai/main").await;
    assert!(credential.contains("router `edge`: credentials.acme-ai: provider `acme-ai`"), "{credential}");
}

#[tokio::test]
async fn unknown_object_is_named_with_the_nearest() {
    let story = Story::furnished().await;
    let message = refused(&story, ObjectKind::Router, "edg").await;
    assert_eq!(message, "there is no router `edg`; did you mean `edge`?");
}

#[tokio::test]
async fn deleted_objects_are_gone_after_a_restart_and_names_are_free() {
    let mut story = Story::furnished().await;
    let delete = async |kind, name: &str| {
        let diff = story.registry.delete(&story.organisation, kind, name, registry::Terms::operator()).await.unwrap();
        assert_eq!(diff.lines[0].action, Action::Delete);
    };
    delete(ObjectKind::Router, "edge").await;
    delete(ObjectKind::Key, "ci").await;
    delete(ObjectKind::Project, "web").await;
    let snapshot = story.registry.snapshot();
    story.reopen().await;
    assert_eq!(*story.registry.snapshot(), *snapshot);
    let tenant = story.tenant();
    assert!(tenant.routers.is_empty() && tenant.projects.is_empty() && snapshot.keys.is_empty());
    story.apply(json!({"routers": [{"name": "edge", "models": ["acme-ai/large"]}]})).await;
}

#[tokio::test]
async fn provider_takes_its_credentials_along() {
    let story = Story::empty().await;
    story.apply(json!({"providers": [crate::story::provider("solo")]})).await;
    let diff = story
        .registry
        .delete(&story.organisation, ObjectKind::Provider, "solo", registry::Terms::operator())
        .await
        .unwrap();
    assert_eq!(diff.lines.iter().map(|line| line.kind.as_str()).collect::<Vec<_>>(), ["provider", "credential"]);
    assert!(story.tenant().credentials.is_empty() && story.tenant().providers.is_empty());
}
