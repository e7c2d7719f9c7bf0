//! `evalkit train`: data and a configuration in, a scorer's folder out.

use std::path::PathBuf;

use anyhow::Context;
use comfy_table::{Table, presets};
use indicatif::ProgressBar;
use trainer::pipeline::Progress;
use trainer::{Config, Inputs, Report};

use crate::Ended;

/// Trains a scorer.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Configuration, TOML.
    #[arg(long, default_value = "evalkit/configs/default.toml")]
    config: PathBuf,
    /// Folder of public prompts and outcomes, `SOURCE-prompts.jsonl.zst` and `SOURCE-outcomes.jsonl.zst`.
    #[arg(long)]
    data: PathBuf,
    /// Folder of graded prompts.
    #[arg(long, default_value = "datasets/everyday")]
    everyday: PathBuf,
    /// Folder with the tokenizer and token table that training starts from: see `evalkit/scripts/initial_table.py`.
    #[arg(long)]
    initial: PathBuf,
    /// Folder under which the scorer's folder is made.
    #[arg(long)]
    out: PathBuf,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the command.
///
/// # Errors
/// When configuration or data are wrong, or the scorer cannot be written.
pub fn run(options: Options) -> anyhow::Result<Ended> {
    let text =
        std::fs::read_to_string(&options.config).with_context(|| format!("--config {}", options.config.display()))?;
    let config: Config = toml::from_str(&text).with_context(|| format!("--config {}", options.config.display()))?;
    let inputs = Inputs { data: options.data, everyday: options.everyday, initial: options.initial, out: options.out };
    let bar = ProgressBar::new_spinner();
    let (folder, report) = trainer::train(&config, &inputs, options.seed, &mut |progress| show(&bar, &progress))?;
    bar.finish_and_clear();
    eprintln!("{}\n{}", summary(&report), folder.display());
    Ok(Ended::Well)
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let line = match progress {
        Progress::Read(rows) => {
            rows.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", ")
        }
        Progress::Fitting(at, of, unseen) if unseen.is_empty() => format!("network {at} of {of}, all authors"),
        Progress::Fitting(at, of, unseen) => format!("network {at} of {of}, held out: {}", unseen.join(", ")),
        Progress::Passed(network, it) => format!(
            "network {network}, pass {:3}  loss {:.4}  dev: complexity {:.4}, difficulty {:.4}{}",
            it.number,
            it.train,
            it.complexity,
            it.difficulty,
            if it.best { "  best" } else { "" }
        ),
    };
    // Where nobody watches, a bar prints nothing: lines are for logs as well.
    if bar.is_hidden() { eprintln!("{line}") } else { bar.println(line) }
}

fn summary(report: &Report) -> Table {
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
    table
}
