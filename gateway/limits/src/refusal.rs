//! Why a request may not go on now, and when it may.

use std::cmp::Ordering;
use std::time::Duration;

use domain::{BudgetPeriod, Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::demand::Spender;
use crate::status::Status;

/// What limits a key or a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Tokens read and written in an hour.
    TotalTokens,
    /// Tokens read in an hour.
    InputTokens,
    /// Tokens written in an hour.
    OutputTokens,
    /// Requests in a minute.
    Requests,
    /// Requests at once.
    Concurrency,
}

impl LimitKind {
    /// The limit in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TotalTokens => "tokens per hour",
            Self::InputTokens => "input tokens per hour",
            Self::OutputTokens => "output tokens per hour",
            Self::Requests => "requests per minute",
            Self::Concurrency => "requests at once",
        }
    }

    /// The limit's code: `total_tokens_per_hour`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TotalTokens => "total_tokens_per_hour",
            Self::InputTokens => "input_tokens_per_hour",
            Self::OutputTokens => "output_tokens_per_hour",
            Self::Requests => "requests_per_minute",
            Self::Concurrency => "concurrent_requests",
        }
    }
}

/// A limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub limit: LimitKind,
    /// It is the limit of each user, not of the key.
    pub per_user: bool,
    /// How much is allowed.
    pub allowed: u64,
    /// When the same request may be let in; `None` = never, it alone is more than is allowed.
    pub retry_after: Option<Duration>,
}

impl Refused {
    /// The refusal that holds longer.
    pub(crate) fn longer(self, other: Self) -> Self {
        let is_longer = match (self.retry_after, other.retry_after) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => own.cmp(&others) != Ordering::Less,
        };
        if is_longer { self } else { other }
    }
}

/// A hard budget that is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Whose.
    pub spender: Spender,
    /// How much it was.
    pub amount: Money,
    /// In which period.
    pub period: BudgetPeriod,
    /// When it begins anew.
    pub until: Option<Timestamp>,
}

/// A budget of which nobody has said yet what was spent before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unloaded {
    /// Whose.
    pub spender: Spender,
    /// In which period.
    pub period: BudgetPeriod,
    /// When the present period began.
    pub since: Timestamp,
}

/// Why there is no reservation.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// A limit is reached.
    Limit(Refused, Box<Status>),
    /// A hard budget is spent.
    Budget(Spent, Box<Status>),
    /// These must be loaded first: sum what was spent, tell `Limiter::load`, and reserve again.
    Unloaded(Vec<Unloaded>),
    /// The shared store is away and the request falls under a hard budget.
    Unavailable,
}
