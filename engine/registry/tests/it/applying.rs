//! Applying: what a diff says, what stays, what is made.

use domain::desired::{Action, Diff};
use domain::policy::Axis;
use domain::{ModelId, Strategy};
use serde_json::json;

use crate::story::{Story, desired, furniture, provider};

fn shown(diff: &Diff) -> Vec<String> {
    let line = |line: &domain::desired::DiffLine| {
        format!("{:?} {} {}: {}", line.action, line.kind, line.name, line.changes.join("; "))
    };
    diff.lines.iter().map(line).collect()
}

#[tokio::test]
async fn references_inside_one_file_work_in_any_order() {
    let story = Story::furnished().await;
    let tenant = story.tenant();
    let policy = tenant.policy_named("support").unwrap();
    assert_eq!(tenant.organisation.default_policy.as_ref(), Some(&policy.id));
    assert_eq!(tenant.projects.values().next().unwrap().policy.as_ref(), Some(&policy.id));
    assert_eq!(tenant.routers.values().next().unwrap().policy.as_ref(), Some(&policy.id));
    let key = story.registry.find_key(&story.organisation, "ci").unwrap();
    assert_eq!(key.routing.as_ref().unwrap().policy, policy.id);
    assert_eq!(tenant.models[&ModelId::parse("acme-ai/small").unwrap()].native, "small");
}

#[tokio::test]
async fn applied_again_everything_is_unchanged_and_the_version_stays() {
    let story = Story::furnished().await;
    let version = story.registry.version();
    let diff = story.apply(furniture()).await;
    assert!(diff.is_empty(), "{:?}", shown(&diff));
    assert_eq!(diff.lines.len(), 9, "{:?}", shown(&diff));
    assert_eq!(story.registry.version(), version);
}

#[tokio::test]
async fn dry_run_tells_and_changes_nothing() {
    let story = Story::empty().await;
    let before = story.registry.snapshot();
    let mut file = furniture();
    file["keys"].as_array_mut().unwrap().push(json!({"name": "made"}));
    let diff =
        story.registry.apply(&story.organisation, &desired(file), true, registry::Terms::operator()).await.unwrap();
    assert_eq!(story.registry.snapshot(), before);
    assert!(diff.lines.iter().any(|line| line.name == "made" && line.action == Action::Create));
    assert!(diff.created_keys.is_empty(), "a key of a dry run would never work");
}

#[tokio::test]
async fn changed_fields_are_told_by_name_and_secrets_as_stars() {
    let story = Story::furnished().await;
    let diff = story
        .apply(json!({
            "providers": [{"slug": "acme-ai", "dialect": "openai", "base_url": "https://new.example.com/v1/",
                           "credentials": [{"name": "main", "secret": "sk-provider-secret-2"}]}],
            "policies": [
                {"name": "Support", "candidates": "all", "strategy": {"type": "single", "model": "acme-ai/large"}},
                {"name": "Other", "candidates": "all", "strategy": {"type": "intelligent"}},
            ],
            "projects": [{"name": "web", "policy": "other"}],
            "keys": [{"name": "ci", "secret": "an-operators-own-key-of-32-chars-2"}],
            // The router stays: its model no longer fits the single one, so it moves to the new policy.
            "routers": [{"name": "edge", "models": ["acme-ai/small"], "policy": "other"}],
        }))
        .await;
    let lines = shown(&diff);
    for expected in [
        "Update provider acme-ai: base_url: https://acme-ai.example.com/v1 -> https://new.example.com/v1",
        "Update credential acme-ai/main: secret: *** -> ***",
        "Update project web: policy: Support -> Other",
        "Update router edge: policy: Support -> Other",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}\n{lines:#?}");
    }
    let key = lines.iter().find(|line| line.starts_with("Update key ci")).unwrap();
    assert!(key.ends_with("secret: *** -> ***") && key.contains("routing.policy: Support -> none"), "{key}");
    let all = format!("{diff:?}");
    assert!(!all.contains("secret-2") && !all.contains("own-key"), "{all}");
}

#[tokio::test]
async fn objects_that_a_file_does_not_name_stay() {
    let story = Story::furnished().await;
    let before = story.tenant();
    story.apply(json!({"models": [{"id": "acme-ai/new"}]})).await;
    let after = story.tenant();
    assert_eq!(after.models.len(), before.models.len() + 1);
    assert_eq!((&after.policies, &after.routers), (&before.policies, &before.routers));
}

