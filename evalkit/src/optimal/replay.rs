//! Replays known requests under a dial: what is chosen, what it costs, and how much worse it is than the strongest.
//!
//! The choice is the policy's own ([`policy::weigh`]). Quality is what happened, where that is known, else the chance of
//! success; which of the two is said with every result.

use std::collections::BTreeMap;

use domain::{Dial, ModelId, Money};
use policy::{Prospect, weigh};
use serde::Serialize;

use super::judge::Figure;
use crate::statistics::sampling::key;
use crate::statistics::{Resampler, quantile};

/// Draws of the bootstrap.
const DRAWS: u64 = 500;
const SEED: u64 = 0x7AFF;

/// Most requests that are replayed; their draws are kept in memory.
pub const MOST_CASES: usize = 100_000;

/// What was known of one candidate of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Who.
    pub model: ModelId,
    /// Its chance of success.
    pub chance: f64,
    /// What the request would cost on it.
    pub cost: Option<Money>,
    /// How it did, if that is known.
    pub score: Option<f64>,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What tells it from others; requests of the same name are drawn together.
    pub name: String,
    /// Its candidates, at least one.
    pub options: Vec<Candidate>,
}

/// Requests, ready to be replayed.
#[derive(Debug)]
pub struct Traffic {
    cases: Vec<Case>,
    /// The place of the strongest candidate of each case.
    strongest: Vec<usize>,
    draws: Vec<Vec<u8>>,
    /// Whether quality is what happened.
    pub is_measured: bool,
}

/// One request under one dial.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Replayed {
    quality: f64,
    cost: f64,
    loss: f64,
}

/// Requests under one dial.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    each: Vec<Replayed>,
    chosen: Vec<usize>,
}

/// What a dial comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Mean quality.
    pub quality: Figure,
    /// Mean cost of a request, in USD.
    pub cost_usd: Figure,
    /// How much worse than the strongest, in mean quality.
    pub loss: Figure,
    /// Share of requests by model.
    pub shares: BTreeMap<String, f64>,
}

impl Traffic {
    /// Takes requests, of which each has at least one candidate of known price.
    pub fn new(cases: Vec<Case>) -> Self {
        let is_measured = cases.iter().flat_map(|it| &it.options).all(|it| it.score.is_some());
        let mut means = BTreeMap::<&ModelId, (f64, f64)>::new();
        for option in cases.iter().flat_map(|it| &it.options) {
            let mean = means.entry(&option.model).or_default();
            *mean = (mean.0 + quality(option, is_measured), mean.1 + 1.0);
        }
        let rank = |option: &Candidate| means.get(&option.model).map_or(0.0, |(sum, n)| sum / n);
        let strongest = cases
            .iter()
            .map(|case| {
                let places = 0..case.options.len();
                places.max_by(|a, b| rank(&case.options[*a]).total_cmp(&rank(&case.options[*b]))).unwrap_or(0)
            })
            .collect();
        let resampler = Resampler::new(cases.iter().map(|it| key(&it.name)).collect(), SEED);
        let draw = |replicate| {
            let mut weights = Vec::new();
            resampler.draw(replicate, &mut weights);
            weights
        };
        let draws = (0..DRAWS).map(draw).collect();
        Self { cases, strongest, draws, is_measured }
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Whether there is no request.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// What the dearest candidates cost on average, in USD: the measure of what a λ may be.
    pub fn dearest_cost(&self) -> f64 {
        let dearest = |case: &Case| case.options.iter().filter_map(|it| it.cost).max().map_or(0.0, Money::approximate);
        self.cases.iter().map(dearest).sum::<f64>() / self.cases.len().max(1) as f64
    }

    /// Everything under one dial.
    pub fn replay(&self, dial: Dial) -> Replay {
        let chosen = self.cases.iter().map(|case| first(case, dial)).collect();
        self.replayed(chosen)
    }

    /// Everything by the strongest.
    pub fn strongest(&self) -> Replay {
        self.replayed(self.strongest.clone())
    }

    fn replayed(&self, chosen: Vec<usize>) -> Replay {
        let each = self
            .cases
            .iter()
            .zip(&self.strongest)
            .zip(&chosen)
            .map(|((case, strongest), place)| {
                let quality = |place: usize| quality(&case.options[place], self.is_measured);
                // As in the choice: what has no price is taken to cost what the dearest does.
                let dearest = case.options.iter().filter_map(|it| it.cost).max();
                let cost = case.options[*place].cost.or(dearest).map_or(0.0, Money::approximate);
                Replayed { quality: quality(*place), cost, loss: quality(*strongest) - quality(*place) }
            })
            .collect();
        Replay { each, chosen }
    }

    /// The upper end of a mean that is passed with this confidence, 0..1.
    fn bound(&self, replay: &Replay, value: impl Fn(&Replayed) -> f64, confidence: f64) -> f64 {
        quantile(&self.means(replay, value), confidence).unwrap_or(f64::INFINITY)
    }

    /// The most that the mean loss may be.
    pub fn loss_bound(&self, replay: &Replay, confidence: f64) -> f64 {
        self.bound(replay, |it| it.loss, confidence)
    }

    /// The most that the mean cost may be, in USD.
    pub fn cost_bound(&self, replay: &Replay, confidence: f64) -> f64 {
        self.bound(replay, |it| it.cost, confidence)
    }

    /// The figures of a replay.
    pub fn outcome(&self, replay: &Replay) -> Outcome {
        let figure = |value: fn(&Replayed) -> f64| {
            let means = self.means(replay, value);
            let once = replay.each.iter().map(value).sum::<f64>() / replay.each.len().max(1) as f64;
            let end = |q| quantile(&means, q).unwrap_or(once);
            Figure { value: once, low: end(0.025), high: end(0.975) }
        };
        let mut shares = BTreeMap::new();
        for (case, place) in self.cases.iter().zip(&replay.chosen) {
            *shares.entry(case.options[*place].model.to_string()).or_insert(0.0) += 1.0 / self.cases.len() as f64;
        }
        Outcome { quality: figure(|it| it.quality), cost_usd: figure(|it| it.cost), loss: figure(|it| it.loss), shares }
    }

    /// Means of the draws, sorted.
    fn means(&self, replay: &Replay, value: impl Fn(&Replayed) -> f64) -> Vec<f64> {
        let values: Vec<f64> = replay.each.iter().map(value).collect();
        let mean = |weights: &Vec<u8>| {
            let (mut sum, mut total) = (0.0, 0.0);
            for (value, weight) in values.iter().zip(weights) {
                sum += value * f64::from(*weight);
                total += f64::from(*weight);
            }
            (total > 0.0).then(|| sum / total)
        };
        let mut means: Vec<f64> = self.draws.iter().filter_map(mean).collect();
        means.sort_by(f64::total_cmp);
        means
    }
}

fn first(case: &Case, dial: Dial) -> usize {
    let prospects: Vec<Prospect<'_>> =
        case.options.iter().map(|it| Prospect { model: &it.model, chance: it.chance, cost: it.cost }).collect();
    weigh(dial, &prospects).first().copied().unwrap_or(0)
}

fn quality(option: &Candidate, is_measured: bool) -> f64 {
    option.score.filter(|_| is_measured).unwrap_or(option.chance)
}
