//! `evalkit report`: everything that is promised of a scorer, measured by one command.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use comfy_table::Table;
use indicatif::ProgressBar;

use crate::report::rivals::Rivals;
use crate::report::row::FORMAT;
use crate::report::{Chance, Decisions, Material, Plan, Report, Sources, Subject, measure, show};
use crate::{Ended, tell};

/// Prompts of each large set that a quick look takes.
const SAMPLE: usize = 300;

/// Measures what is promised.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Measures a scorer on everything that is promised of it; exits with 2 if data was missing.
    Scorer(Box<ScorerOptions>),
}

/// Measures a scorer.
#[derive(Debug, clap::Args)]
pub struct ScorerOptions {
    /// The scorer's folder, or `builtin`.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Another scorer to stand beside it: a folder, or `builtin`.
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// Folder with `train/` (public prompts and outcomes) and `routellm-bench/`.
    #[arg(long, default_value = "../shared/data", value_name = "DIR")]
    data: PathBuf,
    /// Folder of blind prompts.
    #[arg(long, default_value = "datasets/blind", value_name = "DIR")]
    blind: PathBuf,
    /// Folder of graded prompts, which baselines are fitted to.
    #[arg(long, default_value = "datasets/everyday", value_name = "DIR")]
    everyday: PathBuf,
    /// Times of decisions over gRPC, as the program `decisions` wrote them with --json.
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Writes everything as JSON; `-` is standard output, and the table goes to standard error.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes one page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Writes a document.
    #[arg(long, value_name = "FILE")]
    md: Option<PathBuf>,
    /// Samples and no intervals, for a quick look.
    #[arg(long)]
    fast: bool,
    /// Leaves the baselines out that have to be fitted.
    #[arg(long)]
    no_baselines: bool,
    /// Replicates of the bootstrap; 0 for no intervals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    bootstrap: u32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the command.
///
/// # Errors
/// When the scorer is refused, data is wrong, or output cannot be written.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    let What::Scorer(options) = &options.what;
    let report = of_scorer(options)?;
    write(options, &report)?;
    if let Some(unmeasured) = show::unmeasured(&report) {
        tell(unmeasured);
    }
    Ok(if report.lacks_data() { Ended::WithBadRows } else { Ended::Well })
}

fn of_scorer(options: &ScorerOptions) -> anyhow::Result<Report> {
    let subject = Subject::named(&options.model).context("--model")?;
    let against = options.against.as_deref().map(Subject::named).transpose().context("--against")?;
    let decisions = options.decisions.as_deref().map(Decisions::read).transpose().context("--decisions")?;
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("reading data");
    let sources =
        Sources { data: options.data.clone(), blind: options.blind.clone(), everyday: options.everyday.clone() };
    let material = Material::read(&sources, options.fast.then_some(SAMPLE))?;
    let replicates = if options.fast { 0 } else { options.bootstrap };
    let plan = Plan {
        fast: options.fast,
        chance: Chance { replicates, seed: options.seed },
        executable: std::env::current_exe().ok(),
        decisions,
    };
    let say = &mut |what: &str| bar.set_message(what.to_owned());
    let rivals =
        if options.no_baselines { Rivals::default() } else { Rivals::fit(&subject, &material, options.seed, say)? };
    let mut report = Report {
        format: FORMAT,
        producer: format!("evalkit {}", env!("CARGO_PKG_VERSION")),
        scorer: subject.version(),
        against: None,
        seed: options.seed,
        replicates,
        fast: options.fast,
        rows: measure(&subject, &material, &rivals, &plan, say)?,
        files: material.files.clone(),
        notes: Vec::new(),
    };
    if let Some(other) = against {
        let rows = measure(&other, &material, &Rivals::default(), &plan, say)?;
        report.set_beside(other.version(), &rows);
    }
    bar.finish_and_clear();
    Ok(report)
}

fn write(options: &ScorerOptions, report: &Report) -> anyhow::Result<()> {
    let to_stdout = options.json.as_deref() == Some(Path::new("-"));
    let text = show::text(report, columns(to_stdout));
    let mut output = io::stdout().lock();
    if to_stdout {
        tell(text.trim_end());
        serde_json::to_writer_pretty(&mut output, report).context("writing to standard output")?;
        output.write_all(b"\n").context("writing to standard output")?;
    } else {
        output.write_all(text.as_bytes()).context("writing to standard output")?;
    }
    if let Some(path) = options.json.as_deref().filter(|_| !to_stdout) {
        let json = serde_json::to_vec_pretty(report).context("the report as JSON")?;
        fs::write(path, json).with_context(|| format!("--json {}", path.display()))?;
    }
    for (flag, path, render) in
        [("html", &options.html, show::page as fn(&Report) -> String), ("md", &options.md, show::markdown)]
    {
        if let Some(path) = path {
            fs::write(path, render(report)).with_context(|| format!("--{flag} {}", path.display()))?;
        }
    }
    Ok(())
}

/// Columns of the terminal that the table goes to, if it goes to one.
fn columns(on_stderr: bool) -> Option<u16> {
    let mut table = Table::new();
    if on_stderr {
        table.use_stderr();
    }
    table.width()
}
