//! `evalkit calibrate optimal`: fits the calibration of `optimal` to outcomes, tells how good its chances are on prompts
//! that were held out, and writes it down.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use comfy_table::{Table, presets};
use domain::calibration::{Calibration, Scale, Scales};
use domain::{Date, Timestamp};
use scorer::{LearnedScorer, Scorer};
use serde_json::json;

use crate::optimal::evidence::{self, Evidence};
use crate::optimal::judge::{Figure, Judgement, judge};
use crate::optimal::{fit, prices};
use crate::{Ended, tell};

/// Fits the calibration of `optimal`.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Folder of the scorer whose difficulties the calibration is for.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Outcomes: a folder of public sets, or a file of own rows (`prompt, model, score` as .csv, .tsv, .jsonl or
    /// .parquet).
    #[arg(long, value_name = "PATH")]
    outcomes: PathBuf,
    /// Prices of the models in them: `model,input,output` in USD per million tokens; those of public models come along.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Where the calibration is written.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Its name in decision records; the scorer's version with `-own` or `-public` behind it if not given.
    #[arg(long, value_name = "NAME")]
    version: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options) -> anyhow::Result<Ended> {
    if options.out.exists() {
        bail!("--out {} is there already: name another file", options.out.display());
    }
    let scorer = LearnedScorer::load(&options.model).with_context(|| format!("--model {}", options.model.display()))?;
    let prices = prices::read(options.prices.as_deref())?;
    let evidence = evidence::load(&options.outcomes, &scorer, &prices)?;
    tell(format_args!("{} outcomes of {} prompts to fit to", evidence.rows.len(), evidence.scores.len()));
    let fitted = fit(&evidence.rows).context("--outcomes")?;
    let judgements = judge(&evidence.rows).context("--outcomes, in a fold")?;
    let calibration = Calibration {
        version: version(options, &scorer).into(),
        difficulty: scorer.version().to_string(),
        k: rounded(fitted.k),
        scale: Scales { blend: rounded_scale(fitted.scales.blend), q: rounded_scale(fitted.scales.q) },
        fitted_on: fitted_on(&evidence),
        n: evidence.rows.len() as u64,
        date: today()?,
        source: "evalkit calibrate optimal".to_owned(),
    };
    if let Some(fault) = calibration.fault() {
        bail!("the fitted calibration is unusable: {fault}");
    }
    let mut text = serde_json::to_string_pretty(&calibration)?;
    text.push('\n');
    fs::write(&options.out, text).with_context(|| format!("--out {}", options.out.display()))?;
    let told = if options.json {
        json!({"calibration": calibration, "levels": fitted.levels, "judged": judgements}).to_string()
    } else {
        let levels: Vec<String> = fitted.levels.iter().map(|(set, level)| format!("{set} {level:+.2}")).collect();
        format!(
            "k {:.3}; blend: a {:.3}, b {:.3}; q: a {:.3}, b {:.3}\nlogits that each set lies above the common level: {}\n\n{}\n{}",
            calibration.k,
            calibration.scale.blend.a,
            calibration.scale.blend.b,
            calibration.scale.q.a,
            calibration.scale.q.b,
            levels.join(", "),
            table(&judgements),
            options.out.display()
        )
    };
    writeln!(std::io::stdout().lock(), "{told}").context("writing the output")?;
    Ok(Ended::Well)
}

fn version(options: &Options, scorer: &LearnedScorer) -> String {
    let kind = if options.outcomes.is_dir() { "public" } else { "own" };
    options.version.clone().unwrap_or_else(|| format!("{}-{kind}", scorer.version()))
}

/// More digits than the data tell only make differences between machines.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn rounded_scale(Scale { a, b }: Scale) -> Scale {
    Scale { a: rounded(a), b: rounded(b) }
}

/// The sets, how many prompts of each, and a hash of all files.
fn fitted_on(evidence: &Evidence) -> String {
    let mut sets = std::collections::BTreeMap::<&str, std::collections::BTreeSet<&str>>::new();
    for row in &evidence.rows {
        sets.entry(&row.source).or_default().insert(&row.prompt);
    }
    let sets: Vec<String> = sets.iter().map(|(set, prompts)| format!("{set} ({} prompts)", prompts.len())).collect();
    let mut hasher = blake3::Hasher::new();
    for (name, hash) in &evidence.hashes {
        hasher.update(name.as_bytes()).update(hash.as_bytes());
    }
    format!("{}; data {}", sets.join(", "), &hasher.finalize().to_hex()[..16])
}

fn today() -> anyhow::Result<Date> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let now = Timestamp(i64::try_from(since.as_micros()).context("the clock is out of range")?).to_string();
    now.get(..10).map(Date::parse).ok_or_else(|| anyhow!("the clock is out of range"))?.context("the clock")
}

fn table(judgements: &[Judgement]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "held out, 5 folds of prompts",
        "outcomes",
        "log loss, 95 %",
        "Brier, 95 %",
        "calibration error, 95 %",
    ]);
    let shown = |it: &Figure| format!("{:.4} ({:.4} to {:.4})", it.value, it.low, it.high);
    for it in judgements {
        table.add_row([it.name.to_owned(), it.n.to_string(), shown(&it.log_loss), shown(&it.brier), shown(&it.ece)]);
    }
    table
}
