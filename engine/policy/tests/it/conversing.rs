//! Conversation affinity: when the model of the previous turn stays, strategy by strategy, and what a switch costs.

use std::sync::Arc;

use domain::{Affinity, Axis, Candidates, Decision, Model, PolicyModel, Previous, Route, Strategy, Timestamp};
use policy::{Health, Latency, Question, Scoring, Step, decide, has_affinity};
use proptest::prelude::*;
use proptest::strategy::Strategy as Arbitrary;
use serde_json::{Value, json};

use crate::support::{VERSION, World, decided, facts, id, listed, model, order, score, seed};
use crate::weighing::{by, calibrate, lambda, min_quality, plain_calibration};

/// Three models, each dearer than the last. Cached tokens cost a tenth, where that is known.
fn models() -> [Model; 3] {
    let priced = |name: &str, capability: f64, prompt: &str, cached: Option<&str>| {
        model(&json!({"id": name, "capability": capability,
            "pricing": {"prompt": prompt, "completion": prompt, "cached_prompt": cached}}))
    };
    [
        priced("a/small", 0.0, "0.000001", Some("0.0000001")),
        priced("a/medium", 0.5, "0.000004", Some("0.0000004")),
        priced("a/large", 1.0, "0.00001", None),
    ]
}

const ALL: [&str; 3] = ["a/small", "a/medium", "a/large"];

/// A decision of 10,000 input tokens and 100 of output after a turn by `previous`, of which 9,000 may be cached.
struct Turn {
    strategy: Strategy,
    complexity: f64,
    previous: &'static str,
    in_tool_loop: bool,
    facts: Value,
    latencies: [u64; 3],
    unhealthy: &'static [&'static str],
}

fn turn(strategy: Strategy, complexity: f64, previous: &'static str) -> Turn {
    let latencies = [1_000, 1_050, 2_000];
    Turn { strategy, complexity, previous, in_tool_loop: false, facts: json!({}), latencies, unhealthy: &[] }
}

impl Turn {
    fn world(&self, affinity: Option<Affinity>) -> (World, Route) {
        let mut world = World::of(models());
        let policy = world.policy("support", listed(&ALL), self.strategy.clone());
        world.affinity(&policy, affinity);
        calibrate(&mut world, plain_calibration());
        (world, Route::Policy(policy))
    }

    fn ask(&self, affinity: Option<Affinity>, scoring: Option<Scoring<'_>>) -> Step {
        let (world, route) = self.world(affinity);
        self.ask_of(&world, &route, scoring)
    }

    fn ask_of(&self, world: &World, route: &Route, scoring: Option<Scoring<'_>>) -> Step {
        let mut facts = facts(&self.facts);
        facts.features.input_tokens = 10_000;
        facts.features.max_output_tokens = Some(100);
        let observed =
            |(name, micros): (&str, &u64)| (id(name), Latency { first_token_micros: *micros, ..Latency::default() });
        let known = ALL.into_iter().zip(&self.latencies).filter(|(_, micros)| **micros > 0);
        let health = Health {
            latency: Arc::new(known.map(observed).collect()),
            unhealthy: self.unhealthy.iter().map(|name| id(name)).collect(),
        };
        let previous = Previous {
            session: "s-1".to_owned(),
            model: id(self.previous),
            cached_tokens: 9_000,
            in_tool_loop: self.in_tool_loop,
        };
        let score = score(self.complexity);
        let answer = decide(&Question {
            tenant: &world.tenant,
            version: VERSION,
            route,
            facts: &facts,
            scoring: scoring.unwrap_or(Scoring::Known(&score)),
            health: &health,
            previous: Some(&previous),
            seed: seed(1),
            now: Timestamp(1),
        });
        answer.unwrap()
    }

    fn decide(&self) -> Decision {
        decided(Ok(self.ask(Some(Affinity::Conversation), None)))
    }

