//! `evalkit calibrate scorer`: places further models in a scorer from a few dozen outcomes each, its network untouched.
//!
//! Placing is `trainer`'s; here are the reading, the words, and the new folder.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use datasets::{OwnOutcomes, Purpose, own};
use scorer::{LearnedScorer, Scorer, ScorerInput};
use serde_json::json;
use trainer::ability::Cell;
use trainer::ability::newcomer::{self, ENOUGH, FEWEST, Newcomer};

use super::{folder, table};
use crate::{Ended, tell};

/// Adds models to a scorer.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Folder of the scorer.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Outcomes of the models to add: `prompt, model, score` as .csv, .tsv, .jsonl or .parquet.
    #[arg(long, value_name = "FILE")]
    rows: PathBuf,
    /// Folder under which the new scorer's folder is made.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Version of the new scorer and name of its folder; the old one with `-own` behind it if not given.
    #[arg(long, value_name = "NAME")]
    version: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the scorer cannot be loaded, rows are bad or too few, or the new folder is there already or cannot be written.
pub(super) fn run(options: &Options) -> anyhow::Result<Ended> {
    let scorer = LearnedScorer::load(&options.model).with_context(|| format!("--model {}", options.model.display()))?;
    let version = options.version.clone().unwrap_or_else(|| format!("{}-own", scorer.version()));
    folder::check(&options.out, &version)?;
    let rows = OwnOutcomes::load(&options.rows, Purpose::PlaceModel).context("--rows")?;
    let counts = counts(&rows)?;
    let difficulties = difficulties(&scorer, &rows)?;
    let cells: Vec<_> = rows
        .outcomes
        .iter()
        .filter_map(|row| {
            let (prompt, difficulty) = (row.prompt_id.as_str(), *difficulties.get(row.prompt_id.as_str())?);
            Some(Cell { prompt, model: &row.model, source: own::SOURCE, difficulty, score: row.score })
        })
        .collect();
    let mut models = scorer.models().cloned().unwrap_or_else(newcomer::nobody);
    let placed = newcomer::add(&mut models, own::SOURCE, &cells);
    let made = folder::write(&folder::Change {
        from: &options.model,
        out: &options.out,
        version: &version,
        models: &models,
        rows_hash: &rows.hash,
        placed: &placed,
    })?;
    // What was written is what will be loaded.
    LearnedScorer::load(&made).context("the new scorer")?;
    warn(&counts);
    let mut out = std::io::stdout().lock();
    let told = if options.json {
        json!({"folder": made, "version": version, "models": placed.iter().map(to_json).collect::<Vec<_>>()})
            .to_string()
    } else {
        format!("{}\n{}", table::table(&placed), made.display())
    };
    writeln!(out, "{told}").context("writing the output")?;
    Ok(Ended::Well)
}

/// Outcomes of each model. Refuses models with too few, all of them at once.
fn counts(rows: &OwnOutcomes) -> anyhow::Result<BTreeMap<&str, usize>> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for row in &rows.outcomes {
        *counts.entry(&row.model).or_default() += 1;
    }
    let few = counts.iter().filter(|(_, n)| **n < FEWEST);
    let few: Vec<_> = few.map(|(name, n)| format!("`{name}` has {n} outcomes")).collect();
    if !few.is_empty() {
        bail!("--rows: {}; expected at least {FEWEST} of each model, better {ENOUGH}: add outcomes", few.join(", "));
    }
    Ok(counts)
}

fn warn(counts: &BTreeMap<&str, usize>) {
    for (name, n) in counts.iter().filter(|(_, n)| **n < ENOUGH) {
        tell(format_args!("warning: `{name}` is placed by {n} outcomes, which is rough: better have {ENOUGH}"));
    }
}

/// What the scorer says of each prompt.
fn difficulties<'a>(scorer: &LearnedScorer, rows: &'a OwnOutcomes) -> anyhow::Result<BTreeMap<&'a str, f64>> {
    let said = |(id, prompt): (&'a String, &datasets::PublicPrompt)| {
        let input = ScorerInput { text: prompt.prompt.clone(), ..ScorerInput::default() };
        let raw = scorer.raw(&input).with_context(|| format!("--rows: prompt `{id}`"))?;
        Ok((id.as_str(), raw.difficulty))
    };
    rows.prompts.iter().map(said).collect()
}

fn to_json(it: &Newcomer) -> serde_json::Value {
    json!({
        "model": it.model.name, "source": it.model.source, "n": it.model.n, "mean_score": it.mean_score,
        "theta": it.model.theta, "theta_error": it.model.theta_error,
        "slope": it.model.slope, "slope_error": it.model.slope_error,
        "cross_validated": it.right,
    })
}
