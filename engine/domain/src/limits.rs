//! What a key, a project or an organisation may consume: rolling limits and budgets.
//!
//! Only the figures: who counts is the gateway.

use serde::{Deserialize, Serialize};

use crate::money::Money;

/// Limits of one key, or of each of its users. Every one is off while it is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Input and output tokens together in the preceding hour, this request included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens_per_hour: Option<u64>,
    /// Input tokens in the preceding hour, this request included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens_per_hour: Option<u64>,
    /// Output tokens in the preceding hour, this request included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_per_hour: Option<u64>,
    /// Requests in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Requests that run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_requests: Option<u64>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How long a budget lasts before it begins anew, by the UTC calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// From midnight.
    Day,
    /// From Monday's midnight.
    Week,
    /// From the first of the month.
    Month,
    /// It never begins anew.
    Lifetime,
}

/// What happens when a budget is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetMode {
    /// Requests are refused with status 402.
    #[default]
    Hard,
    /// Requests go on and an alert is raised.
    Soft,
}

/// An amount that may be spent in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// How much.
    pub amount: Money,
    /// In which period.
    pub period: BudgetPeriod,
    /// What happens when it is spent.
    #[serde(default)]
    pub mode: BudgetMode,
}

/// Bodies of requests and answers are kept for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyLogging {
    /// Days after which they are deleted; at least 1.
    pub retention_days: u32,
}
