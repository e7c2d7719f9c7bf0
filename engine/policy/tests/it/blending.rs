//! `blend`: what stands in for missing scores, what corrections and boosts do, and who comes first.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{CapabilityTag, Decision, Degradation, Facts, Route, Score, ScorecardId, Strategy};
use policy::{Health, Scoring, Step};
use serde_json::{Value, json};

use crate::support::{Answer, World, decided, facts, id, listed, model, order, removed, score, seed};

/// The test vector of routing.md §7: A {.8, .4, 1250}, B {.6, .9, 1300}, C {–, .7, 1400}.
struct Example {
    world: World,
    benchmarks: [ScorecardId; 3],
}

const MODELS: [&str; 3] = ["acme/a", "acme/b", "acme/c"];

fn example() -> Example {
    let mut world = World::of(MODELS.map(|it| model(&json!({"id": it, "context_length": 1000}))));
    let points = json!({"normalisation": {"min": 1000.0, "max": 1500.0}});
    let code = json!({"capabilities": ["code"]});
    let benchmarks = [
        world.scorecard("b1", &[("acme/a", 0.8), ("acme/b", 0.6)], &code),
        world.scorecard("b2", &[("acme/a", 0.4), ("acme/b", 0.9), ("acme/c", 0.7)], &json!({})),
        world.scorecard("b3", &[("acme/a", 1250.0), ("acme/b", 1300.0), ("acme/c", 1400.0)], &points),
    ];
    Example { world, benchmarks }
}

impl Example {
    /// The blend with weights .5 .3 .2 and these fields, as a policy over all three models.
    fn route(&mut self, fields: &Value) -> Route {
        let [b1, b2, b3] = &self.benchmarks;
        let blend = self.world.blend(&[(b1, 0.5), (b2, 0.3), (b3, 0.2)], fields);
        Route::Policy(self.world.policy("ours", listed(&MODELS), Strategy::Blend { blend }))
    }

    fn decide(&mut self, fields: &Value, scoring: Scoring<'_>) -> Decision {
        let route = self.route(fields);
        decided(self.world.ask(&route, &Facts::default(), scoring, seed(1)))
    }
}

const UNAVAILABLE: Scoring<'_> = Scoring::Unavailable(Degradation::Engine);

fn about(tag: CapabilityTag, probability: f64) -> Score {
    Score { capabilities: vec![(tag, probability)], ..score(0.5) }
}

fn scores(decision: &Decision) -> BTreeMap<&str, f64> {
    decision.candidates.iter().map(|it| (it.model.as_str(), it.score.unwrap())).collect()
}

#[track_caller]
fn check_scores(decision: &Decision, expected: &[(&str, f64)]) {
    let found = scores(decision);
    let is_close = |(model, score): &(&str, f64)| found.get(model).is_some_and(|it| (it - score).abs() < 1e-12);
    assert!(found.len() == expected.len() && expected.iter().all(is_close), "{found:?}");
}

#[track_caller]
fn check_missing(mode: &str, c: Option<f64>, winner: &str) {
    let decision = example().decide(&json!({"missing": mode}), UNAVAILABLE);
    let mut expected = vec![("acme/a", 0.62), ("acme/b", 0.69)];
    expected.extend(c.map(|score| ("acme/c", score)));
    check_scores(&decision, &expected);
    assert_eq!(decision.selected_model.as_str(), winner, "{mode}");
}

#[test]
fn missing_scores_are_stood_in_for_as_documented() {
    check_missing("median", Some(0.72), "acme/c");
    check_missing("zero", Some(0.37), "acme/b");
    check_missing("min", Some(0.67), "acme/b");
    check_missing("renormalise", Some(0.74), "acme/c");
    check_missing("exclude", None, "acme/b");
    check_missing("lower_bound", Some(0.5 * (0.7 - 0.02_f64.sqrt()) + 0.37), "acme/b");
}

#[test]
fn excluded_candidate_is_removed_with_its_reason() {
    let decision = example().decide(&json!({"missing": "exclude"}), UNAVAILABLE);
    assert_eq!(removed(&decision.removed), [("acme/c".to_owned(), "missing_coverage".to_owned())].into());
}

