//! Checks limits, budgets and how long bodies are kept: figures within their ranges.

use domain::{BodyLogging, Budget, Limits};

use super::Subject;

pub(super) fn check_limits(field: &str, limits: &Limits, subject: &mut Subject<'_>) {
    for (name, _) in limits.each().into_iter().filter(|(_, limit)| *limit == Some(0)) {
        subject.fault(format!("{field}.{name}"), "0 would refuse everything: leave it out, or write 1 or more");
    }
}

pub(super) fn check_budget(budget: Option<&Budget>, subject: &mut Subject<'_>) {
    if let Some(fault) = budget.and_then(Budget::fault) {
        subject.fault("budget.amount_usd", fault);
    }
}

pub(super) fn check_body_logging(logging: Option<&BodyLogging>, subject: &mut Subject<'_>) {
    if let Some(fault) = logging.and_then(BodyLogging::fault) {
        subject.fault("body_logging.retention_days", fault);
    }
}

pub(super) fn check_body_logging_of_key(logging: Option<&BodyLogging>, subject: &mut Subject<'_>) {
    if let Some(fault) = logging.and_then(BodyLogging::fault_of_key) {
        subject.fault("body_logging.retention_days", fault);
    }
}
