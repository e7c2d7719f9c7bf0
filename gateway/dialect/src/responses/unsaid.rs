//! What an answer of the dialect holds that no other can say, by name.

use crate::canonical::Lost;
use crate::json::Node;

/// What is left out of an item of the output.
pub(super) fn of_item(place: u64, item: &Node<'_>) -> Vec<Lost> {
    let path = format!("choices[0].output[{place}]");
    match item.str_of("type") {
        Some("message") => {
            let parts = item.get("content").map(Node::items).unwrap_or_default();
            parts.iter().enumerate().filter_map(|(place, part)| of_part(&path, place, part)).collect()
        }
        Some("reasoning" | "function_call") | None => Vec::new(),
        Some("custom_tool_call") => vec![Lost { path, reason: "is a call that other dialects do not have" }],
        Some(_) => vec![Lost { path, reason: "tools that run at the provider are not told in another dialect" }],
    }
}

fn of_part(item: &str, place: usize, part: &Node<'_>) -> Option<Lost> {
    let path = format!("{item}.content[{place}]");
    match part.str_of("type")? {
        "output_text" | "text" => {
            let is_told = part.get("annotations").is_some_and(|sources| !sources.items().is_empty());
            let reason = "sources are not told in another dialect";
            is_told.then(|| Lost { path: format!("{path}.annotations"), reason })
        }
        "refusal" => None,
        _ => Some(Lost { path, reason: "is a part that other dialects do not have" }),
    }
}
