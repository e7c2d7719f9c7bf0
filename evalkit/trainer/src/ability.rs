//! Places models on the scale of the network's difficulty: `P(right) = σ(slope · (theta − (scale · b̂ + shift)))`.
//!
//! Each source is fitted alone, since models and meanings of a score differ between sources: two numbers for each model,
//! its slope drawn towards the source's common one, as far as the source's models differ from each other no more than
//! chance would make them. `b̂` has to come from a network that has not seen the prompt; who makes it so is `pipeline`. A new
//! model is placed by the same step under what the known ones lead to expect. How good the probabilities are is measured
//! by [`judge`].

pub mod judge;
pub mod newcomer;
pub mod outcomes;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use scorer::models::{KnownModel, Link, Models, Population, SourceScale};

/// One outcome: how hard the prompt was said to be, who answered, how well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell<'a> {
    /// Which prompt.
    pub prompt: &'a str,
    /// Which model.
    pub model: &'a str,
    /// Whose outcome.
    pub source: &'a str,
    /// Difficulty as a network says it that has not seen the prompt.
    pub difficulty: f64,
    /// 0 (wrong) to 1 (right).
    pub score: f64,
}

/// Rounds between the models and what they have in common.
const ROUNDS: usize = 25;

/// Least scale: a source in which difficulty tells nothing, or the contrary, is given hardly any, so that its models keep
/// their rates.
const LEAST_SCALE: f64 = 0.02;

/// A source below this scale says nothing about how a new model depends on difficulty.
const TELLING_SCALE: f64 = 0.15;

/// Deviations are drawn towards these with the strength of so many models, as a source may have few.
const PRIOR_MODELS: f64 = 3.0;
const PRIOR_THETA_DEVIATION: f64 = 1.5;
const PRIOR_LOG_SLOPE_DEVIATION: f64 = 0.3;

/// What is expected of a model before its outcomes are seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Mean and standard deviation of its ability.
    pub theta: (f64, f64),
    /// Standard deviation of its slope's logarithm, whose mean is 0.
    pub log_slope: f64,
}

/// Where a model stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Ability.
    pub theta: f64,
    /// Logarithm of the slope.
    pub log_slope: f64,
    /// Their standard errors.
    pub errors: (f64, f64),
}

/// The most likely place of a model under a prior: Fisher scoring on ability and log slope. `answers` are difficulties on
/// the scale of abilities and scores.
pub fn place(answers: &[(f64, f64)], prior: &Prior) -> Place {
    let precision = (prior.theta.1.powi(-2), prior.log_slope.powi(-2));
    let height = |theta: f64, log_slope: f64| {
        let slope = log_slope.exp();
        let likely: f64 = answers.iter().map(|(d, score)| log_likelihood(slope * (theta - d), *score)).sum();
        likely - 0.5 * ((theta - prior.theta.0).powi(2) * precision.0 + log_slope.powi(2) * precision.1)
    };
    let (mut theta, mut log_slope) = (prior.theta.0, 0.0_f64);
    let mut here = height(theta, log_slope);
    let mut information = (precision.0, 0.0, precision.1);
    for _ in 0..50 {
        let slope = log_slope.exp();
        let mut gradient = (-(theta - prior.theta.0) * precision.0, -log_slope * precision.1);
        information = (precision.0, 0.0, precision.1);
        for (difficulty, score) in answers {
            let logit = slope * (theta - difficulty);
            let right = sigmoid(logit);
            let (surprise, spread) = (score - right, right * (1.0 - right));
            gradient = (gradient.0 + surprise * slope, gradient.1 + surprise * logit);
            information.0 += spread * slope * slope;
            information.1 += spread * slope * logit;
            information.2 += spread * logit * logit;
        }
        let inverse = invert(information);
        let step = (
            (inverse.0 * gradient.0 + inverse.1 * gradient.1).clamp(-2.0, 2.0),
            (inverse.1 * gradient.0 + inverse.2 * gradient.1).clamp(-1.0, 1.0),
        );
        // A step that does not climb is halved; one that cannot climb at all is the top.
        let climbed = (0..20).map(|halvings| 0.5_f64.powi(halvings)).find_map(|part| {
            let (theta, log_slope) = (theta + part * step.0, log_slope + part * step.1);
            let there = height(theta, log_slope);
            (there > here).then_some((theta, log_slope, there))
        });
        let Some(next) = climbed else { break };
        let gain = next.2 - here;
        (theta, log_slope, here) = next;
        if gain < 1e-10 {
            break;
        }
    }
    let inverse = invert(information);
    Place { theta, log_slope, errors: (inverse.0.sqrt(), inverse.2.sqrt()) }
}

