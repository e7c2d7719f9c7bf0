//! Public prompts with per-model outcomes: the sources a shipped model may be trained on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::{DatasetError, rows};

/// Sources that may be trained on for a model that ships, by their licences; others are not even opened.
pub const PERMITTED: [&str; 7] = [
    "arena-hard",
    "llmrouter",
    "math-levels",
    "mmlu-pro",
    "zeroeval-crux",
    "zeroeval-math-l5",
    "zeroeval-numersense-v2",
];

/// Which side of the fixed split a prompt is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// To be fitted to.
    Train,
    /// To be tuned and reported on.
    Dev,
}

/// A prompt of a public set.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PublicPrompt {
    /// Unique over all sources.
    pub id: String,
    /// The set it comes from.
    pub source: String,
    /// Part of the set.
    pub task: String,
    /// The text.
    pub prompt: String,
    /// Side of the split.
    pub split: Split,
    /// What else is known.
    #[serde(default)]
    pub meta: Meta,
}

/// Facts about a prompt; others in the file are passed over.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Meta {
    /// Difficulty as the set states it, 1 to 5.
    #[serde(default)]
    pub level: Option<f64>,
}

/// How one model did on one prompt.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Outcome {
    /// Which prompt.
    pub prompt_id: String,
    /// Which model.
    pub model: String,
    /// 0 (wrong) to 1 (right).
    pub score: f64,
    /// Characters of the answer.
    #[serde(default)]
    pub output_chars: Option<f64>,
    /// Tokens of the answer.
    #[serde(default)]
    pub output_tokens: Option<f64>,
}

/// Prompts and outcomes of all permitted sources.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// Prompts by id.
    pub prompts: BTreeMap<String, PublicPrompt>,
    /// Outcomes by the source of the file they stand in.
    pub outcomes: BTreeMap<String, Vec<Outcome>>,
    /// BLAKE3 hash of each file read.
    pub hashes: BTreeMap<String, String>,
}

impl Corpus {
    /// Reads `SOURCE-prompts.jsonl.zst` and, where there is one, `SOURCE-outcomes.jsonl.zst` of each permitted source.
    ///
    /// # Errors
    /// When a file is missing or a row is wrong: a score outside 0..=1, one model with two scores for a prompt, an
    /// outcome of an unknown prompt.
    pub fn load(folder: &Path) -> Result<Self, DatasetError> {
        let mut corpus = Self::default();
        for source in PERMITTED {
            corpus.read_prompts(folder, &format!("{source}-prompts.jsonl.zst"))?;
        }
        // An outcome may point at a prompt that is kept under another source: all prompts come first.
        for source in PERMITTED {
            let name = format!("{source}-outcomes.jsonl.zst");
            if folder.join(&name).exists() {
                corpus.read_outcomes(folder, source, &name)?;
            }
        }
        Ok(corpus)
    }

    fn read_prompts(&mut self, folder: &Path, name: &str) -> Result<(), DatasetError> {
        let path = folder.join(name);
        let known = &self.prompts;
        let mut seen = BTreeSet::new();
        let found = rows::read_all(&path, |_, row: &PublicPrompt| {
            if row.prompt.trim().is_empty() {
                return Err("`prompt` is empty, expected a text".to_owned());
            }
            if known.contains_key(&row.id) || !seen.insert(row.id.clone()) {
                return Err(format!("id `{}` is used twice", row.id));
            }
            Ok(())
        })?;
        self.hash(&path, name)?;
        self.prompts.extend(found.into_iter().map(|row| (row.id.clone(), row)));
        Ok(())
    }

