//! The `usage` object: what a call consumed, told whole or piece by piece.

use domain::Usage;
use serde::Serialize;

use crate::json::Node;

/// Counts as the dialect keeps them: what the cache read and wrote stands beside the input, not in it. In a stream each
/// is cumulative, and one that is not told keeps its last value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    fresh: u64,
    read: u64,
    written: u64,
    output: u64,
    thought: u64,
    /// What was read or written was told, be it none.
    is_told: bool,
}

impl Counts {
    /// Takes in what a `usage` object tells.
    pub(crate) fn take(&mut self, usage: &Node<'_>) {
        let keep = |count: &mut u64, name: &str| *count = usage.count_of(name).unwrap_or(*count);
        keep(&mut self.fresh, "input_tokens");
        keep(&mut self.read, "cache_read_input_tokens");
        keep(&mut self.written, "cache_creation_input_tokens");
        keep(&mut self.output, "output_tokens");
        self.is_told |= ["input_tokens", "output_tokens"].iter().any(|name| usage.count_of(name).is_some());
        let details = usage.get("output_tokens_details");
        self.thought = details.and_then(|it| it.count_of("thinking_tokens")).unwrap_or(self.thought);
    }

    /// The usage told so far; `None` = no counts.
    pub(crate) fn usage(self) -> Option<Usage> {
        self.is_told.then(|| Usage {
            prompt_tokens: self.fresh.saturating_add(self.read).saturating_add(self.written),
            cached_tokens: self.read,
            cache_write_tokens: self.written,
            completion_tokens: self.output,
            reasoning_tokens: self.thought.min(self.output),
            estimated: false,
        })
    }
}

/// A `usage` object.
#[derive(Serialize)]
pub(super) struct WireUsage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        let cached = usage.cached_tokens.saturating_add(usage.cache_write_tokens);
        let thought = usage.reasoning_tokens;
        Self {
            input_tokens: usage.prompt_tokens.saturating_sub(cached),
            cache_creation_input_tokens: usage.cache_write_tokens,
            cache_read_input_tokens: usage.cached_tokens,
            output_tokens: usage.completion_tokens,
            output_tokens_details: (thought > 0).then_some(OutputDetails { thinking_tokens: thought }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Escapes;

    fn usage(counts: &mut Counts, text: &str) -> Option<Usage> {
        counts.take(&Node::parse(text, Escapes::Lenient).expect("valid"));
        counts.usage()
    }

    #[test]
    fn cached_and_written_tokens_count_inside_the_prompt() {
        let text = r#"{"input_tokens":3,"cache_read_input_tokens":40,"cache_creation_input_tokens":500,"output_tokens":6,
            "output_tokens_details":{"thinking_tokens":2}}"#;
        let expected = Usage {
            prompt_tokens: 543,
            cached_tokens: 40,
            cache_write_tokens: 500,
            completion_tokens: 6,
            reasoning_tokens: 2,
            estimated: false,
        };
        assert_eq!(usage(&mut Counts::default(), text), Some(expected));
    }

    #[test]
    fn counts_that_are_not_told_again_stay() {
        let mut counts = Counts::default();
        usage(&mut counts, r#"{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}"#);
        let last = usage(&mut counts, r#"{"output_tokens":9}"#).expect("tokens");
        assert_eq!((last.prompt_tokens, last.cached_tokens, last.completion_tokens), (7, 4, 9));
    }

    #[test]
    fn written_usage_reads_back() {
        let given = Usage {
            prompt_tokens: 543,
            cached_tokens: 40,
            cache_write_tokens: 500,
            completion_tokens: 6,
            reasoning_tokens: 2,
            estimated: false,
        };
        let text = serde_json::to_string(&WireUsage::from(given)).expect("JSON");
        assert_eq!(usage(&mut Counts::default(), &text), Some(given));
    }

    #[test]
    fn usage_without_counts_is_missing_usage_and_zero_is_a_count() {
        assert_eq!(usage(&mut Counts::default(), r#"{"input_tokens":null}"#), None);
        let zero = Some(Usage::default());
        assert_eq!(usage(&mut Counts::default(), r#"{"input_tokens":0,"output_tokens":0}"#), zero);
    }
}
