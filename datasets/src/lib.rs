//! Data sets for training and judging the scorer: rows, loaders, splits.
//!
//! Reads JSON Lines, plain or zstd, and refuses a bad row by file and line. Knows which public sources a shipped model
//! may be trained on; what is learned from them is the trainer's business. Holds no text of any public set: those are
//! read from a folder that the caller names. Own prompts lie in `everyday/`, see its README.

pub mod everyday;
pub mod generate;
pub mod outcomes;
pub mod rows;

use std::path::PathBuf;

pub use everyday::{EverydayPrompt, Level, Review};
pub use generate::generate;
pub use outcomes::{Corpus, Outcome, PERMITTED, PublicPrompt, Split};
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
    #[error("{path} has {} bad rows: {}", faults.len(), rows::list(faults))]
    Rows {
        /// In which file.
        path: PathBuf,
        /// What is wrong, by line.
        faults: Vec<RowFault>,
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
