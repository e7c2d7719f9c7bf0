//! What the scorer reads and what it says.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::features::Features;

/// A kind of work that a prompt may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapabilityTag {
    /// Writing, reading or mending programs.
    Code,
    /// Calculation and proof.
    Math,
    /// Several steps of inference.
    Reasoning,
    /// Facts.
    Knowledge,
    /// Prose that should be good.
    Writing,
    /// Taking given facts out of a given text.
    Extraction,
    /// From one language to another.
    Translation,
    /// Calling tools.
    ToolUse,
    /// An answer in a demanded form.
    StructuredOutput,
    /// Small talk.
    Chat,
}

impl CapabilityTag {
    /// Every tag, in the order in which scorers give their probabilities.
    pub const ALL: [Self; 10] = [
        Self::Code,
        Self::Math,
        Self::Reasoning,
        Self::Knowledge,
        Self::Writing,
        Self::Extraction,
        Self::Translation,
        Self::ToolUse,
        Self::StructuredOutput,
        Self::Chat,
    ];

    /// The tag's name: `tool_use`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Math => "math",
            Self::Reasoning => "reasoning",
            Self::Knowledge => "knowledge",
            Self::Writing => "writing",
            Self::Extraction => "extraction",
            Self::Translation => "translation",
            Self::ToolUse => "tool_use",
            Self::StructuredOutput => "structured_output",
            Self::Chat => "chat",
        }
    }
}

impl fmt::Display for CapabilityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CapabilityTag {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|tag| tag.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|tag| tag.as_str()).collect();
            format!("`{text}` is not a capability tag: expected one of {}", known.join(", "))
        })
    }
}

/// What the scorer reads: the last user turn, preceded by the tails of what came before, within a byte budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScorerInput {
    /// The text, already cut to a few KiB by the caller; the scorer cuts again to its own budget.
    pub text: String,
    /// The user turn before it, or its end, where there was one; empty otherwise. Tells what a follow-up follows.
    pub context: String,
    /// The text given is not the whole prompt.
    pub truncated: bool,
    /// What is known of the request beside its text.
    pub features: Features,
}

/// Expected length of the answer, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputTokens {
    /// Median.
    pub p50: u32,
    /// 90th percentile.
    pub p90: u32,
}

/// What the scorer says of a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Calibrated complexity, 0..=1: below 0.4 simple, above 0.6 complex.
    pub complexity: f64,
    /// Difficulty on the item-response scale, real.
    pub difficulty: f64,
    /// Probability per tag, 0..=1.
    pub capabilities: Vec<(CapabilityTag, f64)>,
    /// How long the answer is likely to be.
    pub expected_output_tokens: OutputTokens,
    /// Standard deviation of `complexity`, where the scorer can tell.
    pub uncertainty: f64,
    /// Some of the prompt was not read.
    pub truncated: bool,
    /// Time taken, in microseconds.
    pub micros: u64,
    /// Which scorer spoke.
    pub version: Arc<str>,
}
