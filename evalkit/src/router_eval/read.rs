//! From rows to outcomes: reads JSON Lines, checks each row, and joins prompts, outcomes and scores by id.
//!
//! Nothing wrong is passed over: a bad row, a score outside 0..=1, two answers to one question, an id without its partner
//! are refused or counted, by line and by name.

mod join;
mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use datasets::RowFault;

pub use join::{Costs, Joined, Wanted, join};
pub use rows::Text;
use rows::{OutcomeRow, PromptRow, ScoreRow};

/// Faults named in an error; more are counted.
const SHOWN: usize = 5;

/// Why there is nothing to evaluate.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file broke off.
    #[error("cannot read {file}")]
    Read {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Rows are wrong.
    #[error("{file} has {} bad rows: {}; expected {expected}", faults.len(), list(faults))]
    Rows {
        /// In which file.
        file: String,
        /// By line.
        faults: Vec<RowFault>,
        /// What a row looks like.
        expected: &'static str,
    },
    /// A model has no outcome.
    #[error("{option}: no outcome of `{name}`; nearest: {}; the outcomes hold {known}", nearest.join(", "))]
    UnknownModel {
        /// Which option named it.
        option: &'static str,
        /// What was asked for.
        name: String,
        /// The most similar names.
        nearest: Vec<String>,
        /// All names, or the first of them.
        known: String,
    },
    /// Strong and weak are one.
    #[error("--strong and --weak both name `{0}`: a router chooses between two models")]
    SameModel(String),
    /// No prompt is left.
    #[error("no prompt to evaluate: {0}")]
    NoPrompts(String),
    /// Prompts lack a score.
    #[error("--scores lacks {} of {of} prompts: {}; score the same prompt file", ids.len(), first(ids))]
    MissingScores {
        /// How many prompts there are.
        of: usize,
        /// Which lack one.
        ids: Vec<String>,
    },
    /// Prompts lack an outcome, and that was not to be.
    #[error("{} of {of} prompts lack an outcome of {models}: {}; without --strict they are left out", ids.len(), first(ids))]
    MissingOutcomes {
        /// How many prompts there are.
        of: usize,
        /// Of which models.
        models: String,
        /// Which lack one.
        ids: Vec<String>,
    },
    /// Some outcomes have a cost and some do not.
    #[error(
        "{missing} of {of} outcomes lack `cost_usd`: a missing cost is not a free call; give --cost-strong and --cost-weak"
    )]
    MissingCosts {
        /// How many lack it.
        missing: usize,
        /// Of how many.
        of: usize,
    },
    /// The strong model is the weaker one.
    #[error(
        "--strong {strong} has mean quality {strong_quality:.4} on these {n} prompts, --weak {weak} has {weak_quality:.4}: \
         the strong model is not stronger, so no share of the gap can be recovered; swap them?"
    )]
    NotStronger {
        /// The strong model.
        strong: String,
        /// The weak one.
        weak: String,
        /// Its quality.
        strong_quality: f64,
        /// Its quality.
        weak_quality: f64,
        /// On how many prompts.
        n: usize,
    },
}

fn list(faults: &[RowFault]) -> String {
    let shown: Vec<String> = faults.iter().take(SHOWN).map(ToString::to_string).collect();
    format!("{}{}", shown.join("; "), more(faults.len()))
}

fn first(ids: &[String]) -> String {
    let shown: Vec<&str> = ids.iter().take(SHOWN).map(String::as_str).collect();
    format!("{}{}", shown.join(", "), more(ids.len()))
}

fn more(count: usize) -> String {
    if count > SHOWN { format!("; and {} more", count - SHOWN) } else { String::new() }
}

/// A prompt that will be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Its id.
    pub id: String,
    /// What the router reads of it.
    pub text: String,
    /// Its cluster, where one was asked for.
    pub cluster: Option<String>,
}

/// How prompts are read.
#[derive(Clone, Debug, Default)]
pub struct PromptOptions {
    /// Drop prompts that are marked as contaminated.
    pub exclude_contaminated: bool,
    /// Of several turns, the router reads the first alone.
    pub first_turn: bool,
    /// Field of `meta` that names a prompt's cluster.
    pub cluster_field: Option<String>,
}

/// Prompts of one or more files.
#[derive(Clone, Debug, Default)]
pub struct Prompts {
    /// In the order read.
    pub rows: Vec<Prompt>,
    /// Dropped as contaminated.
    pub contaminated: usize,
    /// Repeated rows.
    pub repeated: usize,
    places: HashMap<String, usize>,
    dropped: HashSet<String>,
}

