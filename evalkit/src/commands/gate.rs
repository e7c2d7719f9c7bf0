//! `evalkit gate`: refuses a scorer that is worse than the one in service beyond noise.
//!
//! Writes what it found as `gate.json` into the candidate's folder, where `evalkit promote` looks for it.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::ProgressBar;
use proto::gate::GATE;
use proto::scorers::MANIFEST;

use crate::Ended;
use crate::gate::check::Margins;
use crate::gate::compare::Pair;
use crate::gate::verdict::{FORMAT, overall};
use crate::gate::{Check, Gate, Rounds, Verdict, compare};
use crate::report::{Chance, Material, Subject};

/// Refuses a scorer that is worse than the one in service.
///
/// Exits with 0 if it passes, 3 if it is worse beyond noise, 4 if that cannot be told, 1 if nothing could be compared.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The candidate's folder.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Who is in service: a folder, or `builtin`.
    #[arg(long, default_value = "builtin", value_name = "DIR|builtin")]
    against: PathBuf,
    /// Folder with `train/`, whose dev prompts difficulty is checked on.
    #[arg(long, default_value = "../shared/data", value_name = "DIR")]
    data: PathBuf,
    /// Folder of blind prompts.
    #[arg(long, default_value = "datasets/blind", value_name = "DIR")]
    blind: PathBuf,
    /// How much worse is no worse, by check: `tags=0.05`; may be repeated.
    #[arg(long = "margin", value_parser = margin, value_name = "CHECK=VALUE")]
    margins: Vec<(Check, f64)>,
    /// Leaves a check out; `gate.json` says so. May be repeated.
    #[arg(long, value_name = "CHECK")]
    without: Vec<Check>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Replicates of the bootstrap.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    bootstrap: u32,
    /// Prompts that are timed.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    timed: u32,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn margin(text: &str) -> Result<(Check, f64), String> {
    let (check, value) = text.split_once('=').ok_or("expected CHECK=VALUE, such as tags=0.05")?;
    let value = value.parse().ok().filter(|it: &f64| it.is_finite() && *it >= 0.0);
    Ok((check.parse()?, value.ok_or("the value: expected 0 or more")?))
}

/// Runs the command.
///
/// # Errors
/// When either scorer is refused, data is missing or wrong, or `gate.json` cannot be written.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    let candidate = Subject::load(&options.model).context("--model")?;
    let path = options.model.join(GATE);
    // What an earlier gate said must not outlive a run that breaks off.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context(path.display().to_string()),
        _ => {}
    }
    let incumbent = Subject::named(&options.against).context("--against")?;
    let gate = judge(options, &candidate, &incumbent)?;
    let json = serde_json::to_vec_pretty(&gate).context("the gate's word as JSON")?;
    write_whole(&path, &json)?;
    let told = if options.json { serde_json::to_string(&gate)? } else { table(&gate, &path) };
    writeln!(io::stdout().lock(), "{told}").context("writing to standard output")?;
    Ok(match gate.verdict {
        Verdict::Pass => Ended::Well,
        Verdict::Fail => Ended::Refused,
        Verdict::Inconclusive => Ended::Inconclusive,
    })
}

fn judge(options: &Options, candidate: &Subject, incumbent: &Subject) -> anyhow::Result<Gate> {
    if Check::ALL.iter().all(|check| options.without.contains(check)) {
        bail!("--without: every check is left out, so nothing would be judged");
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("reading data");
    let mut material = Material::default();
    if !options.without.contains(&Check::Difficulty) {
        material.read_public(&options.data.join("train"), None)?;
    }
    material.read_blind(&options.blind)?;
    let rounds = Rounds {
        chance: Chance { replicates: options.bootstrap, seed: options.seed },
        timed: options.timed as usize,
        without: options.without.clone(),
    };
    let margins = Margins::new(options.margins.iter().copied());
    let pair = Pair { candidate, incumbent };
    let checks = compare(&pair, &material, &margins, &rounds, &mut |what| bar.set_message(what.to_owned()))?;
    bar.finish_and_clear();
    let manifest = fs::read(options.model.join(MANIFEST)).context("--model")?;
    Ok(Gate {
        format: FORMAT,
        verdict: overall(&checks),
        version: candidate.version(),
        against: incumbent.version(),
        manifest: blake3::hash(&manifest).to_hex().to_string(),
        seed: options.seed,
        replicates: options.bootstrap,
        checks,
        without: options.without.clone(),
        files: material.files,
    })
}

/// Writes beside and renames, so that nobody reads half a word.
fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside = path.with_extension("json.part");
    fs::write(&beside, bytes).with_context(|| beside.display().to_string())?;
    fs::rename(&beside, path).with_context(|| path.display().to_string())
}

fn table(gate: &Gate, path: &Path) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "check",
        &gate.version,
        &gate.against,
        "worse by",
        "95 %",
        "margin",
        "n",
        "verdict",
    ]);
    for it in &gate.checks {
        let number = |value: f64| format!("{value:.4}");
        let interval = it.worse_by.interval.map_or(String::new(), |it| format!("[{:+.4}, {:+.4}]", it.low, it.high));
        let verdict = match it.needs {
            Some(needs) => format!("{}, {needs} would tell", it.verdict),
            None => it.verdict.to_string(),
        };
        let cells = [
            it.what.to_owned(),
            number(it.candidate),
            number(it.incumbent),
            it.worse_by.value.map_or(String::new(), |value| format!("{value:+.4}")),
            interval,
            number(it.margin),
            it.n.to_string(),
            verdict,
        ];
        table.add_row(cells.into_iter().enumerate().map(|(at, cell)| {
            Cell::new(cell).set_alignment(if at == 0 { CellAlignment::Left } else { CellAlignment::Right })
        }));
    }
    let mut text = format!("{table}\n\n");
    // Writing to a string cannot fail.
    for check in &gate.without {
        let _ = writeln!(text, "left out on request: {check}");
    }
    let next = match gate.verdict {
        Verdict::Pass => "promote it with `evalkit promote`",
        Verdict::Fail => "it is worse beyond noise; `evalkit promote` refuses it",
        Verdict::Inconclusive => "it cannot be told whether it is worse; give more prompts or wider margins",
    };
    let (version, against) = (&gate.version, &gate.against);
    let _ = write!(text, "{}: {version} against {against}: {next}\n{}", gate.verdict, path.display());
    text
}
