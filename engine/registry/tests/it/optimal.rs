//! Policies with the strategy `optimal`: their blend is found by name and kept, and their calibration is the organisation's.

use domain::{ObjectKind, Strategy};
use registry::Terms;
use serde_json::{Value, json};

use crate::story::Story;

fn policy(strategy: &Value) -> Value {
    json!({"name": "Worth", "strategy": strategy, "candidates": "all"})
}

fn with_policy(strategy: &Value) -> Value {
    json!({"policies": [policy(strategy)]})
}

fn calibration(k: f64) -> Value {
    json!({"own": {"version": "ours-1", "difficulty": "2026.11.4", "k": k, "fitted_on": "own.csv", "n": 9,
        "date": "2026-11-22", "source": "evalkit",
        "scale": {"blend": {"a": 0.0, "b": 1.0}, "q": {"a": 0.1 + 0.2, "b": 0.5}}}})
}

/// A blend that knows none of the models but one.
async fn with_blend() -> Story {
    let story = Story::furnished().await;
    let exam = json!({"name": "exam", "metric": "accuracy", "source": {"kind": "uploaded"},
        "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0}, "scores": [{"model": "acme-ai/small", "score": 0.5}]});
    let blend = json!({"name": "ours", "weights": [{"benchmark": "exam", "weight": 1.0}]});
    story.apply(json!({"scorecards": [exam], "blends": [blend]})).await;
    story
}

#[tokio::test]
async fn blend_is_named_and_stays_while_a_policy_or_rule_reads_it() {
    let story = with_blend().await;
    let reads = json!({"type": "optimal", "blend": "ours", "lambda": 40.0});
    story.apply(with_policy(&reads)).await;
    let blend = story.tenant().blends.values().next().unwrap().id.clone();
    let Strategy::Optimal(settings) = story.tenant().policy_named("worth").unwrap().strategy.clone() else {
        panic!("an optimal policy");
    };
    assert_eq!(settings.blend, Some(blend));
    assert!(story.apply(with_policy(&reads)).await.is_empty());

    let told = story.refused(with_policy(&json!({"type": "optimal", "blend": "our", "lambda": 40.0}))).await;
    assert_eq!(told, ["policies[0].strategy.blend: there is no blend `our`; did you mean `ours`?"]);
    let delete = || story.registry.delete(&story.organisation, ObjectKind::Blend, "ours", Terms::operator());
    assert!(delete().await.unwrap_err().to_string().contains("strategy.blend: there is no blend `ours`"));

    // The same through a rule.
    let plain = json!({"type": "optimal", "min_quality": 0.9});
    let mut ruled = policy(&plain);
    ruled["rules"] = json!([{"priority": 1, "when": {"field": "stream", "op": "exists"}, "use": {"strategy": reads}}]);
    let diff = story.apply(json!({"policies": [ruled]})).await;
    let changes = diff.lines[0].changes.join("\n");
    assert!(changes.contains("use optimal: lambda 40, blend ours"), "{changes}");
    assert!(delete().await.unwrap_err().to_string().contains("rules[0].use.strategy.blend"));
    let mut freed = policy(&plain);
    freed["rules"] = json!([]);
    story.apply(json!({"policies": [freed]})).await;
    delete().await.unwrap();
}

#[tokio::test]
async fn calibration_is_the_organisations_until_it_goes_back_to_the_built_in_one() {
    let mut story = Story::furnished().await;
    let own = json!({"calibration": calibration(1.5)});
    let diff = story.apply(own.clone()).await;
    assert!(diff.lines[0].changes.iter().any(|it| it == "calibration.k: none -> 1.5"), "{diff:?}");
    assert!(story.apply(own).await.is_empty());
    story.reopen().await;
    let version = |story: &Story| policy::calibration(&story.tenant()).version.to_string();
    assert_eq!(version(&story), "ours-1");
    story.apply(json!({"policies": []})).await;
    assert_eq!(version(&story), "ours-1");
    story.apply(json!({"calibration": "built_in"})).await;
    assert_eq!(version(&story), policy::shipped().version.to_string());
}

#[tokio::test]
async fn unusable_calibration_is_refused_and_so_is_a_policy_that_would_need_it() {
    let story = Story::furnished().await;
    let mut file = with_policy(&json!({"type": "optimal", "lambda": 40.0}));
    file["calibration"] = calibration(0.0);
    let told = story.refused(file).await;
    let expected = ["policies[0].strategy: calibration_missing: ", "calibration: k: 0 is not a slope"];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
}