#[tokio::test]
async fn listed_credentials_are_the_whole_pool_and_unlisted_pools_stay() {
    let story = Story::furnished().await;
    let mut only = provider("acme-ai");
    only["credentials"] = json!([{"name": "second", "secret": "sk-provider-secret-2"}]);
    let lines = shown(&story.apply(json!({"providers": [only.clone()]})).await);
    assert!(lines.contains(&"Delete credential acme-ai/main: ".to_owned()), "{lines:?}");
    assert!(lines.contains(&"Create credential acme-ai/second: secret: ***".to_owned()), "{lines:?}");
    only.as_object_mut().unwrap().remove("credentials");
    story.apply(json!({"providers": [only]})).await;
    let names: Vec<_> = story.tenant().credentials.values().map(|it| it.name.clone()).collect();
    assert_eq!(names, ["second"]);
}

#[tokio::test]
async fn replaced_secret_is_sealed_anew_under_the_same_record() {
    let story = Story::furnished().await;
    let before = story.tenant().credentials.values().next().unwrap().clone();
    let mut changed = provider("acme-ai");
    changed["credentials"][0]["secret"] = json!("sk-provider-secret-2");
    story.apply(json!({"providers": [changed]})).await;
    let after = story.tenant().credentials.values().next().unwrap().clone();
    assert_eq!((after.id.clone(), after.version), (before.id.clone(), 2));
    let opened = story.registry.keyring().open(&seal::Aad::credential(&after), &after.sealed).unwrap();
    assert!(opened.matches(b"sk-provider-secret-2"));
    assert_eq!(after.hint, "…et-2");
}

#[tokio::test]
async fn policy_keeps_its_identity_when_renamed_by_its_slug() {
    let story = Story::furnished().await;
    let before = story.tenant().policy_named("support").unwrap().id.clone();
    story
        .apply(json!({"policies": [{"name": "Help desk", "slug": "support", "candidates": "all",
                                    "strategy": {"type": "intelligent", "axis": "capability"}}]}))
        .await;
    let after = story.tenant().policy_named("Help desk").unwrap().clone();
    assert_eq!((after.id.clone(), after.slug.as_str()), (before, "support"));
    assert_eq!(after.strategy, Strategy::Intelligent { axis: Axis::Capability });
}

#[tokio::test]
async fn model_of_a_provider_in_the_built_in_catalogue_brings_the_provider() {
    let story = Story::empty().await;
    let diff = story.apply(json!({"models": [{"id": "mistral/mistral-small-2603"}]})).await;
    assert!(shown(&diff)[0].starts_with("Create provider mistral: "), "{diff:?}");
    assert!(diff.warnings[0].contains("MISTRAL_API_KEY"), "{:?}", diff.warnings);
    let tenant = story.tenant();
    let model = tenant.models.values().next().unwrap();
    assert!(!tenant.is_callable(model), "there is no credential yet");
}

#[tokio::test]
async fn what_is_odd_but_allowed_is_a_warning() {
    let story = Story::empty().await;
    let diff = story
        .apply(json!({
            "providers": [
                {"slug": "home", "dialect": "openai", "base_url": "http://127.0.0.1:8000/v1", "allow_anonymous": true},
                {"slug": "plain", "dialect": "openai", "base_url": "http://plain.example.com/v1"},
            ],
            "models": [{"id": "home/x", "pricing": {"prompt": "2.5", "completion": "10"}}],
            "keys": [{"name": "past", "expires_at": 1_000_000}],
        }))
        .await;
    for expected in [
        "providers[0].base_url: 127.0.0.1 is a private address, which is refused when called: set allow_private_network",
        "providers[1].base_url: the secret travels unencrypted: use https",
        "models[0].pricing.prompt: 2.5 USD a token is 2500000 USD a million: was it meant a million?",
        "keys[0].expires_at: 1970-01-01T00:00:01.000Z is past: the key cannot be used",
    ] {
        assert!(diff.warnings.iter().any(|warning| warning == expected), "{expected}\n{:#?}", diff.warnings);
    }
}

#[tokio::test]
async fn followers_learn_of_every_version() {
    let story = Story::empty().await;
    let mut versions = story.registry.subscribe();
    versions.mark_unchanged();
    story.apply(furniture()).await;
    versions.changed().await.unwrap();
    assert_eq!(*versions.borrow(), story.registry.version());
    assert_eq!(story.registry.snapshot().version, story.registry.version());
}

#[tokio::test]
async fn name_that_a_file_gives_up_leads_nowhere() {
    let story = Story::furnished().await;
    let renamed = json!([{"name": "Help desk", "slug": "support", "candidates": "all", "strategy": {"type": "split"}}]);
    let faults = story.refused(json!({"policies": renamed, "projects": [{"name": "web", "policy": "Support"}]})).await;
    assert_eq!(faults, ["projects[0].policy: there is no policy `Support`; did you mean `support`?"]);
}
