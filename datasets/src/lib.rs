//! Data sets for training and judging the scorer: rows, loaders, splits.
//!
//! Reads JSON Lines, CSV and Parquet, and refuses a bad row by file and line. Knows which public sources a shipped model
//! may be trained on; what is learned from them is the trainer's business. Holds no text of any public set: those are
//! read from a folder that the caller names. Own prompts lie in `everyday/` and `blind/`, see the READMEs.

pub mod agreement;
pub mod blind;
pub mod everyday;
pub mod generate;
pub mod grades;
pub mod grading;
pub mod outcomes;
pub mod own;
pub mod rows;

#[cfg(test)]
mod shipped;

use std::path::PathBuf;

pub use agreement::{Agreement, TagAgreement, agreement};
pub use blind::{BlindPrompt, blind};
pub use everyday::EverydayPrompt;
pub use generate::generate;
pub use grades::public_grades;
pub use grading::{Grading, Level, Merged};
pub use outcomes::{Corpus, Outcome, PERMITTED, PublicPrompt, Split};
pub use own::{OwnOutcomes, Purpose};
pub use rows::RowFault;

/// Why a data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Rows are wrong.
    #[error("{path} has {} bad rows: {}", faults.len(), rows::list(path, faults))]
    Rows {
        /// In which file.
        path: PathBuf,
        /// What is wrong, by line.
        faults: Vec<RowFault>,
    },
    /// Columns that are needed are not there.
    #[error("{path} has no {missing}; it has {found}{cure}")]
    Columns {
        /// In which file.
        path: PathBuf,
        /// What is missing, named.
        missing: String,
        /// What is there.
        found: String,
        /// What to rename.
        cure: String,
    },
    /// Each row is sound, but nothing can be learned from them together.
    #[error("{path} cannot be learned from: {}", reasons.join("; "))]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// Why, each with its cure.
        reasons: Vec<String>,
    },
    /// A file is not what its name says.
    #[error("{path} cannot be read as {format}: {reason}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// As what it was read.
        format: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A folder holds none of what was looked for.
    #[error("{path} holds no {what}")]
    Empty {
        /// Which folder or file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
}
