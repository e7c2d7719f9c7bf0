//! What an evaluation says, in the shape of its JSON. Undefined figures are `null`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::eleven::Eleven;
use super::selection::{Selection, Utility};
use super::{Curve, Hull, Measure};
use crate::statistics::calibration::Bin;
use crate::statistics::clustered::ClusteredError;
use crate::statistics::paired::{Difference, McNemar};
use crate::statistics::{Binning, Interval};

/// The report's format.
pub const FORMAT: &str = "evalkit.router-eval/1";

/// A number and where it may lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figure {
    /// On all prompts; `None` if undefined.
    pub value: Option<f64>,
    /// 95 % percentile interval of the bootstrap.
    pub interval: Option<Interval>,
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: &'static str,
    /// The program that made it.
    pub producer: String,
    /// What was read.
    pub data: Data,
    /// How intervals were made.
    pub bootstrap: Bootstrap,
    /// Both models on these prompts.
    pub pair: Pair,
    /// What a call costs.
    pub costs: CostReport,
    /// The router.
    pub router: ContenderReport,
    /// What it is set beside.
    pub baselines: Vec<ContenderReport>,
    /// Router less baseline, on the same replicates.
    pub differences: Vec<DifferenceReport>,
    /// The threshold that the budget allows.
    pub operating_point: Option<Selection>,
    /// Its utility, where a unit of cost has a price in quality.
    pub utility: Option<Utility>,
    /// Score as a probability that the weak model is wrong.
    pub calibration: Option<Calibration>,
    /// Time to score a prompt.
    pub latency: Option<Latency>,
    /// Spearman's correlation of score and length in bytes.
    pub length_correlation: Option<f64>,
    /// Counts of scores between the smallest and the largest, equal widths.
    pub histogram: Histogram,
    /// Pointwise intervals of the router's PGR at even shares.
    pub band: Vec<BandPoint>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// What was read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Data {
    /// Files and their BLAKE3 hashes.
    pub files: Vec<FileUsed>,
    /// Where scores came from.
    pub scorer: String,
    /// Which of the scorer's outputs was used.
    pub signal: String,
    /// Prompts evaluated.
    pub prompts: usize,
    /// Prompts dropped as contaminated.
    pub contaminated: usize,
    /// Prompts left out because an outcome of either model is missing.
    pub without_outcome: usize,
    /// Their ids.
    pub without_outcome_ids: Vec<String>,
    /// Outcomes of prompts that the prompt files do not hold.
    pub unknown_outcomes: usize,
    /// Scores of prompts that are not evaluated.
    pub unused_scores: usize,
    /// Repeated rows that say the same as the first.
    pub repeated: usize,
}

/// A file that was read.
#[derive(Clone, Debug, Serialize)]
pub struct FileUsed {
    /// What for.
    pub role: &'static str,
    /// Its name, without folders.
    pub name: String,
    /// BLAKE3 of its bytes.
    pub blake3: String,
}

/// How intervals were made.
#[derive(Clone, Debug, Serialize)]
pub struct Bootstrap {
    /// Always Poisson.
    pub method: &'static str,
    /// Replicates.
    pub replicates: u32,
    /// Seed.
    pub seed: u64,
    /// What is drawn: prompts, or clusters by a field.
    pub unit: String,
    /// Replicates in which the strong model was not better, so that PGR was undefined and left out.
    pub without_gap: u32,
    /// Interval level.
    pub level: f64,
}

/// Both models.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The strong model's name.
    pub strong: String,
    /// The weak model's name.
    pub weak: String,
    /// Mean quality of the strong model.
    pub strong_quality: Figure,
    /// Mean quality of the weak model.
    pub weak_quality: Figure,
    /// Strong less weak.
    pub gap: Figure,
    /// Paired standard error of the gap.
    pub difference: Option<Difference>,
    /// Standard errors of the gap by clusters, where clusters are known.
    pub clustered: Option<ClusteredError>,
    /// Prompts on which the strong model is better.
    pub strong_better: usize,
    /// Prompts on which the weak model is better.
    pub weak_better: usize,
    /// Prompts that neither gets right: no routing helps there.
    pub neither_right: usize,
    /// Mean over prompts of the better model's quality.
    pub best_per_prompt: f64,
    /// `McNemar`'s test where every quality is zero or one.
    pub mcnemar: Option<McNemar>,
    /// Quality from which an answer counts as right.
    pub right_from: f64,
}

