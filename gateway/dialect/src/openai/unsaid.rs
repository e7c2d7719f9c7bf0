//! What an answer of the dialect holds that no other can say, by name.

use crate::canonical::Lost;
use crate::json::Node;
use crate::openai::types;

/// Members of a message besides its words and calls, and why they stay behind.
const MEMBERS: [(&str, &str); 3] = [
    ("annotations", "sources are not told in another dialect"),
    ("images", "images of an answer are not told in another dialect"),
    ("audio", "spoken answers are not told in another dialect"),
];

/// What is left out of a message, or of a `delta` of one.
pub(super) fn of_message(choice: u64, message: &Node<'_>) -> Vec<Lost> {
    let path = format!("choices[{choice}].message");
    let holds =
        |name: &str| message.get(name).is_some_and(|member| !member.items().is_empty() || !member.entries().is_empty());
    let members = MEMBERS.into_iter().filter(|(name, _)| holds(name));
    let mut lost: Vec<Lost> = members.map(|(name, reason)| Lost { path: format!("{path}.{name}"), reason }).collect();
    for (place, part) in message.get("content").map(Node::items).unwrap_or_default().iter().enumerate() {
        if types::content_part(part).is_none() {
            let reason = "is a part that other dialects do not have";
            lost.push(Lost { path: format!("{path}.content[{place}]"), reason });
        }
    }
    for (place, call) in message.get("tool_calls").map(Node::items).unwrap_or_default().iter().enumerate() {
        if is_custom(call) {
            let place = call.count_of("index").unwrap_or(place as u64);
            let reason = "is a call that other dialects do not have";
            lost.push(Lost { path: format!("{path}.tool_calls[{place}]"), reason });
        }
    }
    lost
}

/// Whether a call is of a tool that takes a text, no arguments.
pub(super) fn is_custom(call: &Node<'_>) -> bool {
    call.get("custom").is_some() || call.str_of("type") == Some("custom")
}