    fn read_outcomes(&mut self, folder: &Path, source: &str, name: &str) -> Result<(), DatasetError> {
        let path = folder.join(name);
        let prompts = &self.prompts;
        let mut scores = BTreeMap::new();
        let found = rows::read_all(&path, |_, row: &Outcome| {
            if !(0.0..=1.0).contains(&row.score) {
                return Err(format!("`score` is {}, expected 0 to 1", row.score));
            }
            if row.model.trim().is_empty() {
                return Err("`model` is empty, expected a name".to_owned());
            }
            for (name, length) in [("output_chars", row.output_chars), ("output_tokens", row.output_tokens)] {
                if length.is_some_and(|length| !length.is_finite() || length < 0.0) {
                    return Err(format!("`{name}` is {}, expected 0 or more", length.unwrap_or_default()));
                }
            }
            // Prompts of sources that are not permitted stay out; their outcomes have nothing to hold on to.
            if !prompts.contains_key(&row.prompt_id) && PERMITTED.iter().any(|it| is_of(&row.prompt_id, it)) {
                return Err(format!("`prompt_id` is {}, which no prompt has", row.prompt_id));
            }
            match scores.insert((row.prompt_id.clone(), row.model.clone()), row.score) {
                Some(other) if (other - row.score).abs() > f64::EPSILON => {
                    Err(format!("{} on {} is scored {other} and {}", row.model, row.prompt_id, row.score))
                }
                Some(_) | None => Ok(()),
            }
        })?;
        // An empty file is no outcomes at all, which is what a missing file says too.
        if !found.is_empty() {
            let reasons =
                reasons_against(found.iter().map(|row| (row.model.as_str(), row.score)), 2, Constant::Allowed);
            if !reasons.is_empty() {
                return Err(DatasetError::Unfit { path, reasons });
            }
        }
        self.hash(&path, name)?;
        let kept = found.into_iter().filter(|row| self.prompts.contains_key(&row.prompt_id)).collect();
        self.outcomes.insert(source.to_owned(), kept);
        Ok(())
    }

    fn hash(&mut self, path: &Path, name: &str) -> Result<(), DatasetError> {
        let bytes = std::fs::read(path).map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
        self.hashes.insert(name.to_owned(), blake3::hash(&bytes).to_hex().to_string());
        Ok(())
    }
}

/// Whether a model may have one and the same score throughout, beside others that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constant {
    /// In a known set a model may be that weak.
    Allowed,
    /// In a file that nobody has checked it is more likely a slip.
    Refused,
}

/// Why nothing can be learned from outcomes: models and their scores.
pub(crate) fn reasons_against<'a>(
    scores: impl Iterator<Item = (&'a str, f64)>,
    fewest_models: usize,
    constant: Constant,
) -> Vec<String> {
    let mut ranges = BTreeMap::<&str, (f64, f64)>::new();
    for (model, score) in scores {
        let range = ranges.entry(model).or_insert((score, score));
        *range = (range.0.min(score), range.1.max(score));
    }
    let mut reasons = Vec::new();
    if ranges.len() < fewest_models {
        let names: Vec<_> = ranges.keys().map(|name| format!("`{name}`")).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        reasons.push(format!(
            "its models are {names}, expected at least {fewest_models}: add outcomes of another model, as one alone \
             cannot tell a hard prompt from a weak model"
        ));
    }
    let equal: Vec<_> = ranges.iter().filter(|(_, (low, high))| high - low <= f64::EPSILON).collect();
    if equal.len() == ranges.len() && !ranges.is_empty() {
        let all: BTreeSet<_> = equal.iter().map(|(_, (low, _))| low.to_bits()).collect();
        let scores: Vec<_> = all.iter().map(|bits| f64::from_bits(*bits).to_string()).collect();
        reasons.push(format!(
            "every model has one and the same score throughout ({}): check how the answers were judged",
            scores.join(", ")
        ));
    } else if constant == Constant::Refused {
        for (model, (score, _)) in equal.iter().take(5) {
            reasons.push(format!(
                "every score of `{model}` is {score}: leave its rows out, or check how its answers were judged"
            ));
        }
        if equal.len() > 5 {
            reasons.push(format!("so it is with {} more models", equal.len() - 5));
        }
    }
    reasons
}

