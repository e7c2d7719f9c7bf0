//! `evalkit score`: prompts in, scores out, JSON Lines both.
//!
//! A bad row is reported by its line and left out; the rest is scored. A broken model or a broken pipe ends the run.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::{Score, ScorerInput};
use scorer::{LearnedScorer, Scorer};
use serde::{Deserialize, Serialize};

use crate::Ended;

/// Scores prompts in bulk.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Folder of a scorer; the built-in one if not given.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Prompts, `{"id", "prompt"}` a line, plain or `.zst`; `-` is standard input.
    #[arg(long)]
    input: PathBuf,
    /// Where scores go; `-` is standard output.
    #[arg(long)]
    output: PathBuf,
}

/// A prompt to be scored; other fields are passed over.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    prompt: String,
}

/// A scored prompt.
#[derive(Debug, Serialize)]
struct Scored<'a> {
    id: &'a str,
    complexity: f64,
    difficulty: f64,
    capabilities: serde_json::Map<String, serde_json::Value>,
    expected_output_tokens: domain::OutputTokens,
    uncertainty: f64,
    truncated: bool,
    micros: u64,
    version: &'a str,
}

impl<'a> Scored<'a> {
    fn new(id: &'a str, score: &'a Score) -> Self {
        let tags = score.capabilities.iter().map(|(tag, probability)| (tag.to_string(), (*probability).into()));
        Self {
            id,
            complexity: score.complexity,
            difficulty: score.difficulty,
            capabilities: tags.collect(),
            expected_output_tokens: score.expected_output_tokens,
            uncertainty: score.uncertainty,
            truncated: score.truncated,
            micros: score.micros,
            version: &score.version,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the model cannot be loaded, or input or output fail.
pub fn run(options: &Options) -> anyhow::Result<Ended> {
    let scorer = match &options.model {
        Some(folder) => LearnedScorer::load(folder).with_context(|| format!("--model {}", folder.display()))?,
        None => scorer::builtin::load().context("the built-in scorer")?,
    };
    let input = open(&options.input)?;
    if options.output == Path::new("-") {
        return score(&scorer, input, io::stdout().lock());
    }
    let output = File::create(&options.output).with_context(|| format!("--output {}", options.output.display()))?;
    score(&scorer, input, output)
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(datasets::rows::open(path)?)
}

/// Scores rows; faults go to standard error.
fn score(scorer: &dyn Scorer, input: impl Read, output: impl Write) -> anyhow::Result<Ended> {
    let mut output = BufWriter::new(output);
    let mut ended = Ended::Well;
    for row in datasets::rows::read::<Row>(input) {
        match row.context("reading the input")? {
            Ok((_, row)) => {
                let input = ScorerInput { text: row.prompt, ..ScorerInput::default() };
                for score in scorer.score(&[input]).with_context(|| format!("scoring `{}`", row.id))? {
                    serde_json::to_writer(&mut output, &Scored::new(&row.id, &score)).context("writing the output")?;
                    output.write_all(b"\n").context("writing the output")?;
                }
            }
            Err(fault) => {
                eprintln!("{fault}; expected {{\"id\": text, \"prompt\": text}}");
                ended = Ended::WithBadRows;
            }
        }
    }
    output.flush().context("writing the output")?;
    Ok(ended)
}
