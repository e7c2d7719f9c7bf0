//! Reads a prompt and says how hard it is, what kind of work it asks for, and how long the answer is likely to be.
//!
//! The only home of candle in the serving path. Two scorers share one trait: [`LearnedScorer`], a small
//! trained network loaded from an artefact, and [`HeuristicScorer`], a formula without a model that has to be asked for
//! by name. Neither does IO while scoring, and neither decides anything: what a score means for routing belongs to
//! `policy`, when to give up waiting for one belongs to `engine`.

pub mod artifact;
pub mod builtin;
pub mod calibration;
pub mod cues;
pub mod forward;
pub mod heuristic;
pub mod influence;
pub mod inputs;
pub mod learned;
pub mod models;
pub mod network;
mod pieces;
pub mod prompt;
pub mod table;
pub mod tokens;
pub mod wide;

use std::sync::Arc;

pub use artifact::{ArtifactError, Manifest};
pub use domain::{CapabilityTag, OutputTokens, Score, ScorerInput};
pub use heuristic::HeuristicScorer;
pub use learned::LearnedScorer;
pub use models::Models;

/// Scores prompts.
pub trait Scorer: Send + Sync {
    /// Scores each input, in order. A batch gives what its members give alone.
    ///
    /// Runs on the calling thread and blocks it for some tens of microseconds an input.
    ///
    /// # Errors
    /// When any input cannot be scored; a score is never made up.
    fn score(&self, batch: &[ScorerInput]) -> Result<Vec<Score>, ScorerError>;

    /// The version that every score carries.
    fn version(&self) -> &Arc<str>;
}

/// Why a prompt could not be scored.
#[derive(Debug, thiserror::Error)]
pub enum ScorerError {
    /// A scorer of another make refused the prompt.
    #[error("cannot score the prompt: {0}")]
    Refused(String),
    /// The tokenizer knows a token that the artefact has no vector for.
    #[error(
        "token {token} of the prompt is not in the scorer's table: the artefact's tokenizer does not belong to its weights"
    )]
    UnknownToken {
        /// The first such token.
        token: u32,
    },
    /// The network answered something that is not a number.
    #[error("the scoring network answered {value} for {output}")]
    NotFinite {
        /// Which output.
        output: &'static str,
        /// What it was.
        value: f64,
    },
}
