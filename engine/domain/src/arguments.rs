//! What a decision was made of, beside the configuration: kept with it in the ledger, so that it can be made again.
//!
//! The seed and the version of the configuration stand in the [`Decision`](crate::Decision) itself. In JSON, what is as
//! it mostly is takes no bytes: every request keeps these.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::conversation::Previous;
use crate::decision::Degradation;
use crate::features::Facts;
use crate::health::Health;
use crate::route::Route;
use crate::score::Score;

/// The arguments of one decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arguments {
    /// Where candidates came from.
    pub route: Route,
    /// What was known of the request. Of its labels, what a rule could have read.
    pub facts: Facts,
    /// What was known of the prompt.
    #[serde(default, skip_serializing_if = "Scored::is_not_asked")]
    pub scoring: Scored,
    /// How the candidates were.
    #[serde(default, skip_serializing_if = "Health::is_empty")]
    pub health: Health,
    /// The conversation's previous turn, if it was looked for and found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// When the decision was made.
    pub now: Timestamp,
}

/// What a decision knew of the prompt's score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scored {
    /// It needed none, and nobody was asked.
    #[default]
    NotAsked,
    /// The scorer was asked and did not answer, for this reason.
    Unavailable(Degradation),
    /// It answered.
    Known(Score),
}

impl Scored {
    /// Whether nobody was asked.
    pub const fn is_not_asked(&self) -> bool {
        match self {
            Self::NotAsked => true,
            Self::Unavailable(_) | Self::Known(_) => false,
        }
    }
}
