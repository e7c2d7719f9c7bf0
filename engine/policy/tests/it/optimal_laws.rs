//! What holds for every optimal policy.

use domain::{Decision, Dial, Optimal, Route, Strategy as Rule};
use policy::Scoring;
use proptest::prelude::*;

use crate::support::{World, decided, listed, order, seed};
use crate::weighing::{asking, calibrate, lambda, min_quality, plain_calibration, priced, thousand_tokens};

/// One candidate: its capability in hundredths, and its price in tenths of a cent, if known.
#[derive(Clone, Debug)]
struct Sample {
    name: String,
    capability: f64,
    usd: Option<f64>,
}

/// All prices are known.
fn priced_samples() -> impl Strategy<Value = Vec<Sample>> {
    samples_with((1_u32..40).prop_map(Some))
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    samples_with(prop::option::weighted(0.8, 1_u32..40))
}

fn samples_with(price: impl Strategy<Value = Option<u32>>) -> impl Strategy<Value = Vec<Sample>> {
    let one = (1_u32..100, price);
    prop::collection::vec(one, 1..8).prop_map(|all| {
        let sample = |(place, (capability, price)): (usize, (u32, Option<u32>))| Sample {
            name: format!("p{}/m{place}", place % 3),
            capability: f64::from(capability) / 100.0,
            usd: price.map(|price| f64::from(price) / 1000.0),
        };
        all.into_iter().enumerate().map(sample).collect()
    })
}

fn difficulties() -> impl Strategy<Value = f64> {
    (-80_i32..80).prop_map(|it| f64::from(it) / 10.0)
}

fn shares() -> impl Strategy<Value = f64> {
    (1_u32..=100).prop_map(|it| f64::from(it) / 100.0)
}

fn dials() -> impl Strategy<Value = Dial> {
    prop_oneof![(0_u32..2000).prop_map(|it| lambda(f64::from(it) / 4.0)), shares().prop_map(min_quality)]
}

fn decide(samples: &[Sample], dial: Dial, difficulty: f64) -> Decision {
    let mut world = World::of(samples.iter().map(|it| priced(&it.name, it.capability, it.usd)));
    calibrate(&mut world, plain_calibration());
    let names: Vec<&str> = samples.iter().map(|it| it.name.as_str()).collect();
    let policy = world.policy("ours", listed(&names), Rule::Optimal(Optimal { blend: None, dial }));
    let score = asking(difficulty);
    decided(world.ask(&Route::Policy(policy), &thousand_tokens(), Scoring::Known(&score), seed(1)))
}

fn chosen(samples: &[Sample], dial: Dial, difficulty: f64) -> &Sample {
    let decision = decide(samples, dial, difficulty);
    samples.iter().find(|it| it.name == decision.selected_model.as_str()).unwrap()
}

fn chance(sample: &Sample, difficulty: f64) -> f64 {
    plain_calibration().p_success((sample.capability / (1.0 - sample.capability)).ln(), difficulty)
}

fn dearest(samples: &[Sample]) -> f64 {
    samples.iter().filter_map(|it| it.usd).fold(0.0, f64::max)
}

