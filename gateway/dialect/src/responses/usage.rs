//! The `usage` object: what a provider says a call consumed.

use domain::Usage;
use serde::Serialize;

use crate::json::Node;

/// Reads the object; `None` = it tells no counts.
pub(crate) fn of(object: &Node<'_>) -> Option<Usage> {
    let detail = |of: &str, name: &str| object.get(of).and_then(|it| it.count_of(name)).unwrap_or(0);
    let (input, output) = (object.count_of("input_tokens"), object.count_of("output_tokens"));
    let usage = Usage {
        prompt_tokens: input.unwrap_or(0),
        cached_tokens: detail("input_tokens_details", "cached_tokens"),
        cache_write_tokens: detail("input_tokens_details", "cache_write_tokens"),
        completion_tokens: output.unwrap_or(0),
        reasoning_tokens: detail("output_tokens_details", "reasoning_tokens"),
        estimated: false,
    };
    (input.is_some() || output.is_some()).then_some(usage)
}

/// Writes usage as a provider would.
pub(super) fn json(usage: Usage) -> Vec<u8> {
    serde_json::to_vec(&WireUsage::from(usage)).expect("counts are always JSON")
}

/// The object as it is written.
#[derive(Serialize)]
pub(super) struct WireUsage {
    input_tokens: u64,
    input_tokens_details: InputDetails,
    output_tokens: u64,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.prompt_tokens,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached_tokens,
                cache_write_tokens: usage.cache_write_tokens,
            },
            output_tokens: usage.completion_tokens,
            output_tokens_details: OutputDetails { reasoning_tokens: usage.reasoning_tokens },
            total_tokens: usage.total_tokens(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Escapes;

    #[test]
    fn usage_without_counts_is_missing_usage_and_zero_is_a_count() {
        let read = |text: &str| of(&Node::parse(text, Escapes::Lenient).unwrap());
        for text in ["{}", r#"{"input_tokens":null}"#, "[]", "7"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(r#"{"input_tokens":0,"output_tokens":0}"#), Some(Usage::default()));
    }

    #[test]
    fn written_usage_reads_back() {
        let usage = Usage {
            prompt_tokens: 9,
            cached_tokens: 4,
            cache_write_tokens: 2,
            completion_tokens: 5,
            reasoning_tokens: 1,
            estimated: false,
        };
        let text = String::from_utf8(json(usage)).unwrap();
        assert_eq!(of(&Node::parse(&text, Escapes::Strict).unwrap()), Some(usage));
    }
}
