//! What is measured, and what it is measured on: a router, or a baseline that it has to beat.

use std::fmt;
use std::str::FromStr;

use super::{Curve, Outcomes};
use crate::statistics::ranking::{Ranking, auroc};

/// A figure of a contender that has an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Area under PGR over the share of strong calls.
    Apgr,
    /// Mean of PGR at shares of 10, 20, .., 100 %.
    ApgrTenSteps,
    /// Smallest share of strong calls that a threshold gives with half of the gap recovered.
    Cpt50,
    /// The same with two thresholds mixed.
    Cpt50Linear,
    /// As `Cpt50` with four fifths of the gap.
    Cpt80,
    /// As `Cpt50Linear` with four fifths of the gap.
    Cpt80Linear,
    /// Mean height of the non-decreasing hull of quality over cost.
    Aiq,
    /// Quality where the curve reaches the budget.
    QualityAtBudget,
    /// Quality of the hull at the budget: the best two thresholds, chosen on these prompts and mixed.
    QualityAtBudgetHull,
    /// Quality of the best threshold within the budget.
    QualityAtBudgetStep,
    /// Quality lost at the budget against the better model for each prompt.
    RegretAtBudget,
    /// Quality lost against the oracle with as many strong calls, mean over all shares.
    MeanRegret,
    /// Share of the strong model's cost that is saved at the strong model's quality.
    SavingAtStrongQuality,
    /// Best quality of any threshold.
    BestQuality,
    /// AUROC of the score for "the weak model is wrong".
    AurocWeakWrong,
    /// AUROC of the score for "the weak model is wrong and the strong one right".
    AurocEscalate,
    /// AUROC of the score for "the strong model's quality is higher".
    AurocStrongBetter,
}

impl Measure {
    /// Every measure, in the order of `Measures`.
    pub const ALL: [Self; 17] = [
        Self::Apgr,
        Self::ApgrTenSteps,
        Self::Cpt50,
        Self::Cpt50Linear,
        Self::Cpt80,
        Self::Cpt80Linear,
        Self::Aiq,
        Self::QualityAtBudget,
        Self::QualityAtBudgetHull,
        Self::QualityAtBudgetStep,
        Self::RegretAtBudget,
        Self::MeanRegret,
        Self::SavingAtStrongQuality,
        Self::BestQuality,
        Self::AurocWeakWrong,
        Self::AurocEscalate,
        Self::AurocStrongBetter,
    ];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apgr => "apgr",
            Self::ApgrTenSteps => "apgr_ten_steps",
            Self::Cpt50 => "cpt50",
            Self::Cpt50Linear => "cpt50_linear",
            Self::Cpt80 => "cpt80",
            Self::Cpt80Linear => "cpt80_linear",
            Self::Aiq => "aiq",
            Self::QualityAtBudget => "quality_at_budget",
            Self::QualityAtBudgetHull => "quality_at_budget_hull",
            Self::QualityAtBudgetStep => "quality_at_budget_step",
            Self::RegretAtBudget => "regret_at_budget",
            Self::MeanRegret => "mean_regret",
            Self::SavingAtStrongQuality => "saving_at_strong_quality",
            Self::BestQuality => "best_quality",
            Self::AurocWeakWrong => "auroc_weak_wrong",
            Self::AurocEscalate => "auroc_weak_wrong_strong_right",
            Self::AurocStrongBetter => "auroc_strong_better",
        }
    }

    /// Whether it takes the best of several thresholds on the prompts it is measured on. Even a coin's scores then come
    /// out above a coin's expectation, so a difference to what has no thresholds to choose from proves nothing.
    pub const fn is_optimistic(self) -> bool {
        matches!(
            self,
            Self::Aiq
                | Self::QualityAtBudgetHull
                | Self::QualityAtBudgetStep
                | Self::SavingAtStrongQuality
                | Self::BestQuality
        )
    }

    /// Whether more of it is better.
    pub const fn is_better_high(self) -> bool {
        !matches!(
            self,
            Self::Cpt50 | Self::Cpt50Linear | Self::Cpt80 | Self::Cpt80Linear | Self::RegretAtBudget | Self::MeanRegret
        )
    }
}

/// A value for each measure; NaN where undefined, since replicates hold millions of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measures([f64; Measure::ALL.len()]);

impl Measures {
    fn undefined() -> Self {
        Self([f64::NAN; Measure::ALL.len()])
    }

    fn set(&mut self, measure: Measure, value: impl Into<Option<f64>>) {
        self.0[measure as usize] = value.into().unwrap_or(f64::NAN);
    }

