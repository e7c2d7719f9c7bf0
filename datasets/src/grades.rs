//! Own judgements of public prompts, by id: the texts stay where they are published.

use std::collections::BTreeMap;
use std::path::Path;

use domain::CapabilityTag;
use serde::Deserialize;

use crate::grading::Grading;
use crate::outcomes::{PERMITTED, is_of};
use crate::{DatasetError, rows};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    prompt_id: String,
    grade: f64,
    tags: Vec<CapabilityTag>,
    expected_output_tokens: f64,
}

impl Row {
    fn grading(&self) -> Grading {
        Grading { grade: self.grade, tags: self.tags.clone(), expected_output_tokens: self.expected_output_tokens }
    }
}

/// Reads gradings of public prompts, by the prompt's id.
///
/// # Errors
/// When the file is missing or a row is wrong: a prompt of a source that is not in [`PERMITTED`], a prompt graded twice,
/// a value out of range.
pub fn public_grades(path: &Path) -> Result<BTreeMap<String, Grading>, DatasetError> {
    let mut grades = BTreeMap::new();
    rows::read_all(path, |_, row: &Row| {
        if !PERMITTED.iter().any(|source| is_of(&row.prompt_id, source)) {
            return Err(format!("`prompt_id` is `{}`, expected one of {}", row.prompt_id, PERMITTED.join("/, ") + "/"));
        }
        let grading = row.grading();
        grading.check("")?;
        match grades.insert(row.prompt_id.clone(), grading) {
            Some(_) => Err(format!("`{}` is graded twice", row.prompt_id)),
            None => Ok(()),
        }
    })?;
    if grades.is_empty() {
        return Err(DatasetError::Empty { path: path.to_owned(), what: "gradings" });
    }
    Ok(grades)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const GOOD: &str = r#"{"prompt_id":"arena-hard/1","grade":4.5,"tags":["code"],"expected_output_tokens":300}"#;

    fn read(rows: &[&str]) -> Result<BTreeMap<String, Grading>, DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("public.jsonl");
        std::fs::write(&path, rows.join("\n")).unwrap();
        public_grades(&path)
    }

    #[test]
    fn gradings_are_found_by_id() {
        let grades = read(&[GOOD]).unwrap();
        assert_eq!(grades["arena-hard/1"].tags, [CapabilityTag::Code]);
    }

    #[test]
    fn wrong_row_is_refused_by_line() {
        for (from, to, reason) in [
            ("arena-hard/1", "arena-hard/1", "line 2: `arena-hard/1` is graded twice"),
            ("arena-hard/1", "forbidden/1", "line 2: `prompt_id` is `forbidden/1`, expected one of arena-hard/, "),
            ("4.5", "11", "line 2: `grade` is 11"),
            ("[\"code\"]", "[]", "line 2: `tags` is empty"),
            ("\"grade\"", "\"prompt\":\"text\",\"grade\"", "line 2: unknown field `prompt`"),
        ] {
            let error = read(&[GOOD, &GOOD.replace(from, to)]).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(read(&[]).unwrap_err().to_string().contains("holds no gradings"));
    }
}
