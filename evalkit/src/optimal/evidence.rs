//! From outcomes, a scorer and prices to rows: how hard the prompt is said to be, how strong the model is known to be,
//! and whether it was right.
//!
//! The prompts that tell a model's benchmark score are none of those that chances are fitted to and judged on. In the
//! public sets the scorer has seen the train split, which therefore makes the benchmark; the dev split is fitted to. Own
//! rows are halved by the hash of the prompt.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use datasets::{Corpus, Outcome, OwnOutcomes, PublicPrompt, Purpose, Split, own};
use scorer::{LearnedScorer, Score, Scorer, ScorerInput};

use super::prices::Price;
use crate::statistics::sampling::key;

/// Fewest rows that anything is fitted to.
const FEWEST: usize = 200;
/// Prompts in one batch of the scorer.
const BATCH: usize = 64;

/// One outcome with what would have been known before.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which prompt.
    pub prompt: String,
    /// The set it comes from.
    pub source: String,
    /// Who answered.
    pub model: String,
    /// How hard the scorer says the prompt is.
    pub difficulty: f64,
    /// The model's mean score on the benchmark prompts of the same set.
    pub benchmark: f64,
    /// The model's strength by price, if one is known.
    pub strength: Option<f64>,
    /// 0 (wrong) to 1 (right).
    pub score: f64,
}

/// Rows, and what they are made of.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The rows, in the order of sources and prompts.
    pub rows: Vec<Row>,
    /// What the scorer says of each of their prompts.
    pub scores: BTreeMap<String, Score>,
    /// How long each of their prompts is, in bytes.
    pub bytes: BTreeMap<String, usize>,
    /// The scorer that said so.
    pub scorer: String,
    /// Hash by file.
    pub hashes: BTreeMap<String, String>,
}

/// Outcomes as they are read.
struct Read {
    prompts: BTreeMap<String, PublicPrompt>,
    outcomes: BTreeMap<String, Vec<Outcome>>,
    hashes: BTreeMap<String, String>,
    is_own: bool,
}

impl Read {
    /// Whether a prompt tells benchmark scores, rather than being fitted to.
    fn is_benchmark(&self, prompt: &PublicPrompt) -> bool {
        if self.is_own { key(&prompt.id).is_multiple_of(2) } else { prompt.split == Split::Train }
    }
}

/// Reads a folder of public sets, or a file of own rows, and asks the scorer of every prompt that is fitted to.
///
/// # Errors
/// When something cannot be read, a row is wrong, or too little is left.
pub fn load(path: &Path, scorer: &LearnedScorer, prices: &BTreeMap<String, Price>) -> anyhow::Result<Evidence> {
    let read = read(path).with_context(|| format!("--outcomes {}", path.display()))?;
    let benchmarks = benchmarks(&read);
    let fitted: Vec<&PublicPrompt> = read.prompts.values().filter(|prompt| !read.is_benchmark(prompt)).collect();
    let mut scores = BTreeMap::new();
    for batch in fitted.chunks(BATCH) {
        let inputs: Vec<_> =
            batch.iter().map(|it| ScorerInput { text: it.prompt.clone(), ..ScorerInput::default() }).collect();
        let said = scorer.score(&inputs).context("--model")?;
        scores.extend(batch.iter().map(|it| it.id.clone()).zip(said));
    }
    let mut rows = Vec::new();
    for (source, outcomes) in &read.outcomes {
        for outcome in outcomes {
            let place = (source.as_str(), outcome.model.as_str());
            let (Some(score), Some(benchmark)) = (scores.get(&outcome.prompt_id), benchmarks.get(&place)) else {
                continue;
            };
            rows.push(Row {
                prompt: outcome.prompt_id.clone(),
                source: source.clone(),
                model: outcome.model.clone(),
                difficulty: score.difficulty,
                benchmark: *benchmark,
                strength: prices.get(&outcome.model).map(|it| it.strength()),
                score: outcome.score,
            });
        }
    }
    if rows.len() < FEWEST {
        bail!("--outcomes: {} outcomes are left to fit to, expected at least {FEWEST}: add outcomes", rows.len());
    }
    let bytes = fitted.iter().map(|it| (it.id.clone(), it.prompt.len())).collect();
    Ok(Evidence { rows, scores, bytes, scorer: scorer.version().to_string(), hashes: read.hashes })
}

fn read(path: &Path) -> anyhow::Result<Read> {
    if path.is_dir() {
        let Corpus { prompts, outcomes, hashes } = Corpus::load(path)?;
        return Ok(Read { prompts, outcomes, hashes, is_own: false });
    }
    let rows = OwnOutcomes::load(path, Purpose::Train)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let outcomes = [(own::SOURCE.to_owned(), rows.outcomes)].into();
    Ok(Read { prompts: rows.prompts, outcomes, hashes: [(name, rows.hash)].into(), is_own: true })
}

/// Each model's mean score on the benchmark prompts of a set.
fn benchmarks(read: &Read) -> BTreeMap<(&str, &str), f64> {
    let mut sums = BTreeMap::<(&str, &str), (f64, f64)>::new();
    for (source, outcomes) in &read.outcomes {
        for outcome in outcomes {
            if read.prompts.get(&outcome.prompt_id).is_some_and(|prompt| read.is_benchmark(prompt)) {
                let sum = sums.entry((source, &outcome.model)).or_default();
                *sum = (sum.0 + outcome.score, sum.1 + 1.0);
            }
        }
    }
    sums.into_iter().map(|(place, (sum, n))| (place, sum / n)).collect()
}
