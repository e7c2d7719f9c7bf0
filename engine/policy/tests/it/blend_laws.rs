//! What holds for every blend: candidates may come in any order, and newcomers move nobody who was measured.

use std::collections::BTreeMap;

use domain::{CapabilityTag, Decision, Facts, Route, Score, Strategy as Rule};
use policy::Scoring;
use proptest::prelude::*;
use serde_json::json;

use crate::support::{World, decided, listed, model, order, score, seed};

/// Scores closer than this are ties.
const EPSILON: f64 = 0.01;
/// Benchmarks of a blend.
const BENCHMARKS: usize = 3;
const MODES: [&str; 6] = ["lower_bound", "median", "renormalise", "min", "zero", "exclude"];

/// One candidate: its scores, and its price in pico-dollars.
#[derive(Clone, Debug)]
struct Sample {
    name: String,
    scores: [Option<f64>; BENCHMARKS],
    price: Option<u32>,
}

impl Sample {
    fn is_fully_covered(&self) -> bool {
        self.scores.iter().all(Option::is_some)
    }
}

fn one() -> impl Strategy<Value = ([Option<f64>; BENCHMARKS], Option<u32>)> {
    let cell = || prop::option::weighted(0.8, (0_u32..=200).prop_map(|step| f64::from(step) / 200.0));
    ([cell(), cell(), cell()], prop::option::weighted(0.8, 1_u32..20))
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    prop::collection::vec(one(), 1..8).prop_map(|all| {
        let name = |place: usize| format!("p{}/m{place}", place % 3);
        all.into_iter()
            .enumerate()
            .map(|(place, (scores, price))| Sample { name: name(place), scores, price })
            .collect()
    })
}

#[derive(Clone, Debug)]
struct Setting {
    raw_weights: [u32; BENCHMARKS],
    mode: &'static str,
    rank_by: &'static str,
    code: f64,
}

fn settings() -> impl Strategy<Value = Setting> {
    let ranks = prop::sample::select(vec!["mean", "lcb"]);
    ([1_u32..9, 1..9, 1..9], prop::sample::select(MODES.to_vec()), ranks, 0.0..=1.0)
        .prop_map(|(raw_weights, mode, rank_by, code)| Setting { raw_weights, mode, rank_by, code })
}

/// Decides over the samples. Standard errors are known, so that they do not depend on who else is there.
fn decide(samples: &[Sample], setting: &Setting) -> Option<Decision> {
    let price = |it: &Sample| it.price.map(|price| format!("{price}e-12"));
    // Explicit capability, so that what savings are counted against does not hang on who else has scores.
    let mut world = World::of(samples.iter().map(|it| {
        model(&json!({"id": it.name, "capability": 0.5, "pricing": {"prompt": price(it), "completion": price(it)}}))
    }));
    let total: u32 = setting.raw_weights.iter().sum();
    let weights = setting.raw_weights.map(|raw| f64::from(raw) / f64::from(total));
    let benchmarks: Vec<_> = (0..BENCHMARKS)
        .map(|place| {
            let scored = samples.iter().filter_map(|it| Some((it, it.scores[place]?)));
            let cells: Vec<_> = scored
                .map(|(it, score)| json!({"model": it.name, "score": score, "standard_error": score / 10.0}))
                .collect();
            let tags = if place == 0 { json!(["code"]) } else { json!([]) };
            world.scorecard(&format!("b{place}"), &[], &json!({"cells": cells, "capabilities": tags}))
        })
        .collect();
    let weights: Vec<_> = benchmarks.iter().zip(weights).collect();
    let blend = world.blend(&weights, &json!({"missing": setting.mode, "rank_by": setting.rank_by}));
    let names: Vec<&str> = samples.iter().map(|it| it.name.as_str()).collect();
    let route = Route::Policy(world.policy("ours", listed(&names), Rule::Blend { blend }));
    let score = Score { capabilities: vec![(CapabilityTag::Code, setting.code)], ..score(0.5) };
    let answer = world.ask(&route, &Facts::default(), Scoring::Known(&score), seed(1));
    answer.is_ok().then(|| decided(answer))
}

