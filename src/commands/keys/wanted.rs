//! What the options of `keys create` and `keys update` come to.

use std::num::NonZeroU64;

use domain::{BodyLogging, Limits, Timestamp};
use proto::pb::object::v1 as object;

use crate::cli::{KeyBodies, SpendingArgs, Wish};
use crate::exit::UsageError;

/// When a key ends.
pub(super) fn end(text: &str) -> anyhow::Result<Timestamp> {
    let end = Timestamp::parse_rfc3339(text)
        .ok_or_else(|| UsageError(format!("--expires-at: `{text}` is not a time such as 2027-01-31T00:00:00Z")))?;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    if u128::try_from(end.unix_micros()).unwrap_or(0) <= now.as_micros() {
        return Err(UsageError("--expires-at: the time is past, so the key would never work".to_owned()).into());
    }
    Ok(end)
}

/// Each limit that an option is about, by its name in a key.
pub(super) fn each_limit(args: &SpendingArgs) -> [(&'static str, Option<Wish<NonZeroU64>>); 5] {
    let [total, input, output, requests, concurrent] = Limits::NAMES;
    [
        (total, args.limit_total_tokens_per_hour),
        (input, args.limit_input_tokens_per_hour),
        (output, args.limit_output_tokens_per_hour),
        (requests, args.limit_requests_per_minute),
        (concurrent, args.limit_concurrent_requests),
    ]
}

/// The limits that the options give, if they give any.
pub(super) fn limits(args: &SpendingArgs) -> Option<object::Limits> {
    message(each_limit(args).map(|(_, wish)| wish.and_then(Wish::value).map(NonZeroU64::get)))
}

/// Limits in the order of [`Limits::NAMES`]; none of them is no message.
pub(super) fn message([total, input, output, requests, concurrent]: [Option<u64>; 5]) -> Option<object::Limits> {
    let limits = object::Limits {
        total_tokens_per_hour: total,
        input_tokens_per_hour: input,
        output_tokens_per_hour: output,
        requests_per_minute: requests,
        concurrent_requests: concurrent,
    };
    (limits != object::Limits::default()).then_some(limits)
}

/// Whether and how long bodies are kept; `None` = as the organisation says.
pub(super) fn bodies(wish: KeyBodies) -> Option<object::BodyLogging> {
    match wish {
        KeyBodies::Inherit => None,
        KeyBodies::Off => Some(BodyLogging::OFF.into()),
        KeyBodies::Days(days) => Some(object::BodyLogging { retention_days: days.get() }),
    }
}

/// Limits on one line, for people.
pub(super) fn in_words(limits: &Limits) -> Option<String> {
    let words = ["tokens/h", "input tokens/h", "output tokens/h", "requests/min", "at once"];
    let told = limits.each().into_iter().zip(words);
    let told: Vec<_> = told.filter_map(|((_, limit), words)| Some(format!("{} {words}", limit?))).collect();
    (!told.is_empty()).then(|| told.join(", "))
}
