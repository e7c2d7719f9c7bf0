//! One-parameter item-response fit: `P(model m is right on q) = σ(θ_m − b_q)`, with normal priors.
//!
//! Scores may be fractions. Each source is fitted alone, since models and meanings of a score differ between sources.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array1, Array2, ArrayView1, Axis};

/// Rounds of alternating Newton steps; the fit moves by less than 1e-4 after about twenty.
const ROUNDS: usize = 40;

/// A fitted source.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Difficulty by prompt.
    pub difficulty: BTreeMap<String, f64>,
    /// Ability by model.
    pub ability: BTreeMap<String, f64>,
}

/// Fits abilities on the prompts that `fitted` accepts, then gives every prompt its difficulty under these abilities.
pub fn fit<'a>(rows: impl Iterator<Item = (&'a str, &'a str, f64)> + Clone, fitted: impl Fn(&str) -> bool) -> Fit {
    let index = |names: BTreeSet<&'a str>| {
        names.into_iter().enumerate().map(|(at, name)| (name, at)).collect::<BTreeMap<_, _>>()
    };
    let prompts = index(rows.clone().map(|row| row.0).collect());
    let models = index(rows.clone().map(|row| row.1).collect());
    let mut scores = Array2::from_elem((prompts.len(), models.len()), f64::NAN);
    for (prompt, model, score) in rows {
        scores[(prompts[prompt], models[model])] = score;
    }
    let chosen: Vec<_> = prompts.iter().filter(|(name, _)| fitted(name)).map(|(_, at)| *at).collect();
    let ability = abilities(&scores.select(Axis(0), &chosen));
    let difficulty = scores.rows().into_iter().map(|row| solve(&row, &ability, -1.0, 0.0));
    let difficulty: Vec<f64> = difficulty.collect();
    Fit {
        difficulty: prompts.iter().map(|(name, at)| ((*name).to_owned(), difficulty[*at])).collect(),
        ability: models.iter().map(|(name, at)| ((*name).to_owned(), ability[*at])).collect(),
    }
}

/// Alternates between difficulties and abilities.
fn abilities(scores: &Array2<f64>) -> Array1<f64> {
    let mut ability = Array1::zeros(scores.ncols());
    let mut difficulty = Array1::zeros(scores.nrows());
    for _ in 0..ROUNDS {
        for (row, own) in scores.rows().into_iter().zip(&mut difficulty) {
            *own = solve(&row, &ability, -1.0, *own);
        }
        for (column, own) in scores.columns().into_iter().zip(&mut ability) {
            *own = solve(&column, &difficulty, 1.0, *own);
        }
    }
    ability
}

/// The most likely own value given the others': Newton steps on a concave function. `sign` is 1 for an ability,
/// whose growth makes answers right, and -1 for a difficulty.
fn solve(scores: &ArrayView1<'_, f64>, others: &Array1<f64>, sign: f64, start: f64) -> f64 {
    let mut own = start;
    for _ in 0..6 {
        // The prior's slope and curvature.
        let (mut slope, mut curvature) = (-own, 1.0);
        for (score, other) in scores.iter().zip(others).filter(|(score, _)| !score.is_nan()) {
            let right = 1.0 / (1.0 + (-sign * (own - other)).exp());
            slope += sign * (score - right);
            curvature += right * (1.0 - right);
        }
        own += (slope / curvature).clamp(-2.0, 2.0);
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::spearman;

    /// Outcomes drawn from known abilities and difficulties, one fixed pattern.
    fn drawn() -> (Vec<(String, String, f64)>, Vec<f64>) {
        let difficulty: Vec<f64> = (0..60).map(|q| f64::from(q) / 15.0 - 2.0).collect();
        let mut rows = Vec::new();
        for (q, b) in difficulty.iter().enumerate() {
            for m in 0..30_u32 {
                let theta = f64::from(m) / 10.0 - 1.5;
                let noise = f64::from((u32::try_from(q).unwrap_or(0) * 7919 + m * 104_729) % 997) / 997.0;
                let right = 1.0 / (1.0 + (b - theta).exp()) > noise;
                rows.push((format!("q{q:02}"), format!("m{m:02}"), f64::from(u8::from(right))));
            }
        }
        (rows, difficulty)
    }

    #[test]
    fn known_difficulties_are_found_again() {
        let (rows, truth) = drawn();
        let found = fit(rows.iter().map(|(q, m, s)| (q.as_str(), m.as_str(), *s)), |_| true);
        let found: Vec<f64> = found.difficulty.into_values().collect();
        assert!(spearman(&found, &truth) > 0.9);
    }

    #[test]
    fn prompts_left_out_do_not_move_abilities_but_get_a_difficulty() {
        let (rows, _) = drawn();
        let borrowed = || rows.iter().map(|(q, m, s)| (q.as_str(), m.as_str(), *s));
        let without: Vec<_> = borrowed().filter(|row| row.0 != "q30").collect();
        let kept_out = fit(borrowed(), |prompt| prompt != "q30");
        let absent = fit(without.into_iter(), |_| true);
        assert_eq!(kept_out.ability, absent.ability);
        assert!(kept_out.difficulty.contains_key("q30"));
    }

    #[test]
    fn prompt_that_all_models_solve_is_easier_than_one_that_none_does() {
        let rows = [("easy", "a", 1.0), ("easy", "b", 1.0), ("hard", "a", 0.0), ("hard", "b", 0.0)];
        let found = fit(rows.into_iter(), |_| true);
        assert!(found.difficulty["easy"] < -0.5 && found.difficulty["hard"] > 0.5);
    }
}