proptest! {
    #[test]
    fn money_that_is_worth_nothing_leaves_the_best_chance(samples in samples(), difficulty in difficulties()) {
        let best = samples.iter().map(|it| it.capability).fold(0.0, f64::max);
        let choice = chosen(&samples, lambda(0.0), difficulty);
        prop_assert!((choice.capability - best).abs() < 1e-12);
    }

    #[test]
    fn money_that_is_worth_everything_leaves_the_cheapest(samples in samples(), difficulty in difficulties()) {
        let choice = chosen(&samples, lambda(1e12), difficulty);
        let cheapest = samples.iter().filter_map(|it| it.usd).min_by(f64::total_cmp);
        // What has no price is taken for the dearest: it can only be chosen where that is also the cheapest.
        prop_assert!(cheapest.is_none_or(|it| choice.usd.unwrap_or(dearest(&samples)) <= it + 1e-12), "{choice:?}");
    }

    #[test]
    fn order_of_configuration_does_not_matter(samples in samples(), dial in dials(), difficulty in difficulties(),
                                              turn in 0_usize..8) {
        let mut turned = samples.clone();
        turned.rotate_left(turn % samples.len());
        turned.reverse();
        let (there, here) = (decide(&turned, dial, difficulty), decide(&samples, dial, difficulty));
        prop_assert_eq!(order(&there), order(&here));
    }

    /// With known prices, utilities do not depend on who else is there.
    #[test]
    fn removing_one_not_chosen_by_utility_changes_nothing(samples in priced_samples(), worth in 0_u32..500,
                                                          difficulty in difficulties(), at in 0_usize..8) {
        let dial = lambda(f64::from(worth));
        let before = decide(&samples, dial, difficulty);
        let gone = samples[at % samples.len()].name.clone();
        prop_assume!(gone != before.selected_model.as_str());
        let rest: Vec<Sample> = samples.into_iter().filter(|it| it.name != gone).collect();
        let after = decide(&rest, dial, difficulty);
        prop_assert_eq!(&after.selected_model, &before.selected_model);
        // And the chain is the one before, without the one that is gone.
        let expected: Vec<&str> = order(&before).into_iter().filter(|it| *it != gone).collect();
        prop_assert_eq!(order(&after), expected);
    }

    /// The share is one of the best: whoever is not the best can go.
    #[test]
    fn removing_one_neither_chosen_nor_best_changes_nothing(samples in samples(), share in shares(),
                                                            difficulty in difficulties(), at in 0_usize..8) {
        let before = decide(&samples, min_quality(share), difficulty);
        let gone = samples[at % samples.len()].clone();
        let best = samples.iter().map(|it| it.capability).fold(0.0, f64::max);
        prop_assume!(gone.name != before.selected_model.as_str() && gone.capability < best);
        let was_known = samples.iter().any(|it| it.usd.is_some());
        let rest: Vec<Sample> = samples.into_iter().filter(|it| it.name != gone.name).collect();
        // Where the last known price goes, the rule is another.
        prop_assume!(!was_known || rest.iter().any(|it| it.usd.is_some()));
        prop_assert_eq!(decide(&rest, min_quality(share), difficulty).selected_model, before.selected_model);
    }

    /// `P(weak) / P(strong)` falls as difficulty rises, so that fewer are good enough beside the best.
    #[test]
    fn harder_prompts_never_get_a_weaker_model_by_share(samples in samples(), share in shares(),
                                                        a in difficulties(), b in difficulties()) {
        let (easy, hard) = (a.min(b), a.max(b));
        let (before, after) = (chosen(&samples, min_quality(share), easy), chosen(&samples, min_quality(share), hard));
        prop_assert!(after.capability >= before.capability - 1e-12, "{before:?} {after:?}");
    }

    /// By utility they may: what nobody can do is not worth the money. Of two, the stronger is chosen on one stretch of
    /// difficulties, around the middle between their abilities.
    #[test]
    fn of_two_the_dearer_and_stronger_is_chosen_on_one_stretch(
        weak in 1_u32..50, strong in 50_u32..100, worth in 0_u32..500, at in [-80_i32..80, -80..80, -80..80],
    ) {
        let sample = |name: &str, capability: u32, usd: f64| {
            Sample { name: name.to_owned(), capability: f64::from(capability) / 100.0, usd: Some(usd) }
        };
        let two = [sample("p/weak", weak, 0.001), sample("p/strong", strong, 0.01)];
        let mut at = at.map(|it| f64::from(it) / 10.0);
        at.sort_by(f64::total_cmp);
        let is_strong = at.map(|difficulty| chosen(&two, lambda(f64::from(worth)), difficulty).name == "p/strong");
        prop_assert!(is_strong[1] || !(is_strong[0] && is_strong[2]), "{at:?} {is_strong:?}");
    }

    #[test]
    fn dearer_money_never_buys_a_dearer_model(samples in priced_samples(), difficulty in difficulties(),
                                              a in 0_u32..800, b in 0_u32..800) {
        let (low, high) = (f64::from(a.min(b)) / 4.0, f64::from(a.max(b)) / 4.0);
        let (before, after) = (chosen(&samples, lambda(low), difficulty), chosen(&samples, lambda(high), difficulty));
        prop_assert!(after.usd <= before.usd, "{before:?} {after:?}");
    }

    #[test]
    fn higher_demands_never_get_a_lower_chance_than_they_say(samples in samples(), share in shares(),
                                                             difficulty in difficulties()) {
        let best = samples.iter().map(|it| chance(it, difficulty)).fold(0.0, f64::max);
        let choice = chance(chosen(&samples, min_quality(share), difficulty), difficulty);
        prop_assert!(choice >= share * best - 1e-9);
    }
}
