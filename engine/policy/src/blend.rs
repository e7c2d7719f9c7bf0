//! A blend at work: which models its benchmarks cover, what stands in for missing scores, and what it all adds up to.
//!
//! A model's row of cells does not depend on the weights, so that one row serves every weighting: as configured,
//! boosted by what the prompt asks for, or shaken by [`blend_check`].

mod check;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use domain::{
    Benchmark, Blend, CapabilityTag, Missing, ModelId, Probe, RankBy, Reading, Removal, Summary, Tenant, Timestamp,
    Weights,
};

pub use check::{BlendReport, Verdict, blend_check};

/// Scores this close are a tie.
pub(crate) const EPSILON: f64 = 0.01;
/// Scores are sums of products, and carry rounding.
const ROUNDING: f64 = 1e-9;

/// A model's part in one benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell {
    /// It has a score.
    Scored { value: f64, error: f64 },
    /// It has none: this stands in.
    Imputed { value: f64, error: f64 },
    /// It has none: the others share the benchmark's weight.
    Dropped,
}

/// What a row of cells adds up to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Total {
    pub(crate) mean: f64,
    /// Standard error.
    pub(crate) error: f64,
    /// What it is ranked by.
    pub(crate) rank: f64,
}

/// One benchmark of a blend, with what holds for it now.
struct Part<'a> {
    benchmark: &'a Benchmark,
    weight: f64,
    missing: Missing,
    corrections: Vec<(&'a ModelId, Reading)>,
    summary: Option<Summary>,
}

/// A blend's benchmarks of weight above 0, with the overrides that hold at one moment.
pub(crate) struct Mix<'a> {
    blend: Option<&'a Blend>,
    parts: Vec<Part<'a>>,
}

// === impl Part ===

impl<'a> Part<'a> {
    fn new(benchmark: &'a Benchmark, blend: &'a Blend, place: usize, now: Timestamp) -> Self {
        let part = &blend.weights[place];
        let scorecard = benchmark.scorecard();
        let corrections: Vec<_> = blend
            .overrides
            .iter()
            .filter(|it| it.benchmark == part.benchmark && it.is_active(now))
            .filter_map(|it| {
                let value = scorecard.normalisation.normalise(scorecard.direction, it.score)?;
                let standard_error = benchmark.read(&it.model).and_then(|known| known.standard_error);
                Some((&it.model, Reading { value, standard_error }))
            })
            .collect();
        let missing = part.missing.or(blend.missing).or(scorecard.missing).unwrap_or_default();
        let summary =
            if corrections.is_empty() { benchmark.summary() } else { corrected_summary(benchmark, &corrections) };
        Self { benchmark, weight: part.weight, missing, corrections, summary }
    }

    fn read(&self, model: &ModelId, probe: Probe<'_>) -> Option<Reading> {
        corrected(&self.corrections, model).or_else(|| self.benchmark.look_up(probe))
    }

    /// A score without known evidence is as uncertain as a model without a score: by the deviation between models.
    fn cell(&self, reading: Option<Reading>) -> Result<Cell, Removal> {
        let deviation = self.summary.map_or(0.0, |it| it.deviation);
        if let Some(Reading { value, standard_error }) = reading {
            return Ok(Cell::Scored { value, error: standard_error.unwrap_or(deviation) });
        }
        let value = match (self.missing, self.summary) {
            (Missing::Exclude, _) => return Err(Removal::MissingCoverage),
            (Missing::Zero, _) => 0.0,
            // A benchmark without a single score has nothing to stand in with.
            (Missing::Renormalise, _) | (_, None) => return Ok(Cell::Dropped),
            (Missing::LowerBound, Some(it)) => (it.median - it.deviation).max(0.0),
            (Missing::Median, Some(it)) => it.median,
            (Missing::Min, Some(it)) => it.minimum,
        };
        Ok(Cell::Imputed { value, error: deviation })
    }
}

