//! What is said to the scripts and what they answer. JSON: a script reads it in one call, whatever its shape.

use domain::{BudgetMode, Limits, OrganisationId};
use serde::{Deserialize, Serialize};

use crate::demand::{Cap, Consumed, Demand, Spender, UserDigest};
use crate::period::{period_end, period_start};
use crate::refusal::LimitKind;
use crate::status::Usage;

/// Which script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Reserve,
    Settle,
    Load,
    Beat,
}

impl Script {
    pub(crate) const ALL: [Self; 4] = [Self::Reserve, Self::Settle, Self::Load, Self::Beat];

    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Reserve => concat!(include_str!("prelude.lua"), include_str!("reserve.lua")),
            Self::Settle => concat!(include_str!("prelude.lua"), include_str!("settle.lua")),
            Self::Load => concat!(include_str!("prelude.lua"), include_str!("load.lua")),
            Self::Beat => concat!(include_str!("prelude.lua"), include_str!("beat.lua")),
        }
    }
}

/// Names are of this version of the scripts; those of another must not touch the same keys.
pub(crate) fn prefix_of(organisation: &OrganisationId) -> String {
    format!("signalbox:1:{{{}}}:", organisation.as_str())
}

/// The prefix of what belongs to no organisation.
pub(crate) const COMMON_PREFIX: &str = "signalbox:1:";

#[derive(Serialize)]
pub(crate) struct ReserveCall<'a> {
    /// 0 = the server's clock.
    pub(crate) now: u64,
    pub(crate) prefix: String,
    pub(crate) replica: &'a str,
    pub(crate) id: &'a str,
    /// Seconds after which a reservation that nobody has settled is given back.
    pub(crate) lives: u64,
    pub(crate) commit: bool,
    pub(crate) counters: Vec<CounterCall>,
    pub(crate) caps: Vec<CapCall>,
    pub(crate) input: u64,
    pub(crate) output: u64,
    pub(crate) cost: String,
}

#[derive(Serialize)]
pub(crate) struct CounterCall {
    pub(crate) key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrent: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct CapCall {
    pub(crate) key: String,
    /// A decimal number of 10^-12 USD: numbers of scripts are floats.
    pub(crate) amount: String,
    pub(crate) hard: bool,
}

impl CounterCall {
    fn new(key: String, limits: &Limits) -> Self {
        Self {
            key,
            total: limits.total_tokens_per_hour,
            input: limits.input_tokens_per_hour,
            output: limits.output_tokens_per_hour,
            requests: limits.requests_per_minute,
            concurrent: limits.concurrent_requests,
        }
    }

    pub(crate) fn all_of(demand: &Demand) -> Vec<Self> {
        let own = Self::new(counter_key(demand.key.as_str(), None), &demand.limits);
        let user = demand.user.map(|user| Self::new(counter_key(demand.key.as_str(), Some(user.digest)), &user.limits));
        std::iter::once(own).chain(user).collect()
    }
}

fn counter_key(key: &str, user: Option<UserDigest>) -> String {
    user.map_or_else(|| format!("w:{key}"), |user| format!("w:{key}:{user}"))
}

impl CapCall {
    pub(crate) fn new(cap: &Cap, now: domain::Timestamp) -> Self {
        Self {
            key: cap_key(&cap.spender, cap.budget.period, now),
            amount: pico(cap.budget.amount),
            hard: cap.budget.mode == BudgetMode::Hard,
        }
    }
}

/// Each period has a key of its own: what is over stays as it was until it expires.
pub(crate) fn cap_key(spender: &Spender, period: domain::BudgetPeriod, now: domain::Timestamp) -> String {
    let kind = match period {
        domain::BudgetPeriod::Day => "day",
        domain::BudgetPeriod::Week => "week",
        domain::BudgetPeriod::Month => "month",
        domain::BudgetPeriod::Lifetime => "lifetime",
    };
    let start = period_start(period, now).0 / 1_000_000;
    format!("b:{}:{}:{kind}:{start}", spender.kind(), spender.id())
}

/// When a period's key may go: long after late settlements.
pub(crate) fn expiry_millis(period: domain::BudgetPeriod, now: domain::Timestamp) -> Option<u64> {
    period_end(period, now).map(|end| end.unix_millis() + 2 * 86_400_000)
}

/// An amount as scripts take it: within what a server adds exactly, which is 9.2 million dollars.
pub(crate) fn pico(amount: domain::Money) -> String {
    amount.pico().clamp(0, i128::from(i64::MAX)).to_string()
}

/// An amount as scripts return it.
pub(crate) fn money(text: &str) -> domain::Money {
    domain::Money::from_pico(text.parse().unwrap_or(0))
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct SettleCall {
    pub(crate) now: u64,
    pub(crate) prefix: String,
    pub(crate) replica: String,
    pub(crate) id: String,
    pub(crate) counters: Vec<String>,
    pub(crate) caps: Vec<CapCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) consumed: Option<ConsumedCall>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConsumedCall {
    input: u64,
    output: u64,
    cost: String,
}

impl From<Consumed> for ConsumedCall {
    fn from(it: Consumed) -> Self {
        Self { input: it.input_tokens, output: it.output_tokens, cost: pico(it.cost) }
    }
}

#[derive(Serialize)]
pub(crate) struct LoadCall<'a> {
    pub(crate) now: u64,
    pub(crate) prefix: String,
    pub(crate) replica: &'a str,
    pub(crate) key: String,
    /// By this gateway.
    pub(crate) spent: String,
    /// By all, as the store last said.
    pub(crate) seen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until_millis: Option<u64>,
}

#[derive(Serialize)]
pub(crate) struct BeatCall<'a> {
    pub(crate) now: u64,
    pub(crate) prefix: &'static str,
    pub(crate) replica: &'a str,
    /// Seconds of silence after which a gateway counts no more.
    pub(crate) gone: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReserveAnswer {
    pub(crate) admitted: bool,
    /// Caps, by place, that this gateway has not loaded.
    pub(crate) need: Vec<usize>,
    /// The cap, by place, that is spent.
    pub(crate) spent: Option<usize>,
    pub(crate) refused: Vec<RefusedAnswer>,
    pub(crate) usage: Vec<UsageAnswer>,
    pub(crate) caps: Vec<CapAnswer>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RefusedAnswer {
    pub(crate) counter: usize,
    pub(crate) limit: LimitKind,
    pub(crate) allowed: f64,
    /// Microseconds; negative = never.
    pub(crate) wait: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct UsageAnswer {
    input: f64,
    output: f64,
    requests: f64,
    running: f64,
    tokens_reset: f64,
    requests_reset: f64,
}

impl UsageAnswer {
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            input_tokens: whole(self.input),
            output_tokens: whole(self.output),
            requests: whole(self.requests),
            running: whole(self.running),
            tokens_reset: std::time::Duration::from_micros(whole(self.tokens_reset)),
            requests_reset: std::time::Duration::from_micros(whole(self.requests_reset)),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct CapAnswer {
    pub(crate) spent: String,
    pub(crate) open: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SettleAnswer {
    pub(crate) alerts: Vec<usize>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BeatAnswer {
    pub(crate) replicas: u64,
}

/// A script's number, which is a float, as a count.
pub(crate) fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}
