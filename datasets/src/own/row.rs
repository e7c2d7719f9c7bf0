//! One row: its cells as they stand in a file of any format, and the checks that make it an outcome.

use std::path::Path;

use crate::{DatasetError, Split};

/// Columns that have to be there.
pub(super) const NEEDED: [&str; 3] = ["prompt", "model", "score"];

/// Columns that may be there.
pub(super) const OPTIONAL: [&str; 3] = ["id", "split", "output_tokens"];

/// Names that others give to the columns that have to be there.
const ALIASES: [(&str, &[&str]); 3] = [
    ("prompt", &["question", "input", "text", "query", "instruction", "message", "content", "user"]),
    ("model", &["model_name", "model_id", "llm", "system", "engine", "deployment"]),
    ("score", &["correct", "accuracy", "grade", "rating", "label", "quality", "reward", "success", "result", "value"]),
];

/// A cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Cell {
    /// Not there, empty, or null.
    #[default]
    Missing,
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// Something else, named.
    Other(&'static str),
}

/// A row as it stands in a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Raw {
    pub(super) prompt: Cell,
    pub(super) model: Cell,
    pub(super) score: Cell,
    pub(super) id: Cell,
    pub(super) split: Cell,
    pub(super) output_tokens: Cell,
}

/// A row that is sound by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) prompt: String,
    pub(super) model: String,
    pub(super) score: f64,
    pub(super) id: Option<String>,
    pub(super) split: Option<Split>,
    pub(super) output_tokens: Option<f64>,
}

impl Raw {
    /// The cell of a column by its name; others are passed over.
    pub(super) fn cell(&mut self, name: &str) -> Option<&mut Cell> {
        match name {
            "prompt" => Some(&mut self.prompt),
            "model" => Some(&mut self.model),
            "score" => Some(&mut self.score),
            "id" => Some(&mut self.id),
            "split" => Some(&mut self.split),
            "output_tokens" => Some(&mut self.output_tokens),
            _ => None,
        }
    }

    /// What the row says, or what is wrong with it.
    pub(super) fn check(self) -> Result<Row, String> {
        Ok(Row {
            prompt: text("prompt", self.prompt, "the text that was sent")?,
            model: text("model", self.model, "the name of who answered")?.trim().to_owned(),
            score: score(&self.score)?,
            id: identity(self.id)?,
            split: split(&self.split)?,
            output_tokens: output_tokens(&self.output_tokens)?,
        })
    }
}

fn text(column: &str, cell: Cell, expected: &str) -> Result<String, String> {
    match cell {
        Cell::Text(text) if text.trim().is_empty() => Err(format!("`{column}` is empty, expected {expected}")),
        Cell::Text(text) => Ok(text),
        Cell::Missing => Err(format!("`{column}` is empty, expected {expected}")),
        Cell::Number(_) if column == "model" => Err("`model` is a number, expected a name in quotes".to_owned()),
        Cell::Number(number) => Ok(number.to_string()),
        Cell::Other(what) => Err(format!("`{column}` is {what}, expected {expected}")),
    }
}

fn score(cell: &Cell) -> Result<f64, String> {
    let value = match cell {
        Cell::Number(value) => *value,
        Cell::Missing => return Err("`score` is empty, expected 0 to 1; leave out rows without a score".to_owned()),
        Cell::Other(what) => return Err(format!("`score` is {what}, expected a number from 0 to 1")),
        Cell::Text(text) => {
            let text = text.trim();
            if text.ends_with('%') {
                return Err(format!("`score` is {text}, expected 0 to 1; divide per cent by 100"));
            }
            text.parse().map_err(|_| format!("`score` is `{text}`, expected a number from 0 to 1"))?
        }
    };
    if !value.is_finite() {
        return Err(format!("`score` is {value}, expected 0 to 1; leave out rows without a score"));
    }
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    let cure =
        if value > 1.0 && value <= 100.0 { "if it is per cent, divide by 100" } else { "map your scale onto it" };
    Err(format!("`score` is {value}, expected 0 to 1; {cure}"))
}

fn identity(cell: Cell) -> Result<Option<String>, String> {
    match cell {
        Cell::Missing => Ok(None),
        Cell::Text(text) if text.trim().is_empty() => Ok(None),
        Cell::Text(text) => Ok(Some(text)),
        Cell::Number(number) => Ok(Some(number.to_string())),
        Cell::Other(what) => Err(format!("`id` is {what}, expected text or a number")),
    }
}

fn split(cell: &Cell) -> Result<Option<Split>, String> {
    let refused = |said: &str| {
        let cure = "rows to judge by belong in a file of their own";
        Err(format!("`split` is {said}, expected `train` or `dev`; {cure}"))
    };
    match cell {
        Cell::Missing => Ok(None),
        Cell::Text(text) => match text.trim() {
            "" => Ok(None),
            "train" => Ok(Some(Split::Train)),
            "dev" => Ok(Some(Split::Dev)),
            other => refused(&format!("`{other}`")),
        },
        Cell::Number(number) => refused(&number.to_string()),
        Cell::Other(what) => refused(what),
    }
}

fn output_tokens(cell: &Cell) -> Result<Option<f64>, String> {
    let value = match cell {
        Cell::Missing => return Ok(None),
        Cell::Text(text) if text.trim().is_empty() => return Ok(None),
        Cell::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
        Cell::Number(value) => *value,
        Cell::Other(_) => f64::NAN,
    };
    if value.is_finite() && value >= 0.0 {
        return Ok(Some(value));
    }
    Err("`output_tokens` is not a number from 0 up; leave the cell empty where it is not known".to_owned())
}

/// Refuses a file without a column that has to be there, naming what comes nearest.
pub(super) fn check_columns(path: &Path, found: &[&str]) -> Result<(), DatasetError> {
    let missing: Vec<_> = NEEDED.into_iter().filter(|name| !found.contains(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let cures: Vec<_> = missing
        .iter()
        .filter_map(|name| nearest(name, found).map(|other| format!("rename `{other}` to `{name}`")))
        .collect();
    let quoted = |names: &[&str]| names.iter().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(DatasetError::Columns {
        path: path.to_owned(),
        missing: format!("column {}", quoted(&missing)),
        found: if found.is_empty() { "none".to_owned() } else { quoted(found) },
        cure: if cures.is_empty() { String::new() } else { format!(": {}", cures.join(", ")) },
    })
}

/// The column that is most likely meant.
pub(super) fn nearest<'a>(name: &str, found: &[&'a str]) -> Option<&'a str> {
    let aliases = ALIASES.iter().find(|(column, _)| *column == name).map(|(_, aliases)| *aliases).unwrap_or_default();
    let free = || found.iter().copied().filter(|it| !NEEDED.contains(it) && !OPTIONAL.contains(it));
    let similar = |it: &str| strsim::jaro_winkler(&it.to_lowercase(), name);
    free()
        .filter(|it| similar(it) > 0.8)
        .max_by(|a, b| similar(a).total_cmp(&similar(b)))
        .or_else(|| free().find(|it| aliases.contains(&it.to_lowercase().as_str())))
}
