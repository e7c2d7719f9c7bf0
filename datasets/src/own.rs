//! A team's own outcomes: rows of `prompt`, `model`, `score` from CSV, JSON Lines or Parquet.
//!
//! Every row is checked and every fault is told by its line with the cure; a file with one bad row is refused, and so is a
//! file that nothing can be learned from. Nothing is repaired or left out in silence. What is learned from the rows is the
//! trainer's business.
//!
//! | column | |
//! | --- | --- |
//! | `prompt` | the text that was sent |
//! | `model` | who answered |
//! | `score` | 0 (wrong) to 1 (right) |
//! | `id` | optional; the BLAKE3 hash of the text if not given |
//! | `split` | optional, `train` or `dev`; by the hash of the text, about one in ten `dev`, if not given |
//! | `output_tokens` | optional, length of the answer |

mod csv_rows;
mod json_rows;
mod parquet_rows;
mod row;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use crate::outcomes::{self, Constant, Meta};
use crate::{Corpus, DatasetError, Outcome, PublicPrompt, RowFault, Split};
use row::{Raw, Row};

/// The source that a team's own prompts are given.
pub const SOURCE: &str = "own";

/// Fewest prompts that anything can be learned from.
pub const FEWEST_PROMPTS: usize = 50;

/// Fewest prompts that a model can be placed by among those a scorer knows.
pub const FEWEST_TO_PLACE: usize = 20;

/// One prompt in so many is kept for tuning, where the file does not say which.
const DEV_ONE_IN: u8 = 10;

/// What the rows are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To train a scorer: at least two models.
    Train,
    /// To place a model among those that a scorer knows: one model is enough.
    PlaceModel,
}

/// A team's own prompts and outcomes, all of them sound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnOutcomes {
    /// Prompts by id; source and task are [`SOURCE`].
    pub prompts: BTreeMap<String, PublicPrompt>,
    /// How each model did, in the order of the file.
    pub outcomes: Vec<Outcome>,
    /// Rows that said what an earlier row said, and are counted once.
    pub repeats: usize,
    /// BLAKE3 hash of the file.
    pub hash: String,
}

impl OwnOutcomes {
    /// Reads `*.csv`, `*.tsv`, `*.jsonl` (each also packed: `.zst`, `.gz`) or `*.parquet`.
    ///
    /// # Errors
    /// When the file cannot be read, lacks a column, has a bad row, or holds nothing to learn from.
    pub fn load(path: &Path, purpose: Purpose) -> Result<Self, DatasetError> {
        let mut found = Collected { unit: "line", ..Collected::default() };
        match Format::of(path)? {
            Format::Separated(separator) => csv_rows::read(path, separator, &mut found)?,
            Format::JsonLines => json_rows::read(path, &mut found)?,
            Format::Parquet => {
                found.unit = "row";
                parquet_rows::read(path, &mut found)?;
            }
        }
        if !found.faults.is_empty() {
            return Err(DatasetError::Rows { path: path.to_owned(), faults: found.faults });
        }
        let mut own = found.own;
        let reasons = own.reasons_against(purpose, !found.splits.is_empty());
        if !reasons.is_empty() {
            return Err(DatasetError::Unfit { path: path.to_owned(), reasons });
        }
        own.keep_some_for_dev();
        own.hash = hash(path)?;
        Ok(own)
    }

    /// The models, in the order of their names.
    pub fn models(&self) -> Vec<&str> {
        let mut models: Vec<_> = self.outcomes.iter().map(|row| row.model.as_str()).collect();
        models.sort_unstable();
        models.dedup();
        models
    }

    /// The rows as a corpus of one source, [`SOURCE`].
    pub fn into_corpus(self) -> Corpus {
        Corpus {
            prompts: self.prompts,
            outcomes: BTreeMap::from([(SOURCE.to_owned(), self.outcomes)]),
            hashes: BTreeMap::from([(SOURCE.to_owned(), self.hash)]),
        }
    }

    fn reasons_against(&self, purpose: Purpose, is_split: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        let fewest = if purpose == Purpose::Train { FEWEST_PROMPTS } else { FEWEST_TO_PLACE };
        if self.prompts.len() < fewest {
            reasons.push(format!(
                "it has {} prompts, expected at least {fewest}: add outcomes of more prompts",
                self.prompts.len()
            ));
        }
        let fewest_models = if purpose == Purpose::Train { 2 } else { 1 };
        let scores = self.outcomes.iter().map(|row| (row.model.as_str(), row.score));
        reasons.extend(outcomes::reasons_against(scores, fewest_models, Constant::Refused));
        let has = |split| self.prompts.values().any(|prompt| prompt.split == split);
        if is_split && !has(Split::Train) {
            reasons.push("every row is `dev`, so none is left to fit: mark most prompts `train`".to_owned());
        }
        if is_split && !has(Split::Dev) {
            let cure = "mark about one prompt in ten `dev`, or leave the column out";
            reasons.push(format!("every row is `train`, so none is left to tune on: {cure}"));
        }
        reasons
    }

