//! How much is allowed, how much of it is left, and when it is whole again.

use std::time::Duration;

use domain::{Budget, Limits, Money, Timestamp};

use crate::demand::{Spender, Tokens};

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// How much is allowed.
    pub limit: u64,
    /// How much of it is left.
    pub remaining: u64,
    /// When all of it is there again, if nothing more is consumed.
    pub reset: Duration,
}

/// Every limit that a request falls under; of a key's and its user's the one with less left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Requests in a minute.
    pub requests: Option<Gauge>,
    /// Tokens in an hour.
    pub tokens: Option<Gauge>,
    /// Tokens read in an hour.
    pub input_tokens: Option<Gauge>,
    /// Tokens written in an hour.
    pub output_tokens: Option<Gauge>,
}

impl Status {
    #[must_use]
    pub(crate) fn tighter(self, other: Self) -> Self {
        Self {
            requests: tighter(self.requests, other.requests),
            tokens: tighter(self.tokens, other.tokens),
            input_tokens: tighter(self.input_tokens, other.input_tokens),
            output_tokens: tighter(self.output_tokens, other.output_tokens),
        }
    }

    pub(crate) fn of(limits: &Limits, usage: &Usage) -> Self {
        let gauge = |limit: Option<u64>, used: u64, reset| {
            limit.map(|limit| Gauge { limit, remaining: limit.saturating_sub(used), reset })
        };
        let tokens = usage.tokens();
        Self {
            requests: gauge(limits.requests_per_minute, usage.requests, usage.requests_reset),
            tokens: gauge(limits.total_tokens_per_hour, tokens.total(), usage.tokens_reset),
            input_tokens: gauge(limits.input_tokens_per_hour, tokens.input, usage.tokens_reset),
            output_tokens: gauge(limits.output_tokens_per_hour, tokens.output, usage.tokens_reset),
        }
    }
}

fn tighter(one: Option<Gauge>, other: Option<Gauge>) -> Option<Gauge> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.remaining < one.remaining { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// What a key or a user has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read in the last hour, what is reserved included.
    pub input_tokens: u64,
    /// Tokens written in the last hour, what is reserved included.
    pub output_tokens: u64,
    /// Requests in the last minute.
    pub requests: u64,
    /// Requests that run.
    pub running: u64,
    /// When none of the tokens count any more.
    pub tokens_reset: Duration,
    /// When none of the requests count any more.
    pub requests_reset: Duration,
}

impl Usage {
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens { input: self.input_tokens, output: self.output_tokens }
    }
}

/// What has been spent of a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetStatus {
    /// Whose.
    pub spender: Spender,
    /// The budget.
    pub budget: Budget,
    /// What was spent in the present period.
    pub spent: Money,
    /// What running requests may spend besides.
    pub reserved: Money,
    /// When it begins anew.
    pub until: Option<Timestamp>,
}