#[test]
fn mode_is_the_weights_then_the_blends_then_the_benchmarks_then_the_lower_bound() {
    #[track_caller]
    fn check(weight: Option<&str>, blend: Option<&str>, benchmark: Option<&str>, expected: f64) {
        let mut example = example();
        let scores = [("acme/a", 0.8), ("acme/b", 0.6)];
        let b1 = example.world.scorecard("own", &scores, &json!({ "missing": benchmark }));
        let [_, b2, b3] = &example.benchmarks;
        let weights = json!([{"benchmark": b1, "weight": 0.5, "missing": weight}, {"benchmark": b2, "weight": 0.3},
            {"benchmark": b3, "weight": 0.2}]);
        let decision = example.decide(&json!({"weights": weights, "missing": blend}), UNAVAILABLE);
        check_scores(&decision, &[("acme/a", 0.62), ("acme/b", 0.69), ("acme/c", expected)]);
    }
    check(Some("zero"), Some("min"), Some("median"), 0.37);
    check(None, Some("min"), Some("median"), 0.67);
    check(None, None, Some("median"), 0.72);
    check(None, None, None, 0.5 * (0.7 - 0.02_f64.sqrt()) + 0.37);
}

#[test]
fn lower_bound_never_falls_below_zero() {
    let mut example = example();
    let wide = example.world.scorecard("wide", &[("acme/a", 0.0), ("acme/b", 0.0), ("acme/x", 1.0)], &json!({}));
    let weights = json!([{"benchmark": wide, "weight": 0.5}, {"benchmark": example.benchmarks[1], "weight": 0.5}]);
    let decision = example.decide(&json!({ "weights": weights }), UNAVAILABLE);
    check_scores(&decision, &[("acme/a", 0.2), ("acme/b", 0.45), ("acme/c", 0.35)]);
}

fn weights(weights: &[(&str, f64)]) -> domain::Weights {
    weights.iter().map(|(name, weight)| ((*name).into(), *weight)).collect()
}

#[test]
fn prompt_of_a_benchmarks_kind_makes_it_weigh_more() {
    let median = json!({"missing": "median"});
    let decision = example().decide(&median, Scoring::Known(&about(CapabilityTag::Code, 1.0)));
    check_scores(&decision, &[("acme/a", 0.68), ("acme/b", 0.66), ("acme/c", 1.07 / 1.5)]);
    assert_eq!(decision.weights, Some(weights(&[("b1", 0.5), ("b2", 0.3), ("b3", 0.2)])));
    let boosted = decision.weights_boosted.unwrap();
    let found = ["b1", "b2", "b3"].map(|name| boosted.get(name).unwrap());
    let is_close = found.iter().zip([1.0, 0.3, 0.2]).all(|(found, raw)| (found - raw / 1.5).abs() < 1e-12);
    assert!(is_close, "{found:?}");
    // By the probability, not by yes or no; other kinds of work boost nothing.
    let half = example().decide(&median, Scoring::Known(&about(CapabilityTag::Code, 0.5)));
    check_scores(&half, &[("acme/a", 0.82 / 1.25), ("acme/b", 0.84 / 1.25), ("acme/c", 0.895 / 1.25)]);
    let other = example().decide(&median, Scoring::Known(&about(CapabilityTag::Math, 1.0)));
    assert_eq!(other.weights, other.weights_boosted);
}

#[test]
fn largest_probability_of_a_benchmarks_tags_counts() {
    let mut example = example();
    let both = json!({"capabilities": ["math", "code"]});
    let b1 = example.world.scorecard("both", &[("acme/a", 0.8), ("acme/b", 0.6)], &both);
    let weights = json!([{"benchmark": b1, "weight": 0.5}, {"benchmark": example.benchmarks[1], "weight": 0.5}]);
    let score = Score { capabilities: vec![(CapabilityTag::Math, 0.2), (CapabilityTag::Code, 0.5)], ..score(0.5) };
    let decision = example.decide(&json!({ "weights": weights }), Scoring::Known(&score));
    assert!((decision.weights_boosted.unwrap().get("both").unwrap() - 0.6).abs() < 1e-12);
}

