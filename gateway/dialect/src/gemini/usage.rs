//! The `usageMetadata` object: what a call consumed.

use domain::Usage;
use serde::Serialize;

use crate::json::Node;

/// The object as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "these are the wire's names")]
pub(super) struct WireUsage {
    prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cached_content_token_count: u64,
    candidates_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    thoughts_token_count: u64,
    total_token_count: u64,
}

impl From<Usage> for WireUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_token_count: usage.prompt_tokens,
            cached_content_token_count: usage.cached_tokens,
            // Thoughts stand beside the answer here, elsewhere they are counted in it.
            candidates_token_count: usage.completion_tokens.saturating_sub(usage.reasoning_tokens),
            thoughts_token_count: usage.reasoning_tokens,
            total_token_count: usage.total_tokens(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Reads the object; `None` = it tells no counts. Zeros are mostly left out here.
pub(crate) fn of(object: &Node<'_>) -> Option<Usage> {
    let is_told = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"]
        .iter()
        .any(|name| object.count_of(name).is_some());
    let count = |name: &str| object.count_of(name).unwrap_or(0);
    let thoughts = count("thoughtsTokenCount");
    is_told.then(|| Usage {
        // What tools of the provider's own have read is billed as input, and counted apart from the prompt.
        prompt_tokens: count("promptTokenCount").saturating_add(count("toolUsePromptTokenCount")),
        cached_tokens: count("cachedContentTokenCount"),
        completion_tokens: count("candidatesTokenCount").saturating_add(thoughts),
        reasoning_tokens: thoughts,
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Escapes;

    fn read(metadata: &str) -> Option<Usage> {
        of(&Node::parse(metadata, Escapes::Strict).unwrap())
    }

    #[test]
    fn thoughts_are_counted_in_the_answer_and_tools_in_the_prompt() {
        let found = read(
            r#"{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":7,
                "toolUsePromptTokenCount":2,"totalTokenCount":24}"#,
        );
        let expected = Usage {
            prompt_tokens: 12,
            cached_tokens: 4,
            completion_tokens: 12,
            reasoning_tokens: 7,
            ..Usage::default()
        };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn usage_without_counts_is_missing_usage_and_zero_is_a_count() {
        for nothing in ["{}", "null", "7", r#"{"promptTokenCount":"many"}"#] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        assert_eq!(read(r#"{"totalTokenCount":0}"#), Some(Usage::default()));
    }

    #[test]
    fn written_usage_reads_back() {
        let usage =
            Usage { prompt_tokens: 9, cached_tokens: 4, completion_tokens: 6, reasoning_tokens: 1, ..Usage::default() };
        assert_eq!(read(&serde_json::to_string(&WireUsage::from(usage)).unwrap()), Some(usage));
    }
}
