//! `evalkit router-eval`: judges a router on outcomes that are already known.
//!
//! Opens files, scores prompts where no scores are given, and writes what [`crate::router_eval`] finds: a table, and on
//! request JSON, a page and plots. Standard error has the progress.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::ArgAction;
use domain::ScorerInput;
use indicatif::{ProgressBar, ProgressStyle};
use scorer::{LearnedScorer, Scorer};

use crate::router_eval::read::{AllOutcomes, InputError, PromptOptions, Prompts, Scores, Signal, Wanted, join};
use crate::router_eval::report::{Data, FileUsed, Latency, Report};
use crate::router_eval::{Baseline, Costs, Inputs, Settings, evaluate, html, plots, table};
use crate::statistics::quantile;
use crate::{Ended, tell};

/// Judges a router between two models.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Prompts, `{"id", "prompt", "meta"}` a line, plain, `.zst` or `.gz`; may be repeated.
    #[arg(long, required = true)]
    prompts: Vec<PathBuf>,
    /// Outcomes, `{"prompt_id", "model", "score"}` a line with scores from 0 to 1; may be repeated.
    #[arg(long, required = true)]
    outcomes: Vec<PathBuf>,
    /// The strong model, as the outcomes name it.
    #[arg(long)]
    strong: String,
    /// The weak model.
    #[arg(long)]
    weak: String,
    /// Scores of any router, as `evalkit score` writes them or `{"id", "score"}`; higher goes to the strong model.
    #[arg(long, conflicts_with = "model")]
    scores: Option<PathBuf>,
    /// Folder of a scorer; the built-in one if neither this nor `--scores` is given.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Which output of the scorer routes.
    #[arg(long, value_parser = signal, default_value = "complexity")]
    signal: Signal,
    /// What the router is set beside; several with commas.
    #[arg(
        long = "baseline",
        value_delimiter = ',',
        default_value = "random,length,cluster,oracle,weak,strong,best-single"
    )]
    baselines: Vec<Baseline>,
    /// Writes everything as JSON; `-` is standard output, and the table goes to standard error.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes one page with tables and plots.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Folder for the plots.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Replicates of the bootstrap; 0 for no intervals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    bootstrap: u32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Drops prompts with `meta.contaminated`.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, default_value = "true", default_missing_value = "true",
          require_equals = true)]
    exclude_contaminated: bool,
    /// Refuses prompts without an outcome of both models instead of leaving them out.
    #[arg(long)]
    strict: bool,
    /// USD per 1,000 calls of the strong model; `cost_usd` of the outcomes if not given.
    #[arg(long, requires = "cost_weak", value_parser = amount)]
    cost_strong: Option<f64>,
    /// USD per 1,000 calls of the weak model.
    #[arg(long, requires = "cost_strong", value_parser = amount)]
    cost_weak: Option<f64>,
    /// Mean cost at which quality is quoted: USD per 1,000 calls, or the share of strong calls where no cost is known.
    #[arg(long, value_parser = amount)]
    budget: Option<f64>,
    /// What a unit of cost is worth in quality; adds utility.
    #[arg(long, value_parser = amount)]
    quality_per_cost: Option<f64>,
    /// Quality from which an answer counts as right.
    #[arg(long, default_value_t = 0.5, value_parser = share)]
    right_from: f64,
    /// Field of `meta` by which prompts hang together; intervals are then over clusters.
    #[arg(long)]
    cluster: Option<String>,
    /// Of several turns the router reads the first alone.
    #[arg(long)]
    first_turn: bool,
}

fn signal(text: &str) -> Result<Signal, String> {
    [Signal::Complexity, Signal::Difficulty]
        .into_iter()
        .find(|it| it.name() == text)
        .ok_or_else(|| "expected complexity or difficulty".to_owned())
}

