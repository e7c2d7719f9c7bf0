//! What is refused before it is saved.

use domain::{Axis, Candidates, Policy, PolicyId, PolicyModel, Router, RouterId, Rules, Strategy};
use policy::{Problem, validate_policy, validate_router};
use serde_json::json;

use crate::support::{World, capable, id, listed, model, organisation};

fn world() -> World {
    let mut world = World::of([
        capable("acme/small", 0.2),
        capable("acme/large", 0.9),
        model(&json!({"id": "acme/off", "enabled": false})),
        model(&json!({"id": "acme/embed", "capabilities": ["embeddings"]})),
        capable("bare/model", 0.5),
    ]);
    world.without_credential("bare");
    world.policy("taken", listed(&["acme/large"]), Strategy::Split {});
    world
}

fn paths(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(|it| it.path.as_str()).collect()
}

#[track_caller]
fn check_policy(candidates: Candidates, strategy: Strategy, expected: &[&str]) {
    let policy = Policy {
        id: PolicyId::from_random([77; 20]),
        organisation: organisation(),
        name: "new".to_owned(),
        slug: "new".to_owned(),
        version: 1,
        candidates,
        strategy,
        rules: Rules::default(),
        affinity: None,
    };
    let problems = validate_policy(&world().tenant, &policy);
    assert_eq!(paths(&problems), expected, "{problems:?}");
}

#[track_caller]
fn check_router(models: &[&str], policy: Option<PolicyId>, expected: &[&str]) {
    let router = Router {
        id: RouterId::from_random([77; 20]),
        organisation: organisation(),
        name: "new".to_owned(),
        models: models.iter().map(|it| id(it)).collect(),
        policy,
        scorecards: Vec::new(),
        credentials: std::collections::BTreeMap::new(),
    };
    let problems = validate_router(&world().tenant, &router);
    assert_eq!(paths(&problems), expected, "{problems:?}");
}

#[test]
fn policy_models_must_exist_be_enabled_and_answer_with_text() {
    check_policy(listed(&["acme/small", "acme/large"]), Strategy::Priority {}, &[]);
    check_policy(Candidates::All, Strategy::Intelligent { axis: Axis::Cost }, &[]);
    check_policy(listed(&[]), Strategy::Priority {}, &["models"]);
    check_policy(
        listed(&["acme/none", "acme/small", "acme/off", "acme/embed"]),
        Strategy::Split {},
        &["models[0]", "models[2]", "models[3]"],
    );
    check_policy(listed(&["acme/small", "acme/small"]), Strategy::Split {}, &["models[1]"]);
}

#[test]
fn single_needs_a_model_of_the_policy() {
    let single = |model: &str| Strategy::Single { model: id(model) };
    check_policy(listed(&["acme/small"]), single("acme/small"), &[]);
    check_policy(listed(&["acme/small"]), single("acme/large"), &["strategy.model"]);
    check_policy(Candidates::All, single("acme/large"), &[]);
    check_policy(Candidates::All, single("acme/off"), &["strategy.model"]);
}

#[test]
fn weights_are_positive_numbers() {
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let models = vec![
            PolicyModel { model: id("acme/small"), priority: None, weight: Some(1.0) },
            PolicyModel { model: id("acme/large"), priority: None, weight: Some(weight) },
        ];
        check_policy(Candidates::Listed(models), Strategy::Split {}, &["models[1].weight"]);
    }
}

#[test]
fn alias_is_well_formed_and_free() {
    let mut world = world();
    let id = world.policy("Mine", listed(&["acme/small"]), Strategy::Split {});
    let mut policy = Policy::clone(&world.tenant.policies[&id]);
    assert_eq!(validate_policy(&world.tenant, &policy), []);
    for slug in ["", "Mine", "a b", "taken"] {
        policy.slug = slug.to_owned();
        assert_eq!(paths(&validate_policy(&world.tenant, &policy)), ["slug"], "{slug}");
    }
}

#[test]
fn router_needs_callable_models_that_its_policy_can_choose() {
    let taken = || Some(world().tenant.policies.keys().next().unwrap().clone());
    check_router(&["acme/small"], None, &[]);
    check_router(&["acme/small", "acme/large"], taken(), &[]);
    check_router(&["acme/small"], taken(), &["policy"]);
    check_router(&["acme/small"], Some(PolicyId::from_random([99; 20])), &["policy"]);
    check_router(&[], None, &["models"]);
    check_router(&["acme/off", "bare/model"], None, &["models[0]", "models[1]"]);
}

#[test]
fn model_of_a_custom_provider_is_no_candidate() {
    let mut world = world();
    world.provider(&serde_json::json!({"slug": "acme", "dialect": "custom"}));
    let id = world.policy("Mine", listed(&["acme/small"]), Strategy::Split {});
    let problems = validate_policy(&world.tenant, &world.tenant.policies[&id]);
    assert_eq!(paths(&problems), ["models[0]"]);
    assert!(problems[0].message.contains("through the provider proxy only"), "{}", problems[0]);
}
