//! `optimal`: whose evidence tells abilities, how chances are weighed against money, and what the record says of it.

use domain::{
    Calibration, CapabilityTag, Date, Decision, Degradation, Dial, Facts, Lambda, MinQuality, Optimal, Route, Scale,
    Scales, Score, Strategy,
};
use policy::{Scoring, Step, validate_policy};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::support::{World, decided, facts, listed, model, order, score, seed};

pub(crate) fn lambda(value: f64) -> Dial {
    Dial::Lambda(Lambda::try_new(value).unwrap())
}

pub(crate) fn min_quality(share: f64) -> Dial {
    Dial::MinQuality(MinQuality::try_new(share).unwrap())
}

/// Abilities are the logits of scores, and one unit of difficulty is one logit.
pub(crate) fn plain_calibration() -> Calibration {
    let scale = Scale { a: 0.0, b: 1.0 };
    Calibration {
        version: "plain".into(),
        difficulty: "test".to_owned(),
        k: 1.0,
        scale: Scales { blend: scale, q: scale },
        fitted_on: "nothing".to_owned(),
        n: 0,
        date: Date::parse("2026-11-22").unwrap(),
        source: "a test".to_owned(),
    }
}

/// Gives the organisation this calibration.
pub(crate) fn calibrate(world: &mut World, calibration: Calibration) {
    Arc::make_mut(&mut world.tenant.organisation).calibration = Some(calibration);
}

/// A model of this explicit capability and price: USD for the 1,000 tokens of a request, `None` = unknown.
pub(crate) fn priced(name: &str, capability: f64, usd: Option<f64>) -> domain::Model {
    let prompt = usd.map(|usd| format!("{:.12}", usd / 1000.0));
    let completion = usd.map(|_| "0");
    model(&json!({"id": name, "capability": capability, "pricing": {"prompt": prompt, "completion": completion}}))
}

pub(crate) fn asking(difficulty: f64) -> Score {
    Score { difficulty, ..score(0.5) }
}

pub(crate) fn thousand_tokens() -> Facts {
    facts(&json!({"features": {"input_tokens": 1000, "max_output_tokens": 1}}))
}

const SMALL: &str = "acme/small";
const LARGE: &str = "acme/large";

/// P of small and large at difficulty 0 are .6 and .9; they cost 0.001 and 0.01 USD.
fn pair() -> World {
    let mut world = World::of([priced(SMALL, 0.6, Some(0.001)), priced(LARGE, 0.9, Some(0.01))]);
    calibrate(&mut world, plain_calibration());
    world
}

fn decide(world: &mut World, optimal: Optimal, facts: &Facts, scoring: Scoring<'_>) -> Decision {
    let models: Vec<String> = world.tenant.models.keys().map(ToString::to_string).collect();
    let models: Vec<&str> = models.iter().map(String::as_str).collect();
    let number = world.tenant.policies.len();
    let policy = world.policy(&format!("ours {number}"), listed(&models), Strategy::Optimal(optimal));
    decided(world.ask(&Route::Policy(policy), facts, scoring, seed(1)))
}

pub(crate) fn by(dial: Dial) -> Optimal {
    Optimal { blend: None, dial }
}

#[track_caller]
fn check(dial: Dial, difficulty: f64, expected: &[&str]) {
    let decision = decide(&mut pair(), by(dial), &thousand_tokens(), Scoring::Known(&asking(difficulty)));
    assert_eq!(order(&decision), expected, "{}", decision.reason);
}

#[test]
fn success_is_bought_up_to_its_worth() {
    // 0.3 more of success cost 0.009 USD more: they break even at 33.3 per USD.
    check(lambda(33.0), 0.0, &[LARGE, SMALL]);
    check(lambda(34.0), 0.0, &[SMALL, LARGE]);
    check(lambda(0.0), 5.0, &[LARGE, SMALL]);
    // What no candidate can do is given to the cheap one.
    check(lambda(33.0), 8.0, &[SMALL, LARGE]);
}

#[test]
fn cheapest_that_is_good_enough_beside_the_best_is_chosen() {
    // .6 is two thirds of .9.
    check(min_quality(0.66), 0.0, &[SMALL, LARGE]);
    check(min_quality(0.67), 0.0, &[LARGE, SMALL]);
    check(min_quality(1.0), -3.0, &[LARGE, SMALL]);
    check(min_quality(0.9), -3.0, &[SMALL, LARGE]);
}

#[test]
fn chain_asks_the_same_of_those_that_are_left() {
    let mut world = World::of([
        priced("acme/a", 0.3, Some(0.001)),
        priced("acme/b", 0.75, Some(0.005)),
        priced("acme/c", 0.8, Some(0.002)),
        priced("acme/d", 0.9, Some(0.01)),
    ]);
    calibrate(&mut world, plain_calibration());
    let decision = decide(&mut world, by(min_quality(0.85)), &thousand_tokens(), Scoring::Known(&asking(0.0)));
    // c is good enough beside d; without c, d alone; then b; a is never good enough beside another.
    assert_eq!(order(&decision), ["acme/c", "acme/d", "acme/b", "acme/a"]);
}

