//! Adds models to an artefact from a few dozen outcomes, the network untouched.
//!
//! A newcomer is expected to be like the known models until its outcomes say otherwise; so fifty of them are enough to
//! place it, with standard errors that say how well.

use std::collections::BTreeMap;

use scorer::models::{KnownModel, Link, Models, Population, SourceScale};

use super::judge::{Right, Said};
use super::{Cell, PRIOR_LOG_SLOPE_DEVIATION, PRIOR_THETA_DEVIATION, Prior, known, place};
use crate::fit::unit_hash;

/// Below this a place would be little more than what was expected anyway: refused.
pub const FEWEST: usize = 20;

/// Below this a place is rough: warned of.
pub const ENOUGH: usize = 50;

/// Parts of the cross-validation.
const PARTS: u64 = 10;

/// A placed model.
#[derive(Clone, Debug, PartialEq)]
pub struct Newcomer {
    /// Where it stands.
    pub model: KnownModel,
    /// Its mean score.
    pub mean_score: f64,
    /// How good its probabilities are on outcomes left out while placing it, beside the constant rate of the others.
    pub right: Right,
}

/// An artefact's models before there are any.
pub fn nobody() -> Models {
    Models {
        link: Link::Logistic,
        population: Population {
            scale: 0.7,
            theta_mean: 0.0,
            theta_deviation: PRIOR_THETA_DEVIATION,
            log_slope_deviation: 2.0 * PRIOR_LOG_SLOPE_DEVIATION,
        },
        sources: BTreeMap::new(),
        models: Vec::new(),
    }
}

/// Places each model of the cells, which are of one source, and puts it among the known ones: beside those of other
/// sources, in place of an earlier one of this source and name.
pub fn add(models: &mut Models, source: &str, cells: &[Cell<'_>]) -> Vec<Newcomer> {
    let (scale, prior) = expected(models, source);
    models.sources.insert(source.to_owned(), scale);
    let mut by_model = BTreeMap::<&str, Vec<&Cell<'_>>>::new();
    for cell in cells {
        by_model.entry(cell.model).or_default().push(cell);
    }
    let mut found = Vec::new();
    for (name, own) in by_model {
        let placed = place(&answers(own.iter().copied(), scale), &prior);
        let model = known(name, source, own.len(), &placed);
        models.models.retain(|it| it.source != source || it.name != name);
        models.models.push(model.clone());
        let Some(right) = cross_validated(&own, scale, &prior) else { continue };
        let mean_score = own.iter().map(|it| it.score).sum::<f64>() / own.len() as f64;
        found.push(Newcomer { model, mean_score, right });
    }
    models.models.sort_by(|a, b| (&a.source, &a.name).cmp(&(&b.source, &b.name)));
    found
}

/// How a source reads difficulty, and what is expected of a new model of it.
fn expected(models: &Models, source: &str) -> (SourceScale, Prior) {
    let population = &models.population;
    let unknown = SourceScale { scale: population.scale, shift: 0.0 };
    let known = models.sources.get(source).copied();
    // The known ones of a known source have their mean at 0.
    let theta_mean = if known.is_some() { 0.0 } else { population.theta_mean };
    let theta = (theta_mean, population.theta_deviation);
    (known.unwrap_or(unknown), Prior { theta, log_slope: population.log_slope_deviation })
}

fn answers<'a>(cells: impl Iterator<Item = &'a Cell<'a>>, scale: SourceScale) -> Vec<(f64, f64)> {
    cells.map(|it| (scale.place(it.difficulty), it.score)).collect()
}

/// Says of each outcome what a place without its part says of it.
fn cross_validated(own: &[&Cell<'_>], scale: SourceScale, prior: &Prior) -> Option<Right> {
    let part = |cell: &Cell<'_>| unit_hash(cell.prompt) % PARTS;
    let mut said = Vec::with_capacity(own.len());
    for left_out in 0..PARTS {
        let (out, kept): (Vec<&Cell<'_>>, Vec<_>) = own.iter().copied().partition(|it| part(it) == left_out);
        let model = known("", "", kept.len(), &place(&answers(kept.iter().copied(), scale), prior));
        let constant = kept.iter().map(|it| it.score).sum::<f64>() / kept.len().max(1) as f64;
        said.extend(out.into_iter().map(|it| Said {
            prompt: it.prompt,
            right: model.p_right(scale, it.difficulty),
            constant,
            score: it.score,
        }));
    }
    Right::of(&said)
}
