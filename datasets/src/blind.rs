//! The blind prompts: written by somebody who saw none of the rest, to be judged by and never to be learned from.

use std::collections::BTreeSet;
use std::path::Path;

use domain::CapabilityTag;
use serde::Deserialize;

use crate::everyday::check_language;
use crate::grading::{self, Level};
use crate::{DatasetError, rows};

/// One prompt with its writer's judgement.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlindPrompt {
    /// Unique: `blind-0001`.
    pub id: String,
    /// The whole text as sent.
    pub prompt: String,
    /// How hard it is.
    pub level: Level,
    /// What kinds of work it asks for.
    pub tags: Vec<CapabilityTag>,
    /// Language of the ask.
    pub language: String,
    /// Rough length of a good answer.
    pub expected_output_tokens: f64,
}

/// Reads `blind.jsonl` of a folder. What it returns is for reports: nothing may be fitted to it or chosen by it.
///
/// # Errors
/// When the file is missing or a row is wrong: an empty text, a value out of range, an id or a text used twice.
pub fn blind(folder: &Path) -> Result<Vec<BlindPrompt>, DatasetError> {
    let path = folder.join("blind.jsonl");
    let (mut ids, mut texts) = (BTreeSet::new(), BTreeSet::new());
    let prompts = rows::read_all(&path, |_, row: &BlindPrompt| {
        if row.prompt.trim().is_empty() {
            return Err("`prompt` is empty, expected a text".to_owned());
        }
        check_language(&row.language)?;
        grading::check_tags(&row.tags, "")?;
        grading::check_length(row.expected_output_tokens, "")?;
        if !ids.insert(row.id.clone()) {
            return Err(format!("id `{}` is used twice", row.id));
        }
        if !texts.insert(row.prompt.clone()) {
            return Err(format!("`{}` has the text of another row, expected each text once", row.id));
        }
        Ok(())
    })?;
    if prompts.is_empty() {
        return Err(DatasetError::Empty { path, what: "blind prompts" });
    }
    Ok(prompts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const GOOD: &str =
        r#"{"id":"blind-1","prompt":"hi","level":"simple","tags":["chat"],"language":"en","expected_output_tokens":9}"#;

    fn read(rows: &[&str]) -> Result<Vec<BlindPrompt>, DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("blind.jsonl"), rows.join("\n")).unwrap();
        blind(folder.path())
    }

    #[test]
    fn sound_row_is_read() {
        assert_eq!(read(&[GOOD]).unwrap()[0].level, Level::Simple);
    }

    #[test]
    fn wrong_row_is_refused_by_line() {
        for (from, to, reason) in [
            ("\"hi\"", "\"\"", "line 2: `prompt` is empty"),
            ("simple", "easy", "line 2: unknown variant `easy`"),
            ("[\"chat\"]", "[]", "line 2: `tags` is empty"),
            ("\"en\"", "\"e\"", "line 2: `language` is `e`"),
            (":9", ":0.5", "line 2: `expected_output_tokens` is 0.5"),
            ("\"level\"", "\"grade\":1,\"level\"", "line 2: unknown field `grade`"),
            ("blind-1", "blind-2", "line 2: `blind-2` has the text of another row"),
            ("\"hi\"", "\"ho\"", "line 2: id `blind-1` is used twice"),
        ] {
            let error = read(&[GOOD, &GOOD.replace(from, to)]).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(read(&[]).unwrap_err().to_string().contains("holds no blind prompts"));
    }
}
