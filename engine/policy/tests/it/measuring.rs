//! `lowest_cost`, `least_latency`, and capability measured by scorecards.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Axis, Decision, Facts, Model, Route, RouterId, Strategy, Tenant};
use policy::{Health, Latency, Scoring};
use serde_json::json;

use crate::support::{World, decided, facts, id, listed, model, order, score, seed};

fn priced(name: &str, prompt: &str, completion: &str) -> Model {
    model(&json!({"id": name, "context_length": 100_000, "pricing": {"prompt": prompt, "completion": completion}}))
}

#[track_caller]
fn check_cost(features: &serde_json::Value, expected: &[&str], reason: &str) {
    let models = ["a/talker", "a/reader", "a/unknown", "a/also-unknown"];
    let mut world = World::of([
        priced("a/talker", "0.000010", "0.000001"),
        priced("a/reader", "0.000001", "0.000010"),
        model(&json!({"id": "a/unknown", "context_length": 100_000, "pricing": {"prompt": "0"}})),
        model(&json!({"id": "a/also-unknown", "context_length": 100_000})),
    ]);
    let route = Route::Policy(world.policy("cheap", listed(&models), Strategy::LowestCost {}));
    let decision = decided(world.ask(&route, &facts(&json!({ "features": features })), Scoring::NotAsked, seed(1)));
    assert_eq!(order(&decision), expected);
    assert_eq!((decision.reason.as_str(), decision.strategy.as_str()), (reason, "lowest_cost"));
}

#[test]
fn lowest_cost_is_that_of_this_request_and_unknown_prices_come_last() {
    let reason = "lowest expected cost in cheap";
    let (reader_first, talker_first) = (
        ["a/reader", "a/talker", "a/also-unknown", "a/unknown"],
        ["a/talker", "a/reader", "a/also-unknown", "a/unknown"],
    );
    check_cost(&json!({"input_tokens": 5000, "max_output_tokens": 100}), &reader_first, reason);
    check_cost(&json!({"input_tokens": 100, "max_output_tokens": 5000}), &talker_first, reason);
}

#[test]
fn without_any_price_the_reason_says_so() {
    let mut world = World::of(["a/x", "a/y"].map(|it| model(&json!({ "id": it }))));
    let route = Route::Policy(world.policy("cheap", listed(&["a/y", "a/x"]), Strategy::LowestCost {}));
    let decision = decided(world.ask(&route, &Facts::default(), Scoring::NotAsked, seed(1)));
    assert_eq!(order(&decision), ["a/x", "a/y"]);
    assert_eq!(decision.reason, "no price is known in cheap: first by name");
}

const MODELS: [&str; 4] = ["a/quick-start", "a/fluent", "a/new", "a/newer"];

fn fast(latency: &[(&str, u64, u64)], max_output: u64, number: u32) -> Decision {
    let mut world = World::of(MODELS.map(|it| priced(it, "0.000001", "0.000001")));
    let route = Route::Policy(world.policy("fast", listed(&MODELS), Strategy::LeastLatency {}));
    let latency = latency.iter().map(|(model, first_token_micros, micros_per_token)| {
        let (first_token_micros, micros_per_token) = (*first_token_micros, *micros_per_token);
        (id(model), Latency { first_token_micros, micros_per_token, ..Latency::default() })
    });
    let health = Health { latency: Arc::new(latency.collect()), ..Health::default() };
    let facts = facts(&json!({"features": {"max_output_tokens": max_output}}));
    decided(world.ask_with_health(&route, &facts, Scoring::NotAsked, seed(number), &health))
}

const OBSERVED: [(&str, u64, u64); 2] = [("a/quick-start", 100_000, 10_000), ("a/fluent", 400_000, 5_000)];

/// A request that does not explore.
fn settled(latency: &[(&str, u64, u64)], max_output: u64) -> Decision {
    let decisions = (0..2000).map(|number| fast(latency, max_output, number));
    decisions.into_iter().find(|it| !it.reason.starts_with("not yet observed")).unwrap()
}

#[test]
fn least_latency_counts_first_token_and_every_token_after() {
    let short = settled(&OBSERVED, 10);
    assert_eq!(order(&short), ["a/quick-start", "a/fluent", "a/new", "a/newer"]);
    assert_eq!(short.reason, "lowest observed latency in fast");
    assert_eq!(order(&settled(&OBSERVED, 1000))[..2], ["a/fluent", "a/quick-start"]);
}

#[track_caller]
fn check_expected(success_rate: f64, expected: u64) {
    let latency = Latency::observed(Some(100), Some(10), success_rate).unwrap();
    assert_eq!(latency.expected_micros(10), expected, "{success_rate}");
}

#[test]
fn failures_count_as_the_time_of_the_calls_they_cost() {
    check_expected(1.0, 200);
    check_expected(0.5, 400);
    check_expected(0.0, 4000);
    let known: Latency = serde_json::from_value(json!({"first_token_micros": 100, "micros_per_token": 10})).unwrap();
    assert_eq!(known.expected_micros(10), 200, "records made before success was kept");
}