#[test]
fn score_is_asked_for_only_where_it_can_change_the_weights() {
    #[track_caller]
    fn check(fields: &Value, models: &[&str], expected: bool) {
        let mut example = example();
        let [b1, b2, b3] = &example.benchmarks;
        let blend = example.world.blend(&[(b1, 0.5), (b2, 0.3), (b3, 0.2)], fields);
        let route = Route::Policy(example.world.policy("ours", listed(models), Strategy::Blend { blend }));
        let answer = example.world.ask(&route, &Facts::default(), Scoring::NotAsked, seed(1));
        assert_eq!(answer == Ok(Step::NeedsScore), expected, "{answer:?}");
    }
    check(&json!({}), &MODELS, true);
    check(&json!({"boost": 1.0}), &MODELS, false);
    check(&json!({}), &MODELS[..1], false);
    let untagged = example();
    let [_, b2, b3] = &untagged.benchmarks;
    let weights = json!([{"benchmark": b2, "weight": 0.6}, {"benchmark": b3, "weight": 0.4}]);
    check(&json!({ "weights": weights }), &MODELS, false);
}

#[test]
fn silent_scorer_leaves_the_weights_unboosted_and_says_so() {
    let decision = example().decide(&json!({}), UNAVAILABLE);
    assert_eq!(decision.degraded, Some(Degradation::Engine));
    assert_eq!(decision.weights, decision.weights_boosted);
    let reason = "no score (the engine did not answer), weights unboosted: best blend score (0.69) of ours";
    assert_eq!(decision.reason, reason);
    let needless = example().decide(&json!({"boost": 1.0}), UNAVAILABLE);
    assert_eq!(needless.degraded, None);
}

fn correction(example: &Example, score: f64, expires_at: Option<i64>) -> Value {
    json!([{"benchmark": example.benchmarks[0], "model": "acme/b", "score": score, "author": "dana",
        "reason": "judge bug 412", "expires_at": expires_at}])
}

#[test]
fn override_replaces_the_score_and_moves_the_median_until_it_expires() {
    // The question is asked at 1_700_000_000_000_000.
    for (expires_at, b, c) in
        [(None, 0.765, 0.7575), (Some(1_700_000_000_000_001), 0.765, 0.7575), (Some(1_700_000_000_000_000), 0.69, 0.72)]
    {
        let mut example = example();
        let overrides = correction(&example, 0.75, expires_at);
        let decision = example.decide(&json!({"missing": "median", "overrides": overrides}), UNAVAILABLE);
        check_scores(&decision, &[("acme/a", 0.62), ("acme/b", b), ("acme/c", c)]);
    }
}

#[test]
fn override_gives_a_score_to_a_model_that_had_none() {
    let mut example = example();
    let b1 = &example.benchmarks[0];
    let overrides = json!([{"benchmark": b1, "model": "acme/c", "score": 0.1, "author": "dana", "reason": "own run"}]);
    let decision = example.decide(&json!({"missing": "median", "overrides": overrides}), UNAVAILABLE);
    check_scores(&decision, &[("acme/a", 0.62), ("acme/b", 0.69), ("acme/c", 0.42)]);
}

#[test]
fn errors_propagate_and_lower_bounds_rank_by_them() {
    let mut world = World::of(MODELS.map(|it| model(&json!({"id": it, "context_length": 1000}))));
    let cells = |errors: [f64; 2]| {
        json!({"cells": [{"model": "acme/a", "score": 0.5, "standard_error": errors[0]},
                         {"model": "acme/b", "score": 0.6, "standard_error": errors[1]}]})
    };
    let benchmarks = [[0.02, 0.2], [0.03, 0.3], [0.04, 0.4]].map(|errors| world.scorecard("b", &[], &cells(errors)));
    let [b1, b2, b3] = &benchmarks;
    let mut first = |fields: Value| {
        let blend = world.blend(&[(b1, 0.5), (b2, 0.3), (b3, 0.2)], &fields);
        let route = Route::Policy(world.policy("ours", listed(&MODELS), Strategy::Blend { blend }));
        decided(world.ask(&route, &Facts::default(), Scoring::NotAsked, seed(1))).candidates.remove(0)
    };
    let by_mean = first(json!({}));
    assert_eq!((by_mean.model.as_str(), by_mean.why.as_deref()), ("acme/b", Some("blend 0.600 ± 0.157")));
    // √((.5·.02)² + (.3·.03)² + (.2·.04)²) = .015652…
    let by_bound = first(json!({"rank_by": "lcb", "z": 10.0}));
    let why = "blend 0.500 ± 0.016, lower bound 0.343";
    assert_eq!((by_bound.model.as_str(), by_bound.why.as_deref()), ("acme/a", Some(why)));
}

