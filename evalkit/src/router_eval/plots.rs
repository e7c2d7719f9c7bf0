//! The plots of a report: the deferral curve, quality over cost with hulls, the reliability diagram, the scores.

use super::plot::Plot;
use super::report::{ContenderReport, Report};
use super::{Baseline, Curve};

/// A plot as SVG and the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// Without ending: `deferral-curve`.
    pub name: &'static str,
    /// What it shows, in a sentence or two.
    pub caption: String,
    /// SVG.
    pub svg: String,
}

/// Draws all that the report has. Files that stand alone need `with_style`.
pub fn draw(report: &Report, with_style: bool) -> Vec<Drawing> {
    [
        deferral(report, with_style),
        hulls(report, with_style),
        reliability(report, with_style),
        scores(report, with_style),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Line and colour of a baseline.
fn class(name: &str) -> &'static str {
    match name.parse() {
        Ok(Baseline::Random) => "f dash",
        Ok(Baseline::Length) => "b",
        Ok(Baseline::Oracle) => "c",
        Ok(Baseline::Cluster) => "e",
        Ok(Baseline::Weak) => "f dot",
        Ok(Baseline::Strong | Baseline::BestSingle) => "d dot",
        Err(_) => "a",
    }
}

fn with_curves(report: &Report) -> impl Iterator<Item = (&ContenderReport, &Curve)> {
    report.baselines.iter().rev().chain([&report.router]).filter_map(|it| Some((it, it.curve.as_ref()?)))
}

fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it)));
    let margin = 0.04 * (high - low).max(1e-6);
    (low - margin, high + margin)
}

fn deferral(report: &Report, with_style: bool) -> Option<Drawing> {
    let curve = report.router.curve.as_ref()?;
    let (weak, strong) = (curve.weak().quality, curve.strong().quality);
    let heights = with_curves(report).flat_map(|(_, curve)| curve.points().iter().map(|point| point.quality));
    let mut plot = Plot::new(
        "Deferral curve",
        "Mean quality against the share of prompts sent to the strong model",
        (0.0, 1.0),
        range(heights),
    );
    let at = |pgr: f64| weak + pgr * (strong - weak);
    let ends = report.band.iter().filter_map(|it| Some((it.share, it.pgr.interval?)));
    let (lower, upper): (Vec<_>, Vec<_>) = ends.map(|(share, it)| ((share, at(it.low)), (share, at(it.high)))).unzip();
    if !lower.is_empty() {
        plot.band(&lower, &upper);
    }
    for level in [weak, strong] {
        plot.line("", "f dot", [(0.0, level), (1.0, level)]);
    }
    for (contender, curve) in with_curves(report) {
        plot.line(&contender.name, class(&contender.name), curve.points().iter().map(|it| (it.share, it.quality)));
    }
    Some(Drawing {
        name: "deferral-curve",
        caption: "Left: always weak, right: always strong (dotted levels). The farther a curve bulges to the upper left, the \
                  better; the dashed line is a coin. The band is the 95 % interval of the router's PGR at each share."
            .to_owned(),
        svg: plot.finish("share of prompts sent to the strong model", "mean quality", with_style),
    })
}

fn hulls(report: &Report, with_style: bool) -> Option<Drawing> {
    let curve = report.router.curve.as_ref()?;
    let hull = report.router.hull.as_ref()?;
    let usd = report.costs.unit == "usd_per_1k_calls";
    let costs = curve.points().iter().map(|point| point.cost);
    let heights = with_curves(report).flat_map(|(_, curve)| curve.points().iter().map(|point| point.quality));
    let mut plot = Plot::new(
        "Quality over cost",
        "Mean quality against mean cost, with the non-decreasing hull",
        range(costs),
        range(heights),
    );
    for baseline in report.baselines.iter().rev() {
        if let Some(hull) = &baseline.hull {
            plot.line(&baseline.name, class(&baseline.name), hull.vertices().iter().copied());
        }
    }
    plot.line("router, thresholds", "a dot", curve.points().iter().map(|point| (point.cost, point.quality)));
    plot.line("router, hull", "a", hull.vertices().iter().copied());
    let budget = report.costs.budget;
    if let Some(quality) = hull.at(budget) {
        plot.mark((budget, quality), None);
    }
    Some(Drawing {
        name: "quality-over-cost",
        caption: "Hulls: what mixing two thresholds at random achieves, never falling. AIQ is the mean height below the hull. \
                  The mark is the budget at which quality is quoted."
            .to_owned(),
        svg: plot.finish(
            if usd { "USD per 1,000 calls" } else { "cost in strong calls per prompt" },
            "mean quality",
            with_style,
        ),
    })
}

fn reliability(report: &Report, with_style: bool) -> Option<Drawing> {
    let calibration = report.calibration.as_ref()?;
    let highest = calibration.bins.iter().map(|bin| bin.interval.map_or(bin.observed, |it| it.high));
    let top = highest.chain(calibration.bins.iter().map(|bin| bin.predicted)).fold(0.05, f64::max).min(1.0);
    let mut plot = Plot::new(
        "Reliability",
        "Observed share of prompts that the weak model gets wrong against the predicted probability",
        (0.0, top),
        (0.0, top),
    );
    plot.line("perfect", "f dash", [(0.0, 0.0), (top, top)]);
    plot.line("base rate", "f dot", [(0.0, calibration.base_rate), (top, calibration.base_rate)]);
    for bin in &calibration.bins {
        plot.mark((bin.predicted, bin.observed), bin.interval.map(|it| (it.low, it.high)));
    }
    Some(Drawing {
        name: "reliability",
        caption: format!(
            "Each mark holds a {}th of the prompts; bars are Wilson intervals. On the dashed line a probability means what it \
             says. Marks spread wide along the line: the score tells prompts apart. The map from score to probability was \
             fitted on other prompts.",
            calibration.bins.len()
        ),
        svg: plot.finish("predicted: the weak model is wrong", "observed", with_style),
    })
}

fn scores(report: &Report, with_style: bool) -> Option<Drawing> {
    let histogram = &report.histogram;
    let most = histogram.counts.iter().copied().max().filter(|most| *most > 0)?;
    let mut plot = Plot::new(
        "Scores",
        "How many prompts have which score, and how many of them the weak model gets wrong",
        (histogram.low, histogram.high),
        (0.0, most as f64 * 1.08),
    );
    let low = if histogram.high > histogram.low { histogram.low } else { histogram.low - 0.5 };
    let width = (histogram.high - histogram.low).max(f64::MIN_POSITIVE) / histogram.counts.len() as f64;
    for (at, (count, wrong)) in histogram.counts.iter().zip(&histogram.weak_wrong).enumerate() {
        let (from, to) = (low + at as f64 * width, low + (at + 1) as f64 * width);
        if *count > 0 {
            plot.bar("fa", from, to, *count as f64);
            plot.bar("fb", from, to, *wrong as f64);
        }
    }
    plot.name("all prompts", "fa").name("weak model wrong", "fb");
    Some(Drawing {
        name: "score-histogram",
        caption: "A score that uses its whole range leaves room for thresholds; the share of the lower colour should grow from \
                  left to right."
            .to_owned(),
        svg: plot.finish(&report.data.signal, "prompts", with_style),
    })
}
