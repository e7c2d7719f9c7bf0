//! From outcomes and scores to a report: point figures on all prompts, then the same in every replicate.

mod replicates;
mod sections;

use super::contender::{Baseline, Contender, Frame, Labels, Replicate};
use super::eleven::eleven;
use super::report::{Bootstrap, ContenderReport, CostReport, Data, Latency, Report};
use super::{Curve, Measure, Outcomes, composite, selection};
use crate::statistics::Resampler;
use crate::statistics::ranking::Ranking;
use crate::statistics::sampling::key;
use replicates::{Replicates, Sampled};

/// What is evaluated.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Id of each prompt.
    pub ids: Vec<String>,
    /// Length of each prompt in bytes.
    pub bytes: Vec<u64>,
    /// Cluster of each prompt, where clusters matter.
    pub clusters: Option<Vec<String>>,
    /// Outcomes of the pair.
    pub outcomes: Outcomes,
    /// The router's scores.
    pub scores: Vec<f64>,
    /// Mean quality of the best single model, and its name and quality on each prompt.
    pub best_single: Option<(String, Vec<f64>)>,
    /// The strong model.
    pub strong: String,
    /// The weak model.
    pub weak: String,
    /// Unit of the costs: see [`CostReport::unit`].
    pub cost_unit: CostUnit,
    /// Times, if any were taken.
    pub latency: Option<Latency>,
    /// What was read, for the record.
    pub data: Data,
}

/// What costs are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostUnit {
    /// No prices are known: a weak call costs nothing and a strong call one.
    #[default]
    StrongCalls,
    /// USD per 1,000 calls.
    UsdPer1kCalls,
}

/// How it is evaluated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Baselines.
    pub baselines: Vec<Baseline>,
    /// Replicates; none, no intervals.
    pub replicates: u32,
    /// Seed of everything random.
    pub seed: u64,
    /// Quality is quoted at this mean cost; halfway between the models if not given.
    pub budget: Option<f64>,
    /// Quality from which an answer counts as right.
    pub right_from: f64,
    /// What a unit of cost is worth in quality.
    pub quality_per_cost: Option<f64>,
    /// What clusters are called.
    pub cluster_field: Option<String>,
}

/// Level of every interval.
pub(super) const LEVEL: f64 = 0.95;

struct Named {
    name: String,
    what: String,
    contender: Contender,
    cost: Option<f64>,
}

/// Evaluates. `progress` is told how many of the replicates are done. `None` without prompts.
pub fn evaluate(inputs: &Inputs, settings: &Settings, progress: &mut dyn FnMut(u32)) -> Option<Report> {
    let labels = Labels::new(&inputs.outcomes, settings.right_from);
    let by_gain = Ranking::with_ties(&inputs.outcomes.gains());
    let weights = vec![1; inputs.outcomes.len()];
    let mut frame = Frame { outcomes: &inputs.outcomes, labels: &labels, by_gain: &by_gain, budget: 0.0 };
    let sample = Replicate::new(&frame, &weights)?;
    let (weak, strong) = (sample.ends().weak(), sample.ends().strong());
    frame.budget = settings.budget.unwrap_or(f64::midpoint(weak.cost, strong.cost));

    let named = contenders(inputs, settings, weak.cost, strong.cost);
    let calibrated = sections::calibrate(inputs, &labels.weak_wrong, settings.seed);
    let keys = inputs.clusters.as_ref().unwrap_or(&inputs.ids).iter().map(|name| key(name)).collect();
    let sampled = Sampled {
        frame: &frame,
        contenders: named.iter().map(|named| &named.contender).collect(),
        calibrated: calibrated.as_ref().map(|it| &it.sorted),
        resampler: Resampler::new(keys, settings.seed),
    };
    let replicates = sampled.run(settings.replicates, progress);

    let mut reports: Vec<ContenderReport> =
        named.iter().enumerate().map(|(at, named)| describe(named, at, &sampled, &replicates, &sample)).collect();
    for report in &mut reports {
        complete(report, inputs, settings, &frame);
    }
    let router_curve = reports.first()?.curve.clone()?;
    let mut baselines = reports.split_off(1);
    let router = reports.pop()?;
    for baseline in &mut baselines {
        // A baseline's curve is for the plots: a few hundred points show it, and the oracle's has one for each prompt.
        baseline.curve = baseline.curve.as_ref().map(|curve| curve.thinned(400));
    }
    let operating = router_curve.best_within(frame.budget);
    let threshold = operating.and_then(|point| point.threshold);
    let utility = settings
        .quality_per_cost
        .filter(|_| operating.is_some())
        .and_then(|rate| selection::utility(&inputs.outcomes, &inputs.scores, threshold, rate));
    let mut report = Report {
        format: super::report::FORMAT,
        producer: format!("evalkit {}", env!("CARGO_PKG_VERSION")),
        bootstrap: Bootstrap {
            method: "poisson",
            replicates: settings.replicates,
            seed: settings.seed,
            unit: settings.cluster_field.as_ref().map_or("prompts".to_owned(), |field| format!("clusters by {field}")),
            without_gap: replicates.without_gap(),
            level: LEVEL,
        },
        pair: sections::pair(inputs, settings, &replicates, &sample),
        costs: CostReport {
            unit: match inputs.cost_unit {
                CostUnit::StrongCalls => "share_of_strong_calls",
                CostUnit::UsdPer1kCalls => "usd_per_1k_calls",
            },
            weak: weak.cost,
            strong: strong.cost,
            budget: frame.budget,
            budget_is_midpoint: settings.budget.is_none(),
        },
        differences: differences(&router, &baselines, &replicates),
        operating_point: operating.and_then(|point| {
            selection::select(&inputs.outcomes, &inputs.scores, point.threshold, settings.right_from)
        }),
        utility,
        calibration: calibrated.map(|it| it.report(&replicates)),
        latency: inputs.latency,
        length_correlation: sections::length_correlation(inputs),
        histogram: sections::histogram(&inputs.scores, &labels.weak_wrong),
        band: sections::band(&router_curve, &replicates),
        router,
        baselines,
        data: inputs.data.clone(),
        notes: Vec::new(),
    };
    report.notes = sections::notes(&report);
    Some(report)
}