impl Prompts {
    /// Reads a file into the others.
    pub fn read(&mut self, source: impl Read, file: &str, options: &PromptOptions) -> Result<(), InputError> {
        let mut faults = Vec::new();
        for item in datasets::rows::read::<PromptRow>(source) {
            match item.map_err(|source| InputError::Read { file: file.to_owned(), source })? {
                Ok((line, row)) => {
                    if let Err(reason) = self.add(row, options) {
                        faults.push(RowFault { line, reason });
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
        let expected = "{\"id\": text, \"prompt\": text or turns, \"meta\": {}}";
        if faults.is_empty() { Ok(()) } else { Err(InputError::Rows { file: file.to_owned(), faults, expected }) }
    }

    fn add(&mut self, row: PromptRow, options: &PromptOptions) -> Result<(), String> {
        if options.exclude_contaminated && row.is_contaminated()? {
            self.contaminated += usize::from(self.dropped.insert(row.id));
            return Ok(());
        }
        let cluster = options.cluster_field.as_deref().map(|field| row.cluster(field)).transpose()?;
        let prompt = Prompt { text: row.prompt.text(options.first_turn)?, id: row.id, cluster };
        if let Some(place) = self.places.get(&prompt.id) {
            if self.rows[*place] != prompt {
                return Err(format!("`{}` was another prompt before", prompt.id));
            }
            self.repeated += 1;
            return Ok(());
        }
        self.places.insert(prompt.id.clone(), self.rows.len());
        self.rows.push(prompt);
        Ok(())
    }
}

/// What a model made of a prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Quality, 0..=1.
    pub score: f64,
    /// Cost of the call, USD.
    pub cost_usd: Option<f64>,
    line: usize,
}

/// Outcomes of every model on the prompts.
#[derive(Clone, Debug, Default)]
pub struct AllOutcomes {
    /// By model, by place of the prompt.
    pub models: BTreeMap<String, HashMap<usize, Outcome>>,
    /// Outcomes of prompts that are not there.
    pub unknown: usize,
    /// Repeated rows.
    pub repeated: usize,
}

impl AllOutcomes {
    /// Reads a file into the others.
    pub fn read(&mut self, source: impl Read, file: &str, prompts: &Prompts) -> Result<(), InputError> {
        let mut faults = Vec::new();
        for item in datasets::rows::read::<OutcomeRow>(source) {
            match item.map_err(|source| InputError::Read { file: file.to_owned(), source })? {
                Ok((line, row)) => {
                    if let Err(reason) = self.add(line, row, prompts) {
                        faults.push(RowFault { line, reason });
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
        let expected = "{\"prompt_id\": text, \"model\": text, \"score\": number from 0 to 1}";
        if faults.is_empty() { Ok(()) } else { Err(InputError::Rows { file: file.to_owned(), faults, expected }) }
    }

    fn add(&mut self, line: usize, row: OutcomeRow, prompts: &Prompts) -> Result<(), String> {
        if !(0.0..=1.0).contains(&row.score) {
            return Err(format!("score {} is not within 0..=1", row.score));
        }
        if let Some(cost) = row.cost_usd.filter(|cost| !(cost.is_finite() && *cost >= 0.0)) {
            return Err(format!("cost_usd {cost} is not an amount"));
        }
        let Some(place) = prompts.places.get(&row.prompt_id) else {
            self.unknown += usize::from(!prompts.dropped.contains(&row.prompt_id));
            return Ok(());
        };
        let outcome = Outcome { score: row.score, cost_usd: row.cost_usd, line };
        match self.models.entry(row.model).or_default().entry(*place) {
            std::collections::hash_map::Entry::Vacant(free) => drop(free.insert(outcome)),
            std::collections::hash_map::Entry::Occupied(taken) => {
                let before = taken.get();
                if before.score.total_cmp(&outcome.score).is_ne() || before.cost_usd != outcome.cost_usd {
                    return Err(format!(
                        "`{}` has score {} here and {} on line {}",
                        row.prompt_id, outcome.score, before.score, before.line
                    ));
                }
                self.repeated += 1;
            }
        }
        Ok(())
    }
}

/// Which output of a scorer is the router's score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signal {
    /// Calibrated complexity, or a router's own `score`.
    #[default]
    Complexity,
    /// Difficulty on the item-response scale.
    Difficulty,
}

impl Signal {
    /// The field's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complexity => "complexity",
            Self::Difficulty => "difficulty",
        }
    }
}

/// Scores that were computed elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// By place of the prompt.
    pub by_prompt: HashMap<usize, f64>,
    /// Times to score, where the file has them.
    pub micros: Vec<f64>,
    /// What made them, where the file says.
    pub version: Option<String>,
    /// Scores of prompts that are not there.
    pub unused: usize,
}

impl Scores {
    /// Reads a file.
    pub fn read(source: impl Read, file: &str, signal: Signal, prompts: &Prompts) -> Result<Self, InputError> {
        let mut scores = Self::default();
        let mut faults = Vec::new();
        for item in datasets::rows::read::<ScoreRow>(source) {
            match item.map_err(|source| InputError::Read { file: file.to_owned(), source })? {
                Ok((line, row)) => {
                    if let Err(reason) = scores.add(row, signal, prompts) {
                        faults.push(RowFault { line, reason });
                    }
                }
                Err(fault) => faults.push(fault),
            }
        }
        let expected = "{\"id\": text, and \"complexity\", \"difficulty\" or \"score\": number}";
        if faults.is_empty() { Ok(scores) } else { Err(InputError::Rows { file: file.to_owned(), faults, expected }) }
    }

    fn add(&mut self, row: ScoreRow, signal: Signal, prompts: &Prompts) -> Result<(), String> {
        let score = match signal {
            Signal::Complexity => row.complexity.or(row.score).ok_or("neither `complexity` nor `score`"),
            Signal::Difficulty => row.difficulty.ok_or("no `difficulty`"),
        }?;
        if !score.is_finite() {
            return Err(format!("{score} is not a number to rank by"));
        }
        let Some(place) = prompts.places.get(&row.id) else {
            self.unused += usize::from(!prompts.dropped.contains(&row.id));
            return Ok(());
        };
        if let Some(before) = self.by_prompt.insert(*place, score).filter(|before| before.total_cmp(&score).is_ne()) {
            return Err(format!("`{}` has score {score} here and {before} before", row.id));
        }
        self.micros.extend(row.micros);
        self.version = self.version.take().or(row.version);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
