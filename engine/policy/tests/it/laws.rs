//! What holds for every policy, every request and every score.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Axis, Candidates, Decision, Degradation, Facts, Model, ModelId, PolicyModel, Route, Strategy as Rule};
use policy::{Health, Scoring, Step};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{World, capable, decided, facts, id, listed, model, order, score, seed};

/// One random candidate and what is wrong with it.
#[derive(Clone, Debug)]
struct Sample {
    model: Model,
    weight: Option<f64>,
    priority: Option<u32>,
    is_healthy: bool,
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let capability = prop_oneof![
        3 => (0_u32..=20).prop_map(|step| json!(f64::from(step) / 20.0)),
        1 => Just(json!(null))
    ];
    let price = prop_oneof![
        3 => (0_u32..400).prop_map(|step| json!({"prompt": "0.000001", "completion": format!("{step}e-7")})),
        1 => Just(json!({}))
    ];
    let context = prop_oneof![3 => Just(json!(null)), 1 => Just(json!(100))];
    let one = (
        capability,
        price,
        context,
        prop::bool::weighted(0.85),
        prop::option::of(1_u32..5),
        prop::option::of(0_u32..3),
        prop::bool::weighted(0.8),
    );
    prop::collection::vec(one, 1..9).prop_map(|all| {
        let sample = |(place, (capability, pricing, context, enabled, weight, priority, is_healthy))| Sample {
            model: model(&json!({"id": format!("p{}/m{place}", place % 3), "enabled": enabled,
                "capability": capability, "pricing": pricing, "context_length": context})),
            weight: Option::map(weight, f64::from),
            priority,
            is_healthy,
        };
        all.into_iter().enumerate().map(sample).collect()
    })
}

fn axes() -> impl Strategy<Value = Axis> {
    prop_oneof![Just(Axis::Cost), Just(Axis::Performance), Just(Axis::Capability)]
}

fn rules() -> impl Strategy<Value = Rule> {
    prop_oneof![
        Just(Rule::Priority {}),
        Just(Rule::Split {}),
        Just(Rule::LowestCost {}),
        Just(Rule::LeastLatency {}),
        axes().prop_map(|axis| Rule::Intelligent { axis })
    ]
}

/// A world with a policy over the samples, two further models that no policy names, and the samples' health.
fn world(samples: &[Sample], rule: Rule) -> (World, Route, Health) {
    let strangers = [capable("p0/stranger", 1.0), capable("zzz/stranger", 0.0)];
    let mut world = World::of(samples.iter().map(|it| it.model.clone()).chain(strangers));
    let entry = |it: &Sample| PolicyModel { model: it.model.id.clone(), priority: it.priority, weight: it.weight };
    let policy = world.policy("support", Candidates::Listed(samples.iter().map(entry).collect()), rule);
    let unhealthy = samples.iter().filter(|it| !it.is_healthy).map(|it| it.model.id.clone()).collect();
    (world, Route::Policy(policy), Health { unhealthy, ..Health::default() })
}

/// A request too long for the candidates with a short context.
fn long_request() -> Facts {
    facts(&json!({"features": {"input_tokens": 500}}))
}

fn decide_scored(world: &World, route: &Route, health: &Health, complexity: f64) -> Option<Decision> {
    let score = score(complexity);
    match world.ask_with_health(route, &long_request(), Scoring::Known(&score), seed(1), health) {
        Ok(Step::Decided(decision)) => Some(*decision),
        Ok(Step::NeedsScore) => panic!("a score was given"),
        Err(_) => None,
    }
}

