//! Every message about a faulty scorecard or blend.

use domain::{
    Blend, BlendId, Candidates, Policy, PolicyId, Router, RouterId, Rules, ScoreCell, Scorecard, ScorecardId, Strategy,
};
use policy::{Problem, UnknownModels, validate_blend, validate_policy, validate_router, validate_scorecard};
use serde_json::{Value, json};

use crate::support::{World, filled, id, listed, model, organisation};

/// Two enabled models, a disabled one, and two benchmarks.
fn world() -> World {
    let mut world = World::of([
        model(&json!({"id": "acme/small"})),
        model(&json!({"id": "acme/large"})),
        model(&json!({"id": "acme/off", "enabled": false})),
        model(&json!({"id": "acme/unscored"})),
    ]);
    world.scorecard("exam", &[("acme/small", 0.6), ("acme/large", 0.9)], &json!({"version": "2"}));
    world.scorecard("retired", &[("acme/off", 0.6)], &json!({}));
    world.blend(&[(&benchmark(0), 1.0)], &json!({"name": "taken"}));
    world
}

fn benchmark(number: u8) -> ScorecardId {
    ScorecardId::from_random([number; 20])
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn scorecard(cells: &Value, fields: &Value) -> Scorecard {
    let base = json!({"id": benchmark(77), "organisation": organisation(), "name": "new", "metric": "accuracy",
        "normalisation": {"type": "bounds", "min": 0.0, "max": 1.0}, "source": {"kind": "uploaded"}, "cells": cells});
    serde_json::from_value(filled(base, fields)).unwrap()
}

fn scorecard_faults(cells: &Value, fields: &Value) -> String {
    let problems = validate_scorecard(&world().tenant, &scorecard(cells, fields), UnknownModels::Refused);
    lines(&problems)
}

fn one_cell(fields: &Value) -> Value {
    json!([filled(json!({"model": "acme/small", "score": 0.5}), fields)])
}

fn scale(kind: &str, fields: &Value) -> Value {
    json!({"normalisation": filled(json!({ "type": kind }), fields)})
}

#[test]
fn sound_scorecard_is_accepted() {
    let cells = json!([{"model": "acme/small", "score": 0.5, "n": 10, "standard_error": 0.1,
        "interval": {"low": 0.4, "high": 0.6}}, {"model": "acme/large", "score": 1.0}]);
    assert_eq!(scorecard_faults(&cells, &json!({})), "");
    let rating = json!([{"model": "acme/small", "score": 1312.5}]);
    let elo = Scorecard {
        normalisation: domain::Normalisation::EloExpected { anchor: 1200.0 },
        ..scorecard(&rating, &json!({}))
    };
    assert_eq!(validate_scorecard(&world().tenant, &elo, UnknownModels::Refused), []);
}

#[test]
fn scorecard_names_its_benchmark_and_has_scores() {
    insta::assert_snapshot!(scorecard_faults(&json!([]), &json!({"name": " "})), @r"
    name: is empty: give it a name
    cells: is empty: give at least one model's score
    ");
    insta::assert_snapshot!(
        scorecard_faults(&one_cell(&json!({})), &json!({"name": "exam", "version": "2"})),
        @"name: there is already a scorecard `exam@2`: change `name` or `version`"
    );
}

#[test]
fn scales_make_sense() {
    let cells = one_cell(&json!({}));
    let faults = |kind: &str, fields: Value| scorecard_faults(&cells, &scale(kind, &fields));
    insta::assert_snapshot!(
        faults("bounds", json!({"min": 1.0, "max": 0.0})),
        @"normalisation.max: 0 is not above the minimum 1: write the metric's own bounds"
    );
    insta::assert_snapshot!(
        faults("log", json!({"min": 0.0, "max": 10.0})),
        @"normalisation.min: 0 has no logarithm: write a bound above 0"
    );
    insta::assert_snapshot!(
        faults("chance_adjusted", json!({"min": 0.0, "max": 1.0, "chance": 25.0})),
        @"normalisation.chance: 25 is not between 0 and 1: write what guessing scores, in the unit of the scores"
    );
    let mut rating = scorecard(&cells, &json!({}));
    rating.normalisation = domain::Normalisation::EloExpected { anchor: f64::NAN };
    let problems = validate_scorecard(&world().tenant, &rating, UnknownModels::Refused);
    insta::assert_snapshot!(
        lines(&problems),
        @"normalisation.anchor: NaN is not a rating: write a number such as 1200"
    );
}

#[test]
fn scores_keep_within_their_bounds() {
    let faults = |score: f64, fields: Value| scorecard_faults(&one_cell(&json!({ "score": score })), &fields);
    insta::assert_snapshot!(
        faults(-0.1, json!({})),
        @"cells[0].score: -0.1 is outside the bounds 0 to 1: correct it, or `normalisation`"
    );
    insta::assert_snapshot!(
        faults(101.0, json!({"normalisation": {"max": 100.0}})),
        @"cells[0].score: 101 is outside the bounds 0 to 100: correct it, or `normalisation`"
    );
    let seconds = scale("log", &json!({"min": 0.1, "max": 10.0}));
    insta::assert_snapshot!(
        faults(0.0, seconds),
        @"cells[0].score: 0 has no logarithm: scores of this benchmark are above 0"
    );
    let mut unset = scorecard(&one_cell(&json!({})), &json!({}));
    unset.cells[0].score = f64::NAN;
    let problems = validate_scorecard(&world().tenant, &unset, UnknownModels::Refused);
    insta::assert_snapshot!(
        lines(&problems),
        @"cells[0].score: NaN is not a score: write a number, or leave the model out where it has none"
    );
}

#[test]
fn percentage_beside_shares_is_told_apart_from_a_wrong_score() {
    let cells = json!([{"model": "acme/small", "score": 0.87}, {"model": "acme/large", "score": 87.0}]);
    insta::assert_snapshot!(
        scorecard_faults(&cells, &json!({})),
        @"cells[1].score: 87 looks like a percentage beside scores between 0 and 1: write 0.87, or change `normalisation.max` to 100 and write all scores in percent"
    );
}

#[test]
fn cells_are_of_known_models_each_once() {
    let cells = json!([{"model": "acme/small", "score": 0.5}, {"model": "acme/smal", "score": 0.5},
        {"model": "acme/small", "score": 0.6}]);
    insta::assert_snapshot!(scorecard_faults(&cells, &json!({})), @r"
    cells[1].model: there is no model `acme/smal`: add it to the catalogue, or take its score out
    cells[2].model: `acme/small` already has the score of cells[0]: keep one of them
    ");
    let published = scorecard(&json!([{"model": "acme/smal", "score": 0.5}]), &json!({}));
    assert_eq!(validate_scorecard(&world().tenant, &published, UnknownModels::Kept), []);
}

#[test]
fn evidence_fits_the_score() {
    let faults = |fields: Value| scorecard_faults(&one_cell(&fields), &json!({}));
    insta::assert_snapshot!(faults(json!({"n": 0, "standard_error": -0.1, "interval": {"low": 0.6, "high": 0.7}})), @r"
    cells[0].n: no samples give no score: write how many there were, or leave it out
    cells[0].standard_error: -0.1 is not a standard error: write a number from 0, or leave it out
    cells[0].interval: 0.6 to 0.7 does not hold the score 0.5: write the 95 % interval around it, or leave it out
    ");
}

#[test]
fn unknown_fields_name_the_known_ones() {
    let cell = json!({"model": "acme/small", "score": 0.5, "stderr": 0.1});
    insta::assert_snapshot!(
        serde_json::from_value::<ScoreCell>(cell).unwrap_err().to_string(),
        @"unknown field `stderr`, expected one of `model`, `score`, `n`, `standard_error`, `interval`"
    );
    let blend = json!({"id": BlendId::from_random([1; 20]), "organisation": organisation(), "name": "n", "version": 1,
        "weights": [{"benchmark": benchmark(0), "wieght": 1.0}]});
    insta::assert_snapshot!(
        serde_json::from_value::<Blend>(blend).unwrap_err().to_string(),
        @"unknown field `wieght`, expected one of `benchmark`, `weight`, `missing`"
    );
}

fn blend(fields: &Value) -> Blend {
    let base = json!({"id": BlendId::from_random([77; 20]), "organisation": organisation(), "name": "new", "version": 1,
        "weights": [{"benchmark": benchmark(0), "weight": 1.0}]});
    serde_json::from_value(filled(base, fields)).unwrap()
}

fn blend_faults(fields: &Value) -> String {
    lines(&validate_blend(&world().tenant, &blend(fields)))
}

fn weights(weights: &[(u8, f64)]) -> Value {
    let weights: Vec<_> =
        weights.iter().map(|(number, weight)| json!({"benchmark": benchmark(*number), "weight": weight})).collect();
    json!({ "weights": weights })
}

#[test]
fn sound_blend_is_accepted() {
    assert_eq!(blend_faults(&json!({})), "");
    assert_eq!(blend_faults(&weights(&[(0, 0.7), (1, 0.300_000_9)])), "");
    let overrides =
        json!([{"benchmark": benchmark(0), "model": "acme/small", "score": 0.7, "author": "dana", "reason": "bug"}]);
    assert_eq!(blend_faults(&json!({"overrides": overrides, "fallback_model": "acme/unscored"})), "");
}

#[test]
fn blend_has_a_name_of_its_own() {
    insta::assert_snapshot!(blend_faults(&json!({"name": ""})), @"name: is empty: give it a name");
    insta::assert_snapshot!(
        blend_faults(&json!({"name": "taken"})),
        @"name: there is already a blend `taken`: choose another name"
    );
}

#[test]
fn weights_are_shares_of_known_benchmarks() {
    insta::assert_snapshot!(blend_faults(&weights(&[])), @"weights: is empty: weigh at least one benchmark");
    insta::assert_snapshot!(
        blend_faults(&weights(&[(0, 0.7), (1, 0.2)])),
        @"weights: the weights sum to 0.9, not 1: divide each by 0.9"
    );
    insta::assert_snapshot!(
        blend_faults(&weights(&[(0, 0.7), (1, 0.300_001_1)])),
        @"weights: the weights sum to 1.0000011, not 1: divide each by 1.0000011"
    );
    insta::assert_snapshot!(
        blend_faults(&weights(&[(0, 0.0)])),
        @"weights: the weights sum to 0, not 1: write weights above 0"
    );
    insta::assert_snapshot!(
        blend_faults(&weights(&[(0, 1.5), (1, -0.5)])),
        @"weights[1].weight: -0.5 is not a weight: write a number from 0 to 1"
    );
    insta::assert_snapshot!(
        blend_faults(&weights(&[(0, 0.5), (9, 0.5)])),
        @"weights[1].benchmark: there is no scorecard `evl_99999999999999999999`: upload it first, or take its weight out"
    );
    insta::assert_snapshot!(
        blend_faults(&weights(&[(0, 0.5), (0, 0.5)])),
        @"weights[1].benchmark: `exam@2` is weighed twice: add the two weights up"
    );
    let mut unset = blend(&json!({}));
    unset.weights[0].weight = f64::NAN;
    insta::assert_snapshot!(
        lines(&validate_blend(&world().tenant, &unset)),
        @"weights[0].weight: NaN is not a weight: write a number from 0 to 1"
    );
}

#[test]
fn boost_and_z_are_numbers() {
    insta::assert_snapshot!(blend_faults(&json!({"boost": 0.5, "z": -1.0})), @r"
    boost: 0.5 is not a boost: write a number from 1, which boosts nothing
    z: -1 is not a number of standard errors: write a number from 0
    ");
}

#[test]
fn overrides_are_reasoned_and_correct_a_score_of_the_blend() {
    let fault = |fields: &Value| {
        let base =
            json!({"benchmark": benchmark(0), "model": "acme/small", "score": 0.7, "author": "dana", "reason": "bug"});
        blend_faults(&json!({"overrides": [filled(base, fields)]}))
    };
    insta::assert_snapshot!(
        fault(&json!({"reason": " "})),
        @"overrides[0].reason: is empty: say why the score is wrong"
    );
    insta::assert_snapshot!(
        fault(&json!({"author": ""})),
        @"overrides[0].author: is empty: say who overrides the score"
    );
    insta::assert_snapshot!(
        fault(&json!({"benchmark": benchmark(1)})),
        @"overrides[0].benchmark: the blend does not weigh `retired`: name one of its benchmarks, or take it out"
    );
    insta::assert_snapshot!(
        fault(&json!({"model": "acme/smal"})),
        @"overrides[0].model: there is no model `acme/smal`: add it to the catalogue, or take it out"
    );
    insta::assert_snapshot!(
        fault(&json!({"score": 87.0})),
        @"overrides[0].score: 87 looks like a percentage beside scores between 0 and 1: write 0.87, or change `normalisation.max` to 100 and write all scores in percent"
    );
    insta::assert_snapshot!(
        fault(&json!({"score": 870.0})),
        @"overrides[0].score: 870 is outside the bounds 0 to 1: correct it, or `normalisation`"
    );
    let one = json!({"benchmark": benchmark(0), "model": "acme/small", "score": 0.7, "author": "d", "reason": "r"});
    insta::assert_snapshot!(
        blend_faults(&json!({"overrides": [one, one]})),
        @"overrides[1].model: `acme/small` is overridden twice in `exam@2`: keep one of them"
    );
}

#[test]
fn fallback_model_exists_and_is_enabled() {
    insta::assert_snapshot!(
        blend_faults(&json!({"fallback_model": "acme/none"})),
        @"fallback_model: there is no model `acme/none`: add it to the catalogue, or take it out"
    );
    insta::assert_snapshot!(
        blend_faults(&json!({"fallback_model": "acme/off"})),
        @"fallback_model: the model `acme/off` is disabled: enable it, or take it out"
    );
}

#[test]
fn blend_covers_an_enabled_model() {
    insta::assert_snapshot!(
        blend_faults(&weights(&[(1, 1.0)])),
        @"weights: every model with a score in these benchmarks is disabled: enable one of `acme/off`"
    );
    insta::assert_snapshot!(
        blend_faults(&weights(&[(0, 0.0), (1, 1.0)])),
        @"weights: every model with a score in these benchmarks is disabled: enable one of `acme/off`"
    );
    let mut world = world();
    let strangers = world.scorecard("strangers", &[("other/x", 0.5)], &json!({}));
    let uncovered = blend(&json!({"weights": [{"benchmark": strangers, "weight": 1.0}]}));
    insta::assert_snapshot!(
        lines(&validate_blend(&world.tenant, &uncovered)),
        @"weights: no model of the catalogue has a score in these benchmarks: add such a model, or other benchmarks"
    );
}

/// What is wrong with a policy over these models by a blend with these fields.
fn policy_faults(fields: &Value, candidates: Candidates) -> String {
    let mut world = world();
    let blend = world.blend(&[(&benchmark(0), 1.0)], &filled(json!({"name": "ours"}), fields));
    lines(&policy_problems(&world, blend, candidates))
}

fn policy_problems(world: &World, blend: BlendId, candidates: Candidates) -> Vec<Problem> {
    validate_policy(&world.tenant, &policy(blend, candidates))
}

fn policy(blend: BlendId, candidates: Candidates) -> Policy {
    Policy {
        id: PolicyId::from_random([77; 20]),
        organisation: organisation(),
        name: "new".to_owned(),
        slug: "new".to_owned(),
        version: 1,
        candidates,
        rules: Rules::default(),
        affinity: None,
        strategy: Strategy::Blend { blend },
    }
}

#[test]
fn policy_uses_a_blend_that_can_choose_one_of_its_models() {
    let both = || listed(&["acme/small", "acme/unscored"]);
    assert_eq!(policy_faults(&json!({}), both()), "");
    assert_eq!(policy_faults(&json!({"fallback_model": "acme/unscored"}), listed(&["acme/unscored"])), "");
    assert_eq!(policy_faults(&json!({"fallback_model": "acme/large"}), Candidates::All), "");
    insta::assert_snapshot!(
        policy_faults(&json!({"fallback_model": "acme/large"}), both()),
        @"strategy.blend: the fallback model `acme/large` of the blend `ours` is not one of `models`: add it, or change the blend"
    );
    insta::assert_snapshot!(
        policy_faults(&json!({}), listed(&["acme/unscored"])),
        @"strategy.blend: none of `models` has a score in the blend `ours`: add a scored model, or give the blend a `fallback_model`"
    );
    let by_rule = Policy {
        strategy: Strategy::Priority {},
        rules: Rules::parse(&json!([{
            "priority": 0, "when": {"field": "stream", "op": "exists"},
            "use": {"strategy": {"type": "blend", "blend": BlendId::from_random([99; 20])}},
        }]))
        .unwrap(),
        ..policy(BlendId::from_random([99; 20]), both())
    };
    insta::assert_snapshot!(
        lines(&validate_policy(&world().tenant, &by_rule)),
        @"rules[0].use.strategy.blend: there is no blend `bld_rrrrrrrrrrrrrrrrrrrr`: create it first, or name another"
    );
    let gone = policy_problems(&world(), BlendId::from_random([99; 20]), both());
    insta::assert_snapshot!(
        lines(&gone),
        @"strategy.blend: there is no blend `bld_rrrrrrrrrrrrrrrrrrrr`: create it first, or name another"
    );
}

#[test]
fn router_imports_known_scorecards() {
    let router = Router {
        id: RouterId::from_random([77; 20]),
        organisation: organisation(),
        name: "new".to_owned(),
        models: vec![id("acme/small")],
        policy: None,
        scorecards: vec![benchmark(0), benchmark(9)],
        credentials: std::collections::BTreeMap::new(),
    };
    insta::assert_snapshot!(
        lines(&validate_router(&world().tenant, &router)),
        @"scorecards[1]: there is no scorecard `evl_99999999999999999999`: upload it first, or leave it out"
    );
    let known = Router { scorecards: vec![benchmark(0)], ..router };
    assert_eq!(validate_router(&world().tenant, &known), []);
}
