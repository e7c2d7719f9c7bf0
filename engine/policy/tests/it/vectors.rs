//! Runs the cases of `tests/vectors/*.json`: a small configuration, inputs, an injected score, and what must come out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use domain::{Candidates, CapabilityTag, Degradation, ModelId, Route, Score, Strategy};
use policy::{Health, Latency, Scoring, Step};
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Answer, World, facts, model, order, removed, score, seed};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Models, each with the fields that matter.
    models: Vec<Value>,
    /// Providers that differ from the default.
    #[serde(default)]
    providers: Vec<Value>,
    /// Providers without a secret.
    #[serde(default)]
    without_credential: Vec<String>,
    /// Scorecards, each with the fields that matter; the first is `evl_000…`.
    #[serde(default)]
    scorecards: Vec<Value>,
    /// Blends, likewise `bld_000…`.
    #[serde(default)]
    blends: Vec<Value>,
    policies: Vec<PolicySpec>,
    #[serde(default)]
    routers: Vec<RouterSpec>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicySpec {
    name: String,
    candidates: Candidates,
    strategy: Strategy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouterSpec {
    name: String,
    models: Vec<String>,
    policy: Option<String>,
}

/// By name, where a `Route` has an id.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RouteSpec {
    Policy(String),
    Router(String),
    List(Vec<ModelId>),
    Direct(ModelId),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    route: RouteSpec,
    #[serde(default)]
    facts: Value,
    /// The injected score; its median output is 100 tokens.
    complexity: Option<f64>,
    /// Why there is none.
    unavailable: Option<Degradation>,
    /// What the score says the prompt asks for.
    #[serde(default)]
    capabilities: BTreeMap<CapabilityTag, f64>,
    #[serde(default)]
    unhealthy: BTreeSet<ModelId>,
    #[serde(default)]
    latency: BTreeMap<ModelId, Latency>,
    /// Which request it is, where a draw decides.
    #[serde(default)]
    request: u32,
    expect: Expected,
}

/// Only what is given is compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    needs_score: bool,
    refusal: Option<String>,
    order: Option<Vec<String>>,
    positions: Option<Vec<f64>>,
    scores: Option<Vec<f64>>,
    costs: Option<Vec<Option<String>>>,
    removed: Option<BTreeMap<String, String>>,
    reason: Option<String>,
    why: Option<String>,
    degraded: Option<Degradation>,
    source: Option<String>,
    explicit_order: Option<bool>,
}

fn world(file: &File) -> World {
    let mut world = World::of(file.models.iter().map(model));
    for provider in &file.providers {
        world.provider(provider);
    }
    for provider in &file.without_credential {
        world.without_credential(provider);
    }
    for fields in &file.scorecards {
        world.scorecard("", &[], fields);
    }
    for fields in &file.blends {
        world.blend(&[], fields);
    }
    for it in &file.policies {
        world.policy(&it.name, it.candidates.clone(), it.strategy.clone());
    }
    for it in &file.routers {
        let models: Vec<&str> = it.models.iter().map(String::as_str).collect();
        let policy = it.policy.as_ref().map(|name| world.tenant.policy_named(name).unwrap().id.clone());
        world.router(&it.name, &models, policy);
    }
    world
}

fn ask(world: &World, case: &Case) -> Answer {
    let route = match &case.route {
        RouteSpec::Policy(name) => Route::Policy(world.tenant.policy_named(name).unwrap().id.clone()),
        RouteSpec::Router(name) => {
            Route::Router(world.tenant.routers.values().find(|it| it.name == *name).unwrap().id.clone())
        }
        RouteSpec::List(models) => Route::List(models.clone()),
        RouteSpec::Direct(model) => Route::Direct(model.clone()),
    };
    let capabilities: Vec<_> = case.capabilities.iter().map(|(tag, probability)| (*tag, *probability)).collect();
    let score = case.complexity.map(|it| Score { capabilities, ..score(it) });
    let scoring = match (&score, case.unavailable) {
        (Some(score), _) => Scoring::Known(score),
        (None, Some(reason)) => Scoring::Unavailable(reason),
        (None, None) => Scoring::NotAsked,
    };
    let facts = if case.facts.is_null() { facts(&serde_json::json!({})) } else { facts(&case.facts) };
    let health = Health { unhealthy: case.unhealthy.clone(), latency: Arc::new(case.latency.clone()) };
    world.ask_with_health(&route, &facts, scoring, seed(case.request), &health)
}

fn compare(answer: Answer, expected: &Expected, context: &str) {
    let decision = match answer {
        Ok(Step::Decided(decision)) => decision,
        Ok(Step::NeedsScore) => return assert!(expected.needs_score, "{context}: unexpectedly needs a score"),
        Err(refusal) => {
            assert_eq!(Some(refusal.code()), expected.refusal.as_deref(), "{context}: {refusal}");
            if let Some(wanted) = &expected.removed {
                assert_eq!(&removed(refusal.removed()), wanted, "{context}");
            }
            return;
        }
    };
    assert!(!expected.needs_score && expected.refusal.is_none(), "{context}: decided {:?}", order(&decision));
    let wanted = expected.order.as_ref().unwrap_or_else(|| panic!("{context}: expects nothing"));
    assert_eq!(&order(&decision), wanted, "{context}");
    assert_eq!(decision.degraded, expected.degraded, "{context}");
    let candidates = &decision.candidates;
    let positions: Vec<_> = candidates.iter().map(|it| it.position).collect();
    let scores: Vec<_> = candidates.iter().map(|it| it.score).collect();
    for (wanted, found) in [(&expected.positions, positions), (&expected.scores, scores)] {
        let Some(wanted) = wanted else { continue };
        let is_close = found.iter().zip(wanted).all(|(a, b)| a.is_some_and(|a| (a - b).abs() < 1e-9));
        assert!(is_close && found.len() == wanted.len(), "{context}: {found:?}");
    }
    if let Some(wanted) = &expected.costs {
        let found: Vec<_> = candidates.iter().map(|it| it.expected_cost_usd.map(|cost| cost.to_string())).collect();
        assert_eq!(&found, wanted, "{context}");
    }
    assert_eq!(removed(&decision.removed), expected.removed.clone().unwrap_or_default(), "{context}");
    let texts = [
        (&expected.reason, Some(&decision.reason)),
        (&expected.why, candidates[0].why.as_ref()),
        (&expected.source, decision.capability_source.as_ref()),
    ];
    for (wanted, found) in texts.into_iter().filter(|(wanted, _)| wanted.is_some()) {
        assert_eq!(found, wanted.as_ref(), "{context}");
    }
    assert!(expected.explicit_order.is_none_or(|it| it == decision.explicit_order), "{context}: explicit order");
}

#[test]
fn every_vector_decides_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut count = 0;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|it| it == "json")) {
        let name = path.file_stem().unwrap().to_string_lossy();
        let file: File =
            serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
        let world = world(&file);
        for case in &file.cases {
            compare(ask(&world, case), &case.expect, &format!("{name}: {}", case.name));
            count += 1;
        }
    }
    assert!(count >= 30, "only {count} cases were found");
}
