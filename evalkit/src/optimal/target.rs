//! Sets a dial: the cheapest that keeps a promise of quality, or the best that keeps to a budget.
//!
//! Losses need not fall evenly as the dial turns. They are tested one dial after the other, from the safest on, and the
//! first that breaks the promise ends the search: the promise then holds for the last one with the confidence asked for,
//! however many were tried. Costs do fall evenly with λ and with a lower share, as the policy's laws prove: there the dial
//! is found by bisection.

use std::str::FromStr;

use domain::{Dial, Lambda, MinQuality};

use super::replay::{Replay, Traffic};

/// Steps of the search from the safest dial on.
const STEPS: u32 = 200;
/// Halvings of a bisection.
const HALVINGS: usize = 40;
/// Confidence with which a budget is kept.
const BUDGET_CONFIDENCE: f64 = 0.95;

/// Which dial is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Chance of success per USD.
    #[value(name = "lambda")]
    Lambda,
    /// Share of the best candidate's chance.
    #[value(name = "min_quality")]
    MinQuality,
}

/// What a dial is to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// Mean quality is at most so much below the strongest's, with this confidence, 0..1.
    Loss {
        /// How much.
        most: f64,
        /// How surely.
        confidence: f64,
    },
    /// A request costs at most so much on average, in USD.
    Cost {
        /// How much.
        most: f64,
    },
}

/// A promise of quality: `loss<=0.01@95`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossTarget {
    /// How much mean quality may be lost.
    pub most: f64,
    /// How surely, 0..1.
    pub confidence: f64,
}

