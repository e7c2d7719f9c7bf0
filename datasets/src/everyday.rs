//! The everyday prompts: own writing, graded for how strong a model has to be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::CapabilityTag;
use serde::{Deserialize, Serialize};

use crate::{DatasetError, RowFault, rows};

/// One graded prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EverydayPrompt {
    /// Unique over all files.
    pub id: String,
    /// The whole text as sent: the last user turn of a conversation.
    pub prompt: String,
    /// The user turn before it, where the prompt follows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// 0 (a tiny model answers perfectly) to 10 (only a frontier model does).
    pub grade: f64,
    /// The grade in words.
    pub level: Level,
    /// What kinds of work it asks for.
    pub tags: Vec<CapabilityTag>,
    /// Language of the ask.
    pub language: String,
    /// Kind of prompt.
    pub kind: String,
    /// Rough length of a good answer.
    pub expected_output_tokens: f64,
    /// Who wrote it; families are held out whole.
    pub author: String,
    /// How far the grade was checked.
    pub status: Review,
    /// Shared by the two rows of a minimal pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    /// Calculations that the answer needs, where that is known: generated word problems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
}

/// A grade in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Grade up to 3.
    Simple,
    /// Grade 4 to 6.
    Medium,
    /// Grade from 7.
    Complex,
}

/// How far a grade was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// One writer's judgement.
    Provisional,
    /// Judged twice, independently.
    Reviewed,
}

impl Level {
    /// The level of a grade.
    pub fn of(grade: f64) -> Self {
        if grade < 3.5 {
            Self::Simple
        } else if grade < 6.5 {
            Self::Medium
        } else {
            Self::Complex
        }
    }
}

/// Reads every `*.jsonl` of a folder, in the order of their names.
///
/// # Errors
/// When a row is wrong: out of range, a level that is not its grade's, the same prompt twice with different grades.
pub fn load(folder: &Path) -> Result<Vec<EverydayPrompt>, DatasetError> {
    let (mut prompts, mut ids, mut grades) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
    for path in files(folder)? {
        let found = rows::read_all(&path, |_, row: &EverydayPrompt| {
            check(row)?;
            if !ids.insert(row.id.clone()) {
                return Err(format!("id `{}` is used twice", row.id));
            }
            match grades.insert((row.context.clone(), row.prompt.clone()), row.grade) {
                Some(other) if (other - row.grade).abs() > f64::EPSILON => {
                    Err(format!("`{}` has the text of a prompt graded {other}, here {}", row.id, row.grade))
                }
                Some(_) | None => Ok(()),
            }
        })?;
        prompts.extend(found);
    }
    check_pairs(folder, &prompts)?;
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

fn check(row: &EverydayPrompt) -> Result<(), String> {
    if !(0.0..=10.0).contains(&row.grade) {
        return Err(format!("`grade` is {}, expected 0 to 10", row.grade));
    }
    if row.level != Level::of(row.grade) {
        return Err(format!("`level` is {:?}, but grade {} is {:?}", row.level, row.grade, Level::of(row.grade)));
    }
    if !row.expected_output_tokens.is_finite() || row.expected_output_tokens < 1.0 {
        return Err(format!("`expected_output_tokens` is {}, expected at least 1", row.expected_output_tokens));
    }
    if row.tags.is_empty() {
        return Err("`tags` is empty, expected at least one capability".to_owned());
    }
    Ok(())
}

/// A pair is two rows; one alone teaches nothing and is a slip of the pen.
fn check_pairs(folder: &Path, prompts: &[EverydayPrompt]) -> Result<(), DatasetError> {
    let mut sizes = BTreeMap::<&str, usize>::new();
    for pair in prompts.iter().filter_map(|prompt| prompt.pair.as_deref()) {
        *sizes.entry(pair).or_default() += 1;
    }
    let faults: Vec<_> = sizes
        .into_iter()
        .filter(|(_, size)| *size < 2)
        .map(|(pair, _)| RowFault { line: 0, reason: format!("pair `{pair}` has one row, expected two") })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(DatasetError::Rows { path: folder.to_owned(), faults }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const GOOD: &str = r#"{"id":"1","prompt":"hi","grade":0,"level":"simple","tags":["chat"],"language":"en","kind":"smalltalk","expected_output_tokens":10,"author":"a","status":"provisional"}"#;

    #[track_caller]
    fn refused(rows: &[String], reason: &str) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.jsonl"), rows.join("\n")).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn row_with_a_wrong_value_is_refused_by_line() {
        let changed = |from: &str, to: &str| vec![GOOD.to_owned(), GOOD.replace("\"1\"", "\"2\"").replace(from, to)];
        refused(&changed("\"grade\":0", "\"grade\":11"), "line 2: `grade` is 11, expected 0 to 10");
        refused(&changed("\"grade\":0", "\"grade\":NaN"), "line 2");
        refused(&changed("\"grade\":0", "\"grade\":9"), "but grade 9 is Complex");
        refused(&changed("[\"chat\"]", "[]"), "`tags` is empty");
        refused(&changed("[\"chat\"]", "[\"chatting\"]"), "line 2");
        refused(&changed("\"author\"", "\"autor\""), "line 2");
    }

    #[test]
    fn same_prompt_with_two_grades_is_refused() {
        let other = GOOD.replace("\"1\"", "\"2\"").replace("\"grade\":0", "\"grade\":2");
        refused(&[GOOD.to_owned(), other], "has the text of a prompt graded 0, here 2");
        refused(&[GOOD.to_owned(), GOOD.to_owned()], "id `1` is used twice");
    }

    #[test]
    fn half_a_pair_is_refused() {
        refused(&[GOOD.replace("\"1\"", "\"1\",\"pair\":\"p\"")], "pair `p` has one row");
    }

    #[test]
    fn shipped_prompts_are_sound_and_cover_every_level() {
        let prompts = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("everyday")).unwrap();
        assert!(prompts.len() >= 600, "{}", prompts.len());
        for level in [Level::Simple, Level::Medium, Level::Complex] {
            assert!(prompts.iter().filter(|prompt| prompt.level == level).count() >= 100, "{level:?}");
        }
    }
}
