//! `evalkit import`: a scorecard file of any format to `evalkit.scorecard/1`, with what should be known of it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use comfy_table::{Table, presets};
use domain::{CapabilityTag, Date, Direction, Missing, Normalisation, SourceKind, Timestamp};
use scorecards::{Aliases, Declared, FlagKind, Format, Heading, Reading};

use crate::{Ended, tell};

/// More flags of one kind than this are counted, not told.
const FLAGS_TOLD: usize = 5;

/// Reads scorecards of any format, checks them and writes them as `evalkit.scorecard/1`.
///
/// Exits with 2 if there are flags: models that nobody knows, little evidence, old numbers; with 1 if the file has faults,
/// all of which are told, and nothing is written.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// A table (long, wide, or `model_id,score,notes`), `evalkit.scorecard/1`, Every Eval Ever, or a board of Aider.
    file: PathBuf,
    /// The file's format: auto, csv, json, eee or aider.
    #[arg(long, default_value = "auto", value_parser = format, value_name = "FORMAT")]
    format: Choice,
    /// Where the scorecards go; `-` is standard output.
    #[arg(long, value_name = "OUT.json")]
    output: PathBuf,
    /// The benchmark's name, for files of one benchmark.
    #[arg(long)]
    name: Option<String>,
    /// The benchmark's version.
    #[arg(long = "benchmark-version")]
    version: Option<String>,
    /// What was measured: `pass_rate_2`.
    #[arg(long)]
    metric: Option<String>,
    /// In which unit: `percent`.
    #[arg(long)]
    unit: Option<String>,
    /// The least possible score.
    #[arg(long, requires = "max", allow_negative_numbers = true)]
    min: Option<f64>,
    /// The greatest possible score.
    #[arg(long, requires = "min", allow_negative_numbers = true)]
    max: Option<f64>,
    /// How scores become comparable.
    #[arg(long, value_enum)]
    scale: Option<Scale>,
    /// What guessing scores, for `--scale chance-adjusted`.
    #[arg(long)]
    chance: Option<f64>,
    /// The opponent's rating, for `--scale elo`.
    #[arg(long)]
    anchor: Option<f64>,
    /// Which end is good.
    #[arg(long, value_enum)]
    direction: Option<End>,
    /// A kind of work that the benchmark tells about: `code`; may be repeated.
    #[arg(long = "capability", value_parser = capability, value_name = "TAG")]
    capabilities: Vec<CapabilityTag>,
    /// What kind of source it is.
    #[arg(long, value_enum)]
    source: Option<Source>,
    /// Where the numbers stand.
    #[arg(long)]
    url: Option<String>,
    /// Under which licence they may be passed on.
    #[arg(long)]
    licence: Option<String>,
    /// When they were observed: `2026-11-22`.
    #[arg(long, value_parser = Date::parse, value_name = "DATE")]
    observed: Option<Date>,
    /// When they were fetched.
    #[arg(long, value_parser = Date::parse, value_name = "DATE")]
    retrieved: Option<Date>,
    /// After how many days they are stale.
    #[arg(long, value_name = "DAYS")]
    stale_after: Option<u64>,
    /// What stands in for missing scores.
    #[arg(long, value_parser = missing, value_name = "MODE")]
    missing: Option<Missing>,
    /// Own aliases, which go before the shipped ones: `{"names": {"our tuned one": "acme/tuned"}}`.
    #[arg(long, value_name = "FILE")]
    alias: Option<PathBuf>,
    /// The moment to write and to count ages from, in RFC 3339; now if not given.
    #[arg(long, value_parser = moment, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Prints the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// `None` = told from the file.
type Choice = Option<Format>;