impl FromStr for LossTarget {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}`: expected `loss<=SHARE@PERCENT`, for example `loss<=0.01@95`");
        let (most, percent) = text.strip_prefix("loss<=").and_then(|rest| rest.split_once('@')).ok_or_else(fault)?;
        let (most, percent): (f64, f64) = (most.parse().map_err(|_| fault())?, percent.parse().map_err(|_| fault())?);
        if !(0.0..1.0).contains(&most) || !(50.0..100.0).contains(&percent) {
            return Err(format!("`{text}`: expected a loss from 0 to below 1 and a percentage from 50 to below 100"));
        }
        Ok(Self { most, confidence: percent / 100.0 })
    }
}

/// Why no dial keeps the target.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unreachable {
    /// Even the safest dial may lose more.
    #[error(
        "even the safest dial may lose {bound:.4} in mean quality, more than {most}: allow more, or replay more requests"
    )]
    Loss {
        /// What it may lose.
        bound: f64,
        /// What it was to lose.
        most: f64,
    },
    /// Even the cheapest candidates may cost more.
    #[error(
        "even the cheapest candidates may cost {bound:.6} USD a request, more than {most:.6}: raise the budget, or add a cheaper model"
    )]
    Cost {
        /// What they may cost.
        bound: f64,
        /// What they were to cost.
        most: f64,
    },
}

/// Finds the dial.
///
/// # Errors
/// When none keeps the target.
pub fn set(traffic: &Traffic, kind: Kind, target: Target) -> Result<(Dial, Replay), Unreachable> {
    match target {
        Target::Loss { most, confidence } => by_loss(traffic, kind, most, confidence),
        Target::Cost { most } => by_cost(traffic, kind, most),
    }
}

/// A dial of this kind, from the safest, 0, to the cheapest, 1. Values are rounded as they will be written.
fn dial(traffic: &Traffic, kind: Kind, turn: f64) -> Dial {
    match kind {
        Kind::MinQuality => {
            let share = ((1.0 - turn) * 1e4).round().max(1.0) / 1e4;
            Dial::MinQuality(MinQuality::try_new(share).expect("above 0, at most 1"))
        }
        Kind::Lambda => {
            // Six decades around the λ at which the dearest candidate costs all that success is worth.
            let middle = 1.0 / traffic.dearest_cost().max(1e-12);
            let value = if turn <= 0.0 { 0.0 } else { middle * 10_f64.powf(8.0 * turn - 4.0) };
            Dial::Lambda(Lambda::try_new(significant(value)).expect("finite and not below 0"))
        }
    }
}

/// Four digits are more than any data tells.
fn significant(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn by_loss(traffic: &Traffic, kind: Kind, most: f64, confidence: f64) -> Result<(Dial, Replay), Unreachable> {
    let mut kept = None;
    for step in 0..STEPS {
        let dial = dial(traffic, kind, f64::from(step) / f64::from(STEPS));
        let replay = traffic.replay(dial);
        let bound = traffic.loss_bound(&replay, confidence);
        if bound > most {
            return kept.ok_or(Unreachable::Loss { bound, most });
        }
        kept = Some((dial, replay));
    }
    kept.ok_or(Unreachable::Loss { bound: f64::INFINITY, most })
}

fn by_cost(traffic: &Traffic, kind: Kind, most: f64) -> Result<(Dial, Replay), Unreachable> {
    let at = |turn: f64| {
        let dial = dial(traffic, kind, turn);
        let replay = traffic.replay(dial);
        let bound = traffic.cost_bound(&replay, BUDGET_CONFIDENCE);
        (dial, replay, bound)
    };
    let (dial, replay, bound) = at(0.0);
    if bound <= most {
        return Ok((dial, replay));
    }
    let (dial, replay, bound) = at(1.0);
    if bound > most {
        return Err(Unreachable::Cost { bound, most });
    }
    let (mut too_dear, mut fits, mut found) = (0.0, 1.0, (dial, replay));
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(too_dear, fits);
        let (dial, replay, bound) = at(middle);
        if bound <= most {
            (fits, found) = (middle, (dial, replay));
        } else {
            too_dear = middle;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use domain::{ModelId, Money};

    use super::*;
    use crate::optimal::replay::{Candidate, Case};
    use crate::statistics::sampling::{mix, uniform};

    /// Requests to a weak and a strong model whose chances are true.
    fn traffic(count: u64) -> Traffic {
        let cases = (0..count).map(|at| {
            let difficulty = 4.0 * uniform(mix(at)) - 2.0;
            let candidate = |name: &str, ability: f64, cost: &str, salt: u64| {
                let chance = 1.0 / (1.0 + (-(ability - difficulty)).exp());
                let is_right = uniform(mix(mix(at) ^ salt)) < chance;
                Candidate {
                    model: ModelId::parse(name).unwrap(),
                    chance,
                    cost: Money::parse(cost).ok(),
                    score: Some(f64::from(u8::from(is_right))),
                }
            };
            Case {
                name: at.to_string(),
                options: vec![candidate("p/weak", 0.0, "0.001", 1), candidate("p/strong", 2.0, "0.01", 2)],
            }
        });
        Traffic::new(cases.collect())
    }

    #[test]
    fn targets_are_read() {
        assert_eq!("loss<=0.01@95".parse(), Ok(LossTarget { most: 0.01, confidence: 0.95 }));
        for wrong in ["0.01", "loss<=0.01", "loss<=1@95", "loss<=0.1@101", "loss<=x@95", "loss<0.1@95"] {
            assert!(wrong.parse::<LossTarget>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn dial_keeps_the_promise_and_saves() {
        let traffic = traffic(4_000);
        let dearest = traffic.outcome(&traffic.strongest());
        for kind in [Kind::Lambda, Kind::MinQuality] {
            let target = Target::Loss { most: 0.03, confidence: 0.95 };
            let (_, replay) = set(&traffic, kind, target).unwrap();
            let outcome = traffic.outcome(&replay);
            assert!(traffic.loss_bound(&replay, 0.95) <= 0.03 && outcome.loss.value < 0.03, "{outcome:?}");
            assert!(outcome.cost_usd.value < 0.95 * dearest.cost_usd.value, "{outcome:?}");
        }
    }

    #[test]
    fn budget_is_used_and_kept() {
        let traffic = traffic(2_000);
        for kind in [Kind::Lambda, Kind::MinQuality] {
            let (_, replay) = set(&traffic, kind, Target::Cost { most: 0.005 }).unwrap();
            let cost = traffic.cost_bound(&replay, 0.95);
            assert!(cost <= 0.005 && cost > 0.0045, "{kind:?}: {cost}");
            let (_, rich) = set(&traffic, kind, Target::Cost { most: 1.0 }).unwrap();
            assert_eq!(rich, traffic.replay(dial(&traffic, kind, 0.0)));
        }
    }

    #[test]
    fn promises_that_nobody_can_keep_are_refused() {
        let few = traffic(30);
        let refused = set(&few, Kind::MinQuality, Target::Cost { most: 0.0005 });
        assert!(matches!(refused, Err(Unreachable::Cost { .. })));
        // The best chance of a prompt is here always the strong one's: nothing is lost by the safest dial.
        assert!(set(&few, Kind::MinQuality, Target::Loss { most: 0.0, confidence: 0.95 }).is_ok());
    }
}