    pub(super) fn get(&self, measure: Measure) -> f64 {
        self.0[measure as usize]
    }
}

/// What a router is set beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Baseline {
    /// A coin.
    Random,
    /// The prompt's length in bytes: the longer, the sooner the strong model.
    Length,
    /// Knows what each prompt gains.
    Oracle,
    /// The weak model always.
    Weak,
    /// The strong model always.
    Strong,
    /// The one model that is best over all prompts.
    BestSingle,
    /// Knows the mean gain of each prompt's cluster, and nothing else.
    Cluster,
}

impl Baseline {
    /// Every baseline.
    pub const ALL: [Self; 7] =
        [Self::Random, Self::Length, Self::Cluster, Self::Oracle, Self::Weak, Self::Strong, Self::BestSingle];

    /// Whether it has no thresholds to choose from.
    pub const fn has_no_thresholds(self) -> bool {
        matches!(self, Self::Random | Self::Weak | Self::Strong | Self::BestSingle)
    }

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Length => "length",
            Self::Oracle => "oracle",
            Self::Weak => "weak",
            Self::Strong => "strong",
            Self::BestSingle => "best-single",
            Self::Cluster => "cluster",
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Baseline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|it| it.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is not a baseline: expected one of {known}")
        })
    }
}

/// Something that chooses between the models.
#[derive(Clone, Debug)]
pub enum Contender {
    /// By a score.
    Scored {
        /// The score of each prompt.
        scores: Vec<f64>,
        /// Its order.
        ranking: Ranking,
    },
    /// By a coin; every figure is the expectation.
    Mixed,
    /// One model always; its quality on each prompt.
    Single(Vec<f64>),
}

impl Contender {
    /// A router of these scores; equal scores cannot be told apart.
    pub fn scored(scores: Vec<f64>) -> Self {
        Self::Scored { ranking: Ranking::with_ties(&scores), scores }
    }

    /// The oracle that makes exactly `k` strong calls where they gain most; equal gains are parted arbitrarily.
    pub fn oracle(outcomes: &Outcomes) -> Self {
        let order = Ranking::in_file_order(&outcomes.gains());
        let mut scores = vec![0.0; outcomes.len()];
        for (place, block) in order.blocks().enumerate() {
            scores[block[0] as usize] = (outcomes.len() - place) as f64;
        }
        Self::scored(scores)
    }

    /// The best router that sees only a prompt's cluster: its score is the cluster's mean gain on these very prompts.
    pub fn cluster<K: Ord>(outcomes: &Outcomes, clusters: &[K]) -> Self {
        let mut sums: std::collections::BTreeMap<&K, (f64, f64)> = std::collections::BTreeMap::new();
        for (cluster, gain) in clusters.iter().zip(outcomes.gains()) {
            let (sum, n) = sums.entry(cluster).or_default();
            *sum += gain;
            *n += 1.0;
        }
        Self::scored(clusters.iter().map(|cluster| sums.get(cluster).map_or(0.0, |(sum, n)| sum / n)).collect())
    }
}

/// What measuring needs beside the contender.
pub(super) struct Frame<'a> {
    pub(super) outcomes: &'a Outcomes,
    pub(super) labels: &'a Labels,
    /// Order of the oracle, equal gains together.
    pub(super) by_gain: &'a Ranking,
    pub(super) budget: f64,
}

/// What a score may be asked to tell apart.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    pub(super) weak_wrong: Vec<bool>,
    pub(super) escalate: Vec<bool>,
    pub(super) strong_better: Vec<bool>,
}

impl Labels {
    pub(super) fn new(outcomes: &Outcomes, right_from: f64) -> Self {
        let pairs = || outcomes.weak.iter().zip(&outcomes.strong);
        Self {
            weak_wrong: pairs().map(|(weak, _)| *weak < right_from).collect(),
            escalate: pairs().map(|(weak, strong)| *weak < right_from && *strong >= right_from).collect(),
            strong_better: pairs().map(|(weak, strong)| strong > weak).collect(),
        }
    }
}

/// One replicate, or the sample itself where every weight is one.
pub(super) struct Replicate<'a> {
    pub(super) weights: &'a [u8],
    /// The ends of every curve of this replicate.
    ends: Curve,
    /// Mean over prompts of the better model's quality.
    best_per_prompt: f64,
    oracle_area: f64,
}

