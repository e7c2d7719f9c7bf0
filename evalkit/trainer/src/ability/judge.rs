//! Measures probabilities of being right against what happened: calibration error, Brier score, skill over a constant.
//!
//! Intervals come from drawing prompts anew, each with all its outcomes, since models fail together on a hard prompt.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Bins of equal mass.
const BINS: usize = 15;

/// Draws of the bootstrap.
const DRAWS: usize = 400;

/// A probability beside what happened and what a constant would have said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said<'a> {
    /// Which prompt: outcomes of one are drawn together.
    pub prompt: &'a str,
    /// The probability.
    pub right: f64,
    /// The model's mean score on what was fitted.
    pub constant: f64,
    /// What happened, 0 to 1.
    pub score: f64,
}

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How good probabilities are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Right {
    /// Outcomes.
    pub outcomes: usize,
    /// Prompts that they are of.
    pub prompts: usize,
    /// Expected calibration error over 15 bins of equal mass.
    pub ece: Figure,
    /// What it would be by chance alone if the probabilities were perfect and outcomes independent.
    pub ece_by_chance: f64,
    /// Mean squared error.
    pub brier: Figure,
    /// That of each model's mean score.
    pub brier_constant: f64,
    /// Share of the constant's error that is taken away; above 0 is better than the constant.
    pub skill: Figure,
}

impl Right {
    /// Measures; `None` if there is nothing.
    pub fn of(said: &[Said<'_>]) -> Option<Self> {
        let prompts: BTreeMap<&str, usize> = said.iter().map(|it| (it.prompt, 0)).collect();
        let prompts: BTreeMap<&str, usize> = prompts.into_keys().zip(0..).collect();
        let mut rows: Vec<_> = said.iter().map(|it| (*it, prompts[it.prompt])).collect();
        rows.sort_by(|a, b| a.0.right.total_cmp(&b.0.right));
        let once = Measured::of(&rows, &vec![1; prompts.len()])?;
        let mut random = StdRng::seed_from_u64(0x51_6B0);
        let mut draws = Vec::with_capacity(DRAWS);
        for _ in 0..DRAWS {
            let mut times = vec![0_u32; prompts.len()];
            (0..prompts.len()).for_each(|_| times[random.random_range(0..prompts.len())] += 1);
            draws.extend(Measured::of(&rows, &times));
        }
        let figure = |value: fn(&Measured) -> f64| {
            let mut values: Vec<f64> = draws.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
            let value = value(&once);
            Figure { value, low: at(0.025).min(value), high: at(0.975).max(value) }
        };
        Some(Self {
            outcomes: rows.len(),
            prompts: prompts.len(),
            ece: figure(|it| it.ece),
            ece_by_chance: by_chance(&rows),
            brier: figure(|it| it.brier),
            brier_constant: once.constant,
            skill: figure(|it| if it.constant > 0.0 { 1.0 - it.brier / it.constant } else { 0.0 }),
        })
    }
}

/// Figures of one draw.
#[derive(Clone, Copy, Debug)]
struct Measured {
    ece: f64,
    brier: f64,
    constant: f64,
}

impl Measured {
    /// Rows in the order of their probabilities, each as often as its prompt was drawn.
    fn of(rows: &[(Said<'_>, usize)], times: &[u32]) -> Option<Self> {
        let total: f64 = rows.iter().map(|row| f64::from(times[row.1])).sum();
        if total <= 0.0 {
            return None;
        }
        let (mut ece, mut brier, mut constant) = (0.0, 0.0, 0.0);
        let (mut seen, mut gap, mut bin) = (0.0, 0.0, 1.0);
        for (said, prompt) in rows {
            let weight = f64::from(times[*prompt]);
            brier += weight * (said.right - said.score).powi(2);
            constant += weight * (said.constant - said.score).powi(2);
            gap += weight * (said.score - said.right);
            seen += weight;
            if seen >= total * bin / BINS as f64 {
                ece += f64::abs(gap);
                gap = 0.0;
                bin = (seen / total * BINS as f64).floor() + 1.0;
            }
        }
        Some(Self { ece: (ece + f64::abs(gap)) / total, brier: brier / total, constant: constant / total })
    }
}

/// Mean absolute gap of bins whose outcomes are drawn from the probabilities themselves.
fn by_chance(rows: &[(Said<'_>, usize)]) -> f64 {
    let size = rows.len().div_ceil(BINS).max(1);
    let gap = |bin: &[(Said<'_>, usize)]| {
        let variance: f64 = bin.iter().map(|row| row.0.right * (1.0 - row.0.right)).sum();
        (std::f64::consts::FRAC_2_PI * variance).sqrt()
    };
    rows.chunks(size).map(gap).sum::<f64>() / rows.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(right: impl Fn(f64) -> f64) -> Vec<Said<'static>> {
        let mut random = StdRng::seed_from_u64(3);
        (0..4000)
            .map(|at| {
                let p = f64::from(at) / 4000.0;
                let score = f64::from(u8::from(random.random_bool(p)));
                let prompt: &'static str = Box::leak(format!("q{}", at / 2).into_boxed_str());
                Said { prompt, right: right(p), constant: 0.5, score }
            })
            .collect()
    }

    #[test]
    fn true_probabilities_err_as_chance_foresees_and_beat_the_constant() {
        let right = Right::of(&said(|p| p)).expect("outcomes");
        assert!(right.ece.value < 2.0 * right.ece_by_chance, "{right:?}");
        // Uniform probabilities: 1/6 against 1/4.
        assert!((right.skill.value - 1.0 / 3.0).abs() < 0.05 && right.skill.low > 0.2, "{right:?}");
        assert!(right.brier.low < right.brier.value && right.brier.value < right.brier.high);
        assert_eq!((right.outcomes, right.prompts), (4000, 2000));
    }

    #[test]
    fn probabilities_that_are_off_by_a_tenth_are_found_out() {
        let right = Right::of(&said(|p| (p + 0.1).min(1.0))).expect("outcomes");
        assert!((right.ece.value - 0.1).abs() < 0.02, "{right:?}");
        assert!(Right::of(&[]).is_none());
    }
}
