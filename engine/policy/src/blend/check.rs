//! What a blend would choose, and how firmly: the winner for every kind of work, who ties with it, whether it survives
//! other weights, and which of its scores are no scores.

use std::cmp::Ordering;

use domain::{
    Blend, Candidates, CapabilityTag, Model, ModelId, Money, Policy, Removal, Removed, Tenant, Timestamp, Usage,
};
use serde::Serialize;

use super::{Cell, Mix, Total, imputed, sort_in_groups};
use crate::plan::{Entry, Shelf};

/// A distance below this many standard errors of it may be chance.
const Z_95: f64 = 1.96;
/// By how much weights are shaken.
const SHAKE: f64 = 0.2;
/// Up to this many benchmarks every combination of less, same and more is tried: 3⁶ = 729.
const GRID_LIMIT: usize = 6;
/// Beyond that, this many draws.
const DRAWS: usize = 1000;
/// Ties go to the cheaper; without a request, this one is priced.
const TYPICAL: Usage = Usage {
    prompt_tokens: 1000,
    completion_tokens: 500,
    cached_tokens: 0,
    cache_write_tokens: 0,
    reasoning_tokens: 0,
    estimated: true,
};

/// A blend's winner under one weighting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The prompt surely asks for this kind of work; `None` = the weights as configured.
    pub capability: Option<CapabilityTag>,
    /// Who comes first.
    pub winner: ModelId,
    /// Its score.
    pub score: f64,
    /// The standard error of that.
    pub standard_error: f64,
    /// Who else is within 0.01 of the best, in order.
    pub ties: Vec<ModelId>,
    /// Whose distance from the winner may be chance, without those that tie: it is below 1.96 of its standard errors.
    pub not_significant: Vec<ModelId>,
    /// The share of weightings within ±20 % under which it still comes first.
    pub stability: f64,
    /// The benchmarks in which something stands in for its score: the win rests on these too.
    pub imputed: Vec<String>,
}

/// What `signalbox blends check` says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlendReport {
    /// The weights as configured, then every kind of work that the benchmarks are tagged with; empty = no winner.
    pub verdicts: Vec<Verdict>,
    /// Who competes, best first by the weights as configured.
    pub candidates: Vec<ModelId>,
    /// Models that can never win, with the reason.
    pub removed: Vec<Removed>,
    /// Benchmarks whose scores are older than they allow.
    pub stale: Vec<String>,
    /// Places in `overrides` of those that no longer hold.
    pub expired_overrides: Vec<usize>,
}

struct Runner<'a> {
    id: &'a ModelId,
    cost: Option<Money>,
    row: Vec<Cell>,
}

impl Runner<'_> {
    fn cheaper_first(&self, other: &Self) -> Ordering {
        let key = |it: &Self| (it.cost.is_none(), it.cost);
        key(self).cmp(&key(other)).then_with(|| self.id.cmp(other.id))
    }
}

/// Examines a blend over a policy's candidates, or over every model that could be called. The same blend at the same
/// moment has the same report.
pub fn blend_check(tenant: &Tenant, blend: &Blend, among: Option<&Policy>, now: Timestamp) -> BlendReport {
    let mix = Mix::over(tenant, Some(blend), now);
    let (mut runners, mut removed) = (Vec::new(), Vec::new());
    for entry in entries(tenant, among) {
        match row(&mix, &entry) {
            Ok(row) => runners.push(Runner { id: entry.id, cost: entry.model.and_then(typical_cost), row }),
            Err(reason) => removed.push(Removed { model: entry.id.clone(), reason }),
        }
    }
    let weightings = std::iter::once(None).chain(tags_of(&mix).into_iter().map(Some));
    let verdicts = weightings.filter_map(|tag| verdict(&mix, &mut runners, tag, blend.id.as_str())).collect();
    rank(&mix, &mut runners, &mix.weights());
    let overrides = blend.overrides.iter().enumerate();
    BlendReport {
        verdicts,
        candidates: runners.iter().map(|it| it.id.clone()).collect(),
        removed,
        stale: stale(&mix, now),
        expired_overrides: overrides.filter(|(_, it)| !it.is_active(now)).map(|(place, _)| place).collect(),
    }
}

fn entries<'a>(tenant: &'a Tenant, among: Option<&'a Policy>) -> Vec<Entry<'a>> {
    let mut shelf = Shelf::new(tenant);
    match among.map(|policy| &policy.candidates) {
        Some(Candidates::Listed(models)) => models.iter().map(|it| shelf.entry(&it.model)).collect(),
        Some(Candidates::All) | None => shelf.callable_chat_models().collect(),
    }
}

