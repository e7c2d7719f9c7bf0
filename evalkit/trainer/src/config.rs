//! What a training run is told: sizes, weights, anchors. One TOML file; unknown keys are refused.

use domain::CapabilityTag;
use serde::{Deserialize, Serialize};

use crate::TrainError;

/// A training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The artefact's version: also its folder's name.
    pub version: String,
    /// Attention queries over all tokens.
    pub queries: usize,
    /// Attention queries over the tokens that ask.
    pub ask_queries: usize,
    /// Attention queries over the tokens of the last thing said.
    pub last_queries: usize,
    /// Width of the trunk.
    pub hidden: usize,
    /// Penalty on the weights of the wide part.
    pub wide_penalty: f32,
    /// Parts into which authors are dealt; each is judged by a fit without it.
    pub folds: usize,
    /// Most tokens read.
    pub max_tokens: usize,
    /// Rank of the learned change of the token table.
    pub rank: usize,
    /// Passes over the everyday prompts, at most.
    pub epochs: usize,
    /// Passes without a better dev loss before stopping.
    pub patience: usize,
    /// Everyday prompts in a step.
    pub everyday_batch: usize,
    /// Public prompts in a step.
    pub public_batch: usize,
    /// Step size of the network.
    pub learning_rate: f64,
    /// Step size of the change of the token table.
    pub table_learning_rate: f64,
    /// Decay of weights.
    pub weight_decay: f64,
    /// Share of inputs dropped while training.
    pub dropout: f32,
    /// Share of tokens made unknown while training.
    pub token_dropout: f64,
    /// Altered copies of each everyday prompt.
    pub variants: usize,
    /// Generated prompts.
    pub generated: usize,
    /// One in this many everyday prompts (pairs together) is kept for early stopping.
    pub dev_one_in: u64,
    /// How much each target counts.
    pub weights: Weights,
    /// The mix that complexity is a percentile of.
    pub reference: Reference,
    /// Where the parts of the public sets stand on the scale of the everyday grades.
    pub anchor: Vec<Anchor>,
}

/// How much each target counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Order of pairs by complexity.
    pub pairs: f64,
    /// Item-response difficulty.
    pub difficulty: f64,
    /// Tags.
    pub tags: f64,
    /// Answer length.
    pub output: f64,
    /// A generated prompt against an everyday one.
    pub generated: f64,
    /// A public prompt that was graded against an everyday one.
    pub public_graded: f64,
    /// Complexity of public prompts, by anchor, against that of an everyday prompt.
    pub anchored: f64,
    /// Tags of public prompts against those of an everyday prompt.
    pub public_tags: f64,
    /// Difficulty of everyday prompts, by grade, against that of a public prompt.
    pub graded_difficulty: f64,
}

/// Shares of the mix that complexity is a percentile of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Share of simple prompts.
    pub simple: f64,
    /// Share of medium prompts.
    pub medium: f64,
    /// Share of complex prompts.
    pub complex: f64,
}

/// Where a part of a public set stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The set.
    pub source: String,
    /// The part; `*` is any not named otherwise.
    pub task: String,
    /// Mean grade.
    pub grade: f64,
    /// Grades that one standard deviation of difficulty within the part makes.
    pub spread: f64,
    /// What its prompts ask for.
    #[serde(default)]
    pub tags: Vec<CapabilityTag>,
}

impl Config {
    /// Refuses what cannot work.
    ///
    /// # Errors
    /// Names the first key that is wrong.
    pub fn validate(&self) -> Result<(), TrainError> {
        let positive = [
            ("queries", self.queries),
            ("ask_queries", self.ask_queries),
            ("last_queries", self.last_queries),
            ("hidden", self.hidden / 2),
            ("folds", self.folds / 2),
            ("rank", self.rank),
            ("epochs", self.epochs),
            ("patience", self.patience),
            ("everyday_batch", self.everyday_batch / 2),
            ("public_batch", self.public_batch / 2),
            ("max_tokens", self.max_tokens / 2),
            ("variants", self.variants),
        ];
        for (key, value) in positive {
            if value == 0 {
                return Err(TrainError::Config { key, reason: "is too small".to_owned() });
            }
        }
        if self.dev_one_in < 2 {
            return Err(TrainError::Config {
                key: "dev_one_in",
                reason: "is less than 2, so nothing is left".to_owned(),
            });
        }
        let name = &self.version;
        let plain = !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '-'));
        if !plain || name.starts_with('.') {
            let reason = format!("is `{name}`, expected letters, digits, `.` and `-`");
            return Err(TrainError::Config { key: "version", reason });
        }
        if !(0.0..0.9).contains(&self.dropout) || !(0.0..0.9).contains(&self.token_dropout) {
            return Err(TrainError::Config { key: "dropout", reason: "is not within 0 to 0.9".to_owned() });
        }
        let Reference { simple, medium, complex } = self.reference;
        if simple <= 0.0 || medium <= 0.0 || complex <= 0.0 || (simple + medium + complex - 1.0).abs() > 1e-6 {
            return Err(TrainError::Config {
                key: "reference",
                reason: "has shares that do not add up to 1".to_owned(),
            });
        }
        Ok(())
    }

    /// Where a part of a public set stands, if that is stated.
    pub fn anchor_of(&self, source: &str, task: &str) -> Option<&Anchor> {
        let of = |wanted: &str| self.anchor.iter().find(|it| it.source == source && it.task == wanted);
        of(task).or_else(|| of("*"))
    }
}