/// What a call costs.
#[derive(Clone, Debug, Serialize)]
pub struct CostReport {
    /// `usd_per_1k_calls` or `share_of_strong_calls`.
    pub unit: &'static str,
    /// Mean of the weak model.
    pub weak: f64,
    /// Mean of the strong model.
    pub strong: f64,
    /// The budget at which quality is quoted.
    pub budget: f64,
    /// Whether the budget was not given but taken halfway between the models.
    pub budget_is_midpoint: bool,
}

/// A contender's figures.
#[derive(Clone, Debug, Serialize)]
pub struct ContenderReport {
    /// Its name.
    pub name: String,
    /// What it does.
    pub what: String,
    /// Figures by [`Measure::name`].
    pub figures: BTreeMap<&'static str, Figure>,
    /// Mean cost, for a single model.
    pub cost: Option<f64>,
    /// The paper's eleven points.
    pub eleven: Option<Eleven>,
    /// APGR of the curve that may make fewer strong calls than allowed: the oracle's upper bound.
    pub apgr_at_most: Option<f64>,
    /// For the coin: seeded runs instead of the expectation.
    pub runs: Option<Runs>,
    /// Distinct scores, which is the number of thresholds.
    pub distinct_scores: Option<usize>,
    /// Composite of quality and cost at the budget, where costs are in USD.
    pub composite_at_budget: Option<f64>,
    /// The exact curve.
    pub curve: Option<Curve>,
    /// The hull of quality over cost.
    pub hull: Option<Hull>,
}

impl ContenderReport {
    /// A figure; undefined where the contender has none.
    pub fn figure(&self, measure: Measure) -> Figure {
        self.figures.get(measure.name()).copied().unwrap_or_default()
    }
}

/// Seeded runs of a coin.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Runs {
    /// How many.
    pub runs: u32,
    /// Mean of the exact APGR.
    pub apgr_mean: Option<f64>,
    /// Its standard deviation: differences within two of these are noise.
    pub apgr_deviation: Option<f64>,
    /// Mean AIQ: what choosing among a coin's thresholds after the fact gives.
    pub aiq_mean: Option<f64>,
    /// Its standard deviation.
    pub aiq_deviation: Option<f64>,
    /// Mean APGR of the eleven-point procedure.
    pub eleven_mean: Option<f64>,
    /// Its standard deviation.
    pub eleven_deviation: Option<f64>,
    /// Mean share at half of the gap, eleven points.
    pub cpt50_mean: Option<f64>,
    /// Mean share at four fifths of the gap, eleven points.
    pub cpt80_mean: Option<f64>,
}

/// Router less baseline.
#[derive(Clone, Debug, Serialize)]
pub struct DifferenceReport {
    /// Which baseline.
    pub baseline: String,
    /// Paired differences by [`Measure::name`].
    pub figures: BTreeMap<&'static str, Figure>,
}

impl DifferenceReport {
    /// A difference; undefined where either side is.
    pub fn figure(&self, measure: Measure) -> Figure {
        self.figures.get(measure.name()).copied().unwrap_or_default()
    }
}

/// The score as a probability.
#[derive(Clone, Debug, Serialize)]
pub struct Calibration {
    /// The event.
    pub event: &'static str,
    /// How a score became a probability.
    pub map: &'static str,
    /// Folds.
    pub folds: usize,
    /// Prompts.
    pub n: usize,
    /// Share with the event.
    pub base_rate: f64,
    /// Mean squared error.
    pub brier: Figure,
    /// That of always saying the base rate.
    pub brier_of_base_rate: Option<f64>,
    /// `1 - brier / brier_of_base_rate`.
    pub brier_skill: Option<f64>,
    /// Mean log loss, clipped at 1e-15.
    pub log_loss: Option<f64>,
    /// How many were clipped.
    pub clipped: usize,
    /// Expected calibration error. Resampling adds to it; the interval has that bias taken out.
    pub expected_error: Figure,
    /// What chance alone would give a perfect map in these bins.
    pub expected_error_by_chance: Option<f64>,
    /// Largest error of a bin.
    pub maximal_error: Option<f64>,
    /// How bins were made.
    pub binning: Binning,
    /// The reliability table.
    pub bins: Vec<Bin>,
}

/// Time to score a prompt, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Where the times were taken.
    pub source: &'static str,
    /// Prompts timed.
    pub n: usize,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Counts in equal widths.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Histogram {
    /// Lower end of the first.
    pub low: f64,
    /// Upper end of the last.
    pub high: f64,
    /// Counts of all prompts.
    pub counts: Vec<u64>,
    /// Counts of prompts that the weak model gets wrong.
    pub weak_wrong: Vec<u64>,
}

/// PGR at a share.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BandPoint {
    /// Share of strong calls.
    pub share: f64,
    /// PGR and its interval.
    pub pgr: Figure,
}
