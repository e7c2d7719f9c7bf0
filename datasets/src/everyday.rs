//! The everyday prompts: own writing, graded for how strong a model has to be.
//!
//! Each row is judged by its writer and by somebody who did not know the writer's judgement. Both stand in the file;
//! what is trained on is the two together, see [`Merged`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::CapabilityTag;
use serde::Deserialize;

use crate::grading::{Grading, Level, Merged, TAGS};
use crate::{DatasetError, RowFault, rows};

#[cfg(test)]
mod tests;

/// One graded prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct EverydayPrompt {
    /// Unique over all files.
    pub id: String,
    /// The whole text as sent: the last user turn of a conversation.
    pub prompt: String,
    /// The user turn before it, where the prompt follows one.
    pub context: Option<String>,
    /// 0 (a tiny model answers perfectly) to 10 (only a frontier model does): the mean of the gradings.
    pub grade: f64,
    /// The grade in words.
    pub level: Level,
    /// What kinds of work it asks for: what at least one of two gradings says.
    pub tags: Vec<CapabilityTag>,
    /// Share of the gradings with each tag: 0, 0.5 or 1, in the order of [`CapabilityTag::ALL`].
    pub tag_shares: [f64; TAGS],
    /// Language of the ask.
    pub language: String,
    /// Kind of prompt.
    pub kind: String,
    /// Rough length of a good answer: the geometric mean of the gradings.
    pub expected_output_tokens: f64,
    /// Who wrote it; families are held out whole.
    pub author: String,
    /// Shared by the two rows of a minimal pair.
    pub pair: Option<String>,
    /// Calculations that the answer needs, where that is known: generated word problems.
    pub steps: Option<u32>,
    /// What the writer says of it.
    pub first: Grading,
    /// What somebody says of it who did not know the writer's grading; generated prompts have none.
    pub second: Option<Grading>,
}

/// A row as it stands in a file: the writer's grading beside the second one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    prompt: String,
    context: Option<String>,
    grade: f64,
    tags: Vec<CapabilityTag>,
    expected_output_tokens: f64,
    second: Grading,
    language: String,
    kind: String,
    author: String,
    pair: Option<String>,
}

impl Row {
    fn first(&self) -> Grading {
        Grading { grade: self.grade, tags: self.tags.clone(), expected_output_tokens: self.expected_output_tokens }
    }

    fn check(&self) -> Result<(), String> {
        for (name, value) in [
            ("id", Some(&self.id)),
            ("prompt", Some(&self.prompt)),
            ("context", self.context.as_ref()),
            ("kind", Some(&self.kind)),
            ("author", Some(&self.author)),
            ("pair", self.pair.as_ref()),
        ] {
            if value.is_some_and(|value| value.trim().is_empty()) {
                return Err(format!("`{name}` is empty, expected a text"));
            }
        }
        check_language(&self.language)?;
        self.first().check("")?;
        self.second.check("second.")
    }
}

impl From<Row> for EverydayPrompt {
    fn from(row: Row) -> Self {
        let (first, second) = (row.first(), row.second);
        let merged = Merged::of(&first, Some(&second));
        Self {
            id: row.id,
            prompt: row.prompt,
            context: row.context,
            grade: merged.grade,
            level: merged.level,
            tags: merged.tags,
            tag_shares: merged.tag_shares,
            language: row.language,
            kind: row.kind,
            expected_output_tokens: merged.expected_output_tokens,
            author: row.author,
            pair: row.pair,
            steps: None,
            first,
            second: Some(second),
        }
    }
}

/// A language is a code of two letters.
pub(crate) fn check_language(language: &str) -> Result<(), String> {
    if language.len() == 2 && language.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return Ok(());
    }
    Err(format!("`language` is `{language}`, expected an ISO 639-1 code like `en`"))
}

/// Reads every `*.jsonl` of a folder, in the order of their names.
///
/// # Errors
/// When a row is wrong: a value out of range, an id or a text used twice, a pair that is not two rows of one file.
pub fn load(folder: &Path) -> Result<Vec<EverydayPrompt>, DatasetError> {
    let (mut prompts, mut seen) = (Vec::new(), Seen::default());
    for path in files(folder)? {
        let mut pairs = BTreeMap::<String, Vec<usize>>::new();
        let found = rows::read_all(&path, |line, row: &Row| {
            row.check()?;
            seen.add(row)?;
            if let Some(pair) = &row.pair {
                pairs.entry(pair.clone()).or_default().push(line);
            }
            Ok(())
        })?;
        seen.close(&path, pairs)?;
        prompts.extend(found.into_iter().map(EverydayPrompt::from));
    }
    if prompts.is_empty() {
        return Err(DatasetError::Empty { path: folder.to_owned(), what: "graded prompts (*.jsonl)" });
    }
    Ok(prompts)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let fail = |source| DatasetError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What may stand once only, over all files.
#[derive(Debug, Default)]
struct Seen {
    ids: BTreeSet<String>,
    texts: BTreeMap<(Option<String>, String), String>,
    pairs: BTreeSet<String>,
}

impl Seen {
    fn add(&mut self, row: &Row) -> Result<(), String> {
        if !self.ids.insert(row.id.clone()) {
            return Err(format!("id `{}` is used twice", row.id));
        }
        if let Some(other) = self.texts.insert((row.context.clone(), row.prompt.clone()), row.id.clone()) {
            return Err(format!("`{}` has the text of `{other}`, expected each text once", row.id));
        }
        // Two rows may share a pair within a file; `pairs` holds those of the files before.
        match &row.pair {
            Some(pair) if self.pairs.contains(pair) => {
                Err(format!("pair `{pair}` stands in another file too, expected a name of its own"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A pair is two rows: one alone teaches nothing, and a third is a slip of the pen.
    fn close(&mut self, path: &Path, pairs: BTreeMap<String, Vec<usize>>) -> Result<(), DatasetError> {
        let faults: Vec<_> = pairs
            .iter()
            .filter(|(_, lines)| lines.len() != 2)
            .map(|(pair, lines)| RowFault {
                line: lines.last().copied().unwrap_or_default(),
                reason: format!("pair `{pair}` has {} row(s), expected two", lines.len()),
            })
            .collect();
        self.pairs.extend(pairs.into_keys());
        if faults.is_empty() { Ok(()) } else { Err(DatasetError::Rows { path: path.to_owned(), faults }) }
    }
}
