//! What a training run measured, in a table or as JSON.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use comfy_table::{Table, presets};
use serde_json::json;
use trainer::Report;
use trainer::ability::judge::Right;

use crate::tell;

pub(super) fn print(folder: &Path, report: &Report, as_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        return writeln!(out, "{}", json!({"folder": folder, "report": report})).context("writing the report");
    }
    tell(table(report));
    if report.from_scorer {
        tell(trainer::report::FLATTERS);
    }
    writeln!(out, "{}", folder.display()).context("writing the folder")
}

fn table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(["on prompts not fitted to", "value", "95 %"]);
    let share = |table: &mut Table, name: String, it: &trainer::metrics::Share| {
        table.add_row([name, format!("{:.3}", it.share), format!("{:.3} to {:.3}, n = {}", it.low, it.high, it.of)]);
    };
    share(&mut table, "simple below 0.4".to_owned(), &report.clear_cases.simple);
    share(&mut table, "complex above 0.6".to_owned(), &report.clear_cases.complex);
    for (author, it) in &report.by_author {
        share(&mut table, format!("author {author}: simple below 0.4"), &it.simple);
        share(&mut table, format!("author {author}: complex above 0.6"), &it.complex);
    }
    share(&mut table, "minimal pairs in order".to_owned(), &report.pairs);
    let correlations = report.difficulty.iter().map(|(source, it)| (format!("difficulty, {source}"), *it)).chain([
        ("complexity against grade".to_owned(), report.grade_correlation),
        ("complexity against length".to_owned(), report.length_correlation),
    ]);
    for (name, it) in correlations {
        table.add_row([name, format!("{:.3}", it.rho), format!("{:.3} to {:.3}, n = {}", it.low, it.high, it.n)]);
    }
    for (name, value) in [
        ("AUROC, complex over simple", report.clear_cases.auroc),
        ("tags, macro F1", report.tags_macro_f1),
        ("answer length, median |log ratio|", report.output_log_ratio),
    ] {
        table.add_row([name.to_owned(), format!("{value:.3}"), String::new()]);
    }
    if let Some(it) = &report.right {
        right(&mut table, "all", &it.all);
        it.by_source.iter().for_each(|(source, it)| right(&mut table, source, it));
    }
    table
}

/// How good the probabilities of being right are.
fn right(table: &mut Table, source: &str, it: &Right) {
    let named = [("calibration error", it.ece), ("Brier skill", it.skill)];
    for (name, figure) in named {
        table.add_row([
            format!("P(right), {source}: {name}"),
            format!("{:.3}", figure.value),
            format!("{:.3} to {:.3}, n = {} of {} prompts", figure.low, figure.high, it.outcomes, it.prompts),
        ]);
    }
}