fn amount(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|it: &f64| it.is_finite() && *it >= 0.0).ok_or_else(|| "expected 0 or more".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let found = text.parse().ok().filter(|it: &f64| *it > 0.0 && *it <= 1.0);
    found.ok_or_else(|| "expected a number above 0 and up to 1".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When input is wrong, the scorer fails, or output cannot be written.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    let (inputs, ended) = gather(options)?;
    let settings = Settings {
        baselines: options.baselines.clone(),
        replicates: options.bootstrap,
        seed: options.seed,
        budget: options.budget,
        right_from: options.right_from,
        quality_per_cost: options.quality_per_cost,
        cluster_field: options.cluster.as_ref().map(|field| format!("meta.{field}")),
    };
    let bar = bar("bootstrap", u64::from(options.bootstrap));
    let report = evaluate(&inputs, &settings, &mut |done| bar.set_position(u64::from(done)));
    bar.finish_and_clear();
    let Some(report) = report else {
        bail!(InputError::NoPrompts("all were left out".to_owned()));
    };
    write(options, &report)?;
    Ok(ended)
}

/// Reads and joins all input.
fn gather(options: &Options) -> anyhow::Result<(Inputs, Ended)> {
    let how = PromptOptions {
        exclude_contaminated: options.exclude_contaminated,
        first_turn: options.first_turn,
        cluster_field: options.cluster.clone(),
    };
    let mut data = Data { signal: options.signal.name().to_owned(), ..Data::default() };
    let (mut prompts, mut all) = (Prompts::default(), AllOutcomes::default());
    for path in &options.prompts {
        prompts.read(open(path, "prompts", &mut data)?, &name(path), &how)?;
    }
    for path in &options.outcomes {
        all.read(open(path, "outcomes", &mut data)?, &name(path), &prompts)?;
    }
    let costs = match (options.cost_weak, options.cost_strong) {
        (Some(weak), Some(strong)) => Costs::Flat { weak, strong },
        _ => Costs::OfOutcomes,
    };
    let wanted = Wanted { strong: &options.strong, weak: &options.weak, costs, strict: options.strict };
    let joined = join(&prompts, &all, &wanted)?;
    let (scores, latency) = match &options.scores {
        Some(path) => given_scores(path, options, &prompts, &joined.places, &mut data)?,
        None => own_scores(options, &prompts, &joined.places, &mut data)?,
    };
    data.prompts = joined.places.len();
    data.contaminated = prompts.contaminated;
    data.without_outcome = joined.left_out.len();
    data.unknown_outcomes = all.unknown;
    data.repeated = prompts.repeated + all.repeated;
    let ended = report_counts(&data, &joined.left_out);
    data.without_outcome_ids = joined.left_out;
    let rows = || joined.places.iter().map(|place| &prompts.rows[*place]);
    let inputs = Inputs {
        ids: rows().map(|row| row.id.clone()).collect(),
        bytes: rows().map(|row| row.text.len() as u64).collect(),
        clusters: rows().map(|row| row.cluster.clone()).collect(),
        outcomes: joined.outcomes,
        scores,
        best_single: joined.best_single,
        strong: options.strong.clone(),
        weak: options.weak.clone(),
        cost_unit: joined.cost_unit,
        latency,
        data,
    };
    Ok((inputs, ended))
}

/// Says what was dropped, and whether that is worth a warning.
fn report_counts(data: &Data, left_out: &[String]) -> Ended {
    if data.contaminated > 0 {
        let count = data.contaminated;
        tell(format_args!("{count} contaminated prompts dropped (--exclude-contaminated=false keeps them)"));
    }
    for (count, what) in [
        (data.repeated, "rows repeat others"),
        (data.unknown_outcomes, "outcomes are of prompts that are not in --prompts"),
        (data.unused_scores, "scores are of prompts that are not in --prompts"),
    ] {
        if count > 0 {
            tell(format_args!("{count} {what}"));
        }
    }
    if left_out.is_empty() {
        return Ended::Well;
    }
    let shown: Vec<&str> = left_out.iter().take(5).map(String::as_str).collect();
    let (count, more) = (left_out.len(), if left_out.len() > shown.len() { ", …" } else { "" });
    let shown = shown.join(", ");
    tell(format_args!("warning: {count} prompts left out, an outcome of either model is missing: {shown}{more}"));
    Ended::WithBadRows
}

/// Opens a file, packed or not, and notes its hash.
fn open(path: &Path, role: &'static str, data: &mut Data) -> anyhow::Result<Box<dyn Read>> {
    let flag = || format!("--{role} {}", path.display());
    let file = File::open(path).with_context(flag)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&file).with_context(flag)?;
    data.files.push(FileUsed { role, name: name(path), blake3: hasher.finalize().to_string() });
    Ok(datasets::rows::open(path).with_context(flag)?)
}

