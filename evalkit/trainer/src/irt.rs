//! Two-parameter item-response fit: `P(model m is right on q) = σ(a_q · (θ_m − b_q))`, with normal priors on `θ`, `b` and
//! `ln a`. `b` is the difficulty; `a` says how sharply the prompt tells able models from others.
//!
//! Scores may be fractions. Each source is fitted alone, since models and meanings of a score differ between sources.
//!
//! Mean log loss on one in ten outcomes of train prompts, left out of the fit by a hash (`examples/irt_forms.rs`):
//!
//! | source | outcomes | `a` always 1 | `a` of the prompt | `a` of the model |
//! | --- | --- | --- | --- | --- |
//! | llmrouter | 2,916 | 0.4488 | **0.4346** | 0.5524 |
//! | mmlu-pro | 14,241 | 0.4399 | **0.4305** | 0.4392 |
//! | zeroeval-crux | 3,752 | 0.3619 | **0.3554** | 0.3602 |
//! | zeroeval-math-l5 | 2,751 | 0.4124 | 0.4088 | **0.4078** |
//! | zeroeval-numersense-v2 | 411 | **0.3181** | 0.3190 | 0.6267 |
//!
//! A discrimination of the model was tried and left: where models are few, it runs off to one model whose answers the difficulties then copy.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array1, Array2, ArrayView1, Axis};

use crate::ability::log_likelihood;

/// Rounds of alternating Newton steps; the fit moves by less than 1e-4 after about twenty.
const ROUNDS: usize = 40;

/// Standard deviation of the logarithm of discriminations before anything is seen.
const LOG_DEVIATION: f64 = 0.4;

/// Which form is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discrimination {
    /// Always 1: a one-parameter fit.
    One,
    /// Each prompt's own.
    Prompt,
}

/// A fitted source.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Difficulty by prompt.
    pub difficulty: BTreeMap<String, f64>,
    /// Ability by model.
    pub ability: BTreeMap<String, f64>,
    /// Discrimination by prompt; empty if it is always 1.
    pub discrimination: BTreeMap<String, f64>,
}

/// Which form difficulties are fitted with.
pub const CHOSEN: Discrimination = Discrimination::Prompt;

/// Fits abilities on the prompts that `fitted` accepts, then gives every prompt its difficulty under these abilities.
pub fn fit<'a>(rows: impl Iterator<Item = (&'a str, &'a str, f64)> + Clone, fitted: impl Fn(&str) -> bool) -> Fit {
    fit_with(CHOSEN, rows, fitted)
}

/// As [`fit`], with another form.
pub fn fit_with<'a>(
    form: Discrimination,
    rows: impl Iterator<Item = (&'a str, &'a str, f64)> + Clone,
    fitted: impl Fn(&str) -> bool,
) -> Fit {
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
    let able = abilities(form, &scores.select(Axis(0), &chosen));
    let items =
        scores.rows().into_iter().map(|row| Own::default().solved(&row, &able, -1.0, form == Discrimination::Prompt));
    let items: Vec<Own> = items.collect();
    let by_name = |names: &BTreeMap<&str, usize>, value: &dyn Fn(usize) -> f64| {
        names.iter().map(|(name, at)| ((*name).to_owned(), value(*at))).collect()
    };
    Fit {
        difficulty: by_name(&prompts, &|at| items[at].place),
        ability: by_name(&models, &|at| able.places[at]),
        discrimination: match form {
            Discrimination::One => BTreeMap::new(),
            Discrimination::Prompt => by_name(&prompts, &|at| items[at].log_slope.exp()),
        },
    }
}

impl Fit {
    /// How likely a model is right on a prompt; `None` if either is not known.
    pub fn p_right(&self, prompt: &str, model: &str) -> Option<f64> {
        let (difficulty, ability) = (self.difficulty.get(prompt)?, self.ability.get(model)?);
        let slope = self.discrimination.get(prompt).copied().unwrap_or(1.0);
        Some(1.0 / (1.0 + (slope * (difficulty - ability)).exp()))
    }
}

/// Where one side stands, prompts or models.
struct Side {
    places: Array1<f64>,
    slopes: Array1<f64>,
}

/// Alternates between prompts and models; returns the models.
fn abilities(form: Discrimination, scores: &Array2<f64>) -> Side {
    let mut models = vec![Own::default(); scores.ncols()];
    let mut prompts = vec![Own::default(); scores.nrows()];
    for _ in 0..ROUNDS {
        let able = side(&models);
        for (row, own) in scores.rows().into_iter().zip(&mut prompts) {
            *own = own.solved(&row, &able, -1.0, form == Discrimination::Prompt);
        }
        let hard = side(&prompts);
        for (column, own) in scores.columns().into_iter().zip(&mut models) {
            *own = own.solved(&column, &hard, 1.0, false);
        }
    }
    side(&models)
}

fn side(all: &[Own]) -> Side {
    Side { places: all.iter().map(|it| it.place).collect(), slopes: all.iter().map(|it| it.log_slope.exp()).collect() }
}

/// A prompt or a model in the making.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Own {
    place: f64,
    log_slope: f64,
}

