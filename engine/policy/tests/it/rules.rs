//! Runs `vectors/rules.json`: conditions over a request and what they come to, and whole decisions by rules. Beside it,
//! what rules mean for `models` and for routers that are saved.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{CapabilityTag, Degradation, ModelId, PolicyId, Route, Score, Strategy};
use policy::{Ask, Refusal, Resolved, Scoring, Step, resolve, validate_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, World, capable, facts, id, key, listed, model, order, removed, score, seed};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    conditions: Vec<ConditionCase>,
    policies: Vec<PolicySpec>,
    decisions: Vec<DecisionCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicySpec {
    name: String,
    candidates: domain::Candidates,
    strategy: Strategy,
    #[serde(default)]
    rules: Value,
}

/// What is known of the prompt; `complexity` may be `"nan"`.
#[derive(Clone, Default)]
struct Scored {
    score: Option<Score>,
    unavailable: Option<Degradation>,
}

impl Scored {
    fn of(complexity: &Value, capabilities: &BTreeMap<CapabilityTag, f64>, unavailable: Option<Degradation>) -> Self {
        let score = (!complexity.is_null()).then(|| Score {
            capabilities: capabilities.iter().map(|(tag, probability)| (*tag, *probability)).collect(),
            ..score(complexity.as_f64().unwrap_or(f64::NAN))
        });
        Self { score, unavailable }
    }

