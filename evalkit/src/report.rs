//! What a scorer is worth: every figure that is promised of it, measured on one model folder, beside simple baselines.
//!
//! [`data`] reads what is there and says what is not, [`measure()`] makes [`Row`]s with the help of the others, [`show`]
//! writes them. A figure that could not be measured is a row that says why, never a zero. Evaluation sets are read
//! here to report, never to tune.

pub mod blind;
pub mod chance;
pub mod data;
pub mod decisions;
pub mod dev;
pub mod measure;
pub mod process;
pub mod right;
pub mod rivals;
pub mod robustness;
pub mod routing;
pub mod row;
pub mod show;
pub mod speed;
pub mod subject;
pub mod variants;

use std::path::PathBuf;

pub use chance::Chance;
pub use data::{Material, Sources};
pub use decisions::Decisions;
pub use measure::{Plan, measure};
pub use row::{Goal, Report, Row, State, Unit};
pub use subject::Subject;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The scorer's folder was refused.
    #[error("{} is refused", folder.display())]
    Model {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: scorer::ArtifactError,
    },
    /// A prompt could not be scored.
    #[error("cannot score a prompt")]
    Score(#[from] scorer::ScorerError),
    /// Data is bad.
    #[error(transparent)]
    Data(#[from] datasets::DatasetError),
    /// Outcomes of the routing sets are bad.
    #[error(transparent)]
    Outcomes(#[from] crate::router_eval::InputError),
    /// A baseline could not be fitted.
    #[error("a baseline could not be fitted")]
    Baseline(#[from] trainer::TrainError),
    /// A document beside the model cannot be understood.
    #[error("{} cannot be understood: {reason}", path.display())]
    Document {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The program could not be started on its own to be timed.
    #[error("cannot time a fresh process: {0}")]
    Process(String),
}
