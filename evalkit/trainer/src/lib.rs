//! Fits, calibrates and exports a scorer.
//!
//! From permitted outcome data, an item-response fit gives each benchmark prompt a difficulty; own graded prompts give
//! complexity, tags and answer length. One network, the scorer's own, learns all of them jointly. Every step is seeded:
//! the same data, configuration and seed give the same artefact. Reads and writes files only through `datasets` and
//! [`export`]; prints nothing, and reports progress through a callback.

pub mod ability;
pub mod augment;
pub mod baselines;
pub mod calibrate;
pub mod config;
pub mod examples;
pub mod export;
pub mod fit;
pub mod folds;
pub mod initial;
pub mod irt;
pub mod loss;
pub mod metrics;
pub mod model;
pub mod pipeline;
pub mod report;
pub mod resume;
pub mod ridge;
pub mod sources;

use std::path::PathBuf;

pub use config::Config;
pub use initial::Initial;
pub use pipeline::{Inputs, train};
pub use report::Report;

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The configuration asks for something impossible.
    #[error("configuration: `{key}` {reason}")]
    Config {
        /// Which key.
        key: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The data could not be read.
    #[error(transparent)]
    Data(#[from] datasets::DatasetError),
    /// The tokenizer or the initial table is unfit.
    #[error(transparent)]
    Artifact(#[from] scorer::ArtifactError),
    /// A prompt could not be tokenised.
    #[error(transparent)]
    Score(#[from] scorer::ScorerError),
    /// A tensor operation failed.
    #[error("training step failed")]
    Tensor(#[from] candle_core::Error),
    /// A file could not be read or written.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder that training starts from is not there, or not whole.
    #[error(
        "{} has no {name}, so training cannot start from it: name a scorer's folder or one that \
         `evalkit/scripts/initial_table.py` made, or leave --initial out to start from the built-in scorer's table",
        folder.display()
    )]
    NoInitial {
        /// Which folder.
        folder: PathBuf,
        /// What it lacks.
        name: &'static str,
    },
    /// A version means one content.
    #[error("{} is there already: name another --version, or take its place with --overwrite", .0.display())]
    AlreadyThere(PathBuf),
    /// A fit ended without a result.
    #[error("a fit ended unexpectedly; this is a fault of the trainer")]
    Panicked,
    /// The loss is no longer a number.
    #[error("the loss became {0}; lower `learning_rate`")]
    Diverged(f64),
}