#[test]
fn request_turns_the_dial_for_itself() {
    let demanding = facts(&json!({"constraints": {"min_quality": 0.99},
        "features": {"input_tokens": 1000, "max_output_tokens": 1}}));
    let decision = decide(&mut pair(), by(lambda(1000.0)), &demanding, Scoring::Known(&asking(0.0)));
    assert_eq!(order(&decision), [LARGE, SMALL]);
    assert!(decision.reason.contains("at least 0.99 of the best"), "{}", decision.reason);
}

#[test]
fn no_other_strategy_takes_the_requests_dial() {
    let mut world = pair();
    let demanding = facts(&json!({"constraints": {"min_quality": 0.9}}));
    let policy = world.policy("plain", listed(&[SMALL]), Strategy::LowestCost {});
    for route in [Route::Policy(policy), Route::Direct(crate::support::id(SMALL))] {
        let refusal = world.ask(&route, &demanding, Scoring::NotAsked, seed(1)).unwrap_err();
        assert_eq!((refusal.status(), refusal.kind()), (400, "invalid_request_error"));
        assert_eq!((refusal.param(), refusal.code()), (Some("routing.min_quality"), "invalid_value"));
    }
}

#[test]
fn unknown_price_is_taken_as_the_dearest() {
    let mut world = World::of([
        priced(SMALL, 0.6, Some(0.001)),
        priced(LARGE, 0.9, Some(0.01)),
        priced("acme/quoteless", 0.88, None),
    ]);
    calibrate(&mut world, plain_calibration());
    let decision = decide(&mut world, by(lambda(30.0)), &thousand_tokens(), Scoring::Known(&asking(0.0)));
    assert_eq!(order(&decision), [LARGE, "acme/quoteless", SMALL]);
    let why = decision.candidates[1].why.as_deref().unwrap();
    assert!(why.contains("price unknown, taken as the dearest"), "{why}");
    let decision = decide(&mut world, by(min_quality(0.95)), &thousand_tokens(), Scoring::Known(&asking(0.0)));
    assert_eq!(order(&decision)[..2], [LARGE, "acme/quoteless"]);
}

#[test]
fn chance_alone_decides_where_no_price_is_known() {
    for dial in [lambda(1e9), min_quality(0.01)] {
        let mut world = World::of([priced(SMALL, 0.6, None), priced(LARGE, 0.9, None)]);
        calibrate(&mut world, plain_calibration());
        let decision = decide(&mut world, by(dial), &thousand_tokens(), Scoring::Known(&asking(0.0)));
        assert_eq!(order(&decision), [LARGE, SMALL]);
        assert!(decision.reason.contains("no price is known"), "{}", decision.reason);
    }
}

#[test]
fn without_a_score_the_most_capable_is_chosen_and_the_record_says_so() {
    #[track_caller]
    fn check(scoring: Scoring<'_>, degraded: Degradation) {
        let decision = decide(&mut pair(), by(lambda(1e6)), &thousand_tokens(), scoring);
        assert_eq!((order(&decision), decision.degraded), (vec![LARGE, SMALL], Some(degraded)));
        assert!(decision.candidates.iter().all(|it| it.score.is_none()) && decision.difficulty.is_none());
    }
    check(Scoring::Unavailable(Degradation::Engine), Degradation::Engine);
    check(Scoring::Known(&asking(f64::NAN)), Degradation::Scorer);
}

#[test]
fn score_is_asked_for_only_where_there_is_a_choice() {
    let mut world = pair();
    let both = world.policy("both", listed(&[SMALL, LARGE]), Strategy::Optimal(by(lambda(1.0))));
    let one = world.policy("one", listed(&[SMALL]), Strategy::Optimal(by(lambda(1.0))));
    let ask = |policy| world.ask(&Route::Policy(policy), &thousand_tokens(), Scoring::NotAsked, seed(1));
    assert_eq!(ask(both), Ok(Step::NeedsScore));
    let alone = decided(ask(one));
    assert_eq!(alone.degraded, None);
    assert_eq!(alone.reason, "no score needed: the only eligible model of one");
}

