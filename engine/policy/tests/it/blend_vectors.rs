//! The blend section of the router-evaluation vectors, over the pure policy. The numbers were computed independently
//! from the definitions, by the authors of the vectors, who dedicate them to the public domain.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Benchmark, CapabilityTag, Facts, Route, Score, ScorecardId, Strategy};
use policy::Scoring;
use serde_json::{Value, json};

use crate::support::{World, decided, id, listed, model, organisation, score, seed};

/// Numbers of the vectors are exact to this.
const EXACT: f64 = 1e-9;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/blend.json")).unwrap()
}

/// The scores of every benchmark in raw units, by model, where there is one.
fn column<'a>(raw: &'a Value, names: &'a [String], benchmark: &str) -> Vec<(&'a str, f64)> {
    let models = raw.as_object().unwrap();
    let scores = models.values().zip(names).filter_map(|(it, name)| Some((name.as_str(), it[benchmark].as_f64()?)));
    scores.collect()
}

/// What a blend of these benchmarks says of each model, by the letters of the vectors; `lower` instead of the means.
fn blended(raw: &Value, weights: &Value, setting: &Value, tags: &[(CapabilityTag, f64)]) -> BTreeMap<String, f64> {
    let names: Vec<String> = raw.as_object().unwrap().keys().map(|it| format!("v/{}", it.to_lowercase())).collect();
    let mut world = World::of(names.iter().map(|it| model(&json!({ "id": it }))));
    let bounds = &setting["bounds"];
    let benchmarks: Vec<_> = weights
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, weight)| {
            let scores = column(raw, &names, name);
            let (min, max) = (bounds[name][0].as_f64().unwrap(), bounds[name][1].as_f64().unwrap());
            let tagged = if name == "B1" { json!(["code"]) } else { json!([]) };
            let fields = json!({"normalisation": {"min": min, "max": max}, "capabilities": tagged});
            (name.clone(), world.scorecard(name, &scores, &fields), weight.as_f64().unwrap())
        })
        .collect();
    let weighed: Vec<_> = benchmarks.iter().map(|(_, id, weight)| (id, *weight)).collect();
    let mut fields = json!({"missing": setting["missing"]});
    if let Some([benchmark, of, value]) = setting["override"].as_array().map(Vec::as_slice) {
        let (_, benchmark, _) = benchmarks.iter().find(|(name, _, _)| name == benchmark).unwrap();
        fields["overrides"] =
            json!([{"benchmark": benchmark, "model": of, "score": value, "author": "a", "reason": "b"}]);
    }
    let blend = world.blend(&weighed, &fields);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let route = Route::Policy(world.policy("ours", listed(&names), Strategy::Blend { blend }));
    let score = Score { capabilities: tags.to_vec(), ..score(0.5) };
    let decision = decided(world.ask(&route, &Facts::default(), Scoring::Known(&score), seed(1)));
    let letter = |name: &str| name.trim_start_matches("v/").to_uppercase();
    decision.candidates.iter().map(|it| (letter(it.model.as_str()), it.score.unwrap())).collect()
}

#[track_caller]
fn check(found: &BTreeMap<String, f64>, expected: &Value) {
    let expected = expected.as_object().unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, value) in expected {
        assert!((found[name] - value.as_f64().unwrap()).abs() < EXACT, "{name}: {found:?}, expected {value}");
    }
}

#[test]
fn every_missing_mode_gives_the_vectors_scores() {
    let it = vectors();
    for (mode, expected) in it["by_missing_mode"].as_object().unwrap() {
        let setting = json!({"bounds": it["bounds"], "missing": mode});
        check(&blended(&it["raw"], &it["weights"], &setting, &[]), expected);
    }
}

#[test]
fn boost_gives_the_vectors_scores() {
    let it = vectors();
    let setting = json!({"bounds": it["bounds"], "missing": "median"});
    let found = blended(&it["raw"], &it["weights"], &setting, &[(CapabilityTag::Code, 1.0)]);
    check(&found, &it["capability_boost_B1_x2_median"]);
}

#[test]
fn override_gives_the_vectors_scores() {
    let it = vectors();
    let setting = json!({"bounds": it["bounds"], "missing": "median", "override": ["B1", "v/b", 0.75]});
    check(&blended(&it["raw"], &it["weights"], &setting, &[]), &it["override_B_B1_0.75_median"]);
}

#[test]
fn declared_bounds_keep_the_order_that_the_candidates_own_range_reverses() {
    let it = &vectors()["minmax_over_candidates_rank_reversal"];
    let setting = json!({"bounds": {"X": [0, 100], "Y": [0, 100]}, "missing": "median"});
    let all = blended(&it["raw"], &it["weights"], &setting, &[]);
    check(&all, &it["fixed_0_100"]);
    let mut fewer = it["raw"].clone();
    fewer.as_object_mut().unwrap().remove("M3");
    let two = blended(&fewer, &it["weights"], &setting, &[]);
    assert!(two.iter().all(|(name, value)| (all[name] - value).abs() < EXACT), "{two:?}");
}

#[test]
fn standard_errors_propagate_as_in_the_vectors() {
    let it = &vectors()["se_propagation"];
    let errors: Vec<f64> = it["se_normalised"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
    let mut world = World::of([model(&json!({"id": "v/a"}))]);
    let benchmarks: Vec<_> = errors
        .iter()
        .enumerate()
        .map(|(place, error)| {
            let cells = json!([{"model": "v/a", "score": 0.5, "standard_error": error}]);
            world.scorecard(&format!("b{place}"), &[], &json!({ "cells": cells }))
        })
        .collect();
    let weights: Vec<_> = benchmarks.iter().zip([0.5, 0.3, 0.2]).collect();
    // The record tells the lower bound to three places: a thousand standard errors tell one to six.
    let blend = world.blend(&weights, &json!({"rank_by": "lcb", "z": 1000.0}));
    let route = Route::Policy(world.policy("ours", listed(&["v/a"]), Strategy::Blend { blend }));
    let decision = decided(world.ask(&route, &Facts::default(), Scoring::NotAsked, seed(1)));
    let why = decision.candidates[0].why.clone().unwrap();
    let (_, bound) = why.split_once("lower bound ").unwrap();
    let bound: f64 = bound.split([';', ' ']).next().unwrap().parse().unwrap();
    let expected = 0.5 - 1000.0 * it["se_blend"].as_f64().unwrap();
    assert!((bound - expected).abs() < 1e-3, "{why}, expected {expected}");
}

#[test]
fn scales_give_the_vectors_values() {
    #[track_caller]
    fn check(score: &Value, normalisation: &Value, expected: &Value) {
        let card = json!({"id": ScorecardId::from_random([1; 20]), "organisation": organisation(), "name": "s",
            "metric": "m", "normalisation": normalisation, "source": {"kind": "eval"},
            "cells": [{"model": "v/a", "score": score}]});
        let benchmark = Benchmark::of(Arc::new(serde_json::from_value(card).unwrap()));
        let found = benchmark.read(&id("v/a")).unwrap().value;
        assert!((found - expected.as_f64().unwrap()).abs() < EXACT, "{found}, expected {expected}");
    }
    let it = vectors();
    let (elo, adjusted) = (&it["elo_to_expected"], &it["chance_adjusted"]);
    check(&elo["rating"], &json!({"type": "elo_expected", "anchor": elo["ref"]}), &elo["expected"]);
    let chance = json!({"type": "chance_adjusted", "min": 0, "max": 1, "chance": adjusted["chance"]});
    check(&adjusted["score"], &chance, &adjusted["value"]);
}
