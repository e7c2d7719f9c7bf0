//! The report as text for a terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, Table, presets};

use super::report::{ContenderReport, Figure, Report};
use super::{Baseline, Measure};

/// Rows of the table of contenders, and what they are called.
pub(super) const ROWS: [(Measure, &str); 15] = [
    (Measure::Apgr, "APGR"),
    (Measure::ApgrTenSteps, "APGR, mean of 10 steps"),
    (Measure::Cpt50, "CPT(50 %)"),
    (Measure::Cpt50Linear, "CPT(50 %), mixed"),
    (Measure::Cpt80, "CPT(80 %)"),
    (Measure::Cpt80Linear, "CPT(80 %), mixed"),
    (Measure::Aiq, "AIQ"),
    (Measure::QualityAtBudget, "quality at budget"),
    (Measure::QualityAtBudgetHull, "quality at budget, hull"),
    (Measure::RegretAtBudget, "regret at budget"),
    (Measure::MeanRegret, "mean regret to oracle"),
    (Measure::SavingAtStrongQuality, "saving at strong's quality"),
    (Measure::AurocWeakWrong, "AUROC weak wrong"),
    (Measure::AurocEscalate, "AUROC weak wrong, strong right"),
    (Measure::AurocStrongBetter, "AUROC strong better"),
];

/// Measures of which differences are shown.
pub(super) const COMPARED: [(Measure, &str); 5] = [
    (Measure::Apgr, "APGR"),
    (Measure::Cpt50Linear, "CPT(50 %), mixed"),
    (Measure::Cpt80Linear, "CPT(80 %), mixed"),
    (Measure::Aiq, "AIQ"),
    (Measure::QualityAtBudget, "quality at budget"),
];

/// Writes the report.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{}\n\n{}\n\n{}\n\nRouter less baseline, paired\n{}\n",
        head(report),
        pair(report),
        contenders(report),
        differences(report)
    );
    if let Some(table) = eleven(report) {
        let _ = write!(text, "\nThe paper's eleven-point procedure\n{table}\n");
    }
    let _ = write!(text, "\n{}", tail(report));
    for note in &report.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    text.push('\n');
    text
}

fn head(report: &Report) -> String {
    format!(
        "{} ({}) between {} and {} on {} prompts",
        report.data.scorer, report.data.signal, report.pair.strong, report.pair.weak, report.data.prompts
    )
}

fn new_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    table
}

fn pair(report: &Report) -> Table {
    let (pair, costs) = (&report.pair, &report.costs);
    let mut table = new_table(["models", "value", "95 %"]);
    for (name, figure) in [
        (format!("strong, {}", pair.strong), pair.strong_quality),
        (format!("weak, {}", pair.weak), pair.weak_quality),
        ("gap".to_owned(), pair.gap),
    ] {
        table.add_row([name, number(figure.value), interval(figure)]);
    }
    table.add_row(["better of both, per prompt".to_owned(), number(Some(pair.best_per_prompt)), String::new()]);
    table.add_row([
        "prompts: strong better, weak better, neither right".to_owned(),
        format!("{}, {}, {}", pair.strong_better, pair.weak_better, pair.neither_right),
        String::new(),
    ]);
    if let Some(clustered) = &pair.clustered {
        table.add_row([
            format!("error of the gap over {} clusters", clustered.clusters),
            number(Some(clustered.cr1)),
            format!("taken as independent: {:.4}", clustered.naive),
        ]);
    }
    let unit = if costs.unit == "usd_per_1k_calls" { "USD per 1k calls" } else { "share of strong calls" };
    table.add_row([
        format!("cost in {unit}: weak, strong"),
        format!("{}, {}", number(Some(costs.weak)), number(Some(costs.strong))),
        format!(
            "budget {}{}",
            number(Some(costs.budget)),
            if costs.budget_is_midpoint { ", halfway as none was given" } else { "" }
        ),
    ]);
    table
}

fn contenders(report: &Report) -> Table {
    let all: Vec<&ContenderReport> = std::iter::once(&report.router).chain(&report.baselines).collect();
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(
        std::iter::once("figure")
            .chain(std::iter::once("router"))
            .chain(std::iter::once("95 %"))
            .chain(report.baselines.iter().map(|baseline| baseline.name.as_str())),
    );
    for (measure, name) in ROWS {
        if all.iter().all(|it| it.figure(measure).value.is_none()) {
            continue;
        }
        let router = report.router.figure(measure);
        let mut row = vec![Cell::new(name), right(number(router.value)), Cell::new(interval(router))];
        row.extend(report.baselines.iter().map(|baseline| right(number(baseline.figure(measure).value))));
        table.add_row(row);
    }
    table
}

