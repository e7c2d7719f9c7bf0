//! A whole answer in no dialect.

use domain::Usage;

use super::{Json, Loss, Part};
use crate::json::{Escapes, Node};

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The upstream's name for it.
    pub id: Option<String>,
    /// The model that the upstream says has answered.
    pub model: Option<String>,
    /// The alternatives, mostly one.
    pub choices: Vec<Choice>,
    /// What it consumed, if the upstream says.
    pub usage: Option<Usage>,
    /// What it held that this form has no place for.
    pub unsaid: Loss,
}

/// One of the alternatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What was said.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub stop: StopReason,
    /// Log probabilities, as `OpenAI` writes them.
    pub logprobs: Option<Json>,
}

impl Choice {
    /// Whether log probabilities of a refusal are among them: of the dialects, only `OpenAI`'s chat has a place for these.
    pub(crate) fn has_logprobs_of_refusal(&self) -> bool {
        let node = self.logprobs.as_ref().and_then(|it| Node::parse(it.as_str(), Escapes::Lenient).ok());
        node.and_then(|node| node.get("refusal").map(|refusal| !refusal.items().is_empty())).unwrap_or(false)
    }
}

/// Why an answer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StopReason {
    /// All was said.
    #[default]
    Stop,
    /// At one of the texts of `stop`; which, if the upstream says.
    StopSequence(Option<String>),
    /// At the most tokens.
    Length,
    /// To call functions.
    ToolCalls,
    /// Filtered by the provider.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// It may go on if asked again (`pause_turn`).
    Pause,
    /// A word of the provider's own.
    Other(String),
}