proptest! {
    #[test]
    fn every_candidate_of_the_policy_and_no_other_is_accounted_for(
        samples in samples(), rule in rules(), complexity in 0.0..=1.0
    ) {
        let (world, route, health) = world(&samples, rule);
        let score = score(complexity);
        let answer = world.ask_with_health(&route, &long_request(), Scoring::Known(&score), seed(1), &health);
        let (candidates, removed) = match &answer {
            Ok(Step::Decided(decision)) => {
                prop_assert_eq!(&decision.selected_model, &decision.candidates[0].model);
                (decision.candidates.iter().map(|it| &it.model).collect(), decision.removed.clone())
            }
            Ok(Step::NeedsScore) => panic!("a score was given"),
            Err(refusal) => (Vec::new(), refusal.removed().to_vec()),
        };
        let mut seen: Vec<&ModelId> = candidates.into_iter().chain(removed.iter().map(|it| &it.model)).collect();
        seen.sort_unstable();
        let policy: BTreeSet<&ModelId> = samples.iter().map(|it| &it.model.id).collect();
        prop_assert_eq!(seen, policy.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn choice_never_becomes_less_capable_as_complexity_rises(
        samples in samples(), axis in axes(), complexities in prop::collection::vec(0.0..=1.0, 2..12)
    ) {
        let (world, route, health) = world(&samples, Rule::Intelligent { axis });
        let mut complexities = complexities;
        complexities.extend([0.0, 0.4_f64.next_down(), 0.4, 0.6, 0.6_f64.next_up(), 1.0]);
        complexities.sort_by(f64::total_cmp);
        let choices = complexities.iter().filter_map(|it| decide_scored(&world, &route, &health, *it));
        let positions: Vec<f64> = choices.map(|it| it.candidates[0].position.unwrap()).collect();
        prop_assert!(positions.is_sorted(), "{:?} at {:?}", positions, complexities);
    }

    #[test]
    fn chain_goes_upward_from_the_choice_then_downward(samples in samples(), axis in axes(), complexity in 0.0..=1.0) {
        let (world, route, health) = world(&samples, Rule::Intelligent { axis });
        if let Some(decision) = decide_scored(&world, &route, &health, complexity) {
            let positions: Vec<f64> = decision.candidates.iter().map(|it| it.position.unwrap()).collect();
            let upward = positions[1..].iter().take_while(|it| **it > positions[0]).count();
            let (up, down) = positions[1..].split_at(upward);
            prop_assert!(up.is_sorted(), "{positions:?}");
            prop_assert!(down.is_sorted_by(|a, b| a >= b) && down.iter().all(|it| *it <= positions[0]), "{positions:?}");
        }
    }

    #[test]
    fn order_of_configuration_changes_nothing_for_intelligent(
        (samples, shuffled) in samples().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        axis in axes(), complexity in 0.0..=1.0
    ) {
        let decide = |samples: &[Sample]| {
            let (world, route, health) = world(samples, Rule::Intelligent { axis });
            decide_scored(&world, &route, &health, complexity).map(|mut decision| {
                decision.removed.sort_by(|a, b| a.model.cmp(&b.model));
                decision
            })
        };
        prop_assert_eq!(decide(&samples), decide(&shuffled));
    }

    #[test]
    fn same_question_has_the_same_answer_byte_for_byte(
        samples in samples(), rule in rules(), complexity in 0.0..=1.0, number: u32
    ) {
        let (world, route, health) = world(&samples, rule);
        let score = score(complexity);
        let ask = || {
            let answer = world.ask_with_health(&route, &long_request(), Scoring::Known(&score), seed(number), &health);
            match answer {
                Ok(Step::Decided(decision)) => serde_json::to_string(&decision).unwrap(),
                Ok(Step::NeedsScore) => panic!("a score was given"),
                Err(refusal) => refusal.to_string(),
            }
        };
        prop_assert_eq!(ask(), ask());
    }

    #[test]
    fn removing_a_candidate_moves_no_other(samples in samples(), victim: prop::sample::Index, complexity in 0.0..=1.0) {
        let positions = |denied: Option<&ModelId>| -> BTreeMap<ModelId, Option<f64>> {
            let (world, route, health) = world(&samples, Rule::Intelligent { axis: Axis::Performance });
            let mut facts = long_request();
            let others = samples.iter().map(|it| &it.model.id).filter(|it| Some(*it) != denied);
            facts.allowed_models = others.cloned().chain([id("zzz/stranger")]).collect();
            let score = score(complexity);
            match world.ask_with_health(&route, &facts, Scoring::Known(&score), seed(1), &health) {
                Ok(Step::Decided(decision)) => {
                    decision.candidates.into_iter().map(|it| (it.model, it.position)).collect()
                }
                _ => BTreeMap::new(),
            }
        };
        let victim = &victim.get(&samples).model.id;
        let before = positions(None);
        for (model, position) in positions(Some(victim)) {
            // Without the victim, an unhealthy one may have become a last resort: it had no position before.
            if let Some(known) = before.get(&model) {
                prop_assert_eq!(known, &position);
            }
        }
    }

    #[test]
    fn decision_without_a_score_is_the_decision_with_any(
        samples in samples(), rule in rules(), complexity in 0.0..=1.0
    ) {
        let (world, route, health) = world(&samples, rule);
        let ask = |scoring: Scoring<'_>| {
            world.ask_with_health(&route, &long_request(), scoring, seed(1), &health)
        };
        if let Ok(Step::Decided(unscored)) = ask(Scoring::NotAsked) {
            let mut score = score(complexity);
            score.expected_output_tokens.p50 = 512;
            let scored = decided(ask(Scoring::Known(&score)));
            let unavailable = decided(ask(Scoring::Unavailable(Degradation::Engine)));
            prop_assert_eq!(order(&unscored), order(&scored));
            prop_assert_eq!(order(&unscored), order(&unavailable));
            prop_assert_eq!(unavailable.degraded, None);
        }
    }

    #[test]
    fn without_a_score_the_most_capable_is_chosen(samples in samples(), axis in axes()) {
        let (world, route, health) = world(&samples, Rule::Intelligent { axis });
        let unavailable = Scoring::Unavailable(Degradation::Scorer);
        let answer = world.ask_with_health(&route, &long_request(), unavailable, seed(1), &health);
        if let Ok(Step::Decided(decision)) = answer {
            let positions: Vec<f64> = decision.candidates.iter().map(|it| it.position.unwrap()).collect();
            prop_assert!(positions.is_sorted_by(|a, b| a >= b), "{positions:?}");
            prop_assert_eq!(Some(&decision.selected_model), decision.most_capable_model.as_ref());
        }
    }

    #[test]
    fn health_alone_never_refuses(samples in samples(), rule in rules()) {
        let (world, route, _) = world(&samples, rule);
        let all = Health { unhealthy: samples.iter().map(|it| it.model.id.clone()).collect(), ..Health::default() };
        let score = score(0.5);
        let ask = |health: &Health| world.ask_with_health(&route, &long_request(), Scoring::Known(&score), seed(1), health);
        prop_assert_eq!(ask(&Health::default()), ask(&all));
    }

    #[test]
    fn two_models_divide_at_point_four(complexity in 0.0..=1.0, weak in 0.0..0.5, gap in 0.01..0.5) {
        let mut world = World::of([capable("a/weak", weak), capable("a/strong", weak + gap)]);
        let rule = Rule::Intelligent { axis: Axis::Performance };
        let route = Route::Policy(world.policy("two", listed(&["a/strong", "a/weak"]), rule));
        let decision = decide_scored(&world, &route, &Health::default(), complexity).unwrap();
        let expected = if complexity < 0.4 { "a/weak" } else { "a/strong" };
        prop_assert_eq!(decision.selected_model.as_str(), expected);
    }
}

/// Draws many requests and compares the shares with the weights, within four standard deviations.
#[track_caller]
fn check_shares(rule: &Rule, weights: &[f64]) {
    const DRAWS: u32 = 20_000;
    let models: Vec<Model> = (0..weights.len()).map(|place| capable(&format!("a/m{place}"), 0.5)).collect();
    let mut world = World::of(models.clone());
    let entry = |(model, weight): (&Model, &f64)| PolicyModel {
        model: model.id.clone(),
        priority: Some(0),
        weight: Some(*weight),
    };
    let candidates = Candidates::Listed(models.iter().zip(weights).map(entry).collect());
    let route = Route::Policy(world.policy("shares", candidates, rule.clone()));
    let mut counts: BTreeMap<ModelId, u32> = BTreeMap::new();
    for number in 0..DRAWS {
        let decision = decided(world.ask(&route, &Facts::default(), Scoring::NotAsked, seed(number)));
        *counts.entry(decision.selected_model).or_default() += 1;
    }
    let total: f64 = weights.iter().sum();
    for (model, weight) in models.iter().zip(weights) {
        let (share, drawn) = (weight / total, f64::from(counts[&model.id]) / f64::from(DRAWS));
        let bound = 4.0 * (share * (1.0 - share) / f64::from(DRAWS)).sqrt();
        assert!((share - drawn).abs() <= bound, "{}: {drawn} instead of {share} ± {bound}", model.id);
    }
}

#[test]
fn shares_converge_to_weights() {
    check_shares(&Rule::Split {}, &[1.0, 1.0]);
    check_shares(&Rule::Split {}, &[9.0, 1.0]);
    check_shares(&Rule::Split {}, &[0.5, 0.25, 0.125, 0.125]);
    check_shares(&Rule::Priority {}, &[3.0, 2.0, 1.0]);
}

#[test]
fn score_that_is_no_number_counts_as_a_failed_scorer() {
    let mut world = World::of([capable("a/weak", 0.1), capable("a/strong", 0.9)]);
    let rule = Rule::Intelligent { axis: Axis::Performance };
    let route = Route::Policy(world.policy("two", listed(&["a/weak", "a/strong"]), rule));
    let decision = decide_scored(&world, &route, &Health::default(), f64::NAN).unwrap();
    assert_eq!(order(&decision), ["a/strong", "a/weak"]);
    assert_eq!((decision.degraded, decision.complexity), (Some(Degradation::Scorer), None));
}