fn differences(report: &Report) -> Table {
    let mut table = new_table(["against", "figure", "difference", "95 %", ""]);
    for difference in &report.differences {
        for (measure, name) in COMPARED {
            let figure = difference.figure(measure);
            if let Some(value) = figure.value {
                let word = verdict(measure, &difference.baseline, figure).to_owned();
                table.add_row([
                    difference.baseline.clone(),
                    name.to_owned(),
                    format!("{value:+.4}"),
                    interval(figure),
                    word,
                ]);
            }
        }
    }
    table
}

/// A word for a difference: only an interval that excludes zero earns one, and no interval does where the measure cannot
/// come out lower.
pub(super) fn verdict(measure: Measure, baseline: &str, figure: Figure) -> &'static str {
    let has_no_thresholds = baseline.parse().is_ok_and(Baseline::has_no_thresholds);
    if measure.is_optimistic() && has_no_thresholds {
        return "never lower";
    }
    match (figure.value, figure.interval) {
        (Some(value), Some(interval)) if interval.excludes_zero() => {
            if (value > 0.0) == measure.is_better_high() {
                "better"
            } else {
                "worse"
            }
        }
        (Some(_), Some(_)) => "not told apart",
        _ => "",
    }
}

fn eleven(report: &Report) -> Option<Table> {
    let mut table = new_table(["11 points", "APGR", "CPT(50 %)", "CPT(80 %)"]);
    for contender in std::iter::once(&report.router).chain(&report.baselines) {
        if let Some(found) = &contender.eleven {
            table.add_row([contender.name.clone(), number(found.apgr), number(found.cpt50), number(found.cpt80)]);
        }
        if let Some(runs) = &contender.runs {
            let apgr =
                format!("{} (sd {}, {} runs)", number(runs.eleven_mean), number(runs.eleven_deviation), runs.runs);
            table.add_row([Baseline::Random.to_string(), apgr, number(runs.cpt50_mean), number(runs.cpt80_mean)]);
        }
    }
    (table.row_count() > 0).then_some(table)
}

fn tail(report: &Report) -> String {
    let mut lines = Vec::new();
    if let Some(it) = &report.calibration {
        lines.push(format!(
            "calibration of \"{}\" (n = {}, {} folds, {} bins of equal mass): ECE {} {} ({} by chance alone), Brier {} {} against {} of the base rate {:.4}",
            it.event,
            it.n,
            it.folds,
            it.bins.len(),
            number(it.expected_error.value),
            interval(it.expected_error),
            number(it.expected_error_by_chance),
            number(it.brier.value),
            interval(it.brier),
            number(it.brier_of_base_rate),
            it.base_rate
        ));
    }
    if let Some(it) = &report.operating_point {
        let threshold = it.threshold.map_or("above every score".to_owned(), |threshold| format!("{threshold:.4}"));
        lines.push(format!(
            "one threshold within the budget: {threshold}, share {:.4}, quality {:.4}, cost {:.4}, regret {:.4}; cheapest right model chosen on {} of {} solvable prompts",
            it.share, it.quality, it.cost, it.regret, it.best_chosen, it.solvable
        ));
    }
    if let Some(it) = &report.utility {
        lines.push(format!(
            "utility there at {} quality per unit of cost: {:.4}, oracle {:.4}, regret {:.4}",
            it.quality_per_cost, it.mean, it.oracle, it.regret
        ));
    }
    if let Some(it) = &report.latency {
        lines.push(format!(
            "time to score ({}, n = {}): p50 {:.0} µs, p95 {:.0} µs, p99 {:.0} µs",
            it.source, it.n, it.p50, it.p95, it.p99
        ));
    }
    if let Some(rho) = report.length_correlation {
        lines.push(format!("Spearman's correlation of score and length in bytes: {rho:.4}"));
    }
    if let Some(runs) = report.baselines.iter().find_map(|it| it.runs) {
        lines.push(format!(
            "{} coins: APGR {} (sd {}), AIQ {} (sd {}), the latter from choosing thresholds after the fact",
            runs.runs,
            number(runs.apgr_mean),
            number(runs.apgr_deviation),
            number(runs.aiq_mean),
            number(runs.aiq_deviation)
        ));
    }
    let oracle = report.baselines.iter().find_map(|it| it.apgr_at_most);
    lines.extend(oracle.map(|apgr| format!("APGR of the oracle that may call less than allowed: {apgr:.4}")));
    lines.push(format!(
        "intervals: Poisson bootstrap over {}, {} replicates, seed {}",
        report.bootstrap.unit, report.bootstrap.replicates, report.bootstrap.seed
    ));
    lines.join("\n")
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.4}", unsigned_zero(value)))
}

pub(super) fn interval(figure: Figure) -> String {
    figure
        .interval
        .map_or_else(String::new, |it| format!("[{:.4}, {:.4}]", unsigned_zero(it.low), unsigned_zero(it.high)))
}

/// What rounds to zero has no sign.
fn unsigned_zero(value: f64) -> f64 {
    if value.abs() < 5e-5 { 0.0 } else { value }
}
