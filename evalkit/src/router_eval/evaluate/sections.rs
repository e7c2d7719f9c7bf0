//! The parts of a report that are not figures of a contender.

use super::replicates::{BAND_STEPS, BINS, Replicates, figure};
use super::{Inputs, Settings};
use crate::router_eval::contender::Replicate;
use crate::router_eval::curve::LEAST_GAP;
use crate::router_eval::eleven::eleven;
use crate::router_eval::report::{BandPoint, Calibration, Histogram, Pair, Report, Runs};
use crate::router_eval::{Curve, Measure};
use crate::statistics::Binning;
use crate::statistics::calibration::{
    self, Sorted, brier, brier_of_base_rate, cross_fitted, error_by_chance, expected_error, log_loss, maximal_error,
};
use crate::statistics::clustered::clustered_error;
use crate::statistics::paired::{difference, mcnemar, mean, variance};
use crate::statistics::sampling::{key, mix, uniform};

/// Folds of the map from score to probability.
const FOLDS: usize = 5;

/// Runs of the coin.
const RUNS: u32 = 100;

/// Bars of the histogram.
const BARS: usize = 40;

/// Cross-fitted probabilities.
pub(super) struct Calibrated {
    probabilities: Vec<f64>,
    events: Vec<bool>,
    pub(super) sorted: Sorted,
}

/// Maps scores to probabilities that the weak model is wrong. `None` if it always or never is, or with too few prompts.
pub(super) fn calibrate(inputs: &Inputs, events: &[bool], seed: u64) -> Option<Calibrated> {
    let happened = events.iter().filter(|event| **event).count();
    if happened == 0 || happened == events.len() {
        return None;
    }
    let names = inputs.clusters.as_ref().unwrap_or(&inputs.ids);
    let folds: Vec<usize> = names.iter().map(|name| (mix(key(name) ^ seed) % FOLDS as u64) as usize).collect();
    let probabilities = cross_fitted(&inputs.scores, events, &folds)?;
    let sorted = Sorted::new(&probabilities, events);
    Some(Calibrated { probabilities, events: events.to_vec(), sorted })
}

impl Calibrated {
    pub(super) fn report(self, replicates: &Replicates) -> Calibration {
        let Self { probabilities, events, .. } = self;
        let bins = calibration::reliability(&probabilities, &events, BINS, Binning::EqualMass);
        let score = brier(&probabilities, &events).unwrap_or(f64::NAN);
        let of_base_rate = brier_of_base_rate(&events);
        let (loss, clipped) = log_loss(&probabilities, &events).unzip();
        let error = expected_error(&bins).unwrap_or(f64::NAN);
        Calibration {
            event: "the weak model is wrong",
            map: "isotonic, fitted on the other folds",
            folds: FOLDS,
            n: events.len(),
            base_rate: events.iter().filter(|event| **event).count() as f64 / events.len() as f64,
            brier: figure(score, &replicates.brier),
            brier_of_base_rate: of_base_rate,
            brier_skill: of_base_rate.map(|base| 1.0 - score / base),
            log_loss: loss,
            clipped: clipped.unwrap_or(0),
            expected_error: figure(error, &unbiased(error, &replicates.expected_error)),
            expected_error_by_chance: error_by_chance(&bins),
            maximal_error: maximal_error(&bins),
            binning: Binning::EqualMass,
            bins,
        }
    }
}

/// Replicates of an error that resampling alone raises (each bin gets noise on top of noise): moved so that their mean
/// is the value, and not below zero.
fn unbiased(value: f64, replicates: &[f64]) -> Vec<f64> {
    let bias = mean(replicates).unwrap_or(value) - value;
    replicates.iter().map(|replicate| (replicate - bias).max(0.0)).collect()
}

/// Both models on these prompts.
pub(super) fn pair(inputs: &Inputs, settings: &Settings, replicates: &Replicates, sample: &Replicate<'_>) -> Pair {
    let outcomes = &inputs.outcomes;
    let gains = outcomes.gains();
    let (weak, strong) = (sample.ends().weak().quality, sample.ends().strong().quality);
    let gaps: Vec<f64> = replicates.strong.iter().zip(&replicates.weak).map(|(strong, weak)| strong - weak).collect();
    let strong_better = gains.iter().filter(|gain| **gain > 0.0).count();
    let weak_better = gains.iter().filter(|gain| **gain < 0.0).count();
    let pairs = || outcomes.weak.iter().zip(&outcomes.strong);
    let is_binary = pairs().all(|(weak, strong)| [weak, strong].iter().all(|it| it.fract() == 0.0));
    Pair {
        strong: inputs.strong.clone(),
        weak: inputs.weak.clone(),
        strong_quality: figure(strong, &replicates.strong),
        weak_quality: figure(weak, &replicates.weak),
        gap: figure(strong - weak, &gaps),
        difference: difference(&outcomes.strong, &outcomes.weak),
        clustered: inputs.clusters.as_ref().and_then(|clusters| clustered_error(&gains, clusters)),
        strong_better,
        weak_better,
        neither_right: pairs().filter(|(weak, strong)| weak.max(**strong) < settings.right_from).count(),
        best_per_prompt: pairs().map(|(weak, strong)| weak.max(*strong)).sum::<f64>() / gains.len() as f64,
        mcnemar: is_binary.then(|| mcnemar(weak_better as u64, strong_better as u64)),
        right_from: settings.right_from,
    }
}