    /// Chance may leave no prompt for tuning; then those with the smallest hashes are.
    fn keep_some_for_dev(&mut self) {
        if self.prompts.values().any(|prompt| prompt.split == Split::Dev) {
            return;
        }
        let mut prompts: Vec<_> = self.prompts.values_mut().collect();
        prompts.sort_by_key(|prompt| *blake3::hash(prompt.prompt.as_bytes()).as_bytes());
        let count = prompts.len() / usize::from(DEV_ONE_IN);
        for prompt in prompts.into_iter().take(count) {
            prompt.split = Split::Dev;
        }
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Separated(u8),
    JsonLines,
    Parquet,
}

impl Format {
    fn of(path: &Path) -> Result<Self, DatasetError> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let plain = name.strip_suffix(".zst").or_else(|| name.strip_suffix(".gz")).unwrap_or(&name);
        match plain.rsplit_once('.').map(|(_, extension)| extension) {
            Some("csv") => Ok(Self::Separated(b',')),
            Some("tsv") => Ok(Self::Separated(b'\t')),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(DatasetError::Format {
                path: path.to_owned(),
                format: "outcomes",
                reason: "its name ends in none of .csv, .tsv, .jsonl, .parquet (each but the last also .zst or .gz)"
                    .to_owned(),
            }),
        }
    }
}

/// Rows as they come in, with what is wrong with them.
#[derive(Debug, Default)]
struct Collected {
    own: OwnOutcomes,
    faults: Vec<RowFault>,
    /// What a row's number counts.
    unit: &'static str,
    /// Line and score of each prompt and model.
    scores: HashMap<(String, String), (usize, f64)>,
    /// Line and split of each text whose split is stated.
    splits: HashMap<blake3::Hash, (usize, Split)>,
}

impl Collected {
    fn add(&mut self, line: usize, raw: Raw) {
        if let Err(reason) = raw.check().and_then(|row| self.take(line, row)) {
            self.refuse(line, reason);
        }
    }

    fn refuse(&mut self, line: usize, reason: String) {
        self.faults.push(RowFault { line, reason });
    }

    fn take(&mut self, line: usize, row: Row) -> Result<(), String> {
        let hash = blake3::hash(row.prompt.as_bytes());
        let id = row.id.unwrap_or_else(|| hash.to_hex().to_string());
        if let Some(known) = self.own.prompts.get(&id)
            && known.prompt != row.prompt
        {
            return Err(format!("`id` {id} stands for another prompt further up; give each prompt an id of its own"));
        }
        if let Some(split) = row.split {
            let (first, known) = *self.splits.entry(hash).or_insert((line, split));
            if known != split {
                return Err(format!(
                    "the prompt is on the other side of the split in {} {first}; keep it on one side",
                    self.unit
                ));
            }
        }
        let (first, score) = *self.scores.entry((id.clone(), row.model.clone())).or_insert((line, row.score));
        if (score - row.score).abs() > f64::EPSILON {
            return Err(format!(
                "{} is scored {} here and {score} in {} {first} on the same prompt; keep one, or their mean",
                row.model, row.score, self.unit
            ));
        }
        if first != line {
            self.own.repeats += 1;
            return Ok(());
        }
        let by_hash = if hash.as_bytes()[0].is_multiple_of(DEV_ONE_IN) { Split::Dev } else { Split::Train };
        let stated = self.splits.get(&hash).map(|(_, split)| *split);
        let prompt = self.own.prompts.entry(id.clone()).or_insert_with(|| PublicPrompt {
            id: id.clone(),
            source: SOURCE.to_owned(),
            task: SOURCE.to_owned(),
            prompt: row.prompt,
            split: by_hash,
            meta: Meta::default(),
        });
        // One row of a prompt may state the split for all of them.
        prompt.split = stated.unwrap_or(prompt.split);
        let (model, score, output_tokens) = (row.model, row.score, row.output_tokens);
        self.own.outcomes.push(Outcome { prompt_id: id, model, score, output_chars: None, output_tokens });
        Ok(())
    }
}

fn hash(path: &Path) -> Result<String, DatasetError> {
    let fail = |source| DatasetError::Read { path: path.to_owned(), source };
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).map_err(fail)?).map_err(fail)?;
    Ok(hasher.finalize().to_hex().to_string())
}