/// A file's name without its folders: reports travel, folders do not.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

type Scored = (Vec<f64>, Option<Latency>);

fn given_scores(
    path: &Path,
    options: &Options,
    prompts: &Prompts,
    places: &[usize],
    data: &mut Data,
) -> anyhow::Result<Scored> {
    let found = Scores::read(open(path, "scores", data)?, &name(path), options.signal, prompts)?;
    let lacking = places.iter().filter(|place| !found.by_prompt.contains_key(place));
    let ids: Vec<String> = lacking.map(|place| prompts.rows[*place].id.clone()).collect();
    if !ids.is_empty() {
        bail!(InputError::MissingScores { of: places.len(), ids });
    }
    data.scorer = found.version.unwrap_or_else(|| name(path));
    data.unused_scores = found.unused;
    let scores = places.iter().map(|place| found.by_prompt[place]).collect();
    Ok((scores, latency("as the scores file says", found.micros)))
}

fn own_scores(options: &Options, prompts: &Prompts, places: &[usize], data: &mut Data) -> anyhow::Result<Scored> {
    let scorer = match &options.model {
        Some(folder) => LearnedScorer::load(folder).with_context(|| format!("--model {}", folder.display()))?,
        None => scorer::builtin::load().context("the built-in scorer")?,
    };
    data.scorer = scorer.version().to_string();
    let bar = bar("scoring", places.len() as u64);
    let (mut scores, mut micros) = (Vec::with_capacity(places.len()), Vec::with_capacity(places.len()));
    for place in places {
        let prompt = &prompts.rows[*place];
        let input = ScorerInput { text: prompt.text.clone(), ..ScorerInput::default() };
        let start = Instant::now();
        let found = scorer.score(&[input]).with_context(|| format!("scoring `{}`", prompt.id))?;
        micros.push(start.elapsed().as_nanos() as f64 / 1000.0);
        scores.extend(found.iter().map(|score| match options.signal {
            Signal::Complexity => score.complexity,
            Signal::Difficulty => score.difficulty,
        }));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((scores, latency("in process, one at a time", micros)))
}

fn latency(source: &'static str, mut micros: Vec<f64>) -> Option<Latency> {
    micros.sort_unstable_by(f64::total_cmp);
    let n = micros.len();
    let at = |q| quantile(&micros, q);
    Some(Latency { source, n, p50: at(0.5)?, p95: at(0.95)?, p99: at(0.99)? })
}

fn bar(what: &'static str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec}, {eta} left");
    let bar = ProgressBar::new(length).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn write(options: &Options, report: &Report) -> anyhow::Result<()> {
    let to_stdout = options.json.as_deref() == Some(Path::new("-"));
    let text = table::render(report);
    if to_stdout {
        tell(text.trim_end());
        let mut output = io::stdout().lock();
        serde_json::to_writer(&mut output, report).context("writing to standard output")?;
        output.write_all(b"\n").context("writing to standard output")?;
    } else {
        io::stdout().lock().write_all(text.as_bytes()).context("writing to standard output")?;
    }
    if let Some(path) = options.json.as_deref().filter(|_| !to_stdout) {
        let json = serde_json::to_vec(report).context("the report as JSON")?;
        fs::write(path, json).with_context(|| format!("--json {}", path.display()))?;
    }
    if let Some(path) = &options.html {
        fs::write(path, html::render(report)).with_context(|| format!("--html {}", path.display()))?;
    }
    if let Some(folder) = &options.svg {
        fs::create_dir_all(folder).with_context(|| format!("--svg {}", folder.display()))?;
        for drawing in plots::draw(report, true) {
            let path = folder.join(format!("{}.svg", drawing.name));
            fs::write(&path, drawing.svg).with_context(|| format!("--svg {}", path.display()))?;
        }
    }
    Ok(())
}