/// The router first, then the baselines that can be made.
fn contenders(inputs: &Inputs, settings: &Settings, cost_weak: f64, cost_strong: f64) -> Vec<Named> {
    let outcomes = &inputs.outcomes;
    let mut named = vec![Named {
        name: "router".to_owned(),
        what: format!("{}, {}", inputs.data.scorer, inputs.data.signal),
        contender: Contender::scored(inputs.scores.clone()),
        cost: None,
    }];
    for baseline in &settings.baselines {
        let (what, contender, cost) = match baseline {
            Baseline::Random => ("a coin; every figure is its expectation".to_owned(), Contender::Mixed, None),
            Baseline::Length => (
                "longer prompts first, in bytes".to_owned(),
                Contender::scored(inputs.bytes.iter().map(|bytes| *bytes as f64).collect()),
                None,
            ),
            Baseline::Oracle => {
                ("knows what each prompt gains; exactly k strong calls".to_owned(), Contender::oracle(outcomes), None)
            }
            Baseline::Weak => {
                (format!("always {}", inputs.weak), Contender::Single(outcomes.weak.clone()), Some(cost_weak))
            }
            Baseline::Strong => {
                (format!("always {}", inputs.strong), Contender::Single(outcomes.strong.clone()), Some(cost_strong))
            }
            Baseline::BestSingle => match &inputs.best_single {
                Some((name, quality)) => (format!("always {name}"), Contender::Single(quality.clone()), None),
                None => continue,
            },
            Baseline::Cluster => match &inputs.clusters {
                Some(clusters) => (
                    "knows the mean gain of each cluster on these prompts".to_owned(),
                    Contender::cluster(outcomes, clusters),
                    None,
                ),
                None => continue,
            },
        };
        named.push(Named { name: baseline.to_string(), what, contender, cost });
    }
    named
}

fn describe(
    named: &Named,
    at: usize,
    sampled: &Sampled<'_>,
    replicates: &Replicates,
    sample: &Replicate<'_>,
) -> ContenderReport {
    let mut curve = Curve::default();
    let measures = named.contender.measure(sampled.frame, sample, &mut curve);
    let figures = Measure::ALL.map(|measure| (measure.name(), replicates.figure(at, measure, measures.get(measure))));
    let (eleven, distinct) = match &named.contender {
        Contender::Scored { scores, ranking } => (eleven(sampled.frame.outcomes, scores), Some(ranking.blocks().len())),
        Contender::Mixed | Contender::Single(_) => (None, None),
    };
    let has_curve = !curve.points().is_empty();
    ContenderReport {
        name: named.name.clone(),
        what: named.what.clone(),
        figures: figures.into_iter().collect(),
        cost: named.cost,
        eleven,
        apgr_at_most: None,
        runs: None,
        distinct_scores: distinct,
        composite_at_budget: None,
        hull: has_curve.then(|| curve.hull()).flatten(),
        curve: has_curve.then_some(curve),
    }
}

/// What only some contenders have.
fn complete(report: &mut ContenderReport, inputs: &Inputs, settings: &Settings, frame: &Frame<'_>) {
    if report.name == Baseline::Oracle.name() {
        report.apgr_at_most = report.curve.as_ref().and_then(|curve| curve.never_falling().apgr_between_ends_of(curve));
    }
    if report.name == Baseline::Random.name() {
        report.runs = Some(sections::random_runs(inputs, settings.seed));
    }
    if inputs.cost_unit == CostUnit::UsdPer1kCalls {
        let cost = report.cost.unwrap_or(frame.budget);
        let priced = report.cost.is_some() || report.curve.is_some();
        report.composite_at_budget = report
            .figure(Measure::QualityAtBudget)
            .value
            .filter(|_| priced)
            .and_then(|quality| composite::composite(quality, cost));
    }
}

fn differences(
    router: &ContenderReport,
    baselines: &[ContenderReport],
    replicates: &Replicates,
) -> Vec<super::report::DifferenceReport> {
    let against = |(at, baseline): (usize, &ContenderReport)| super::report::DifferenceReport {
        baseline: baseline.name.clone(),
        figures: Measure::ALL
            .into_iter()
            .filter_map(|measure| {
                let value = router.figure(measure).value? - baseline.figure(measure).value?;
                Some((measure.name(), replicates.difference(0, at + 1, measure, value)))
            })
            .collect(),
    };
    baselines.iter().enumerate().map(against).collect()
}
