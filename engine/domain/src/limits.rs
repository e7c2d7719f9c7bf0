//! What a key, a project or an organisation may consume: rolling limits and budgets.
//!
//! Only the figures: who counts is the gateway.

use std::fmt;
use std::str::FromStr;

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
    /// The names of the limits, in the order of [`Self::each`].
    pub const NAMES: [&'static str; 5] = [
        "total_tokens_per_hour",
        "input_tokens_per_hour",
        "output_tokens_per_hour",
        "requests_per_minute",
        "concurrent_requests",
    ];

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each limit with its name.
    pub fn each(&self) -> [(&'static str, Option<u64>); 5] {
        let [total, input, output, requests, concurrent] = Self::NAMES;
        [
            (total, self.total_tokens_per_hour),
            (input, self.input_tokens_per_hour),
            (output, self.output_tokens_per_hour),
            (requests, self.requests_per_minute),
            (concurrent, self.concurrent_requests),
        ]
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

impl BudgetPeriod {
    /// Every period.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Lifetime];

    /// The period's name: `month`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Lifetime => "lifetime",
        }
    }
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

impl BudgetMode {
    /// The mode's name: `hard`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
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

impl fmt::Display for Budget {
    /// `50 USD a month`, and `(soft)` where it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.period {
            BudgetPeriod::Lifetime => write!(f, "{} USD in all", self.amount)?,
            period => write!(f, "{} USD a {}", self.amount, period.as_str())?,
        }
        match self.mode {
            BudgetMode::Hard => Ok(()),
            BudgetMode::Soft => f.write_str(" (soft)"),
        }
    }
}

impl FromStr for Budget {
    type Err = String;

    /// Reads `50/month`; the mode is hard.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` is no budget: write USD/day, week, month or lifetime, such as 50/month");
        let (amount, period) = text.split_once('/').ok_or_else(form)?;
        let period = BudgetPeriod::ALL.into_iter().find(|it| it.as_str() == period).ok_or_else(form)?;
        let amount = Money::parse(amount).map_err(|_| form())?;
        let budget = Self { amount, period, mode: BudgetMode::Hard };
        budget.fault().map_or(Ok(budget), |fault| Err(fault.to_owned()))
    }
}

impl Budget {
    /// What is wrong with its amount.
    pub fn fault(&self) -> Option<&'static str> {
        (self.amount <= Money::ZERO).then_some("is no amount: write USD above 0, such as \"50\"")
    }
}

/// Bodies of requests and answers are kept for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyLogging {
    /// Days after which they are deleted; at least 1, or 0 of a key ([`BodyLogging::OFF`]).
    pub retention_days: u32,
}

impl BodyLogging {
    /// The longest that bodies are kept: ten years.
    pub const MOST_DAYS: u32 = 3650;

    /// Of a key: none of its bodies are kept, whatever its organisation says.
    pub const OFF: Self = Self { retention_days: 0 };

    /// What is wrong with its days, where they are a key's.
    pub fn fault_of_key(&self) -> Option<String> {
        if *self == Self::OFF { None } else { self.fault().map(|fault| fault + ", or 0 to keep none of this key") }
    }

    /// What is wrong with its days.
    pub fn fault(&self) -> Option<String> {
        let most = Self::MOST_DAYS;
        let days = self.retention_days;
        (!(1..=most).contains(&days)).then(|| format!("{days} is out of range: write 1 to {most} days"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_as_the_command_line_writes_them() {
        let budget: Budget = "12.50/month".parse().unwrap();
        assert_eq!((budget.period, budget.mode), (BudgetPeriod::Month, BudgetMode::Hard));
        assert_eq!(budget.to_string(), "12.5 USD a month");
        assert_eq!("1/lifetime".parse::<Budget>().unwrap().to_string(), "1 USD in all");
        for text in ["", "50", "50/year", "fifty/day", "0/day", "-1/day", "/day", "50/"] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }

    #[test]
    fn limits_are_named_as_they_are_written() {
        let written = serde_json::json!({"total_tokens_per_hour": 1, "input_tokens_per_hour": 2,
            "output_tokens_per_hour": 3, "requests_per_minute": 4, "concurrent_requests": 5});
        let limits: Limits = serde_json::from_value(written.clone()).unwrap();
        for (name, value) in limits.each() {
            assert_eq!(serde_json::json!(value), written[name]);
        }
    }
}
