//! `evalkit train`: data and a configuration in, a scorer's folder out.

mod progress;
mod summary;

use std::path::PathBuf;

use anyhow::{Context, bail};
use datasets::own;
use trainer::config::Anchor;
use trainer::{Config, Initial, Inputs};

use crate::Ended;
use progress::Teller;

/// Trains a scorer.
///
/// Learns from public outcomes (`--data`), from your own (`--rows`), or from both. An interrupted run goes on where it
/// was: networks that it had fitted are kept until the run has ended well.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Configuration, TOML.
    #[arg(long, default_value = "evalkit/configs/default.toml", value_name = "FILE")]
    config: PathBuf,
    /// Folder of public prompts and outcomes, `SOURCE-prompts.jsonl.zst` and `SOURCE-outcomes.jsonl.zst`.
    #[arg(long, value_name = "DIR", required_unless_present = "rows")]
    data: Option<PathBuf>,
    /// Your own outcomes: `prompt, model, score` as .csv, .tsv, .jsonl or .parquet; may be given more than once.
    #[arg(long, value_name = "FILE")]
    rows: Vec<PathBuf>,
    /// How hard your prompts are on the whole, 0 to 10: 2 is what any model does, 5 takes a good one, 8 the best.
    #[arg(long, value_name = "0..10", requires = "rows")]
    rows_grade: Option<f64>,
    /// How far your prompts lie apart on that scale: a standard deviation.
    #[arg(long, value_name = "GRADES", requires = "rows")]
    rows_spread: Option<f64>,
    /// Learn from your own outcomes alone, even if `--data` is given.
    #[arg(long, requires = "rows")]
    no_public: bool,
    /// Folder of graded prompts.
    #[arg(long, default_value = "datasets/everyday", value_name = "DIR")]
    everyday: PathBuf,
    /// Where training starts, if not from the built-in scorer's tokenizer and token table: the folder of another scorer,
    /// or one that `evalkit/scripts/initial_table.py` made.
    #[arg(long, value_name = "DIR")]
    initial: Option<PathBuf>,
    /// Folder under which the scorer's folder is made.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Version of the scorer and name of its folder; that of the configuration if not given.
    #[arg(long, value_name = "NAME")]
    version: Option<String>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fit every network anew, also those that an interrupted run has kept.
    #[arg(long)]
    fresh: bool,
    /// Take the place of a scorer of the same version.
    #[arg(long)]
    overwrite: bool,
    /// Print progress as JSON, a line each, on standard error, and the report as JSON on standard output.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When configuration or data are wrong, or the scorer cannot be written.
pub fn run(options: Options) -> anyhow::Result<Ended> {
    let config = config(&options)?;
    let data = options.data.filter(|_| !options.no_public);
    let Options { rows, everyday, initial, out, fresh, overwrite, .. } = options;
    let initial = initial.map_or(Initial::BuiltIn, Initial::Folder);
    let inputs = Inputs { data, rows, everyday, initial, out, fresh, overwrite };
    let mut teller = Teller::new(options.json);
    let (folder, report) = trainer::train(&config, &inputs, options.seed, &mut |progress| teller.tell(&progress))?;
    teller.end();
    summary::print(&folder, &report, options.json)?;
    Ok(Ended::Well)
}

/// The configuration, with what the command line says of version and own rows.
fn config(options: &Options) -> anyhow::Result<Config> {
    let named = || format!("--config {}", options.config.display());
    let text = std::fs::read_to_string(&options.config).with_context(named)?;
    let mut config: Config = toml::from_str(&text).with_context(named)?;
    if let Some(version) = &options.version {
        config.version.clone_from(version);
    }
    let (grade, spread) = (options.rows_grade, options.rows_spread);
    if grade.is_some_and(|it| !(0.0..=10.0).contains(&it)) {
        bail!("--rows-grade: expected 0 to 10");
    }
    if spread.is_some_and(|it| !(0.0..=5.0).contains(&it)) {
        bail!("--rows-spread: expected 0 to 5");
    }
    if !options.rows.is_empty() {
        anchor(&mut config, grade, spread);
    }
    Ok(config)
}

/// Says where own prompts stand: as the command line says, else as the configuration does, else in the middle.
fn anchor(config: &mut Config, grade: Option<f64>, spread: Option<f64>) {
    let known = config.anchor_of(own::SOURCE, own::SOURCE).cloned();
    let mut anchor = known.unwrap_or_else(|| Anchor {
        source: own::SOURCE.to_owned(),
        task: "*".to_owned(),
        grade: 5.0,
        spread: 1.5,
        tags: Vec::new(),
    });
    anchor.grade = grade.unwrap_or(anchor.grade);
    anchor.spread = spread.unwrap_or(anchor.spread);
    config.anchor.retain(|it| it.source != own::SOURCE);
    config.anchor.push(anchor);
}