/// Whether a prompt is of a source, by its id.
pub(crate) fn is_of(id: &str, source: &str) -> bool {
    id.strip_prefix(source).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        std::fs::write(folder.join(name), zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
    }

    /// A folder with one prompt and the given outcomes.
    fn folder(outcomes: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for source in PERMITTED {
            write(folder.path(), &format!("{source}-prompts.jsonl.zst"), "");
        }
        let prompt = r#"{"id":"mmlu-pro/1","source":"mmlu-pro","task":"math","prompt":"1+1?","meta":{"level":3,"x":[]},"split":"dev"}"#;
        write(folder.path(), "mmlu-pro-prompts.jsonl.zst", prompt);
        let other = r#"{"id":"arena-hard/1","source":"arena-hard","task":"t","prompt":"2+2?","split":"train"}"#;
        write(folder.path(), "arena-hard-prompts.jsonl.zst", other);
        write(folder.path(), "mmlu-pro-outcomes.jsonl.zst", outcomes);
        folder
    }

    #[test]
    fn prompts_and_outcomes_are_read() {
        let rows = [
            r#"{"prompt_id":"mmlu-pro/1","model":"m","score":0.5,"output_chars":8}"#,
            r#"{"prompt_id":"arena-hard/1","model":"m","score":1}"#,
            r#"{"prompt_id":"mmlu-pro/1","model":"n","score":0}"#,
            r#"{"prompt_id":"arena-hard/1","model":"n","score":1}"#,
        ];
        let folder = folder(&rows.join("\n"));
        let corpus = Corpus::load(folder.path()).unwrap();
        assert_eq!(corpus.prompts["mmlu-pro/1"].split, Split::Dev);
        assert_eq!(corpus.prompts["mmlu-pro/1"].meta.level, Some(3.0));
        assert_eq!(corpus.outcomes["mmlu-pro"][0].output_chars, Some(8.0));
    }

    #[test]
    fn outcome_that_cannot_be_is_refused_by_line() {
        for (outcome, reason) in [
            (r#"{"prompt_id":"mmlu-pro/1","model":"m","score":1.5}"#, "line 1: `score` is 1.5, expected 0 to 1"),
            (r#"{"prompt_id":"mmlu-pro/2","model":"m","score":1}"#, "which no prompt has"),
            (
                "{\"prompt_id\":\"mmlu-pro/1\",\"model\":\"m\",\"score\":1}\n{\"prompt_id\":\"mmlu-pro/1\",\"model\":\"m\",\"score\":0}",
                "line 2: m on mmlu-pro/1 is scored 1 and 0",
            ),
            ("{\"prompt_id\":", "line 1"),
        ] {
            let error = Corpus::load(folder(outcome).path()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn outcomes_that_teach_nothing_are_refused() {
        let row =
            |model: &str, score: f64| format!(r#"{{"prompt_id":"mmlu-pro/1","model":"{model}","score":{score}}}"#);
        for (rows, reason) in [
            (vec![row("m", 1.0)], "its models are `m`, expected at least 2"),
            (vec![row("m", 1.0), row("n", 1.0)], "one and the same score throughout (1)"),
            (vec![row("m", 1.0), row(" ", 1.0)], "line 2: `model` is empty"),
        ] {
            let error = Corpus::load(folder(&rows.join("\n")).path()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn constant_model_beside_others_is_read() {
        let rows = [
            r#"{"prompt_id":"mmlu-pro/1","model":"weak","score":0}"#,
            r#"{"prompt_id":"arena-hard/1","model":"weak","score":0}"#,
            r#"{"prompt_id":"mmlu-pro/1","model":"n","score":0}"#,
            r#"{"prompt_id":"arena-hard/1","model":"n","score":1}"#,
        ];
        assert_eq!(Corpus::load(folder(&rows.join("\n")).path()).unwrap().outcomes["mmlu-pro"].len(), 4);
    }

    #[test]
    fn missing_file_is_named() {
        let error = Corpus::load(Path::new("/nonexistent")).unwrap_err().to_string();
        assert!(error.contains("arena-hard-prompts.jsonl.zst"), "{error}");
    }
}