impl<'a> Replicate<'a> {
    /// `None` if no prompt has weight.
    pub(super) fn new(frame: &Frame<'_>, weights: &'a [u8]) -> Option<Self> {
        let mut oracle = Curve::default();
        if !oracle.trace(frame.outcomes, frame.by_gain, None, weights) {
            return None;
        }
        let best = frame.outcomes.weak.iter().zip(&frame.outcomes.strong).map(|(weak, strong)| weak.max(*strong));
        let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let best_per_prompt = best.zip(weights).map(|(best, weight)| f64::from(*weight) * best).sum::<f64>() / total;
        let mut ends = Curve::default();
        ends.trace_chord(oracle.weak(), oracle.strong());
        Some(Self { weights, ends, best_per_prompt, oracle_area: oracle.area() })
    }

    pub(super) fn ends(&self) -> &Curve {
        &self.ends
    }
}

impl Contender {
    /// Measures, using `curve` as memory; afterwards it holds the contender's curve.
    pub(super) fn measure(&self, frame: &Frame<'_>, replicate: &Replicate<'_>, curve: &mut Curve) -> Measures {
        let mut measures = Measures::undefined();
        match self {
            Self::Scored { ranking, scores } => {
                curve.trace(frame.outcomes, ranking, Some(scores), replicate.weights);
                measure_curve(curve, frame, replicate, &mut measures);
                for (measure, label) in [
                    (Measure::AurocWeakWrong, &frame.labels.weak_wrong),
                    (Measure::AurocEscalate, &frame.labels.escalate),
                    (Measure::AurocStrongBetter, &frame.labels.strong_better),
                ] {
                    measures.set(measure, auroc(ranking, label, replicate.weights));
                }
            }
            Self::Mixed => {
                curve.trace_chord(replicate.ends.weak(), replicate.ends.strong());
                measure_curve(curve, frame, replicate, &mut measures);
                // Any share can be had by a coin, so its steps are as fine as its line.
                measures.set(Measure::Cpt50, curve.cpt_linear(0.5));
                measures.set(Measure::Cpt80, curve.cpt_linear(0.8));
                measures.set(Measure::QualityAtBudgetStep, measures.get(Measure::QualityAtBudget));
                for measure in [Measure::AurocWeakWrong, Measure::AurocEscalate, Measure::AurocStrongBetter] {
                    measures.set(measure, 0.5);
                }
            }
            Self::Single(quality) => {
                let sums = quality.iter().zip(replicate.weights).fold((0.0, 0.0), |(sum, n), (quality, weight)| {
                    (sum + f64::from(*weight) * quality, n + f64::from(*weight))
                });
                let mean = sums.0 / sums.1;
                measures.set(Measure::QualityAtBudget, mean);
                measures.set(Measure::QualityAtBudgetHull, mean);
                measures.set(Measure::QualityAtBudgetStep, mean);
                measures.set(Measure::BestQuality, mean);
                measures.set(Measure::RegretAtBudget, replicate.best_per_prompt - mean);
            }
        }
        measures
    }
}

fn measure_curve(curve: &Curve, frame: &Frame<'_>, replicate: &Replicate<'_>, measures: &mut Measures) {
    let hull = curve.hull();
    let (cheapest, dearest) = replicate.ends.cost_ends();
    let at_budget = curve.quality_at_cost(frame.budget);
    measures.set(Measure::QualityAtBudgetHull, hull.as_ref().and_then(|hull| hull.at(frame.budget)));
    measures.set(Measure::Apgr, curve.apgr());
    measures.set(Measure::ApgrTenSteps, curve.apgr_of_steps(10));
    measures.set(Measure::Cpt50, curve.cpt_step(0.5));
    measures.set(Measure::Cpt50Linear, curve.cpt_linear(0.5));
    measures.set(Measure::Cpt80, curve.cpt_step(0.8));
    measures.set(Measure::Cpt80Linear, curve.cpt_linear(0.8));
    measures.set(Measure::Aiq, hull.and_then(|hull| hull.aiq(cheapest, dearest)));
    measures.set(Measure::QualityAtBudget, at_budget);
    measures.set(Measure::QualityAtBudgetStep, curve.best_within(frame.budget).map(|point| point.quality));
    measures.set(Measure::RegretAtBudget, at_budget.map(|quality| replicate.best_per_prompt - quality));
    measures.set(Measure::MeanRegret, replicate.oracle_area - curve.area());
    measures.set(Measure::SavingAtStrongQuality, curve.saving_at_strong_quality());
    measures.set(Measure::BestQuality, curve.best_quality());
}