fn corrected(corrections: &[(&ModelId, Reading)], model: &ModelId) -> Option<Reading> {
    corrections.iter().find(|(known, _)| *known == model).map(|(_, reading)| *reading)
}

/// Corrections move the median too: they replace the scores they correct, and add those that were not there.
fn corrected_summary(benchmark: &Benchmark, corrections: &[(&ModelId, Reading)]) -> Option<Summary> {
    let known = benchmark.readings().iter().map(|(model, it)| corrected(corrections, model).unwrap_or(*it));
    let new = corrections.iter().filter(|(model, _)| benchmark.read(model).is_none()).map(|(_, it)| *it);
    Summary::of(known.chain(new).map(|it| it.value).collect())
}

// === impl Mix ===

impl<'a> Mix<'a> {
    /// Looks a blend's benchmarks up. A blend or benchmark that is gone has no part and covers nobody.
    pub(crate) fn over(tenant: &'a Tenant, blend: Option<&'a Blend>, now: Timestamp) -> Self {
        let part = |blend: &'a Blend, place: usize| {
            let it = &blend.weights[place];
            let benchmark = tenant.scorecards.get(&it.benchmark).filter(|_| it.weight > 0.0)?;
            Some(Part::new(benchmark, blend, place, now))
        };
        let parts = blend
            .map(|blend| (0..blend.weights.len()).filter_map(|place| part(blend, place)).collect())
            .unwrap_or_default();
        Self { blend, parts }
    }

    /// Whether there is anything to compare by.
    pub(crate) fn is_there(&self) -> bool {
        !self.parts.is_empty()
    }

    pub(crate) fn fallback(&self) -> Option<&'a ModelId> {
        self.blend?.fallback_model.as_ref()
    }

    /// How many cells a row has.
    pub(crate) fn width(&self) -> usize {
        self.parts.len()
    }

    /// A model's cells, or why it cannot be compared.
    pub(crate) fn row(&self, model: &ModelId) -> Result<Vec<Cell>, Removal> {
        let mut cells = Vec::with_capacity(self.width());
        self.add_row(model, &mut cells).map(|()| cells)
    }

    /// Adds a model's cells to those of others, or none and says why it cannot be compared.
    pub(crate) fn add_row(&self, model: &ModelId, cells: &mut Vec<Cell>) -> Result<(), Removal> {
        let start = cells.len();
        let added = self.add_cells(model, cells);
        if added.is_err() {
            cells.truncate(start);
        }
        added
    }

    fn add_cells(&self, model: &ModelId, cells: &mut Vec<Cell>) -> Result<(), Removal> {
        let probe = Probe::of(model);
        let (mut is_scored, mut fault) = (false, None);
        for part in &self.parts {
            let reading = part.read(model, probe);
            is_scored |= reading.is_some();
            match part.cell(reading) {
                Ok(cell) => cells.push(cell),
                Err(reason) => fault = Some(reason),
            }
        }
        if !is_scored {
            return Err(Removal::Unscored);
        }
        fault.map_or(Ok(()), Err)
    }

    /// The weights as configured.
    pub(crate) fn weights(&self) -> Vec<f64> {
        self.parts.iter().map(|part| part.weight).collect()
    }

    /// The weights for a prompt that asks for these kinds of work: a benchmark weighs up to `boost` times as much, by
    /// the likeliest of its tags; then all are brought back to their old sum.
    pub(crate) fn boosted(&self, tags: &[(CapabilityTag, f64)]) -> Vec<f64> {
        let factor = |part: &Part<'_>| 1.0 + (self.boost() - 1.0) * likeliest(part.benchmark, tags);
        let raised: Vec<f64> = self.parts.iter().map(|part| part.weight * factor(part)).collect();
        let (before, after) = (self.parts.iter().map(|part| part.weight).sum::<f64>(), raised.iter().sum::<f64>());
        raised.into_iter().map(|weight| weight * before / after).collect()
    }

    /// Whether what a prompt asks for can change the weights.
    pub(crate) fn is_boostable(&self) -> bool {
        let is_tagged = |part: &Part<'_>| !part.benchmark.scorecard().capabilities.is_empty();
        self.parts.len() > 1 && (self.boost() - 1.0).abs() > f64::EPSILON && self.parts.iter().any(is_tagged)
    }

    fn boost(&self) -> f64 {
        self.blend.map(|blend| blend.boost).filter(|boost| boost.is_finite() && *boost >= 1.0).unwrap_or(1.0)
    }

    /// Adds a row up: `Σ w·s`, the weight of dropped cells shared by the others, and `√Σ(w·se)²`.
    pub(crate) fn total(&self, row: &[Cell], weights: &[f64]) -> Total {
        let (mut share, mut sum, mut variance) = (0.0, 0.0, 0.0);
        for (cell, weight) in row.iter().zip(weights) {
            match *cell {
                Cell::Scored { value, error } | Cell::Imputed { value, error } => {
                    share += weight;
                    sum += weight * value;
                    variance += (weight * error).powi(2);
                }
                Cell::Dropped => {}
            }
        }
        let (mean, error) = (sum / share, variance.sqrt() / share);
        let rank = match self.blend.map(|blend| (blend.rank_by, blend.z)) {
            Some((RankBy::Lcb, z)) => mean - z * error,
            Some((RankBy::Mean, _)) | None => mean,
        };
        Total { mean, error, rank }
    }

    /// What each benchmark is called: its name, with the version where two have the same.
    pub(crate) fn labels(&self) -> Vec<Cow<'a, str>> {
        let is_shared = |name: &str| self.parts.iter().filter(|it| it.benchmark.scorecard().name == name).count() > 1;
        let label = |part: &Part<'a>| {
            let scorecard = part.benchmark.scorecard();
            if is_shared(&scorecard.name) { Cow::Owned(scorecard.label()) } else { Cow::Borrowed(&*scorecard.name) }
        };
        self.parts.iter().map(label).collect()
    }
}

