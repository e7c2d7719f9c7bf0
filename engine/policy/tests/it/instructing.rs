//! Routing instructions: what is understood of a text (`tests/instructions.json`), and what each intent does to each
//! strategy.

use std::sync::Arc;

use domain::{Axis, Candidates, CapabilityTag, Decision, ModelId, PolicyModel, Route, Score, Strategy};
use policy::{Health, Latency, Scoring, Step};
use proptest::prelude::*;
use proptest::strategy::Strategy as Arbitrary;
use serde_json::json;

use crate::support::{World, capable, decided, facts, listed, model, order, removed, score, seed};
use crate::weighing::{by, calibrate, lambda, min_quality, plain_calibration};

const MODELS: [&str; 6] = [
    "acme/small",
    "acme/large",
    "anthropic/claude-opus-4",
    "google/gemini-2.5-pro",
    "openai/gpt-5",
    "openai/gpt-5-mini",
];

fn world(strategy: Strategy) -> (World, Route) {
    let positions = [0.0, 0.5, 1.0, 0.8, 0.9, 0.4];
    let models = MODELS.iter().zip(positions).map(|(name, capability)| capable(name, capability));
    let mut world = World::of(models);
    calibrate(&mut world, plain_calibration());
    let policy = world.policy("support", listed(&MODELS), strategy);
    (world, Route::Policy(policy))
}

fn intelligent() -> Strategy {
    Strategy::Intelligent { axis: Axis::Performance }
}

/// Decides with a text, for a prompt of this score, on models that answer in as many seconds as they have places.
fn told(strategy: Strategy, text: &str, score: &Score) -> Decision {
    let (world, route) = world(strategy);
    let observed = |(place, name): (usize, &&str)| {
        let latency = Latency { first_token_micros: (place as u64 + 1) * 1_000_000, ..Latency::default() };
        (ModelId::parse(name).unwrap(), latency)
    };
    let latency = Arc::new(MODELS.iter().enumerate().map(observed).collect());
    let health = Health { latency, ..Health::default() };
    let facts = facts(&json!({"instructions": text}));
    decided(world.ask_with_health(&route, &facts, Scoring::Known(score), seed(1), &health))
}

fn understood(decision: &Decision) -> Vec<String> {
    let record = decision.instructions.as_ref().unwrap();
    let shown = |it: &domain::Understood| match &it.condition {
        Some(condition) => format!("{} {condition}", it.intent),
        None => it.intent.clone(),
    };
    record.understood.iter().map(shown).collect()
}

