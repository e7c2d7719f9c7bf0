//! What holds for every list of rules and every condition.

use domain::{Route, Strategy as Ordering};
use policy::{Scoring, Step};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::rules::{conditioned, models, outcome};
use crate::support::{Answer, World, facts, listed, score, seed};

/// A test over few fields and values, so that it often holds.
fn free_test() -> impl Strategy<Value = Value> {
    let text = prop_oneof![Just("tag.a"), Just("header.x-a"), Just("metadata.a"), Just("user"), Just("model")];
    let value = prop_oneof![Just(json!("1")), Just(json!("ab")), Just(json!(1)), Just(json!(2))];
    let operator = prop_oneof![
        Just("eq"),
        Just("ne"),
        Just("gt"),
        Just("lte"),
        Just("contains"),
        Just("starts_with"),
        Just("exists"),
        Just("not_exists"),
        Just("matches"),
    ];
    (text, operator, value).prop_map(|(field, op, value)| json!({"field": field, "op": op, "value": value}))
}

fn scored_test() -> impl Strategy<Value = Value> {
    let field = prop_oneof![Just("complexity"), Just("capability.code")];
    let operator = prop_oneof![Just("gt"), Just("lte"), Just("exists"), Just("ne")];
    (field, operator).prop_map(|(field, op)| json!({"field": field, "op": op, "value": 0.5}))
}

fn nested(test: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    test.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|all| json!({ "all": all })),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|any| json!({ "any": any })),
            inner.prop_map(|not| json!({ "not": not })),
        ]
    })
}

fn free() -> impl Strategy<Value = Value> {
    nested(free_test())
}

fn any() -> impl Strategy<Value = Value> {
    nested(prop_oneof![2 => free_test(), 1 => scored_test()])
}

fn requests() -> impl Strategy<Value = Value> {
    let text = || prop::option::of(prop_oneof![Just("1"), Just("ab"), Just("xaby"), Just("2.0"), Just("")]);
    let member = prop_oneof![Just(json!(null)), Just(json!(["ab", 1])), Just(json!(2)), Just(json!("ab"))];
    (text(), text(), member, text(), text()).prop_map(|(tag, header, member, user, model)| {
        let mut labels = json!({"tags": {}, "headers": {}, "metadata": {"a": member}, "user": user});
        if let Some(tag) = tag {
            labels["tags"]["a"] = json!(tag);
        }
        if let Some(header) = header {
            labels["headers"]["x-a"] = json!(header);
        }
        json!({"labels": labels, "requested_model": model})
    })
}

/// True, false, or `"needs_score"`.
fn holds(when: &Value, request: &Value, complexity: Option<f64>) -> Value {
    let (world, route) = conditioned(when);
    let known = complexity.map(score);
    let scoring = known.as_ref().map_or(Scoring::NotAsked, Scoring::Known);
    outcome(world.ask(&route, &facts(request), scoring, seed(1)))
}

fn rules(conditions: &[Value], strategies: &[Value]) -> Vec<Value> {
    let numbered = conditions.iter().zip(strategies.iter().cycle()).enumerate();
    let rule = |(place, (when, strategy)): (usize, (&Value, &Value))| json!({"priority": place, "name": format!("r{place}"), "when": when, "use": {"strategy": strategy}});
    numbered.map(rule).collect()
}

fn decide(rules: &[Value], request: &Value, scoring: Scoring<'_>) -> Answer {
    let mut world: World = models();
    let policy = world.policy("p", listed(&["acme/small", "acme/medium", "acme/large"]), Ordering::Priority {});
    world.rule(&policy, &json!(rules));
    world.ask(&Route::Policy(policy), &facts(request), scoring, seed(1))
}

fn free_strategies() -> Vec<Value> {
    let single = |model: &str| json!({"type": "single", "model": model});
    vec![single("acme/medium"), json!({"type": "split"}), single("acme/large")]
}

proptest! {
    #[test]
    fn order_of_rules_with_different_priorities_changes_nothing(
        (conditions, places) in prop::collection::vec(any(), 1..7).prop_flat_map(|all| {
            let places: Vec<usize> = (0..all.len()).collect();
            (Just(all), Just(places).prop_shuffle())
        }),
        request in requests(), complexity in 0.0..=1.0
    ) {
        let rules = rules(&conditions, &free_strategies());
        let shuffled: Vec<Value> = places.iter().map(|place| rules[*place].clone()).collect();
        let score = score(complexity);
        for scoring in [Scoring::Known(&score), Scoring::NotAsked] {
            prop_assert_eq!(decide(&shuffled, &request, scoring), decide(&rules, &request, scoring));
        }
    }

    #[test]
    fn of_equal_priorities_the_first_written_that_holds_wins(
        conditions in prop::collection::vec(free(), 1..7), request in requests()
    ) {
        let mut rules = rules(&conditions, &free_strategies());
        let ascending = decide(&rules, &request, Scoring::NotAsked);
        for rule in &mut rules {
            rule["priority"] = json!(7);
        }
        prop_assert_eq!(decide(&rules, &request, Scoring::NotAsked), ascending);
    }

    #[test]
    fn not_twice_is_nothing(when in any(), request in requests(), complexity in prop::option::of(0.0..=1.0)) {
        let twice = json!({"not": {"not": when}});
        prop_assert_eq!(holds(&twice, &request, complexity), holds(&when, &request, complexity));
    }

    #[test]
    fn not_is_the_contrary(when in free(), request in requests()) {
        let contrary = holds(&json!({ "not": when }), &request, None);
        prop_assert_eq!(contrary.as_bool(), holds(&when, &request, None).as_bool().map(|holds| !holds));
    }

    #[test]
    fn none_of_them_is_all_of_the_contraries(
        conditions in prop::collection::vec(any(), 0..4), request in requests(),
        complexity in prop::option::of(0.0..=1.0)
    ) {
        let contraries: Vec<Value> = conditions.iter().map(|it| json!({ "not": it })).collect();
        let none = holds(&json!({"not": {"any": conditions}}), &request, complexity);
        prop_assert_eq!(holds(&json!({ "all": contraries }), &request, complexity), none);
    }

    #[test]
    fn rules_without_score_fields_never_ask_for_a_score(
        conditions in prop::collection::vec(free(), 0..7), request in requests()
    ) {
        let answer = decide(&rules(&conditions, &free_strategies()), &request, Scoring::NotAsked);
        let is_decided = matches!(&answer, Ok(Step::Decided(decision)) if decision.degraded.is_none());
        prop_assert!(is_decided, "{:?}", answer);
    }

    #[test]
    fn a_score_is_asked_for_only_where_it_can_matter(when in any(), request in requests(), complexity in 0.0..=1.0) {
        let unasked = holds(&when, &request, None);
        if unasked != "needs_score" {
            prop_assert_eq!(holds(&when, &request, Some(complexity)), unasked);
        }
    }

    #[test]
    fn what_is_saved_is_what_was_read(conditions in prop::collection::vec(any(), 0..5)) {
        let rules = json!(rules(&conditions, &free_strategies()));
        let read = domain::Rules::parse(&rules).unwrap();
        prop_assert_eq!(serde_json::to_value(&read).unwrap(), rules.clone());
        prop_assert_eq!(serde_json::from_value::<domain::Rules>(rules).unwrap(), read);
    }
}