fn format(text: &str) -> Result<Choice, String> {
    if text == "auto" { Ok(None) } else { text.parse().map(Some).map_err(|error: String| format!("{error}, or auto")) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Scale {
    Linear,
    ChanceAdjusted,
    Elo,
    Log,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum End {
    Higher,
    Lower,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Source {
    Published,
    Eval,
    Uploaded,
}

fn capability(text: &str) -> Result<CapabilityTag, String> {
    let found = CapabilityTag::ALL.into_iter().find(|it| it.as_str() == text);
    found.ok_or_else(|| format!("expected one of {}", CapabilityTag::ALL.map(CapabilityTag::as_str).join(", ")))
}

fn missing(text: &str) -> Result<Missing, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "expected RFC 3339, such as 2026-11-22T10:00:00Z".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or written, or the scorecards have faults.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    let normalisation = match normalisation(options) {
        Ok(normalisation) => normalisation,
        Err(message) => {
            tell(format_args!("error: {message}"));
            return Ok(Ended::Usage);
        }
    };
    let bytes = fs::read(&options.file).with_context(|| options.file.display().to_string())?;
    let name = options.file.to_string_lossy();
    let file = scorecards::File { name: &name, bytes: &bytes, format: options.format };
    let now = options.now.unwrap_or_else(wall);
    let reading = match scorecards::read(&file, &declared(options, normalisation), &aliases(options)?, now) {
        Ok(reading) => reading,
        Err(faults) => {
            for fault in &faults {
                tell(fault);
            }
            bail!("{name} has {} and was not imported", counted(faults.len(), "fault", "faults"));
        }
    };
    let stem = options.file.file_stem().unwrap_or_default().to_string_lossy();
    let heading = Heading {
        id: reading.scorecards.first().map_or_else(|| stem.into_owned(), scorecards::ScorecardSpec::label),
        created_at: now,
        producer: ("evalkit".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    };
    write_whole(&options.output, &scorecards::render(&heading, &reading.scorecards))?;
    say(options, &reading)?;
    Ok(if reading.flags.is_empty() { Ended::Well } else { Ended::WithBadRows })
}

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn aliases(options: &Options) -> anyhow::Result<Aliases> {
    let Some(path) = &options.alias else { return Ok(Aliases::shipped()) };
    let text = fs::read_to_string(path).with_context(|| format!("--alias {}", path.display()))?;
    Aliases::shipped().with(&text).map_err(|fault| anyhow::anyhow!("--alias {}: {fault}", path.display()))
}

/// The scale that the options declare; an error where they do not go together.
fn normalisation(options: &Options) -> Result<Option<Normalisation>, &'static str> {
    let bounds = options.min.zip(options.max);
    if options.chance.is_some() && options.scale != Some(Scale::ChanceAdjusted) {
        return Err("--chance is for --scale chance-adjusted");
    }
    if options.anchor.is_some() && options.scale != Some(Scale::Elo) {
        return Err("--anchor is for --scale elo");
    }
    match (options.scale, bounds) {
        (None, None) => Ok(None),
        (None | Some(Scale::Linear), Some((min, max))) => Ok(Some(Normalisation::Bounds { min, max })),
        (Some(Scale::Log), Some((min, max))) => Ok(Some(Normalisation::Log { min, max })),
        (Some(Scale::ChanceAdjusted), Some((min, max))) => {
            let chance = options.chance.ok_or("--scale chance-adjusted needs --chance, what guessing scores")?;
            Ok(Some(Normalisation::ChanceAdjusted { min, max, chance }))
        }
        (Some(Scale::Elo), None) => {
            let anchor = options.anchor.ok_or("--scale elo needs --anchor, the opponent's rating")?;
            Ok(Some(Normalisation::EloExpected { anchor }))
        }
        (Some(Scale::Elo), Some(_)) => Err("--scale elo has no bounds: leave --min and --max out"),
        (Some(Scale::Linear | Scale::Log | Scale::ChanceAdjusted), None) => {
            Err("this --scale needs --min and --max, the metric's own bounds")
        }
    }
}

fn declared(options: &Options, normalisation: Option<Normalisation>) -> Declared {
    Declared {
        name: options.name.clone(),
        version: options.version.clone(),
        metric: options.metric.clone(),
        unit: options.unit.clone(),
        direction: options.direction.map(|it| match it {
            End::Higher => Direction::Higher,
            End::Lower => Direction::Lower,
        }),
        normalisation,
        capabilities: options.capabilities.clone(),
        missing: options.missing,
        source: options.source.map(|it| match it {
            Source::Published => SourceKind::Published,
            Source::Eval => SourceKind::Eval,
            Source::Uploaded => SourceKind::Uploaded,
        }),
        observed: options.observed.clone(),
        retrieved: options.retrieved.clone(),
        licence: options.licence.clone(),
        url: options.url.clone(),
        stale_after_days: options.stale_after,
    }
}

/// Writes beside and renames, so that nobody reads half a scorecard.
fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return io::stdout().lock().write_all(text.as_bytes()).context("writing to standard output");
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    fs::write(&beside, text).with_context(|| path.display().to_string())?;
    fs::rename(&beside, path).with_context(|| path.display().to_string())
}

fn say(options: &Options, reading: &Reading) -> anyhow::Result<()> {
    let text = if options.json { serde_json::to_string(&summary(reading))? } else { table(reading) };
    if options.output == Path::new("-") {
        tell(text);
    } else {
        writeln!(io::stdout().lock(), "{text}").context("writing the summary")?;
    }
    if !options.json {
        tell_flags(reading);
    }
    Ok(())
}

fn summary(reading: &Reading) -> serde_json::Value {
    let flags: Vec<_> = reading
        .flags
        .iter()
        .map(|it| {
            serde_json::json!({"kind": it.kind.as_str(), "scorecard": it.scorecard, "model": it.model, "message": it.message})
        })
        .collect();
    let cards: Vec<_> = reading
        .scorecards
        .iter()
        .map(|it| serde_json::json!({"scorecard": it.label(), "metric": it.metric, "models": it.cells.len()}))
        .collect();
    serde_json::json!({"scorecards": cards, "unmatched": reading.unmatched, "flags": flags})
}

fn table(reading: &Reading) -> String {
    let mut table = Table::new();
    let mut header = vec!["scorecard", "metric", "scores", "unmatched"];
    let kinds: Vec<FlagKind> = FlagKind::ALL.into_iter().filter(|it| *it != FlagKind::Unmatched).collect();
    header.extend(kinds.iter().map(|it| it.as_str()));
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    for card in &reading.scorecards {
        let label = card.label();
        let count = |kind| reading.flags.iter().filter(|it| it.kind == kind && it.scorecard == label).count();
        let mut row = vec![label.clone(), card.metric.clone(), card.cells.len().to_string()];
        row.push(count(FlagKind::Unmatched).to_string());
        row.extend(kinds.iter().map(|it| count(*it).to_string()));
        table.add_row(row);
    }
    table.to_string()
}

fn tell_flags(reading: &Reading) {
    for kind in FlagKind::ALL {
        let flags: Vec<_> = reading.flags.iter().filter(|it| it.kind == kind).collect();
        for flag in flags.iter().take(FLAGS_TOLD) {
            tell(flag);
        }
        if flags.len() > FLAGS_TOLD {
            tell(format_args!("{}: and {} more; --json tells them all", kind.as_str(), flags.len() - FLAGS_TOLD));
        }
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
