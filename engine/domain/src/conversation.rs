//! Conversations: whether a policy keeps to a model for their length, and what a decision knows of the turns before.

use serde::{Deserialize, Serialize};

use crate::ids::ModelId;
use crate::money::Money;

/// How far a policy keeps a conversation on one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Affinity {
    /// The model of the previous turn stays, unless another beats it by more than the price of a cold prompt cache.
    Conversation,
}

/// The turn before, as far as a decision needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// What the record calls the conversation.
    pub session: String,
    /// Who answered the turn before.
    pub model: ModelId,
    /// How many tokens of this request that model has read or written before: the prefix that its prompt cache may hold.
    pub cached_tokens: u64,
    /// The request brings results of tools that the model has called, or owes it some.
    pub in_tool_loop: bool,
}

/// What affinity did to a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffinityRecord {
    /// The conversation.
    pub session: String,
    /// Who answered the turn before.
    pub previous: ModelId,
    /// It answers this turn too.
    pub kept: bool,
    /// What the strategy's own choice would pay for reading the prefix without a prompt cache, when that is another
    /// model; `None` = its price is unknown, or nothing is switched.
    pub switch_cost_usd: Option<Money>,
    /// Why it was kept, or was not.
    pub why: String,
}
