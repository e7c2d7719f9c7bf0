//! How good chances are on prompts that they were not fitted to, beside what needs no difficulty at all.
//!
//! Folds are told by the hash of the prompt, and intervals come from drawing prompts anew, each with all its outcomes.

use std::collections::BTreeMap;

use domain::calibration::logit;
use serde::Serialize;

use super::Row;
use super::fit::{FitFault, Point, fit, regress};
use crate::statistics::sampling::{key, mix};
use crate::statistics::{Resampler, quantile};

/// Parts into which prompts are divided; each is judged by a fit to the others.
const FOLDS: u64 = 5;
/// Bins of equal mass.
const BINS: usize = 15;
/// Draws of the bootstrap.
const DRAWS: u64 = 500;
const SEED: u64 = 0x0B71;
/// Chances are cut here before their logarithm is taken.
const LEAST: f64 = 1e-6;

/// One forecast beside what happened.
#[derive(Clone, Copy, Debug)]
struct Said {
    prompt: u64,
    chance: f64,
    score: f64,
}

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How good one way of forecasting is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// Which way.
    pub name: &'static str,
    /// Outcomes.
    pub n: usize,
    /// Mean negative logarithm of what happened.
    pub log_loss: Figure,
    /// Mean squared error.
    pub brier: Figure,
    /// Expected calibration error over 15 bins of equal mass.
    pub ece: Figure,
}

/// Judges the calibration and its baselines by cross-validation over prompts: first on all outcomes, then on those of
/// models with a price.
///
/// # Errors
/// When a fold cannot be fitted.
pub fn judge(rows: &[Row]) -> Result<Vec<Judgement>, FitFault> {
    let mut said = BTreeMap::<usize, Vec<Said>>::new();
    for fold in 0..FOLDS {
        let is_held = |row: &&Row| mix(key(&row.prompt)) % FOLDS == fold;
        let (held, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(is_held);
        let others: Vec<Row> = others.into_iter().cloned().collect();
        let found = fit(&others)?;
        let price_only = price_only(&others);
        let sigma = |logit: f64| 1.0 / (1.0 + (-logit).exp());
        for row in held {
            let by_blend = found.k * (found.scales.blend.ability(row.benchmark) - row.difficulty);
            let level = found.levels.get(&row.source).copied().unwrap_or(0.0);
            let mut add = |way: usize, chance: f64| {
                let prompt = key(&row.prompt);
                said.entry(way).or_default().push(Said { prompt, chance, score: row.score });
            };
            add(0, sigma(by_blend));
            add(1, sigma(by_blend + level));
            add(2, row.benchmark);
            if let Some(strength) = row.strength {
                add(3, sigma(by_blend));
                add(4, sigma(found.k * (found.scales.q.ability(strength) - row.difficulty)));
                add(5, sigma(price_only[0] + price_only[1] * logit(strength)));
                add(6, row.benchmark);
            }
        }
    }
    Ok(WAYS.iter().enumerate().filter_map(|(way, name)| Some(judged(name, said.get(&way)?))).collect())
}

const WAYS: [&str; 7] = [
    "benchmark and difficulty",
    "the same, with each set's own level",
    "constant per model and set",
    "priced models: benchmark and difficulty",
    "priced models: price and difficulty",
    "priced models: price only",
    "priced models: constant per model and set",
];

/// Level and slope of success on price.
fn price_only(rows: &[Row]) -> Vec<f64> {
    let point = |row: &Row| Some(Point { x: vec![1.0, logit(row.strength?)], offset: 0.0, y: row.score, weight: 1.0 });
    regress(&rows.iter().filter_map(point).collect::<Vec<_>>(), 2)
}

fn judged(name: &'static str, said: &[Said]) -> Judgement {
    let mut said = said.to_vec();
    said.sort_by(|a, b| a.chance.total_cmp(&b.chance).then_with(|| a.prompt.cmp(&b.prompt)));
    let resampler = Resampler::new(said.iter().map(|it| it.prompt).collect(), SEED);
    let once = measured(&said, &vec![1; said.len()]);
    let mut draws = [Vec::new(), Vec::new(), Vec::new()];
    let mut weights = Vec::new();
    for replicate in 0..DRAWS {
        resampler.draw(replicate, &mut weights);
        let figures = measured(&said, &weights);
        draws.iter_mut().zip(figures).for_each(|(all, figure)| all.push(figure));
    }
    let [log_loss, brier, ece] = [0, 1, 2].map(|at| {
        draws[at].sort_by(f64::total_cmp);
        let end = |q: f64| quantile(&draws[at], q).unwrap_or(once[at]);
        // A binned error is biased upwards in draws: the interval holds the figure all the same.
        Figure { value: once[at], low: end(0.025).min(once[at]), high: end(0.975).max(once[at]) }
    });
    Judgement { name, n: said.len(), log_loss, brier, ece }
}

/// Log loss, Brier score and calibration error of rows in the order of their chances.
fn measured(said: &[Said], weights: &[u8]) -> [f64; 3] {
    let total: f64 = weights.iter().map(|it| f64::from(*it)).sum();
    if total <= 0.0 {
        return [f64::NAN; 3];
    }
    let (mut loss, mut brier, mut ece) = (0.0, 0.0, 0.0);
    let (mut seen, mut gap, mut bin) = (0.0, 0.0, 1.0);
    for (it, weight) in said.iter().zip(weights) {
        let weight = f64::from(*weight);
        let chance = it.chance.clamp(LEAST, 1.0 - LEAST);
        loss -= weight * (it.score * chance.ln() + (1.0 - it.score) * (1.0 - chance).ln());
        brier += weight * (it.chance - it.score).powi(2);
        gap += weight * (it.score - it.chance);
        seen += weight;
        if seen >= total * bin / BINS as f64 {
            ece += f64::abs(gap);
            gap = 0.0;
            bin = (seen / total * BINS as f64).floor() + 1.0;
        }
    }
    [loss / total, brier / total, (ece + f64::abs(gap)) / total]
}