/// Seeded runs of the coin: how far apart chance alone puts two routers.
pub(super) fn random_runs(inputs: &Inputs, seed: u64) -> Runs {
    let keys: Vec<u64> = inputs.ids.iter().map(|id| key(id)).collect();
    let (mut exact, mut hulls, mut points, mut halves, mut fifths) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let salt = mix(seed ^ mix(u64::from(run) ^ 0x5eed));
        let scores: Vec<f64> = keys.iter().map(|key| uniform(mix(key ^ salt))).collect();
        if let Some(curve) = Curve::of_scores(&inputs.outcomes, &scores) {
            let (cheapest, dearest) = curve.cost_ends();
            exact.extend(curve.apgr());
            hulls.extend(curve.hull().and_then(|hull| hull.aiq(cheapest, dearest)));
        }
        let found = eleven(&inputs.outcomes, &scores);
        points.extend(found.as_ref().and_then(|it| it.apgr));
        halves.extend(found.as_ref().and_then(|it| it.cpt50));
        fifths.extend(found.as_ref().and_then(|it| it.cpt80));
    }
    Runs {
        runs: RUNS,
        apgr_mean: mean(&exact),
        apgr_deviation: variance(&exact).map(f64::sqrt),
        aiq_mean: mean(&hulls),
        aiq_deviation: variance(&hulls).map(f64::sqrt),
        eleven_mean: mean(&points),
        eleven_deviation: variance(&points).map(f64::sqrt),
        cpt50_mean: mean(&halves),
        cpt80_mean: mean(&fifths),
    }
}

/// `None` where either side is constant.
pub(super) fn length_correlation(inputs: &Inputs) -> Option<f64> {
    let bytes: Vec<f64> = inputs.bytes.iter().map(|bytes| *bytes as f64).collect();
    let varies = |values: &[f64]| values.windows(2).any(|pair| pair[0].total_cmp(&pair[1]).is_ne());
    (varies(&bytes) && varies(&inputs.scores)).then(|| trainer::metrics::spearman(&inputs.scores, &bytes))
}

pub(super) fn histogram(scores: &[f64], weak_wrong: &[bool]) -> Histogram {
    let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut counts, mut wrong) = (vec![0; BARS], vec![0; BARS]);
    for (score, is_wrong) in scores.iter().zip(weak_wrong) {
        let place = if high > low { (score - low) / (high - low) } else { 0.0 };
        let bar = ((place * BARS as f64) as usize).min(BARS - 1);
        counts[bar] += 1;
        wrong[bar] += u64::from(*is_wrong);
    }
    Histogram { low, high, counts, weak_wrong: wrong }
}

pub(super) fn band(curve: &Curve, replicates: &Replicates) -> Vec<BandPoint> {
    let steps = replicates.band.iter().enumerate().map(|(step, values)| {
        let share = step as f64 / f64::from(BAND_STEPS);
        let value = curve.pgr(curve.quality_at(share)).unwrap_or(f64::NAN);
        BandPoint { share, pgr: figure(value, values) }
    });
    steps.collect()
}

/// What a reader must know before believing a figure.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let (pair, data) = (&report.pair, &report.data);
    let gap = pair.gap.value.unwrap_or(0.0);
    if gap.abs() <= LEAST_GAP {
        notes.push(format!(
            "{} and {} have the same mean quality here ({:.4}): PGR, APGR and CPT are undefined",
            pair.strong, pair.weak, pair.best_per_prompt
        ));
    } else if pair.gap.interval.is_some_and(|interval| !interval.excludes_zero()) {
        notes.push(format!(
            "the interval of the gap between the models holds zero: these prompts do not show that {} is stronger, and PGR hangs on that gap",
            pair.strong
        ));
    }
    if report.bootstrap.without_gap > 0 {
        notes.push(format!(
            "in {} of {} replicates the strong model was not better; figures made of PGR leave them out",
            report.bootstrap.without_gap, report.bootstrap.replicates
        ));
    }
    if report.router.distinct_scores == Some(1) {
        notes.push(
            "every prompt has the same score: the router cannot tell any two apart, its curve is the chord".to_owned(),
        );
    }
    let deviation = report.baselines.iter().find_map(|it| it.runs).and_then(|runs| runs.apgr_deviation);
    if let Some(deviation) = deviation.filter(|_| data.prompts < 1000) {
        notes.push(format!(
            "{} prompts: coins differ by {deviation:.3} in APGR (standard deviation), so differences under about {:.2} are noise",
            data.prompts,
            2.0 * deviation
        ));
    }
    if report.calibration.is_none() {
        notes.push(
            "no calibration: the weak model is always or never wrong here, or the prompts fall into one fold"
                .to_owned(),
        );
    }
    if data.contaminated > 0 {
        notes.push(format!("{} prompts marked as contaminated were dropped", data.contaminated));
    }
    if data.without_outcome > 0 {
        notes.push(format!("{} prompts without an outcome of both models were left out", data.without_outcome));
    }
    if report.costs.strong < report.costs.weak {
        notes.push("the strong model is the cheaper one: there is nothing to route for".to_owned());
    }
    if let Some(curve) = &report.router.curve {
        let best = curve.best_quality();
        if pair.strong_quality.value.is_some_and(|strong| best > strong + LEAST_GAP) {
            notes.push(format!(
                "some threshold gives {best:.4}, more than always strong; it was found on these prompts, so expect less on others"
            ));
        }
    }
    debug_assert!(Measure::ALL.len() == report.router.figures.len());
    notes
}