    fn scoring(&self) -> Scoring<'_> {
        match (&self.score, self.unavailable) {
            (Some(score), _) => Scoring::Known(score),
            (None, Some(reason)) => Scoring::Unavailable(reason),
            (None, None) => Scoring::NotAsked,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionCase {
    name: String,
    when: Value,
    #[serde(default = "nothing")]
    facts: Value,
    #[serde(default)]
    complexity: Value,
    #[serde(default)]
    capabilities: BTreeMap<CapabilityTag, f64>,
    unavailable: Option<Degradation>,
    /// True, false, or `"needs_score"`.
    holds: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionCase {
    name: String,
    policy: String,
    /// The models of a router over the policy, if the request comes through one.
    router: Option<Vec<String>>,
    #[serde(default = "nothing")]
    facts: Value,
    #[serde(default)]
    complexity: Value,
    #[serde(default)]
    capabilities: BTreeMap<CapabilityTag, f64>,
    unavailable: Option<Degradation>,
    expect: Expected,
}

/// Only what is given is compared, but for `rule`, `degraded` and `removed`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    needs_score: bool,
    refusal: Option<String>,
    order: Option<Vec<String>>,
    policy: Option<String>,
    strategy: Option<String>,
    rule: Option<String>,
    degraded: Option<Degradation>,
    #[serde(default)]
    removed: BTreeMap<String, String>,
    reason: Option<String>,
}

fn nothing() -> Value {
    json!({})
}

fn file() -> File {
    serde_json::from_str(include_str!("vectors/rules.json")).unwrap()
}

pub(crate) fn models() -> World {
    let able = |name: &str, capability: f64| {
        let abilities = ["vision", "tools", "json_schema"];
        let fields =
            json!({"id": name, "capability": capability, "context_length": 100_000, "capabilities": abilities});
        model(&fields)
    };
    let mut world = World::of([
        able("acme/small", 0.2),
        capable("acme/medium", 0.5),
        able("acme/large", 0.9),
        capable("beta/eu", 0.4),
        capable("beta/eu-large", 0.8),
    ]);
    // The first project is `prj_` and twenty times `0`.
    world.project("shop");
    world
}

/// A world with one policy: the small model, unless the condition holds.
pub(crate) fn conditioned(when: &Value) -> (World, Route) {
    let mut world = models();
    let policy = world.policy("p", listed(&["acme/small", "acme/large"]), Strategy::Priority {});
    let large = json!({"strategy": {"type": "single", "model": "acme/large"}});
    world.rule(&policy, &json!([{"priority": 1, "name": "r", "when": when, "use": large}]));
    (world, Route::Policy(policy))
}

/// True, false, or `"needs_score"`.
pub(crate) fn outcome(answer: Answer) -> Value {
    match answer {
        Ok(Step::Decided(decision)) => {
            let holds = decision.rule.is_some();
            assert_eq!(decision.selected_model.as_str(), if holds { "acme/large" } else { "acme/small" });
            json!(holds)
        }
        Ok(Step::NeedsScore) => json!("needs_score"),
        Err(refusal) => panic!("{refusal}"),
    }
}

#[test]
fn every_condition_comes_to_what_is_written() {
    let cases = file().conditions;
    for case in &cases {
        let (world, route) = conditioned(&case.when);
        let scored = Scored::of(&case.complexity, &case.capabilities, case.unavailable);
        let answer = world.ask(&route, &facts(&case.facts), scored.scoring(), seed(1));
        assert_eq!(outcome(answer), case.holds, "{}", case.name);
    }
    assert!(cases.len() >= 120, "only {} cases were found", cases.len());
}

/// The policies of the vectors, and a router over one of them if there is to be one.
fn ruled(file: &File, case: &DecisionCase) -> (World, Route) {
    let mut world = models();
    let mut add = |it: &PolicySpec| world.policy(&it.name, it.candidates.clone(), it.strategy.clone());
    let ids: Vec<PolicyId> = file.policies.iter().map(&mut add).collect();
    for (id, it) in ids.iter().zip(&file.policies).filter(|(_, it)| it.rules.is_array()) {
        world.rule(id, &it.rules);
    }
    let policy = world.tenant.policy_named(&case.policy).unwrap().id.clone();
    let Some(models) = &case.router else { return (world, Route::Policy(policy)) };
    let models: Vec<&str> = models.iter().map(String::as_str).collect();
    let router = world.router("r", &models, Some(policy));
    (world, Route::Router(router))
}

#[test]
fn every_rule_decides_as_written() {
    let file = file();
    for case in &file.decisions {
        let (world, route) = ruled(&file, case);
        let scored = Scored::of(&case.complexity, &case.capabilities, case.unavailable);
        compare(world.ask(&route, &facts(&case.facts), scored.scoring(), seed(1)), &case.expect, &case.name);
    }
    assert!(file.decisions.len() >= 29, "only {} cases were found", file.decisions.len());
}

fn compare(answer: Answer, expected: &Expected, name: &str) {
    let decision = match answer {
        Ok(Step::Decided(decision)) => decision,
        Ok(Step::NeedsScore) => return assert!(expected.needs_score, "{name}: unexpectedly needs a score"),
        Err(refusal) => return assert_eq!(Some(refusal.code()), expected.refusal.as_deref(), "{name}: {refusal}"),
    };
    let wanted = expected.order.as_ref().unwrap_or_else(|| panic!("{name}: decided {:?}", order(&decision)));
    assert_eq!(&order(&decision), wanted, "{name}");
    assert_eq!(decision.degraded, expected.degraded, "{name}");
    assert_eq!(removed(&decision.removed), expected.removed, "{name}");
    assert_eq!(decision.rule, expected.rule, "{name}");
    let texts = [
        (&expected.policy, decision.policy.as_ref()),
        (&expected.strategy, Some(&decision.strategy)),
        (&expected.reason, Some(&decision.reason)),
    ];
    for (wanted, found) in texts.into_iter().filter(|(wanted, _)| wanted.is_some()) {
        assert_eq!(found, wanted.as_ref(), "{name}");
    }
}

#[test]
fn a_policys_id_is_that_of_the_policy_that_decides() {
    let file = file();
    let case = file.decisions.iter().find(|case| case.name.starts_with("a rule's policy")).unwrap();
    let (world, route) = ruled(&file, case);
    let Ok(Step::Decided(decision)) = world.ask(&route, &facts(&case.facts), Scoring::NotAsked, seed(1)) else {
        panic!("undecided")
    };
    assert_eq!(decision.policy_id.as_ref(), Some(&world.tenant.policy_named("eu").unwrap().id));
}

#[test]
fn rules_read_the_model_that_was_asked_for_and_nothing_of_a_named_one() {
    let (world, _) = conditioned(&json!({"field": "model", "op": "exists"}));
    let asked = facts(&json!({"requested_model": "acme/small"}));
    let answer = world.ask(&Route::Direct(id("acme/small")), &asked, Scoring::NotAsked, seed(1));
    assert_eq!(outcome(answer), json!(false));
}

/// Resolves a request with `models` against a policy whose one rule leads elsewhere.
fn resolved(models: &[&str], r#use: &Value) -> Result<Resolved, Refusal> {
    let mut world = self::models();
    world.policy("eu", listed(&["beta/eu"]), Strategy::Priority {});
    let policy =
        world.policy("support", listed(&["acme/small", "acme/large"]), Strategy::Single { model: id("acme/small") });
    world.rule(&policy, &json!([{"priority": 1, "when": {"field": "tag.eu", "op": "exists"}, "use": r#use}]));
    let organisation = Arc::make_mut(&mut world.tenant.organisation);
    organisation.default_policy = Some(policy);
    let models: Vec<String> = models.iter().map(|it| (*it).to_owned()).collect();
    let policy_id = organisation.default_policy.clone().unwrap().to_string();
    resolve(&world.tenant, &key(), &Ask { models: &models, routing_policy_id: Some(&policy_id), ..Ask::default() })
}

#[test]
fn models_may_name_whatever_a_rule_can_lead_to() {
    let found = |models: &[&str], r#use: &Value| -> Vec<ModelId> { resolved(models, r#use).unwrap().models };
    let (to_eu, to_large) = (json!({"policy": "eu"}), json!({"strategy": {"type": "single", "model": "acme/large"}}));
    assert_eq!(found(&["beta/eu"], &to_eu), [id("beta/eu")]);
    assert_eq!(found(&["beta/eu", "acme/small"], &to_eu), [id("acme/small"), id("beta/eu")]);
    assert_eq!(found(&["acme/large"], &to_large), [id("acme/large")]);
    let refused = resolved(&["acme/large"], &to_eu).unwrap_err();
    assert_eq!(refused.code(), "no_models_in_common");
    assert_eq!(
        refused.to_string(),
        "none of `models` is a candidate of `support`: name at least one of `acme/small`, `beta/eu`"
    );
}

#[test]
fn a_router_needs_a_choice_wherever_rules_lead() {
    let mut world = models();
    world.policy("eu", listed(&["beta/eu"]), Strategy::Priority {});
    let policy = world.policy("support", listed(&["acme/small", "acme/large"]), Strategy::Priority {});
    let when = json!({"field": "tag.eu", "op": "exists"});
    world.rule(&policy, &json!([{"priority": 1, "when": when, "use": {"policy": "eu"}}]));
    let check = |models: &[&str], expected: &[&str]| {
        let mut world = World { tenant: world.tenant.clone() };
        let router = world.router("r", models, Some(policy.clone()));
        let router = domain::Router::clone(&world.tenant.routers[&router]);
        let problems = validate_router(&world.tenant, &router);
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    };
    check(&["acme/small", "beta/eu"], &[]);
    check(
        &["acme/small"],
        &[
            "policy: no enabled model of the policy `eu` is in the router's `models`: add one to both, or choose another \
           policy",
        ],
    );
}

#[test]
fn questions_with_labels_replay_from_their_json() {
    let (world, route) = conditioned(&json!({"field": "tag.tier", "op": "eq", "value": "premium"}));
    let asked = facts(&json!({"labels": {"tags": {"tier": "premium"}, "metadata": {"a": [1, "b"]}}}));
    let kept: domain::Facts = serde_json::from_str(&serde_json::to_string(&asked).unwrap()).unwrap();
    assert_eq!(kept, asked);
    let ask = |facts| world.ask(&route, facts, Scoring::NotAsked, seed(1));
    assert_eq!(ask(&kept), ask(&asked));
    assert_eq!(outcome(ask(&kept)), json!(true));
    let mut without = serde_json::to_value(&asked).unwrap();
    without.as_object_mut().unwrap().remove("labels");
    let older: domain::Facts = serde_json::from_value(without).unwrap();
    assert_eq!(outcome(ask(&older)), json!(false));
}
