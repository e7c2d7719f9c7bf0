//! `evalkit score`: prompts in, scores out, JSON Lines both.
//!
//! A bad row is reported by its line and left out; the rest is scored. The work is done by [`crate::score`]; here are the
//! options, the progress bar and the summary.

use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use scorer::LearnedScorer;

use crate::score::bulk::{FAULTS_TOLD, Told};
use crate::score::{self, Intake, Settings, Summary, sink};
use crate::{Ended, tell};

/// Scores prompts in bulk.
///
/// Each row of the output has the id of its row and its scores, in the order of the input. The output is written as
/// `OUTPUT.part` and named at the end, so that a half file never looks whole. Exits with 2 if rows were bad; a row whose
/// id has been scored already is one. Memory does not grow with the input but for the ids: some 20 MB for a million rows.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of a scorer; the built-in one if not given.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Prompts, `{"id", "prompt"}` a line, plain or packed with zstd or gzip; `-` is standard input.
    #[arg(long)]
    input: PathBuf,
    /// Where scores go, packed if the name ends in `.zst` or `.gz`; `-` is standard output.
    #[arg(long)]
    output: PathBuf,
    /// Threads that score; as many as there are cores if not given.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Keep fields other than `id` and `prompt`.
    #[arg(long)]
    keep: bool,
    /// Continue an interrupted run after the last complete row of `OUTPUT.part`.
    #[arg(long)]
    resume: bool,
    /// Print the summary as JSON: on standard output, or on standard error if scores go to standard output.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the model cannot be loaded, or input or output fail.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    // The scores would take the place of the prompts. A file that is not there yet is no other's name.
    if let (Ok(input), Ok(output)) = (options.input.canonicalize(), options.output.canonicalize())
        && input == output
        && !sink::is_standard(&options.input)
        && input.is_file()
    {
        anyhow::bail!("--output {} is the input; name another file", options.output.display());
    }
    let scorer = match &options.model {
        Some(folder) => LearnedScorer::load(folder).with_context(|| format!("--model {}", folder.display()))?,
        None => scorer::builtin::load().context("the built-in scorer")?,
    };
    let settings = Settings {
        output: options.output.clone(),
        threads: options.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
        keep: options.keep,
        resume: options.resume,
    };
    let bar = bar(&options.input);
    let source = open(&options.input, &bar).with_context(|| format!("--input {}", options.input.display()))?;
    let intake = Intake::start(source).context("a thread to read the input")?;
    let summary = score::run(&scorer, &intake, &settings, &mut |told| match told {
        // The summary has them.
        Told::Fault(_) if options.json => {}
        Told::Fault(fault) => bar.suspend(|| tell(format_args!("line {}: {}", fault.line, fault.reason))),
        Told::Progress(summary) => bar.set_message(progress(summary)),
    });
    bar.finish_and_clear();
    let summary = summary?;
    say(options, &summary)?;
    Ok(if summary.bad == 0 { Ended::Well } else { Ended::WithBadRows })
}

/// The input, its bytes counted by the bar before they are unpacked.
fn open(path: &Path, bar: &ProgressBar) -> io::Result<Box<dyn Read + Send>> {
    if sink::is_standard(path) {
        return datasets::rows::unpacked(bar.wrap_read(io::stdin()));
    }
    datasets::rows::unpacked(bar.wrap_read(File::open(path)?))
}

/// A bar over the bytes of a file, or a spinner; drawn on a terminal only.
fn bar(input: &Path) -> ProgressBar {
    let size = std::fs::metadata(input).ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    let template = match size {
        Some(_) => "{bar:30} {percent:>3} %  {msg}  ETA {eta}",
        None => "{spinner} {msg}  {bytes}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn progress(summary: &Summary) -> String {
    let rate = HumanCount(summary.rows_per_second as u64);
    let bad = if summary.bad == 0 { String::new() } else { format!(", {} bad", HumanCount(summary.bad)) };
    format!("{} rows{bad}  {rate} rows/s", HumanCount(summary.rows))
}

fn say(options: &Options, summary: &Summary) -> anyhow::Result<()> {
    if options.json {
        let text = serde_json::to_string(summary)?;
        if sink::is_standard(&options.output) {
            tell(text);
            return Ok(());
        }
        return writeln!(io::stdout(), "{text}").context("writing the summary");
    }
    let untold = summary.bad - summary.bad_rows.len() as u64;
    if untold > 0 {
        tell(format_args!("and {} more bad rows after the first {FAULTS_TOLD}", HumanCount(untold)));
    }
    let mut parts = vec![format!("{} rows, {} scored", HumanCount(summary.rows), HumanCount(summary.scored))];
    for (count, what) in [
        (summary.resumed, "taken over from an earlier run"),
        (summary.bad, "bad and left out"),
        (summary.truncated, "not read to the end"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}", HumanCount(count)));
        }
    }
    let rate = HumanCount(summary.rows_per_second as u64);
    let (parts, seconds, version) = (parts.join(", "), summary.seconds, &summary.version);
    tell(format_args!("{parts} in {seconds:.1} s, {rate} rows/s, by scorer {version}"));
    Ok(())
}
