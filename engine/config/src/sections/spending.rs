//! What keys, projects and the organisation may consume and spend, and how long bodies are kept.

use domain::{BodyLogging, Budget, BudgetMode, BudgetPeriod, Limits};

use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::node::Value;
use crate::readers::{amount, choice, count, object, rank};

const MODES: [(&str, BudgetMode); 2] = [("hard", BudgetMode::Hard), ("soft", BudgetMode::Soft)];

#[expect(clippy::unnecessary_wraps, reason = "readers of tables have one signature")]
pub(crate) fn limits(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Limits> {
    let [total, input, output, requests, concurrent] = Limits::NAMES.map(|limit| fields.read(limit, context, count));
    Some(Limits {
        total_tokens_per_hour: total,
        input_tokens_per_hour: input,
        output_tokens_per_hour: output,
        requests_per_minute: requests,
        concurrent_requests: concurrent,
    })
}

/// `true` gives each user the limits of the key; a table gives others.
pub(crate) fn per_user(item: &Item<'_>, of_the_key: Limits, context: &mut Context<'_>) -> Option<Limits> {
    match &item.node.value {
        Value::Boolean(false) => None,
        Value::Boolean(true) if of_the_key.is_empty() => item
            .fault(context, "gives each user the limits of the key, which has none: write `limits`, or a table here"),
        Value::Boolean(true) => Some(of_the_key),
        Value::Table(_) => object(item, context, &[], limits),
        Value::Null | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::Moment(_) | Value::List(_) => {
            item.wrong_kind(context, "true or a table of limits")
        }
    }
}

pub(crate) fn budget(item: &Item<'_>, context: &mut Context<'_>) -> Option<Budget> {
    object(item, context, &[], budget_fields)
}

pub(crate) fn budget_fields(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Budget> {
    let amount = fields.require("amount_usd", ("\"50\"", ", what may be spent in USD"), context, amount);
    let hint = ("\"month\"", ", after which it begins anew, or \"lifetime\"");
    let period = fields.require("period", hint, context, |item, context| {
        choice(item, context, &BudgetPeriod::ALL.map(|period| (period.as_str(), period)))
    });
    let mode = fields.read("mode", context, |item, context| choice(item, context, &MODES)).unwrap_or_default();
    let budget = Budget { amount: amount?, period: period?, mode };
    match (budget.fault(), fields.peek("amount_usd")) {
        (Some(fault), Some(item)) => item.fault(context, fault),
        (Some(_), None) => None,
        (None, _) => Some(budget),
    }
}

pub(crate) fn body_logging(item: &Item<'_>, context: &mut Context<'_>) -> Option<BodyLogging> {
    object(item, context, &[], body_logging_fields)
}

/// A key may say 0: none of its own, whatever the organisation says.
pub(crate) fn key_body_logging(item: &Item<'_>, context: &mut Context<'_>) -> Option<BodyLogging> {
    object(item, context, &[], key_body_logging_fields)
}

pub(crate) fn body_logging_fields(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<BodyLogging> {
    retention(fields, context, BodyLogging::fault)
}

pub(crate) fn key_body_logging_fields(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<BodyLogging> {
    retention(fields, context, BodyLogging::fault_of_key)
}

fn retention(
    fields: &mut Fields<'_>,
    context: &mut Context<'_>,
    fault_of: fn(&BodyLogging) -> Option<String>,
) -> Option<BodyLogging> {
    let hint = ("7", ", after which bodies are deleted");
    let retention_days = fields.require("retention_days", hint, context, rank)?;
    let logging = BodyLogging { retention_days };
    match (fault_of(&logging), fields.peek("retention_days")) {
        (Some(fault), Some(item)) => item.fault(context, fault),
        (Some(_), None) => None,
        (None, _) => Some(logging),
    }
}