#[test]
fn stand_ins_and_scores_of_unknown_evidence_are_as_uncertain_as_models_differ() {
    let decision = example().decide(&json!({"missing": "median"}), UNAVAILABLE);
    let why = decision.candidates[0].why.as_deref();
    // SDs between models: .1414 (b1), .2517 (b2), .1528 (b3).
    assert_eq!(why, Some("blend 0.720 ± 0.108; imputed: b1"));
}

/// Models with one score each, prices per token and latencies; who ties with whom shows in the order.
#[track_caller]
fn check_ties(models: &[(&str, f64, Option<&str>, Option<u64>)], expected: &[&str]) {
    let price = |price: Option<&str>| price.map_or(json!({}), |it| json!({"prompt": it, "completion": it}));
    let mut world = World::of(models.iter().map(|it| model(&json!({"id": it.0, "pricing": price(it.2)}))));
    let scores: Vec<_> = models.iter().map(|it| (it.0, it.1)).collect();
    let exam = world.scorecard("exam", &scores, &json!({}));
    let blend = world.blend(&[(&exam, 1.0)], &json!({}));
    let names: Vec<_> = models.iter().map(|it| it.0).collect();
    let route = Route::Policy(world.policy("ours", listed(&names), Strategy::Blend { blend }));
    let latency = |it: u64| policy::Latency { first_token_micros: it, ..policy::Latency::default() };
    let latency = models.iter().filter_map(|it| Some((id(it.0), latency(it.3?)))).collect();
    let health = Health { latency: Arc::new(latency), ..Health::default() };
    let facts = facts(&json!({"features": {"input_tokens": 10}}));
    let decision = decided(world.ask_with_health(&route, &facts, Scoring::NotAsked, seed(1), &health));
    assert_eq!(order(&decision), expected);
}

#[test]
fn ties_go_to_the_cheaper_then_the_faster_then_the_id() {
    check_ties(&[("a/x", 0.71, Some("0.2"), None), ("a/y", 0.70, Some("0.1"), None)], &["a/y", "a/x"]);
    // The rounding of binary fractions divides nobody.
    check_ties(&[("a/x", 0.13, Some("0.2"), None), ("a/y", 0.12, Some("0.1"), None)], &["a/y", "a/x"]);
    check_ties(&[("a/x", 0.711, Some("0.2"), None), ("a/y", 0.70, Some("0.1"), None)], &["a/x", "a/y"]);
    check_ties(&[("a/x", 0.7, None, None), ("a/y", 0.7, Some("9"), None)], &["a/y", "a/x"]);
    check_ties(&[("a/x", 0.7, Some("1"), None), ("a/y", 0.7, Some("1"), Some(9))], &["a/y", "a/x"]);
    check_ties(&[("a/x", 0.7, Some("1"), Some(10)), ("a/y", 0.7, Some("1"), Some(9))], &["a/y", "a/x"]);
    check_ties(&[("a/y", 0.7, None, None), ("a/x", 0.7, None, None)], &["a/x", "a/y"]);
    // Groups form from the best downward: the third is within a hair of the second, not of the first.
    check_ties(
        &[("a/x", 0.72, Some("3"), None), ("a/y", 0.712, Some("2"), None), ("a/z", 0.705, Some("1"), None)],
        &["a/y", "a/x", "a/z"],
    );
}

