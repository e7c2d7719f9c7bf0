//! What an answer of the dialect holds that no other can say, by name.

use crate::canonical::Lost;
use crate::json::Node;

/// What is left out of a block of an answer, or of one that begins.
pub(super) fn of_block(place: u64, block: &Node<'_>) -> Option<Lost> {
    match block.str_of("type")? {
        "text" if block.get("citations").is_some_and(|cited| !cited.items().is_empty()) => Some(citations(place)),
        "text" | "thinking" | "redacted_thinking" | "tool_use" => None,
        _ => {
            let reason = "blocks of tools that run at the provider are not told in another dialect";
            Some(Lost { path: format!("choices[0].content[{place}]"), reason })
        }
    }
}

/// The sources of a block.
pub(super) fn citations(place: u64) -> Lost {
    let path = format!("choices[0].content[{place}].citations");
    Lost { path, reason: "sources are not told in another dialect" }
}
