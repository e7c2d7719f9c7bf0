//! Limits, budgets and how long bodies are kept.

use domain::{BodyLogging, Budget, BudgetMode, BudgetPeriod, Limits};

use super::{ConvertError, Converted, closed, parse, same_variants};
use crate::pb::object::v1 as pb;

same_variants!(pb::BudgetPeriod, BudgetPeriod, [Day, Week, Month, Lifetime]);

/// No limits travel as no message.
pub(super) fn limits_message(it: &Limits) -> Option<pb::Limits> {
    (!it.is_empty()).then_some(pb::Limits {
        total_tokens_per_hour: it.total_tokens_per_hour,
        input_tokens_per_hour: it.input_tokens_per_hour,
        output_tokens_per_hour: it.output_tokens_per_hour,
        requests_per_minute: it.requests_per_minute,
        concurrent_requests: it.concurrent_requests,
    })
}

/// No message is no limits.
pub(super) fn limits(it: Option<pb::Limits>) -> Limits {
    let it = it.unwrap_or_default();
    Limits {
        total_tokens_per_hour: it.total_tokens_per_hour,
        input_tokens_per_hour: it.input_tokens_per_hour,
        output_tokens_per_hour: it.output_tokens_per_hour,
        requests_per_minute: it.requests_per_minute,
        concurrent_requests: it.concurrent_requests,
    }
}

impl From<BudgetMode> for pb::BudgetMode {
    fn from(it: BudgetMode) -> Self {
        match it {
            BudgetMode::Hard => Self::Hard,
            BudgetMode::Soft => Self::Soft,
        }
    }
}

impl From<pb::BudgetMode> for BudgetMode {
    fn from(it: pb::BudgetMode) -> Self {
        match it {
            pb::BudgetMode::Unspecified | pb::BudgetMode::Hard => Self::Hard,
            pb::BudgetMode::Soft => Self::Soft,
        }
    }
}

impl From<&Budget> for pb::Budget {
    fn from(it: &Budget) -> Self {
        Self {
            amount_usd: it.amount.to_string(),
            period: pb::BudgetPeriod::from(it.period).into(),
            mode: pb::BudgetMode::from(it.mode).into(),
        }
    }
}

impl TryFrom<pb::Budget> for Budget {
    type Error = ConvertError;
    fn try_from(it: pb::Budget) -> Converted<Self> {
        Ok(Self {
            amount: parse("amount_usd", &it.amount_usd)?,
            period: closed::<pb::BudgetPeriod, _>("period", it.period)?,
            mode: closed::<pb::BudgetMode, _>("mode", it.mode)?,
        })
    }
}

/// Reads a budget that may be absent.
pub(super) fn budget(it: Option<pb::Budget>) -> Converted<Option<Budget>> {
    it.map(Budget::try_from).transpose().map_err(|error| error.within("budget"))
}

impl From<BodyLogging> for pb::BodyLogging {
    fn from(it: BodyLogging) -> Self {
        Self { retention_days: it.retention_days }
    }
}

impl From<pb::BodyLogging> for BodyLogging {
    fn from(it: pb::BodyLogging) -> Self {
        Self { retention_days: it.retention_days }
    }
}