fn uncovered(fallback: Option<&str>, input_tokens: u64) -> Answer {
    let mut world = World::of(["new/x", "new/y"].map(|it| model(&json!({"id": it, "context_length": 1000}))));
    let exam = world.scorecard("exam", &[("acme/other", 0.5)], &json!({}));
    let blend = world.blend(&[(&exam, 1.0)], &json!({ "fallback_model": fallback }));
    let route = Route::Policy(world.policy("ours", listed(&["new/x", "new/y"]), Strategy::Blend { blend }));
    let facts = facts(&json!({"features": {"input_tokens": input_tokens}}));
    world.ask(&route, &facts, Scoring::NotAsked, seed(1))
}

#[test]
fn fallback_model_answers_where_nobody_is_scored_if_it_is_eligible() {
    let decision = decided(uncovered(Some("new/y"), 10));
    assert_eq!(order(&decision), ["new/y"]);
    assert_eq!(removed(&decision.removed), [("new/x".to_owned(), "unscored".to_owned())].into());
    assert_eq!(decision.reason, "no candidate of ours is covered by the blend: its fallback model");
    assert_eq!(decision.candidates[0].score, None);

    let refusal = uncovered(None, 10).unwrap_err();
    assert_eq!((refusal.status(), refusal.code()), (503, "no_candidate"));
    // Both are too short: that is the request's doing, whatever the blend says.
    assert_eq!(uncovered(Some("new/y"), 5000).unwrap_err().code(), "no_eligible_model");
    // No candidate of the policy: it never answers.
    assert_eq!(uncovered(Some("acme/other"), 10).unwrap_err().code(), "no_candidate");
}

#[test]
fn unscored_candidate_never_stands_in_for_an_unhealthy_one() {
    let mut world = World::of(["a/scored", "a/unscored"].map(|it| model(&json!({ "id": it }))));
    let exam = world.scorecard("exam", &[("a/scored", 0.5)], &json!({}));
    let blend = world.blend(&[(&exam, 1.0)], &json!({"fallback_model": "a/unscored"}));
    let models = listed(&["a/scored", "a/unscored"]);
    let route = Route::Policy(world.policy("ours", models, Strategy::Blend { blend }));
    let health = Health { unhealthy: [id("a/scored")].into(), ..Health::default() };
    let decision = decided(world.ask_with_health(&route, &Facts::default(), Scoring::NotAsked, seed(1), &health));
    assert_eq!(order(&decision), ["a/scored"]);
}

#[test]
fn benchmark_without_weight_plays_no_part() {
    let mut example = example();
    let [b1, b2, _] = &example.benchmarks;
    let weights = json!([{"benchmark": b1, "weight": 1.0}, {"benchmark": b2, "weight": 0.0}]);
    let decision = example.decide(&json!({ "weights": weights }), UNAVAILABLE);
    check_scores(&decision, &[("acme/a", 0.8), ("acme/b", 0.6)]);
    assert_eq!(removed(&decision.removed), [("acme/c".to_owned(), "unscored".to_owned())].into());
}

#[test]
fn blend_that_is_gone_covers_nobody() {
    let mut world = World::of([model(&json!({"id": "a/x"}))]);
    let blend = domain::BlendId::from_random([9; 20]);
    let route = Route::Policy(world.policy("ours", listed(&["a/x"]), Strategy::Blend { blend }));
    let refusal = world.ask(&route, &Facts::default(), Scoring::NotAsked, seed(1)).unwrap_err();
    assert_eq!(refusal.code(), "no_candidate");
}

#[test]
fn benchmarks_of_one_name_are_told_apart_by_version() {
    let mut world = World::of([model(&json!({"id": "a/x"}))]);
    let old = world.scorecard("exam", &[("a/x", 0.5)], &json!({"version": "1"}));
    let new = world.scorecard("exam", &[("a/x", 0.7)], &json!({"version": "2"}));
    let blend = world.blend(&[(&old, 0.5), (&new, 0.5)], &json!({}));
    let route = Route::Policy(world.policy("ours", listed(&["a/x"]), Strategy::Blend { blend }));
    let decision = decided(world.ask(&route, &Facts::default(), Scoring::NotAsked, seed(1)));
    assert_eq!(decision.weights, Some(weights(&[("exam@1", 0.5), ("exam@2", 0.5)])));
}