    /// Who answers, whether it was kept, the switch cost and why.
    #[track_caller]
    fn check(&self, expected: (&str, bool, Option<&str>, &str)) {
        let decision = self.decide();
        let record = decision.affinity.as_ref().unwrap();
        let cost = record.switch_cost_usd.map(|cost| cost.to_string());
        let found = (order(&decision)[0], record.kept, cost.as_deref(), record.why.as_str());
        assert_eq!(found, expected, "{decision:?}");
        assert_eq!((record.session.as_str(), record.previous.as_str()), ("s-1", self.previous));
    }
}

fn intelligent() -> Strategy {
    Strategy::Intelligent { axis: Axis::Performance }
}

#[test]
fn without_affinity_and_under_split_each_request_is_decided_for_itself() {
    let turn = turn(intelligent(), 0.1, "a/medium");
    let plain = decided(Ok(turn.ask(None, None)));
    assert_eq!((order(&plain)[0], &plain.affinity), ("a/small", &None));
    let split = Turn { strategy: Strategy::Split {}, in_tool_loop: true, ..turn };
    let (kept, plain) = (split.decide(), decided(Ok(split.ask(None, None))));
    assert_eq!(kept, plain);
}

#[test]
fn an_intelligent_policy_stays_where_it_is_capable_enough_and_leaving_does_not_pay() {
    // Warm, a/medium reads 1,000 tokens at 4 and 9,000 at 0.4 per million: 0.008. Cold, a/small costs 0.0101.
    turn(intelligent(), 0.1, "a/medium").check((
        "a/medium",
        true,
        Some("0.0081"),
        "a/small saves less than its cold prompt cache costs",
    ));
    // No price of cached tokens is known of a/large: it costs 0.101 as ever.
    turn(intelligent(), 0.1, "a/large").check((
        "a/small",
        false,
        Some("0.0081"),
        "a/small does as well and costs less, its cold prompt cache included",
    ));
    turn(intelligent(), 0.9, "a/medium").check((
        "a/large",
        false,
        Some("0"),
        "its position 0.50 is below the 0.90 that this turn needs; \
         the choice's price of cached tokens is unknown, so none was lost",
    ));
    turn(intelligent(), 0.1, "a/small").check(("a/small", true, None, "still the strategy's choice"));
}

#[test]
fn a_tool_loop_keeps_its_model_without_asking_for_a_score() {
    let held = Turn { in_tool_loop: true, ..turn(intelligent(), 0.9, "a/small") };
    held.check((
        "a/small",
        true,
        Some("0"),
        "inside a tool loop; \
         the choice's price of cached tokens is unknown, so none was lost",
    ));
    let step = held.ask(Some(Affinity::Conversation), Some(Scoring::NotAsked));
    assert_eq!(order(&decided(Ok(step)))[0], "a/small");
    let ranked = Turn { strategy: Strategy::Priority {}, previous: "a/large", ..held };
    ranked.check(("a/large", true, Some("0.0081"), "inside a tool loop"));
}

#[test]
fn who_is_not_eligible_is_not_kept() {
    let gone = Turn { in_tool_loop: true, unhealthy: &["a/medium"], ..turn(intelligent(), 0.1, "a/medium") };
    gone.check(("a/small", false, Some("0.0081"), "it is no eligible candidate now"));
    let avoided = Turn { facts: json!({"instructions": "avoid medium"}), ..turn(intelligent(), 0.1, "a/medium") };
    avoided.check(("a/small", false, Some("0.0081"), "it is no eligible candidate now"));
    let not_of_the_policy =
        Turn { in_tool_loop: true, ..turn(Strategy::Single { model: id("a/large") }, 0.1, "a/small") };
    assert_eq!(order(&not_of_the_policy.decide()), ["a/large"]);
}

#[test]
fn the_cheapest_is_who_costs_least_with_the_cache_as_it_is() {
    let cheapest = Strategy::LowestCost {};
    turn(cheapest.clone(), 0.5, "a/medium").check(("a/medium", true, None, "still the strategy's choice"));
    let why = "a/small costs less, its cold prompt cache included";
    turn(cheapest, 0.5, "a/large").check(("a/small", false, Some("0.0081"), why));
}