impl Own {
    /// The most likely place, and slope if it has one of its own, given the others': Fisher scoring that only climbs. `sign`
    /// is 1 for an ability, whose growth makes answers right, and -1 for a difficulty.
    fn solved(mut self, scores: &ArrayView1<'_, f64>, others: &Side, sign: f64, has_slope: bool) -> Self {
        let known = scores.iter().zip(others.places.iter().zip(&others.slopes)).filter(|it| !it.0.is_nan());
        let known: Vec<_> = known.map(|(score, (other, slope))| (*score, *other, sign * slope)).collect();
        let mut here = self.height(&known);
        for _ in 0..6 {
            let step = self.step(&known, has_slope);
            let climbed = [1.0, 0.5, 0.25, 0.1, 0.01].into_iter().find_map(|part| {
                let there =
                    Self { place: self.place + part * step.place, log_slope: self.log_slope + part * step.log_slope };
                let height = there.height(&known);
                (height > here).then_some((there, height))
            });
            let Some((there, height)) = climbed else { break };
            let gain = height - here;
            (self, here) = (there, height);
            if gain < 1e-9 {
                break;
            }
        }
        self
    }

    /// Logarithm of the posterior, up to a constant. `known` are scores, where the others stand, and their signed slopes.
    fn height(&self, known: &[(f64, f64, f64)]) -> f64 {
        let slope = self.log_slope.exp();
        let likely: f64 = known
            .iter()
            .map(|(score, other, steep)| log_likelihood(slope * steep * (self.place - other), *score))
            .sum();
        likely - 0.5 * (self.place.powi(2) + (self.log_slope / LOG_DEVIATION).powi(2))
    }

    fn step(&self, known: &[(f64, f64, f64)], has_slope: bool) -> Self {
        let (slope, precision) = (self.log_slope.exp(), LOG_DEVIATION.powi(-2));
        // The priors' slopes and curvatures.
        let (mut gradient, mut on_slope) = (-self.place, -self.log_slope * precision);
        let (mut curvature, mut mixed, mut on_slope_twice) = (1.0, 0.0, precision);
        for (score, other, steep) in known {
            let steep = slope * steep;
            let logit = steep * (self.place - other);
            let right = 1.0 / (1.0 + (-logit).exp());
            let (surprise, spread) = (score - right, right * (1.0 - right));
            gradient += surprise * steep;
            curvature += spread * steep * steep;
            on_slope += surprise * logit;
            mixed += spread * steep * logit;
            on_slope_twice += spread * logit * logit;
        }
        if !has_slope {
            return Self { place: (gradient / curvature).clamp(-2.0, 2.0), log_slope: 0.0 };
        }
        let determinant = curvature * on_slope_twice - mixed * mixed;
        Self {
            place: ((on_slope_twice * gradient - mixed * on_slope) / determinant).clamp(-2.0, 2.0),
            log_slope: ((curvature * on_slope - mixed * gradient) / determinant).clamp(-0.5, 0.5),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::metrics::spearman;

    /// Outcomes drawn from known abilities, difficulties and discriminations.
    fn drawn(slope: impl Fn(u32) -> f64) -> (Vec<(String, String, f64)>, Vec<f64>) {
        let difficulty: Vec<f64> = (0..60).map(|q| f64::from(q) / 15.0 - 2.0).collect();
        let (mut rows, mut random) = (Vec::new(), StdRng::seed_from_u64(11));
        for (q, b) in (0_u32..).zip(&difficulty) {
            for m in 0..30_u32 {
                let theta = f64::from(m) / 10.0 - 1.5;
                let right = random.random_bool(1.0 / (1.0 + (slope(q) * (b - theta)).exp()));
                rows.push((format!("q{q:02}"), format!("m{m:02}"), f64::from(u8::from(right))));
            }
        }
        (rows, difficulty)
    }

    fn borrowed(rows: &[(String, String, f64)]) -> impl Iterator<Item = (&str, &str, f64)> + Clone {
        rows.iter().map(|(q, m, s)| (q.as_str(), m.as_str(), *s))
    }

    #[test]
    fn known_difficulties_are_found_again_in_each_form() {
        let (rows, truth) = drawn(|_| 1.0);
        for form in [Discrimination::One, Discrimination::Prompt] {
            let found = fit_with(form, borrowed(&rows), |_| true);
            let found: Vec<f64> = found.difficulty.into_values().collect();
            let rho = spearman(&found, &truth);
            assert!(rho > 0.9, "{form:?}: {rho}");
        }
    }

    #[test]
    fn sharp_prompts_are_told_from_blunt_ones() {
        let mean = |fit: &Fit, sharp: bool| {
            let of = fit.discrimination.iter().filter(|(name, _)| name.ends_with(['1', '3', '5', '7', '9']) == sharp);
            let values: Vec<f64> = of.map(|(_, slope)| slope.ln()).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let (rows, _) = drawn(|q| if q % 2 == 1 { 3.0 } else { 0.5 });
        let found = fit_with(Discrimination::Prompt, borrowed(&rows), |_| true);
        assert!(mean(&found, true) > mean(&found, false) + 0.4, "{:?}", found.discrimination);
    }

    #[test]
    fn prompts_left_out_do_not_move_abilities_but_get_a_difficulty() {
        let (rows, _) = drawn(|_| 1.0);
        let without: Vec<_> = borrowed(&rows).filter(|row| row.0 != "q30").collect();
        let kept_out = fit(borrowed(&rows), |prompt| prompt != "q30");
        let absent = fit(without.into_iter(), |_| true);
        assert_eq!(kept_out.ability, absent.ability);
        assert!(kept_out.difficulty.contains_key("q30"));
    }

    #[test]
    fn prompt_that_all_models_solve_is_easier_than_one_that_none_does() {
        let rows = [("easy", "a", 1.0), ("easy", "b", 1.0), ("hard", "a", 0.0), ("hard", "b", 0.0)];
        let found = fit(rows.into_iter(), |_| true);
        assert!(found.difficulty["easy"] < -0.5 && found.difficulty["hard"] > 0.5);
        assert!(found.p_right("easy", "a") > found.p_right("hard", "a"));
    }
}
