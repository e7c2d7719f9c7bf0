//! Fits `P = σ(k · (a + b · logit(s) − d))` to outcomes: a logistic regression on scores and difficulties.
//!
//! Sets differ in what a score of theirs is worth, and in what "right" means. The slopes are therefore fitted with a
//! level for each set, so that only differences inside a set tell them; then one level for all is fitted, which is what
//! a policy has that knows nothing of sets. Every prompt counts once, however many models answered it.

use std::collections::BTreeMap;

use domain::calibration::{Scale, Scales, logit};

use super::Row;

/// Newton steps; the fit is convex and settles in under ten.
const STEPS: usize = 30;
/// Pulls slopes and levels towards 0 by the weight of a thousandth of a prompt: it only decides what nothing else does.
const RIDGE: f64 = 1e-3;
/// Fewest models with a price by which the scale of strengths is told.
pub const FEWEST_PRICED: usize = 5;

/// What is fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// How steeply success falls with difficulty.
    pub k: f64,
    /// The two scales.
    pub scales: Scales,
    /// What a set's own level adds to the logit of success by benchmark score.
    pub levels: BTreeMap<String, f64>,
}

/// Why nothing can be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitFault {
    /// Success does not fall with difficulty, or does not rise with a score.
    #[error(
        "{what} comes out at {slope:.3}: these outcomes do not tell it, add prompts of other difficulties and more models"
    )]
    Slope {
        /// Which slope.
        what: &'static str,
        /// What it comes out at.
        slope: f64,
    },
    /// Too few models have a price.
    #[error("{0} models have a price, expected at least {FEWEST_PRICED}: name a file of prices that has them")]
    Priced(usize),
}

/// Fits a calibration's numbers.
///
/// # Errors
/// When the outcomes do not tell them.
pub fn fit(rows: &[Row]) -> Result<Fitted, FitFault> {
    let weights = weights(rows);
    let sources: BTreeMap<&str, usize> = rows.iter().map(|it| (it.source.as_str(), 0)).collect();
    let sources: BTreeMap<&str, usize> = sources.into_keys().zip(0..).collect();
    let count = sources.len();
    let features = |row: &Row, score: f64| {
        let mut x = vec![0.0; count + 1];
        x[sources[row.source.as_str()]] = 1.0;
        x[count] = logit(score);
        x
    };
    // Levels, the slope on the score, and that on difficulty.
    let points: Vec<Point> = rows
        .iter()
        .zip(&weights)
        .map(|(row, weight)| {
            let mut x = features(row, row.benchmark);
            x.push(-row.difficulty);
            Point { x, offset: 0.0, y: row.score, weight: *weight }
        })
        .collect();
    let solved = regress(&points, count + 2);
    let k = above_zero("the slope on difficulty", solved[count + 1])?;
    let slope = above_zero("the slope on benchmark scores", solved[count])?;
    let level = level(rows, &weights, |row| Some(slope * logit(row.benchmark) - k * row.difficulty));
    let blend = Scale { a: level / k, b: slope / k };

    let priced: std::collections::BTreeSet<&str> =
        rows.iter().filter(|it| it.strength.is_some()).map(|it| it.model.as_str()).collect();
    if priced.len() < FEWEST_PRICED {
        return Err(FitFault::Priced(priced.len()));
    }
    let points: Vec<Point> = rows
        .iter()
        .zip(&weights)
        .filter_map(|(row, weight)| {
            let x = features(row, row.strength?);
            Some(Point { x, offset: -k * row.difficulty, y: row.score, weight: *weight })
        })
        .collect();
    let slope = above_zero("the slope on prices", regress(&points, count + 1)[count])?;
    let by_price = self::level(rows, &weights, |row| Some(slope * logit(row.strength?) - k * row.difficulty));
    let q = Scale { a: by_price / k, b: slope / k };
    let levels = sources.iter().map(|(source, at)| ((*source).to_owned(), solved[*at] - level)).collect();
    Ok(Fitted { k, scales: Scales { blend, q }, levels })
}

fn above_zero(what: &'static str, slope: f64) -> Result<f64, FitFault> {
    if slope.is_finite() && slope > 0.0 { Ok(slope) } else { Err(FitFault::Slope { what, slope }) }
}

/// One by the number of outcomes of the same prompt in the same set.
fn weights(rows: &[Row]) -> Vec<f64> {
    let mut counts = BTreeMap::<(&str, &str), f64>::new();
    for row in rows {
        *counts.entry((&row.source, &row.prompt)).or_default() += 1.0;
    }
    rows.iter().map(|row| 1.0 / counts[&(row.source.as_str(), row.prompt.as_str())]).collect()
}

/// The one level over all sets.
fn level(rows: &[Row], weights: &[f64], offset: impl Fn(&Row) -> Option<f64>) -> f64 {
    let point =
        |(row, weight): (&Row, &f64)| Some(Point { x: vec![1.0], offset: offset(row)?, y: row.score, weight: *weight });
    regress(&rows.iter().zip(weights).filter_map(point).collect::<Vec<_>>(), 1)[0]
}

