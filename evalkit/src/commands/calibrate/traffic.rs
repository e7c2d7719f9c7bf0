//! `evalkit calibrate traffic`: sets the dial of an `optimal` policy by replaying requests, and prints what to paste.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use comfy_table::{Table, presets};
use domain::{Calibration, Dial};
use scorer::LearnedScorer;
use serde_json::json;

use crate::optimal::judge::Figure;
use crate::optimal::replay::{Case, MOST_CASES, Outcome, Traffic};
use crate::optimal::target::{Kind, LossTarget, Target, set};
use crate::optimal::{cases, evidence, prices};
use crate::{Ended, tell};

/// Sets the dial of an `optimal` policy.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Decision records of an `optimal` policy, one a line, as `signalbox logs --json` prints requests.
    #[arg(long, value_name = "FILE", required_unless_present = "rows", conflicts_with = "rows")]
    decisions: Option<PathBuf>,
    /// Outcomes instead: a folder of public sets, or a file of own rows; needs `--model`.
    #[arg(long, value_name = "PATH", requires = "model")]
    rows: Option<PathBuf>,
    /// Folder of the scorer that says how hard the prompts of `--rows` are.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Calibration by which chances of `--rows` are made; the built-in one if not given.
    #[arg(long, value_name = "FILE", requires = "rows")]
    calibration: Option<PathBuf>,
    /// Prices of the models of `--rows`: `model,input,output` in USD per million tokens; those of public models come
    /// along.
    #[arg(long, value_name = "FILE", requires = "rows")]
    prices: Option<PathBuf>,
    /// A promise: at most so much less mean quality than the strongest, with this percentage of confidence.
    #[arg(long, value_name = "loss<=SHARE@PERCENT", required_unless_present = "budget", conflicts_with = "budget")]
    target: Option<LossTarget>,
    /// A budget: `USD/day`, for `--requests-per-day` requests.
    #[arg(long, value_name = "USD/day", value_parser = budget, requires = "requests_per_day")]
    budget: Option<f64>,
    /// How many requests a day the budget is for.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests_per_day: Option<u64>,
    /// Which dial is set.
    #[arg(long, value_enum, default_value = "min_quality")]
    dial: Kind,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

fn budget(text: &str) -> Result<f64, String> {
    let usd = text.strip_suffix("/day").and_then(|usd| usd.parse::<f64>().ok());
    let usd = usd.filter(|usd| usd.is_finite() && *usd > 0.0);
    usd.ok_or_else(|| format!("`{text}`: expected USD a day above 0, for example `25/day`"))
}

pub(super) fn run(options: &Options) -> anyhow::Result<Ended> {
    let cases = cases(options)?;
    if cases.len() > MOST_CASES {
        bail!("{} requests, expected at most {MOST_CASES}: take a sample", cases.len());
    }
    if cases.is_empty() {
        bail!("no request is left to replay: expected decisions of an `optimal` policy with a chance and a price");
    }
    let traffic = Traffic::new(cases);
    let target = target(options)?;
    let (dial, replay) = match set(&traffic, options.dial, target) {
        Ok(found) => found,
        Err(fault) => {
            tell(format_args!("{fault}"));
            return Ok(Ended::Refused);
        }
    };
    let (here, strongest) = (traffic.outcome(&replay), traffic.outcome(&traffic.strongest()));
    let strategy = written(dial);
    let told = if options.json {
        json!({"strategy": strategy, "requests": traffic.len(), "quality_is_measured": traffic.is_measured,
               "outcome": here, "strongest": strongest})
        .to_string()
    } else {
        let quality = if traffic.is_measured { "what happened" } else { "the chance of success" };
        let table = table(&here, &strongest);
        format!("{} requests; quality is {quality}\n\n{table}\n\nstrategy = {strategy}", traffic.len())
    };
    writeln!(std::io::stdout().lock(), "{told}").context("writing the output")?;
    Ok(Ended::Well)
}

fn cases(options: &Options) -> anyhow::Result<Vec<Case>> {
    if let Some(path) = &options.decisions {
        let text = fs::read_to_string(path).with_context(|| format!("--decisions {}", path.display()))?;
        let (cases, passed) = cases::of_decisions(&text).context("--decisions")?;
        if passed > 0 {
            tell(format_args!("{passed} lines are passed over: not by `optimal`, not scored, or without a price"));
        }
        return Ok(cases);
    }
    let (Some(rows), Some(model)) = (&options.rows, &options.model) else {
        bail!("--rows needs --model: name the scorer's folder");
    };
    let scorer = LearnedScorer::load(model).with_context(|| format!("--model {}", model.display()))?;
    let prices = prices::read(options.prices.as_deref())?;
    let calibration = match &options.calibration {
        Some(path) => read_calibration(path)?,
        None => policy::shipped().clone(),
    };
    let evidence = evidence::load(rows, &scorer, &prices)?;
    if !calibration.fits_scorer(&evidence.scorer) {
        tell(format_args!(
            "warning: the calibration `{}` is for the scorer {}, not {}: fit one with `evalkit calibrate optimal`",
            calibration.version, calibration.difficulty, evidence.scorer
        ));
    }
    cases::of_evidence(&evidence, &calibration, &prices)
}

fn read_calibration(path: &Path) -> anyhow::Result<Calibration> {
    let context = || format!("--calibration {}", path.display());
    let text = fs::read_to_string(path).with_context(context)?;
    let calibration: Calibration = serde_json::from_str(&text).with_context(context)?;
    match calibration.fault() {
        Some(fault) => Err(anyhow!("{fault}").context(context())),
        None => Ok(calibration),
    }
}

fn target(options: &Options) -> anyhow::Result<Target> {
    match (options.target, options.budget, options.requests_per_day) {
        (Some(LossTarget { most, confidence }), _, _) => Ok(Target::Loss { most, confidence }),
        (None, Some(usd), Some(requests)) => Ok(Target::Cost { most: usd / requests as f64 }),
        (None, _, _) => bail!("--budget needs --requests-per-day"),
    }
}

/// What to paste into a policy.
fn written(dial: Dial) -> String {
    match dial {
        Dial::Lambda(it) => format!("{{ type = \"optimal\", lambda = {} }}", it.get()),
        Dial::MinQuality(it) => format!("{{ type = \"optimal\", min_quality = {} }}", it.get()),
    }
}

fn table(here: &Outcome, strongest: &Outcome) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(["", "with this dial, 95 %", "the strongest alone, 95 %"]);
    let shown = |it: Figure| format!("{:.4} ({:.4} to {:.4})", it.value, it.low, it.high);
    let usd = |it: Figure| format!("{:.4} ({:.4} to {:.4})", it.value * 1e3, it.low * 1e3, it.high * 1e3);
    table.add_row(["quality".to_owned(), shown(here.quality), shown(strongest.quality)]);
    table.add_row(["loss of quality".to_owned(), shown(here.loss), shown(strongest.loss)]);
    table.add_row(["USD per 1,000 requests".to_owned(), usd(here.cost_usd), usd(strongest.cost_usd)]);
    let shares = |it: &Outcome| {
        let mut shares: Vec<(&String, &f64)> = it.shares.iter().collect();
        shares.sort_by(|a, b| b.1.total_cmp(a.1));
        shares
            .iter()
            .take(6)
            .map(|(model, share)| format!("{model} {:.1} %", *share * 100.0))
            .collect::<Vec<_>>()
            .join("\n")
    };
    table.add_row(["share of requests".to_owned(), shares(here), shares(strongest)]);
    table
}