fn scores(decision: &Decision) -> BTreeMap<String, Option<f64>> {
    decision.candidates.iter().map(|it| (it.model.to_string(), it.score)).collect()
}

proptest! {
    #[test]
    fn order_of_candidates_changes_nothing(
        (samples, shuffled) in samples().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        setting in settings()
    ) {
        let sorted = |samples: &[Sample]| decide(samples, &setting).map(|mut decision| {
            decision.removed.sort_by(|a, b| a.model.cmp(&b.model));
            decision
        });
        prop_assert_eq!(sorted(&samples), sorted(&shuffled));
    }

    #[test]
    fn candidate_without_a_score_changes_nothing_but_its_removal(samples in samples(), setting in settings()) {
        let newcomer = Sample { name: "p0/newcomer".to_owned(), scores: [None; BENCHMARKS], price: Some(1) };
        let joined: Vec<_> = samples.iter().cloned().chain([newcomer]).collect();
        let (before, after) = (decide(&samples, &setting), decide(&joined, &setting));
        prop_assert_eq!(before.is_some(), after.is_some());
        if let (Some(before), Some(mut after)) = (before, after) {
            prop_assert_eq!(after.removed.pop().map(|it| it.reason.as_str()), Some("unscored"));
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn scored_newcomer_turns_no_order_of_fully_covered_models(
        samples in samples(), (scores_of_newcomer, price) in one(), setting in settings()
    ) {
        let newcomer = Sample { name: "p0/newcomer".to_owned(), scores: scores_of_newcomer, price };
        let joined: Vec<_> = samples.iter().cloned().chain([newcomer]).collect();
        if let (Some(before), Some(after)) = (decide(&samples, &setting), decide(&joined, &setting)) {
            let covered = |name: &&str| samples.iter().any(|it| it.name == *name && it.is_fully_covered());
            let (old, new) = (scores(&before), scores(&after));
            let old_order: Vec<&str> = order(&before).into_iter().filter(|it| covered(it)).collect();
            let new_order: Vec<&str> = order(&after).into_iter().filter(|it| covered(it)).collect();
            for name in &old_order {
                prop_assert_eq!(old[*name], new[*name]);
            }
            // The newcomer may lead a group of ties of its own, and so divide another: only ties may turn.
            if setting.rank_by == "mean" {
                for (place, first) in old_order.iter().enumerate() {
                    for second in &old_order[place + 1..] {
                        let is_tie = (old[*first].unwrap() - old[*second].unwrap()).abs() <= EPSILON + 1e-6;
                        let place = |name: &str| new_order.iter().position(|it| *it == name);
                        let has_turned = place(first) > place(second);
                        prop_assert!(is_tie || !has_turned, "{:?} {:?}", old_order, new_order);
                    }
                }
            }
        }
    }

    #[test]
    fn nobody_stands_before_who_is_better_by_more_than_a_tie(samples in samples(), setting in settings()) {
        let setting = Setting { rank_by: "mean", ..setting };
        if let Some(decision) = decide(&samples, &setting) {
            let scores: Vec<f64> = decision.candidates.iter().map(|it| it.score.unwrap()).collect();
            for (place, score) in scores.iter().enumerate() {
                prop_assert!(scores[place..].iter().all(|it| *it <= score + EPSILON + 1e-6), "{:?}", scores);
                prop_assert!((0.0..=1.0 + 1e-9).contains(score));
            }
        }
    }

    #[test]
    fn boosted_weights_sum_to_one_and_only_the_boosted_gain(setting in settings()) {
        let sample = Sample { name: "p0/m".to_owned(), scores: [Some(0.5); BENCHMARKS], price: None };
        let decision = decide(&[sample], &setting).unwrap();
        let weights = |weights: Option<domain::Weights>| -> Vec<f64> {
            weights.unwrap().iter().map(|(_, weight)| weight).collect()
        };
        let (plain, boosted) = (weights(decision.weights), weights(decision.weights_boosted));
        prop_assert!((boosted.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let gains: Vec<f64> = boosted.iter().zip(&plain).map(|(after, before)| after - before).collect();
        prop_assert!(gains[0] >= -1e-12 && gains[1] <= 1e-12 && gains[2] <= 1e-12, "{:?}", gains);
    }
}