/// A row of a regression.
pub(super) struct Point {
    pub(super) x: Vec<f64>,
    /// What the logit is beside `x`'s part in it.
    pub(super) offset: f64,
    pub(super) y: f64,
    pub(super) weight: f64,
}

/// Logistic regression by Newton's method, each step halved until it climbs.
pub(super) fn regress(points: &[Point], size: usize) -> Vec<f64> {
    let logit_of = |it: &Point, beta: &[f64]| it.offset + it.x.iter().zip(beta).map(|(x, b)| x * b).sum::<f64>();
    let height = |beta: &[f64]| {
        let likely: f64 = points
            .iter()
            .map(|it| {
                let logit = logit_of(it, beta);
                it.weight * (it.y * logit - (logit.max(0.0) + (-logit.abs()).exp().ln_1p()))
            })
            .sum();
        likely - 0.5 * RIDGE * beta.iter().map(|b| b * b).sum::<f64>()
    };
    let mut beta = vec![0.0; size];
    let mut here = height(&beta);
    for _ in 0..STEPS {
        let mut gradient: Vec<f64> = beta.iter().map(|b| -RIDGE * b).collect();
        let mut curvature = vec![vec![0.0; size]; size];
        (0..size).for_each(|at| curvature[at][at] = RIDGE);
        for it in points {
            let right = 1.0 / (1.0 + (-logit_of(it, &beta)).exp());
            let (pull, spread) = (it.weight * (it.y - right), it.weight * right * (1.0 - right));
            for (row, x) in it.x.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                gradient[row] += pull * x;
                it.x.iter().enumerate().for_each(|(column, z)| curvature[row][column] += spread * x * z);
            }
        }
        let step = solve(curvature, gradient);
        let climbed = (0..20).map(|halvings| 0.5_f64.powi(halvings)).find_map(|part| {
            let there: Vec<f64> = beta.iter().zip(&step).map(|(b, s)| b + part * s).collect();
            let height = height(&there);
            (height > here).then_some((there, height))
        });
        let Some((there, climbed)) = climbed else { break };
        let gain = climbed - here;
        (beta, here) = (there, climbed);
        if gain < 1e-10 {
            break;
        }
    }
    beta
}

/// Solves `m · x = y` by elimination; `m` is positive definite.
fn solve(mut m: Vec<Vec<f64>>, mut y: Vec<f64>) -> Vec<f64> {
    let size = y.len();
    for pivot in 0..size {
        let (upper, lower) = m.split_at_mut(pivot + 1);
        for (row, below) in lower.iter_mut().enumerate() {
            let factor = below[pivot] / upper[pivot][pivot];
            below.iter_mut().zip(&upper[pivot]).for_each(|(b, p)| *b -= factor * p);
            y[pivot + 1 + row] -= factor * y[pivot];
        }
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|column| m[row][column] * y[column]).sum();
        y[row] = (y[row] - known) / m[row][row];
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::sampling::{mix, uniform};

    /// Outcomes drawn from a known calibration, in two sets of different levels.
    fn drawn(k: f64, blend: Scale, q: Scale) -> Vec<Row> {
        let mut rows = Vec::new();
        for at in 0..3_000_u64 {
            let difficulty = 4.0 * uniform(mix(at)) - 2.0;
            let source = if at % 2 == 0 { "a" } else { "b" };
            for model in 0..8_u64 {
                let ability = 0.4 * (model as f64 - 3.0);
                let score_of = |scale: Scale| 1.0 / (1.0 + (-(ability - scale.a) / scale.b).exp());
                let level = if source == "a" { 0.5 } else { -0.5 };
                let right = 1.0 / (1.0 + (-(k * (ability - difficulty) + level)).exp());
                rows.push(Row {
                    prompt: at.to_string(),
                    source: source.to_owned(),
                    model: format!("m{model}"),
                    difficulty,
                    benchmark: score_of(blend),
                    strength: Some(score_of(q)),
                    score: f64::from(u8::from(uniform(mix(mix(at) ^ model)) < right)),
                });
            }
        }
        rows
    }

    #[test]
    fn known_calibration_is_found_again() {
        let (blend, q) = (Scale { a: 0.3, b: 0.9 }, Scale { a: -0.2, b: 1.4 });
        let found = fit(&drawn(1.3, blend, q)).unwrap();
        assert!((found.k - 1.3).abs() < 0.06, "{found:?}");
        let is_near = |found: Scale, truth: Scale| (found.a - truth.a).abs() < 0.1 && (found.b - truth.b).abs() < 0.1;
        assert!(is_near(found.scales.blend, blend) && is_near(found.scales.q, q), "{found:?}");
        assert!((found.levels["a"] - found.levels["b"] - 1.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn outcomes_that_tell_nothing_are_refused() {
        let scale = Scale { a: 0.0, b: 1.0 };
        let mut rows = drawn(1.0, scale, scale);
        for it in &mut rows {
            it.difficulty = -it.difficulty;
        }
        assert!(matches!(fit(&rows), Err(FitFault::Slope { what: "the slope on difficulty", .. })));
        let mut rows = drawn(1.0, scale, scale);
        for it in &mut rows {
            it.strength = None;
        }
        assert_eq!(fit(&rows), Err(FitFault::Priced(0)));
    }
}