#[test]
fn texts_are_understood_as_the_table_says() {
    let table: Vec<(String, Vec<String>)> = serde_json::from_str(include_str!("../instructions.json")).unwrap();
    assert!(table.len() >= 40);
    let wrong: Vec<_> = table
        .into_iter()
        .map(|(text, expected)| (understood(&told(intelligent(), &text, &score(0.5))), expected, text))
        .filter(|(found, expected, _)| found != expected)
        .map(|(found, expected, text)| format!("{text:?}: {found:?}, not {expected:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a text makes of a strategy: the first candidate, the first effect, and whether it had any.
#[track_caller]
fn check(strategy: Strategy, complexity: f64, text: &str, first: &str, effect: &str, acts: bool) {
    let decision = told(strategy, text, &score(complexity));
    let record = decision.instructions.as_ref().unwrap();
    let found = record.understood.first().map_or("", |it| it.effect.as_str());
    assert_eq!((order(&decision)[0], found, record.no_effect.is_none()), (first, effect, acts), "{text}: {decision:?}");
}

#[test]
fn cheaper_and_more_capable_move_the_axis_of_an_intelligent_policy() {
    check(intelligent(), 0.5, "", "acme/large", "", false);
    check(intelligent(), 0.5, "cheaper", "openai/gpt-5-mini", "axis cost", true);
    check(intelligent(), 0.5, "smarter", "google/gemini-2.5-pro", "axis capability", true);
    let cancelled = "none: cheaper and more capable cancel each other";
    check(intelligent(), 0.5, "cheap, best quality", "acme/large", cancelled, false);
    let cost = Strategy::Intelligent { axis: Axis::Cost };
    check(cost, 0.5, "cheaper", "openai/gpt-5-mini", "none: the axis is cost already", false);
}

#[test]
fn who_is_capable_enough_is_equal_to_a_caller_in_a_hurry_or_with_a_favourite() {
    check(intelligent(), 0.7, "", "google/gemini-2.5-pro", "", false);
    check(intelligent(), 0.7, "prefer openai", "openai/gpt-5", "orders 3 equal candidates", true);
    check(intelligent(), 0.7, "faster", "anthropic/claude-opus-4", "orders 3 equal candidates", true);
    check(intelligent(), 0.05, "prefer openai", "openai/gpt-5-mini", "orders 6 equal candidates", true);
    let alone = "none: support has no equals to choose from";
    check(intelligent(), 1.0, "prefer openai", "anthropic/claude-opus-4", alone, false);
}

#[test]
fn conditions_hold_by_the_score() {
    let text = "prefer low latency unless deep reasoning is needed";
    check(intelligent(), 0.5, text, "acme/large", "orders 4 equal candidates", true);
    check(intelligent(), 0.7, text, "google/gemini-2.5-pro", "not applied: this prompt is not of that kind", false);
    check(
        intelligent(),
        0.5,
        "avoid acme if it rains",
        "acme/large",
        "not applied: its condition was not understood",
        false,
    );
    let mut coding = score(0.5);
    coding.capabilities = vec![(CapabilityTag::Code, 0.5)];
    let decision = told(intelligent(), "avoid acme for code", &coding);
    assert_eq!(removed(&decision.removed)["acme/large"], "instructions");
    coding.capabilities = vec![(CapabilityTag::Code, 0.49)];
    assert!(told(intelligent(), "avoid acme for code", &coding).removed.is_empty());
}

#[test]
fn a_condition_asks_for_a_score_and_without_one_does_not_apply() {
    let (world, route) = world(Strategy::Priority {});
    let ask = |text: &str, scoring| world.ask(&route, &facts(&json!({"instructions": text})), scoring, seed(1));
    assert_eq!(ask("avoid acme if complex", Scoring::NotAsked).unwrap(), Step::NeedsScore);
    assert!(matches!(ask("avoid acme", Scoring::NotAsked).unwrap(), Step::Decided(_)));
    let decision = decided(ask("avoid acme if complex", Scoring::Unavailable(domain::Degradation::Engine)));
    assert_eq!(decision.selected_model.as_str(), "acme/small");
    assert_eq!(decision.degraded, Some(domain::Degradation::Engine));
    assert_eq!(decision.instructions.unwrap().understood[0].effect, "not applied: there is no score to tell by");
}

#[test]
fn what_would_leave_nobody_is_not_avoided() {
    let all = "avoid acme, anthropic, google and openai";
    let decision = told(Strategy::Priority {}, all, &score(0.5));
    assert_eq!(order(&decision), ["openai/gpt-5", "openai/gpt-5-mini"]);
    let effects: Vec<_> = decision.instructions.unwrap().understood.into_iter().map(|it| it.effect).collect();
    assert_eq!(effects, ["2 removed", "1 removed", "1 removed", "not done: no candidate would be left"]);
    let single = Strategy::Single { model: ModelId::parse("openai/gpt-5").unwrap() };
    check(single, 0.5, "avoid openai", "openai/gpt-5", "not done: no candidate would be left", false);
}

#[test]
fn a_whole_name_means_one_model_and_a_part_its_family() {
    let gone =
        |text: &str| removed(&told(Strategy::Priority {}, text, &score(0.5)).removed).into_keys().collect::<Vec<_>>();
    assert_eq!(gone("avoid gpt-5"), ["openai/gpt-5"]);
    assert_eq!(gone("avoid gpt"), ["openai/gpt-5", "openai/gpt-5-mini"]);
    assert_eq!(gone("avoid anthropic"), ["anthropic/claude-opus-4"]);
    assert_eq!(gone("only google"), [MODELS[1], MODELS[0], MODELS[2], MODELS[4], MODELS[5]]);
    assert!(gone("avoid mistral").is_empty());
}

#[test]
fn configured_orders_stay_but_for_equals() {
    check(
        Strategy::Priority {},
        0.5,
        "prefer openai",
        "acme/small",
        "none: support has no equals to choose from",
        false,
    );
    let split = told(Strategy::Split {}, "prefer openai, fast", &score(0.5));
    assert_eq!(order(&split), order(&told(Strategy::Split {}, "", &score(0.5))));
    let mut world = World::of(MODELS.map(|name| capable(name, 0.5)));
    let ranked = |(place, name): (usize, &&str)| PolicyModel {
        model: ModelId::parse(name).unwrap(),
        priority: Some(u32::from(place > 1)),
        weight: None,
    };
    let candidates = Candidates::Listed(MODELS.iter().enumerate().map(ranked).collect());
    let route = Route::Policy(world.policy("ladder", candidates, Strategy::Priority {}));
    for number in 0..8 {
        let facts = facts(&json!({"instructions": "prefer acme/large and openai"}));
        let decision = decided(world.ask(&route, &facts, Scoring::NotAsked, seed(number)));
        assert_eq!(order(&decision)[..2], ["acme/large", "acme/small"]);
    }
}

#[test]
fn equal_costs_and_latencies_leave_room_for_wishes() {
    check(Strategy::LowestCost {}, 0.5, "prefer openai", "openai/gpt-5", "orders 6 equal candidates", true);
    check(Strategy::LowestCost {}, 0.5, "smartest", "anthropic/claude-opus-4", "orders 6 equal candidates", true);
    check(Strategy::LowestCost {}, 0.5, "fast", "acme/small", "orders 6 equal candidates", true);
    check(
        Strategy::LeastLatency {},
        0.5,
        "prefer openai",
        "acme/small",
        "none: support has no equals to choose from",
        false,
    );
    check(
        Strategy::LowestCost {},
        0.5,
        "stay in the EU",
        "acme/large",
        "none: the catalogue does not know where candidates run",
        false,
    );
    check(Strategy::LowestCost {}, 0.5, "good at code", "acme/large", "none: no benchmark measures it", false);
}

#[test]
fn wishes_choose_among_what_is_good_enough_for_an_optimal_policy() {
    let by_share = |share| Strategy::Optimal(by(min_quality(share)));
    check(by_share(0.75), 0.5, "", "anthropic/claude-opus-4", "", false);
    check(by_share(0.75), 0.5, "prefer openai", "openai/gpt-5", "orders 3 equal candidates", true);
    check(by_share(0.45), 0.5, "fast", "acme/large", "orders 4 equal candidates", true);
    let by_worth = Strategy::Optimal(by(lambda(1.0)));
    let alone = "none: support has no equals to choose from";
    check(by_worth.clone(), 0.5, "prefer openai", "anthropic/claude-opus-4", alone, false);
    // Of an easy prompt, two are worth within 0.01 of each other.
    let decision = told(by_worth.clone(), "prefer openai", &Score { difficulty: -3.0, ..score(0.5) });
    assert_eq!(order(&decision)[0], "openai/gpt-5", "{decision:?}");
    assert_eq!(decision.instructions.unwrap().understood[0].effect, "orders 2 equal candidates");
    let [first, second] = &decision.candidates[..2] else { panic!("two candidates") };
    assert!(first.score < second.score, "chances moved with their models");
}

#[test]
fn a_named_capability_orders_equals_by_its_benchmarks_and_boosts_a_blend() {
    let mut world = World::of(["a/x", "a/y"].map(|name| capable(name, 0.5)));
    let code = world.scorecard("code", &[("a/x", 0.1), ("a/y", 0.9)], &json!({"capabilities": ["code"]}));
    let chat = world.scorecard("chat", &[("a/x", 0.9), ("a/y", 0.2)], &json!({"capabilities": ["chat"]}));
    let facts = facts(&json!({"instructions": "good at code"}));
    let blend = world.blend(&[(&code, 0.5), (&chat, 0.5)], &json!({"boost": 4.0}));
    let cheapest = world.policy("cheapest", listed(&["a/x", "a/y"]), Strategy::LowestCost {});
    let decision = decided(world.ask(&Route::Policy(cheapest), &facts, Scoring::Known(&score(0.5)), seed(1)));
    assert_eq!(order(&decision), ["a/y", "a/x"]);
    let blended = world.policy("blended", listed(&["a/x", "a/y"]), Strategy::Blend { blend });
    let decision = decided(world.ask(&Route::Policy(blended), &facts, Scoring::Known(&score(0.5)), seed(1)));
    assert_eq!(decision.weights_boosted.unwrap().get("code"), Some(0.8));
    assert_eq!(decision.instructions.unwrap().understood[0].effect, "its benchmarks weigh more");
}

#[test]
fn a_region_counts_where_a_name_tells_it() {
    let mut world = World::of([capable("a/x", 0.5), model(&json!({"id": "b/eu.x", "capability": 0.5}))]);
    let route = Route::Policy(world.policy("p", listed(&["a/x", "b/eu.x"]), intelligent()));
    let facts = facts(&json!({"instructions": "stay in the EU"}));
    let decision = decided(world.ask(&route, &facts, Scoring::NotAsked, seed(1)));
    assert_eq!(order(&decision), ["b/eu.x", "a/x"]);
}

/// Words that mean something, and some that do not.
fn text() -> impl Arbitrary<Value = String> {
    let words = proptest::sample::select(vec![
        "avoid",
        "prefer",
        "only",
        "not",
        "openai",
        "gpt-5",
        "acme",
        "claude",
        "cheaper",
        "fast",
        "best",
        "unless",
        "if",
        "otherwise",
        "code",
        "complex",
        "is",
        "needed",
        ",",
        ".",
        "for",
        "and",
        "but",
        "mistral",
        "sorting",
        "than",
    ]);
    prop_oneof![proptest::collection::vec(words, 0..16).prop_map(|words| words.join(" ")), any::<String>()]
}

proptest! {
    #[test]
    fn instructions_never_add_a_candidate_nor_leave_none(text in text(), complexity in 0.0..=1.0, which in 0_usize..6) {
        let strategies = [intelligent(), Strategy::Priority {}, Strategy::Split {}, Strategy::LowestCost {}, Strategy::LeastLatency {}, Strategy::Optimal(by(lambda(1.0)))];
        let decision = told(strategies[which].clone(), &text, &score(complexity));
        let mut all: Vec<_> = order(&decision).into_iter().map(str::to_owned).collect();
        prop_assert!(!all.is_empty());
        all.extend(removed(&decision.removed).into_keys());
        all.sort();
        let mut expected = MODELS;
        expected.sort_unstable();
        prop_assert_eq!(all, expected);
        let again = told(strategies[which].clone(), &text, &score(complexity));
        prop_assert_eq!(again, decision);
    }

    #[test]
    fn a_text_said_twice_says_the_same(text in text()) {
        let once = told(intelligent(), &text, &score(0.5));
        let twice = told(intelligent(), &format!("{text}\n{text}"), &score(0.5));
        if text.chars().count() < 900 {
            prop_assert_eq!(once.instructions, twice.instructions);
        }
    }
}