fn row(mix: &Mix<'_>, entry: &Entry<'_>) -> Result<Vec<Cell>, Removal> {
    if !entry.is_enabled() {
        return Err(Removal::Disabled);
    }
    if !entry.is_routable() {
        return Err(Removal::ProxyOnly);
    }
    if !entry.has_credential {
        return Err(Removal::NoCredential);
    }
    mix.row(entry.id)
}

fn typical_cost(model: &Model) -> Option<Money> {
    model.pricing.cost(&TYPICAL)
}

fn tags_of(mix: &Mix<'_>) -> Vec<CapabilityTag> {
    let has = |tag: &CapabilityTag| mix.parts.iter().any(|it| it.benchmark.scorecard().capabilities.contains(tag));
    CapabilityTag::ALL.into_iter().filter(has).collect()
}

fn stale(mix: &Mix<'_>, now: Timestamp) -> Vec<String> {
    let labels = mix.labels().into_iter().zip(&mix.parts);
    labels.filter(|(_, part)| part.benchmark.scorecard().is_stale(now)).map(|(label, _)| label.into_owned()).collect()
}

fn verdict(mix: &Mix<'_>, runners: &mut [Runner<'_>], tag: Option<CapabilityTag>, seed: &str) -> Option<Verdict> {
    let weights = tag.map_or_else(|| mix.weights(), |tag| mix.boosted(&[(tag, 1.0)]));
    let tied = rank(mix, runners, &weights);
    let first = runners.first()?;
    let total = mix.total(&first.row, &weights);
    let winner = first.id.clone();
    let imputed = imputed(&mix.labels(), &first.row).map(ToOwned::to_owned).collect();
    let ties = runners[1..tied].iter().map(|it| it.id.clone()).collect();
    let may_be_chance = |it: &&Runner<'_>| is_chance(total, mix.total(&it.row, &weights));
    let not_significant = runners[tied..].iter().filter(may_be_chance).map(|it| it.id.clone()).collect();
    let shaken = shaken(&weights, seed);
    let kept = shaken.iter().filter(|weights| {
        rank(mix, runners, weights);
        *runners[0].id == winner
    });
    let stability = kept.count() as f64 / shaken.len() as f64;
    Some(Verdict {
        capability: tag,
        winner,
        score: total.mean,
        standard_error: total.error,
        ties,
        not_significant,
        stability,
        imputed,
    })
}

/// Scores of different models are taken as independent.
fn is_chance(a: Total, b: Total) -> bool {
    (a.mean - b.mean).abs() < Z_95 * a.error.hypot(b.error)
}

fn rank(mix: &Mix<'_>, runners: &mut [Runner<'_>], weights: &[f64]) -> usize {
    sort_in_groups(runners, |it| mix.total(&it.row, weights).rank, Runner::cheaper_first)
}

/// Weights with each benchmark up to a fifth lighter or heavier. Totals divide by the weights' sum, so that these need
/// not be brought back to 1.
fn shaken(weights: &[f64], seed: &str) -> Vec<Vec<f64>> {
    let factors: Vec<Vec<f64>> =
        if weights.len() <= GRID_LIMIT { grid(weights.len()) } else { draws(weights.len(), seed) };
    factors.into_iter().map(|row| row.iter().zip(weights).map(|(factor, weight)| factor * weight).collect()).collect()
}

/// Every combination of less, same and more.
fn grid(count: usize) -> Vec<Vec<f64>> {
    let steps = [1.0 - SHAKE, 1.0, 1.0 + SHAKE];
    (0..count).fold(vec![Vec::new()], |rows, _| {
        rows.iter().flat_map(|row| steps.map(|step| [&row[..], &[step]].concat())).collect()
    })
}

/// Evenly drawn factors; the bytes come from BLAKE3 of the seed, so that a repeated check draws the same.
fn draws(count: usize, seed: &str) -> Vec<Vec<f64>> {
    let mut bytes = blake3::Hasher::new().update(seed.as_bytes()).finalize_xof();
    let mut factor = || {
        let mut next = [0; 8];
        bytes.fill(&mut next);
        let u = u64::from_be_bytes(next) as f64 / 2_f64.powi(64);
        1.0 + SHAKE * (2.0 * u - 1.0)
    };
    (0..DRAWS).map(|_| (0..count).map(|_| factor()).collect()).collect()
}