#[test]
fn the_fastest_gives_way_to_who_is_about_as_fast() {
    let fastest = Strategy::LeastLatency {};
    turn(fastest.clone(), 0.5, "a/medium").check(("a/medium", true, Some("0.0081"), "a/small is not better"));
    turn(fastest, 0.5, "a/large").check(("a/small", false, Some("0.0081"), "a/small answers clearly sooner"));
}

#[test]
fn equal_ranks_keep_what_was_drawn_and_lower_ones_give_way() {
    let mut world = World::of(models());
    let ranked = |name: &str, rank| PolicyModel { model: id(name), priority: Some(rank), weight: None };
    let candidates = Candidates::Listed(vec![ranked("a/small", 0), ranked("a/medium", 0), ranked("a/large", 1)]);
    let policy = world.policy("ladder", candidates, Strategy::Priority {});
    world.affinity(&policy, Some(Affinity::Conversation));
    let route = Route::Policy(policy);
    for (previous, kept) in [("a/small", true), ("a/medium", true), ("a/large", false)] {
        let turn = turn(Strategy::Priority {}, 0.5, previous);
        let decision = decided(Ok(turn.ask_of(&world, &route, None)));
        assert_eq!(decision.affinity.unwrap().kept, kept, "{previous}");
        assert_eq!(decision.selected_model == id(previous), kept);
    }
}

#[test]
fn a_tie_of_a_blend_goes_to_the_previous_model_while_its_cache_pays() {
    let mut world = World::of(models());
    let board = world.scorecard("b", &[("a/small", 0.800), ("a/medium", 0.805), ("a/large", 0.9)], &json!({}));
    let other = world.scorecard("c", &[("a/small", 0.800), ("a/medium", 0.805), ("a/large", 0.1)], &json!({}));
    let blend = world.blend(&[(&board, 0.5), (&other, 0.5)], &json!({}));
    let policy = world.policy("blended", listed(&ALL), Strategy::Blend { blend: blend.clone() });
    world.affinity(&policy, Some(Affinity::Conversation));
    let route = Route::Policy(policy);
    let first = |previous| {
        let turn = turn(Strategy::Blend { blend: blend.clone() }, 0.5, previous);
        let decision = decided(Ok(turn.ask_of(&world, &route, None)));
        (decision.selected_model.to_string(), decision.candidates[0].score.unwrap(), decision.affinity.unwrap().why)
    };
    assert_eq!(first("a/medium"), ("a/medium".to_owned(), 0.805, "still the strategy's choice".to_owned()));
    assert_eq!(first("a/large").0, "a/small");
    assert!(first("a/large").2.starts_with("a/small has a clearly better blend score"));
}

#[test]
fn an_optimal_policy_counts_the_cold_cache_among_the_costs() {
    // Chances are 0.01, 0.5 and 0.99. Cold, they cost 0.0101, 0.0404 and 0.101; warm, the first 0.002, the second 0.008.
    let by_worth = |worth| Strategy::Optimal(by(lambda(worth)));
    let by_share = |share| Strategy::Optimal(by(min_quality(share)));
    let unguided = |turn: &Turn| order(&decided(Ok(turn.ask(None, None))))[0].to_owned();
    let stays = |strategy: Strategy, previous, elsewhere: &str| {
        let turn = turn(strategy, 0.5, previous);
        assert_eq!(unguided(&turn), elsewhere);
        turn.check((previous, true, None, "still the strategy's choice"));
    };
    stays(by_worth(15.0), "a/small", "a/medium");
    stays(by_share(0.01), "a/medium", "a/small");
    turn(by_worth(12.0), 0.5, "a/small").check((
        "a/medium",
        false,
        Some("0.0324"),
        "a/medium is worth more, its cold prompt cache included",
    ));
    turn(by_share(0.4), 0.5, "a/small").check((
        "a/medium",
        false,
        Some("0.0324"),
        "its chance of success 0.010 is below 0.4 of the best",
    ));
    turn(by_share(0.4), 0.5, "a/large").check((
        "a/medium",
        false,
        Some("0.0324"),
        "a/medium is good enough and costs less, its cold prompt cache included",
    ));
}