/// Fits every source and what their models have in common.
pub fn fit(cells: &[Cell<'_>]) -> Models {
    let mut by_source = BTreeMap::<&str, BTreeMap<&str, Vec<(f64, f64)>>>::new();
    for cell in cells {
        let models = by_source.entry(cell.source).or_default();
        models.entry(cell.model).or_default().push((cell.difficulty, cell.score));
    }
    let (mut sources, mut models) = (BTreeMap::new(), Vec::new());
    for (source, answers) in by_source {
        let fitted = Source::fit(&answers.values().map(Vec::as_slice).collect::<Vec<_>>());
        sources.insert(source.to_owned(), fitted.scale);
        for ((name, answers), place) in answers.iter().zip(&fitted.places) {
            models.push(known(name, source, answers.len(), place));
        }
    }
    let population = population(&sources, &models);
    Models { link: Link::Logistic, population, sources, models }
}

/// A place as the artefact keeps it.
pub fn known(name: &str, source: &str, n: usize, place: &Place) -> KnownModel {
    let slope = place.log_slope.exp();
    KnownModel {
        name: name.to_owned(),
        source: source.to_owned(),
        theta: place.theta,
        theta_error: place.errors.0,
        slope,
        slope_error: slope * place.errors.1,
        n,
    }
}

/// A fitted source.
struct Source {
    scale: SourceScale,
    places: Vec<Place>,
}

impl Source {
    /// Alternates between the models and what they have in common. At the end, the mean ability is 0 and the mean log slope
    /// is 0: `shift` and `scale` carry them.
    fn fit(answers: &[&[(f64, f64)]]) -> Self {
        let mut scale = SourceScale { scale: 0.5, shift: 0.0 };
        let mut prior = Prior { theta: (0.0, PRIOR_THETA_DEVIATION), log_slope: PRIOR_LOG_SLOPE_DEVIATION };
        let mut places = Vec::new();
        for _ in 0..ROUNDS {
            scale.scale = common_scale(answers, &scale, &places);
            places = answers.iter().map(|own| place(&placed(own, scale), &prior)).collect();
            let count = places.len() as f64;
            let mean_theta = places.iter().map(|it| it.theta).sum::<f64>() / count;
            scale.shift -= mean_theta;
            for it in &mut places {
                it.theta -= mean_theta;
            }
            let deviation =
                |start: f64, squares: f64| ((PRIOR_MODELS * start * start + squares) / (PRIOR_MODELS + count)).sqrt();
            let squares = |own: fn(&Place) -> (f64, f64)| {
                places.iter().map(|it| own(it).0.powi(2) + own(it).1.powi(2)).sum::<f64>()
            };
            prior = Prior {
                theta: (0.0, deviation(PRIOR_THETA_DEVIATION, squares(|it| (it.theta, it.errors.0)))),
                log_slope: deviation(PRIOR_LOG_SLOPE_DEVIATION, squares(|it| (it.log_slope, it.errors.1))),
            };
        }
        Self { scale, places }
    }
}

/// The scale that all models of a source would have in common, each keeping its ability in logits: Newton steps.
fn common_scale(answers: &[&[(f64, f64)]], from: &SourceScale, places: &[Place]) -> f64 {
    let mut scale = from.scale;
    for _ in 0..5 {
        let (mut gradient, mut curvature) = (0.0, 1e-9);
        for (at, own) in answers.iter().enumerate() {
            let (theta, slope) = places.get(at).map_or((0.0, 1.0), |it| (it.theta, it.log_slope.exp()));
            let (mut lean, mut weight, mut mixed) = (0.0, 1e-9, 0.0);
            let (mut own_gradient, mut own_curvature) = (0.0, 0.0);
            for (difficulty, score) in *own {
                let right = sigmoid(slope * (theta - scale * difficulty - from.shift));
                let spread = right * (1.0 - right);
                let along = -slope * difficulty;
                own_gradient += (score - right) * along;
                own_curvature += spread * along * along;
                lean += score - right;
                weight += spread;
                mixed += spread * along;
            }
            // The model's own level is let free: what it would take up counts for nothing here.
            gradient += own_gradient - mixed / weight * lean;
            curvature += own_curvature - mixed * mixed / weight;
        }
        scale = (scale + (gradient / curvature).clamp(-0.5, 0.5)).max(LEAST_SCALE);
    }
    scale
}

fn placed(answers: &[(f64, f64)], scale: SourceScale) -> Vec<(f64, f64)> {
    answers.iter().map(|(difficulty, score)| (scale.place(*difficulty), *score)).collect()
}

/// What a new model is expected to be: mean and spread over all known ones, those of sources in which difficulty tells.
fn population(sources: &BTreeMap<String, SourceScale>, models: &[KnownModel]) -> Population {
    let telling: Vec<_> = models
        .iter()
        .filter_map(|it| sources.get(&it.source).map(|scale| (it, *scale)))
        .filter(|(_, scale)| scale.scale >= TELLING_SCALE)
        .collect();
    let slopes: Vec<f64> = telling.iter().map(|(it, at)| (it.slope * at.scale).ln()).collect();
    let (log_scale, slope_deviation) = moments(&slopes).unwrap_or((0.0, 0.0));
    let scale = log_scale.exp();
    // In logits at difficulty 0, in units of the common slope.
    let thetas: Vec<f64> = telling.iter().map(|(it, at)| (it.theta - at.shift) * scale / at.scale).collect();
    let (theta_mean, theta_deviation) = moments(&thetas).unwrap_or((0.0, PRIOR_THETA_DEVIATION));
    Population {
        scale,
        theta_mean,
        // The known ones come from few sources; somebody else's prompts may lie elsewhere.
        theta_deviation: theta_deviation.max(PRIOR_THETA_DEVIATION),
        log_slope_deviation: slope_deviation.max(PRIOR_LOG_SLOPE_DEVIATION),
    }
}

fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / n;
    (!values.is_empty()).then(|| (mean, variance.sqrt()))
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// `score · ln p + (1 − score) · ln(1 − p)` of a logit, without losing small numbers.
pub(crate) fn log_likelihood(logit: f64, score: f64) -> f64 {
    score * logit - (logit.max(0.0) + (-logit.abs()).exp().ln_1p())
}

/// The inverse of a symmetric matrix of two rows: first, mixed, second.
fn invert((first, mixed, second): (f64, f64, f64)) -> (f64, f64, f64) {
    let determinant = (first * second - mixed * mixed).max(1e-12);
    (second / determinant, -mixed / determinant, first / determinant)
}
