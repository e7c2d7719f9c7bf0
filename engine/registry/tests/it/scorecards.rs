//! Scorecards and blends: configured by name, refused when they make no sense, kept while others refer to them.

use domain::{Object, ObjectKind, Strategy};
use registry::Terms;
use serde_json::{Value, json};

use crate::story::Story;

fn scorecard(name: &str, scores: &[(&str, f64)]) -> Value {
    let scores: Vec<_> = scores.iter().map(|(model, score)| json!({"model": model, "score": score})).collect();
    json!({"name": name, "metric": "accuracy", "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0},
           "source": {"kind": "uploaded"}, "scores": scores})
}

/// Two benchmarks, a blend of them, and a policy and a router that use them.
fn evidence() -> Value {
    json!({
        "scorecards": [
            scorecard("exam", &[("acme-ai/small", 0.5), ("acme-ai/large", 0.1 + 0.2)]),
            scorecard("judge", &[("acme-ai/large", 0.9)]),
        ],
        "blends": [{"name": "ours", "fallback_model": "acme-ai/large",
            "weights": [{"benchmark": "exam", "weight": 0.6}, {"benchmark": "judge", "weight": 0.4, "missing": "median"}],
            "overrides": [{"benchmark": "judge", "model": "acme-ai/small", "score": 0.4, "author": "dana",
                           "reason": "the judge was lenient"}]}],
        "policies": [{"name": "Best", "strategy": {"type": "blend", "blend": "ours"},
            "candidates": {"listed": [{"model": "acme-ai/small"}, {"model": "acme-ai/large"}]}}],
        "routers": [{"name": "best", "models": ["acme-ai/small"], "policy": "Best", "scorecards": ["exam"],
                     "credentials": {"acme-ai": "managed"}}],
    })
}

async fn with_evidence() -> Story {
    let story = Story::furnished().await;
    story.apply(evidence()).await;
    story
}

#[tokio::test]
async fn applied_again_nothing_changes_and_all_is_there_after_a_restart() {
    let mut story = with_evidence().await;
    let (before, version) = (story.registry.snapshot(), story.registry.version());
    assert!(story.apply(evidence()).await.is_empty());
    assert_eq!(story.registry.version(), version);
    story.reopen().await;
    assert_eq!(story.registry.snapshot(), before);
    let Some(Object::Blend(blend)) = story.registry.find(&story.organisation, ObjectKind::Blend, "ours") else {
        panic!("the blend is there");
    };
    let policy = story.tenant().policy_named("best").unwrap().clone();
    assert_eq!(policy.strategy, Strategy::Blend { blend: blend.id.clone() });
}

#[tokio::test]
async fn change_of_a_score_is_told_by_its_model() {
    let story = with_evidence().await;
    let diff = story.apply(json!({"scorecards": [scorecard("judge", &[("acme-ai/large", 0.8)])]})).await;
    assert_eq!(diff.lines[0].changes, ["cells.acme-ai/large: score 0.9 -> score 0.8"]);
}

#[tokio::test]
async fn what_others_refer_to_stays() {
    let story = with_evidence().await;
    let mut told = Vec::new();
    for (kind, name) in [
        (ObjectKind::Scorecard, "exam"),
        (ObjectKind::Scorecard, "exma"),
        (ObjectKind::Blend, "ours"),
        (ObjectKind::Model, "acme-ai/large"),
    ] {
        let refused = story.registry.delete(&story.organisation, kind, name, Terms::operator()).await.unwrap_err();
        told.push(refused.to_string());
    }
    insta::assert_snapshot!(told.join("\n"));
    for (kind, name) in [
        (ObjectKind::Router, "best"),
        (ObjectKind::Policy, "best"),
        (ObjectKind::Blend, "ours"),
        (ObjectKind::Scorecard, "exam"),
    ] {
        story.registry.delete(&story.organisation, kind, name, Terms::operator()).await.unwrap();
    }
}

#[tokio::test]
async fn evidence_that_makes_no_sense_is_refused_with_its_place() {
    let story = with_evidence().await;
    let blend = |weights: Value| json!({"name": "b", "weights": weights});
    let file = json!({
        "scorecards": [
            scorecard("share", &[("acme-ai/small", 87.0), ("acme-ai/large", 0.87)]),
            scorecard("twice", &[("acme-ai/small", 0.5), ("acme-ai/small", 0.6)]),
            scorecard("typing", &[("acme-ai/smal", 0.5)]),
            scorecard("outside", &[("acme-ai/small", -3.0)]),
            {"name": "scale", "metric": "m", "normalisation": {"type": "bounds", "min": 1.0, "max": 0.0},
             "source": {"kind": "eval"}, "scores": [{"model": "acme-ai/small", "score": 0.5}]},
        ],
        "blends": [
            blend(json!([{"benchmark": "exam", "weight": 0.6}, {"benchmark": "judge", "weight": 0.3}])),
        ],
    });
    let mut told = story.refused(file).await;
    told.extend(story.refused(json!({"blends": [blend(json!([{"benchmark": "exam", "weight": -1.0}]))]})).await);
    told.extend(story.refused(json!({"blends": [blend(json!([{"benchmark": "exm", "weight": 1.0}]))]})).await);
    told.extend(
        story
            .refused(json!({"blends": [{"name": "b", "weights": [{"benchmark": "exam", "weight": 1.0}],
                "overrides": [{"benchmark": "exam", "model": "acme-ai/small", "score": 7.0, "author": "dana", "reason": " "}]}]}))
            .await,
    );
    told.extend(
        story
            .refused(json!({"scorecards": [scorecard("late", &[("acme-ai/old", 0.5)])],
                            "blends": [blend(json!([{"benchmark": "late", "weight": 1.0}]))]}))
            .await,
    );
    told.extend(
        story
            .refused(json!({"policies": [{"name": "p", "candidates": "all", "strategy": {"type": "blend", "blend": "our"}}]}))
            .await,
    );
    told.extend(
        story
            .refused(json!({"routers": [
                {"name": "r", "models": ["acme-ai/small"], "scorecards": ["nothing"], "credentials": {"acme-ai": "user"}}]}))
            .await,
    );
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn router_says_whose_key_it_uses() {
    let story = Story::furnished().await;
    let provider = |owners: &[&str]| {
        let credentials: Vec<_> = owners
            .iter()
            .map(|owner| json!({"name": owner, "owner": owner, "secret": format!("sk-provider-secret-of-{owner}")}))
            .collect();
        json!({"slug": "acme-ai", "dialect": "openai", "base_url": "https://acme-ai.example.com/v1",
               "credentials": credentials})
    };
    let router = |source: Value| json!({"name": "r", "models": ["acme-ai/small"], "credentials": source});
    story.apply(json!({"providers": [provider(&["managed", "org"])]})).await;
    let forbidden = story.refused(json!({"routers": [router(json!({"acme-ai": "managed"}))]})).await;
    story.apply(json!({"routers": [router(json!({"acme-ai": "user"}))]})).await;
    let needed = story.refused(json!({"providers": [provider(&["managed"])]})).await;
    let unsaid = story.refused(json!({"providers": [provider(&["org"])]})).await;
    insta::assert_snapshot!([forbidden, needed, unsaid].concat().join("\n"));
}