#[test]
fn unobserved_models_share_five_percent() {
    const DRAWS: u32 = 20_000;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut world = World::of(MODELS.map(|it| priced(it, "0.000001", "0.000001")));
    let route = Route::Policy(world.policy("fast", listed(&MODELS), Strategy::LeastLatency {}));
    let latency = OBSERVED.map(|(model, first_token_micros, micros_per_token)| {
        (id(model), Latency { first_token_micros, micros_per_token, ..Latency::default() })
    });
    let health = Health { latency: Arc::new(latency.into()), ..Health::default() };
    for number in 0..DRAWS {
        let answer = world.ask_with_health(&route, &Facts::default(), Scoring::NotAsked, seed(number), &health);
        *counts.entry(decided(answer).selected_model.to_string()).or_default() += 1;
    }
    for (model, share) in [("a/new", 0.025), ("a/newer", 0.025), ("a/fluent", 0.95)] {
        let drawn = f64::from(counts[model]) / f64::from(DRAWS);
        let bound = 4.0 * (share * (1.0 - share) / f64::from(DRAWS)).sqrt();
        assert!((share - drawn).abs() <= bound, "{model}: {drawn} instead of {share} ± {bound}");
    }
}

#[test]
fn explored_model_comes_first_and_the_others_keep_their_order() {
    let explored =
        (0..2000).map(|number| fast(&OBSERVED, 10, number)).find(|it| it.selected_model == id("a/newer")).unwrap();
    assert_eq!(order(&explored), ["a/newer", "a/quick-start", "a/fluent", "a/new"]);
    assert_eq!(explored.reason, "not yet observed, drawn to measure its latency in fast");
}

#[test]
fn without_any_observation_the_cheapest_is_first() {
    let decision = fast(&[], 10, 1);
    assert_eq!(order(&decision)[0], "a/fluent");
    assert_eq!(decision.reason, "no latency observed yet in fast: the cheapest");
    // Everything observed: nothing to explore.
    let all: Vec<_> = MODELS.iter().map(|it| (*it, 1000, 10)).collect();
    for number in 0..200 {
        assert_eq!(fast(&all, 10, number).reason, "lowest observed latency in fast");
    }
}

/// Three models, the second with an explicit capability, and their positions by source.
fn positions(world: &World, route: &Route) -> (BTreeMap<String, f64>, String) {
    let score = score(0.5);
    let decision = decided(world.ask(route, &Facts::default(), Scoring::Known(&score), seed(1)));
    let positions = decision.candidates.iter().map(|it| (it.model.to_string(), it.position.unwrap())).collect();
    (positions, decision.capability_source.unwrap())
}

#[track_caller]
fn check_positions(world: &World, route: &Route, expected: &[(&str, f64)], source: &str) {
    let (found, found_source) = positions(world, route);
    let is_close = |(model, position): &(&str, f64)| (found[*model] - position).abs() < 1e-12;
    assert!(expected.iter().all(is_close) && expected.len() == found.len(), "{found:?}");
    assert_eq!(found_source, source);
}

fn three() -> World {
    World::of([
        priced("a/x", "0.000001", "0.000001"),
        model(&json!({"id": "a/y", "capability": 0.5, "context_length": 1000})),
        priced("a/z", "0.000001", "0.00001"),
        model(&json!({"id": "a/off", "enabled": false})),
    ])
}

const THREE: [&str; 4] = ["a/x", "a/y", "a/z", "a/off"];
const INTELLIGENT: Strategy = Strategy::Intelligent { axis: Axis::Performance };

#[test]
fn capability_is_the_mean_of_benchmarks_that_cover_all_who_need_one() {
    let mut world = three();
    let route = Route::Policy(world.policy("p", listed(&THREE), INTELLIGENT));
    assert_eq!(positions(&world, &route).1, "explicit+price");
    // One of them lacks a score: price for all.
    world.scorecard("partial", &[("a/x", 0.1), ("a/y", 0.9)], &json!({}));
    assert_eq!(positions(&world, &route).1, "explicit+price");
    // Explicit and disabled models need no score. x: (.9 + .7)/2, z: (.3 + .1)/2.
    world.scorecard("full", &[("a/x", 0.9), ("a/z", 0.3)], &json!({}));
    let lower = json!({"direction": "lower"});
    world.scorecard("errors", &[("a/x", 0.3), ("a/y", 0.0), ("a/z", 0.9)], &lower);
    check_positions(&world, &route, &[("a/x", 1.0), ("a/y", 0.5), ("a/z", 0.0)], "explicit+scorecards");
}

#[test]
fn routers_own_scorecards_come_before_the_organisations() {
    let mut world = three();
    let organisations = world.scorecard("general", &[("a/x", 0.0), ("a/z", 1.0)], &json!({}));
    let own = world.scorecard("own", &[("a/x", 1.0), ("a/z", 0.0)], &json!({}));
    let partial = world.scorecard("partial", &[("a/x", 1.0)], &json!({}));
    let policy = world.policy("p", listed(&THREE), INTELLIGENT);
    let desk = world.router("desk", &["a/x", "a/z"], Some(policy));
    let route = Route::Router(desk.clone());
    let mut check = |imported: &[&domain::ScorecardId], x: f64, source: &str| {
        import(&mut world.tenant, &desk, imported);
        check_positions(&world, &route, &[("a/x", x), ("a/z", 1.0 - x)], source);
    };
    check(&[&own], 1.0, "scorecards");
    check(&[&organisations], 0.0, "scorecards");
    // Its own cover too few: the organisation's do not step in.
    check(&[&partial], 0.0, "price");
}

fn import(tenant: &mut Tenant, router: &RouterId, scorecards: &[&domain::ScorecardId]) {
    let routers = std::sync::Arc::make_mut(&mut tenant.routers);
    let router = std::sync::Arc::make_mut(routers.get_mut(router).unwrap());
    router.scorecards = scorecards.iter().map(|it| (*it).clone()).collect();
}