/// The weights as configured and as used, by what each benchmark is called.
pub(crate) fn shown(labels: &[Cow<'_, str>], weightings: [Vec<f64>; 2]) -> [Weights; 2] {
    let names: Vec<Arc<str>> = labels.iter().map(|label| Arc::from(&**label)).collect();
    weightings.map(|weights| names.iter().cloned().zip(weights).collect())
}

/// The benchmarks in which something stands in for a row's score.
pub(crate) fn imputed<'l>(labels: &'l [Cow<'_, str>], row: &[Cell]) -> impl Iterator<Item = &'l str> {
    let is_imputed = |cell: &Cell| matches!(cell, Cell::Imputed { .. });
    labels.iter().zip(row).filter(move |(_, cell)| is_imputed(cell)).map(|(label, _)| label.as_ref())
}

fn likeliest(benchmark: &Benchmark, tags: &[(CapabilityTag, f64)]) -> f64 {
    let own = tags.iter().filter(|(tag, _)| benchmark.scorecard().capabilities.contains(tag));
    own.map(|(_, probability)| *probability).fold(0.0, f64::max).min(1.0)
}

/// Puts items in order: repeatedly the best and all that tie with it, these among themselves by `tie`. Returns how many
/// tie for the first place.
pub(crate) fn sort_in_groups<T>(items: &mut [T], rank: impl Fn(&T) -> f64, tie: impl Fn(&T, &T) -> Ordering) -> usize {
    items.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    let (mut start, mut first_group) = (0, 0);
    while start < items.len() {
        let floor = rank(&items[start]) - EPSILON - ROUNDING;
        let size = items[start..].partition_point(|item| rank(item) >= floor).max(1);
        items[start..start + size].sort_by(&tie);
        if start == 0 {
            first_group = size;
        }
        start += size;
    }
    first_group
}
