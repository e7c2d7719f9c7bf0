//! `timeouts` of a provider: waits in milliseconds or in words.

use domain::catalogue::Timeouts;

use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::node::Value;
use crate::readers::count;

/// The longest wait that may be configured.
const MAX_WAIT_MS: u64 = 24 * 60 * 60 * 1000;

#[expect(clippy::unnecessary_wraps, reason = "readers of tables have one signature")]
pub(crate) fn timeouts(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Timeouts> {
    let timeouts = Timeouts {
        connect_ms: wait(fields, context, "connect_ms", "connect"),
        response_header_ms: wait(fields, context, "response_header_ms", "response_header"),
        first_token_ms: wait(fields, context, "first_token_ms", "first_token"),
        inter_chunk_ms: wait(fields, context, "inter_chunk_ms", "inter_chunk"),
        total_ms: wait(fields, context, "total_ms", "total"),
    };
    Some(timeouts)
}

fn wait(
    fields: &mut Fields<'_>,
    context: &mut Context<'_>,
    in_millis: &'static str,
    in_words: &'static str,
) -> Option<u64> {
    let (millis, words) = (fields.take(in_millis), fields.take(in_words));
    let (item, millis) = match (millis, words) {
        (None, None) => return None,
        (Some(_), Some(item)) => {
            return item.fault(context, format!("`{in_millis}` and `{in_words}` are both given: keep one"));
        }
        (Some(item), None) => {
            let millis = count(&item, context)?;
            (item, millis)
        }
        (None, Some(item)) => {
            let millis = duration(&item, context)?;
            (item, millis)
        }
    };
    if millis > MAX_WAIT_MS {
        return item.fault(context, "is longer than a day: write a shorter wait");
    }
    Some(millis)
}

/// `500ms`, `3s`, `15m`, `1h` in milliseconds.
fn duration(item: &Item<'_>, context: &mut Context<'_>) -> Option<u64> {
    const FORM: &str = "a duration such as \"500ms\", \"3s\" or \"15m\"";
    let Value::Text(words) = &item.node.value else {
        return item.wrong_kind(context, FORM);
    };
    let unit_at = words.find(|character: char| !character.is_ascii_digit()).unwrap_or(words.len());
    let (number, unit) = words.split_at(unit_at);
    let unit = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let millis = number.parse().ok().zip(unit).and_then(|(number, unit): (u64, u64)| number.checked_mul(unit));
    match millis.filter(|millis| *millis > 0) {
        Some(millis) => Some(millis),
        None => item.fault(context, format!("is not a wait: write {FORM}")),
    }
}