#[test]
fn an_optimal_policy_keeps_an_equal_unless_wishes_say_otherwise() {
    let twins = ["a/x", "a/y"].map(|name| {
        model(&json!({"id": name, "capability": 0.5, "pricing":
        {"prompt": "0.000004", "completion": "0.000004"}}))
    });
    let mut world = World::of(twins);
    let strategy = Strategy::Optimal(by(lambda(15.0)));
    let policy = world.policy("twins", listed(&["a/x", "a/y"]), strategy.clone());
    world.affinity(&policy, Some(Affinity::Conversation));
    calibrate(&mut world, plain_calibration());
    let route = Route::Policy(policy);
    let kept = |text: &str| {
        let turn = Turn { facts: json!({"instructions": text}), ..turn(strategy.clone(), 0.5, "a/y") };
        let decision = decided(Ok(turn.ask_of(&world, &route, None)));
        (decision.affinity.clone().unwrap().kept, order(&decision)[0].to_owned())
    };
    assert_eq!(kept(""), (true, "a/y".to_owned()));
    assert_eq!(kept("prefer a/x"), (false, "a/x".to_owned()));
}

#[test]
fn the_callers_word_goes_before_the_cache() {
    let told = Turn { facts: json!({"instructions": "prefer small"}), ..turn(intelligent(), 0.1, "a/medium") };
    told.check(("a/small", false, Some("0.0081"), "the instructions prefer a/small"));
}

#[test]
fn a_policy_behind_a_rule_counts_as_having_affinity() {
    let (mut world, route) = turn(intelligent(), 0.1, "a/small").world(None);
    assert!(!has_affinity(&world.tenant, &route));
    let Route::Policy(first) = &route else { unreachable!() };
    let (policies, second) = (world.policy("second", listed(&ALL), intelligent()), "second");
    world.affinity(&policies, Some(Affinity::Conversation));
    let rule = json!([{"priority": 1, "when": {"field": "stream", "op": "exists"}, "use": {"policy": second}}]);
    world.rule(first, &rule);
    assert!(has_affinity(&world.tenant, &route));
    assert!(!has_affinity(&world.tenant, &Route::Direct(id("a/small"))));
}

fn any_turn() -> impl Arbitrary<Value = Turn> {
    let strategy = prop_oneof![
        Just(intelligent()),
        Just(Strategy::Priority {}),
        Just(Strategy::Split {}),
        Just(Strategy::LowestCost {}),
        Just(Strategy::LeastLatency {}),
        Just(Strategy::Optimal(by(lambda(15.0)))),
        Just(Strategy::Optimal(by(min_quality(0.4)))),
        Just(Strategy::Single { model: id("a/medium") }),
    ];
    let previous = proptest::sample::select(vec!["a/small", "a/medium", "a/large", "b/gone"]);
    let unhealthy = proptest::sample::select(vec![&[][..], &["a/small"], &["a/large", "a/medium"]]);
    (strategy, 0.0..=1.0, previous, any::<bool>(), unhealthy, any::<[u64; 3]>()).prop_map(
        |(strategy, complexity, previous, in_tool_loop, unhealthy, latencies)| Turn {
            in_tool_loop,
            latencies,
            unhealthy,
            ..turn(strategy, complexity, previous)
        },
    )
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} after {} {}", self.strategy, self.complexity, self.previous, self.in_tool_loop)
    }
}

proptest! {
    #[test]
    fn affinity_changes_the_order_of_eligible_candidates_and_nothing_else(turn in any_turn()) {
        let (kept, plain) = (turn.decide(), decided(Ok(turn.ask(None, None))));
        let sorted = |decision: &Decision| {
            let mut all: Vec<_> = order(decision).into_iter().map(str::to_owned).collect();
            all.sort();
            all
        };
        prop_assert_eq!(sorted(&kept), sorted(&plain));
        prop_assert_eq!(&kept.removed, &plain.removed);
        if let Some(record) = &kept.affinity {
            prop_assert_eq!(record.kept, kept.selected_model == record.previous);
        }
    }
}