#[test]
fn blend_tells_abilities_boosted_by_what_the_prompt_asks_for() {
    let mut world = World::of([
        priced("acme/coder", 0.1, Some(0.01)),
        priced("acme/talker", 0.1, Some(0.01)),
        priced("acme/unknown", 0.5, Some(0.01)),
    ]);
    calibrate(&mut world, plain_calibration());
    let code =
        world.scorecard("code", &[("acme/coder", 0.8), ("acme/talker", 0.5)], &json!({"capabilities": ["code"]}));
    let chat = world.scorecard("chat", &[("acme/coder", 0.5), ("acme/talker", 0.9)], &json!({}));
    let blend = world.blend(&[(&code, 0.5), (&chat, 0.5)], &json!({"boost": 3.0}));
    let settings = || Optimal { blend: Some(blend.clone()), dial: lambda(0.0) };
    let plain = decide(&mut world, settings(), &thousand_tokens(), Scoring::Known(&asking(0.0)));
    assert_eq!(order(&plain), ["acme/talker", "acme/coder", "acme/unknown"]);
    let coding = Score { capabilities: vec![(CapabilityTag::Code, 1.0)], ..asking(0.0) };
    let boosted = decide(&mut world, settings(), &thousand_tokens(), Scoring::Known(&coding));
    assert_eq!(order(&boosted), ["acme/coder", "acme/talker", "acme/unknown"]);
    assert_eq!(json!(boosted.weights), json!({"chat": 0.5, "code": 0.5}));
    assert_eq!(json!(boosted.weights_boosted), json!({"chat": 0.25, "code": 0.75}));
    // With the logit as the scale and no difficulty, the chance is the score itself.
    assert!((boosted.candidates[0].score.unwrap() - 0.725).abs() < 1e-12);
    let why = boosted.candidates[2].why.as_deref().unwrap();
    assert!(why.contains("not in the blend: explicit capability 0.500"), "{why}");
}

#[test]
fn record_names_calibration_difficulty_and_every_chance() {
    let decision = decide(&mut pair(), by(lambda(33.0)), &thousand_tokens(), Scoring::Known(&asking(0.0)));
    let record = serde_json::to_value(&decision).unwrap();
    let shown: Value = json!({"difficulty": record["difficulty"], "calibration": record["calibration"],
        "strategy": record["strategy"], "reason": record["reason"], "candidates": record["candidates"],
        "capability_source": record["capability_source"]});
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
}

#[test]
fn scorer_that_the_calibration_does_not_know_is_flagged() {
    let foreign = Score { version: "heuristic-1".into(), ..asking(0.0) };
    let decision = decide(&mut pair(), by(lambda(33.0)), &thousand_tokens(), Scoring::Known(&foreign));
    assert!(decision.reason.ends_with("; calibrated for another scorer"), "{}", decision.reason);
    assert_eq!(decision.degraded, None);
}

#[test]
fn policy_without_a_usable_calibration_is_refused() {
    let mut world = pair();
    let id = world.policy("ours", listed(&[SMALL, LARGE]), Strategy::Optimal(by(lambda(1.0))));
    let policy = world.tenant.policies[&id].clone();
    assert_eq!(validate_policy(&world.tenant, &policy), []);
    calibrate(&mut world, Calibration { k: -1.0, ..plain_calibration() });
    let problems = validate_policy(&world.tenant, &policy);
    insta::assert_snapshot!(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn blend_must_be_there() {
    let mut world = pair();
    let exam = world.scorecard("exam", &[("acme/elsewhere", 0.5)], &json!({}));
    let known = world.blend(&[(&exam, 1.0)], &json!({"name": "fine"}));
    let problems = |world: &mut World, blend| {
        let settings = Optimal { blend: Some(blend), dial: lambda(1.0) };
        let number = world.tenant.policies.len();
        let id = world.policy(&format!("p{number}"), listed(&[SMALL]), Strategy::Optimal(settings));
        let policy = world.tenant.policies[&id].clone();
        validate_policy(&world.tenant, &policy).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    // Abilities fall back, so the blend may know none of the candidates.
    assert_eq!(problems(&mut world, known), "");
    let gone = domain::BlendId::from_random([9; 20]);
    assert!(problems(&mut world, gone).starts_with("strategy.blend: there is no blend"));
}

#[test]
fn price_has_a_scale_of_its_own_and_nothing_known_counts_least() {
    let by_price = model(&json!({"id": "acme/priced", "pricing": {"prompt": "0", "completion": "0.00000005"}}));
    let mut world = World::of([priced(SMALL, 0.1, Some(0.001)), by_price, model(&json!({"id": "acme/nameless"}))]);
    let flat = Scale { a: 0.0, b: 0.1 };
    let scales = Scales { q: flat, ..plain_calibration().scale };
    calibrate(&mut world, Calibration { scale: scales, ..plain_calibration() });
    let decision = decide(&mut world, by(lambda(0.0)), &thousand_tokens(), Scoring::Known(&asking(0.0)));
    // The least price is worth -0.46 by its scale, a capability of 0.1 is worth -2.2, and no knowledge -4.6.
    assert_eq!(order(&decision), ["acme/priced", SMALL, "acme/nameless"]);
    let why = |place: usize| decision.candidates[place].why.clone().unwrap();
    assert!(why(0).starts_with("ability -0.46 (capability by price 0.000)"), "{}", why(0));
    assert!(why(2).starts_with("ability -4.60 (capability unknown, taken as 0.000)"), "{}", why(2));
}
