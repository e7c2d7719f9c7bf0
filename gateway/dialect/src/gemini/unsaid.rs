//! What an answer of the dialect holds that no other can say, by name.

use crate::canonical::Lost;
use crate::json::Node;

/// Members of a candidate that tell where an answer is from.
const SOURCES: [&str; 3] = ["groundingMetadata", "citationMetadata", "urlContextMetadata"];
/// Members of a part that are told: as words, calls or media, or beside them.
const TOLD: [&str; 7] =
    ["text", "thought", "thoughtSignature", "functionCall", "inlineData", "executableCode", "codeExecutionResult"];

/// What is left out of a candidate besides its parts.
pub(super) fn of_candidate(choice: u64, candidate: &Node<'_>) -> impl Iterator<Item = Lost> {
    let holds = |name: &&str| candidate.get(name).is_some_and(|member| !member.entries().is_empty());
    SOURCES.into_iter().filter(holds).map(move |name| Lost {
        path: format!("choices[{choice}].{name}"),
        reason: "sources are not told in another dialect",
    })
}

/// A part of which nothing is told.
pub(super) fn of_part(choice: u64, place: usize, part: &Node<'_>) -> Option<Lost> {
    let is_told = part.entries().is_empty() || part.entries().iter().any(|(name, _)| TOLD.contains(&&**name));
    (!is_told).then(|| at(choice, place, "is a part that other dialects do not have"))
}

/// A part of a streamed answer that holds media.
pub(super) fn of_media(choice: u64, place: usize, part: &Node<'_>) -> Option<Lost> {
    part.get("inlineData")
        .map(|_| at(choice, place, "streamed answers are text, thoughts and calls in another dialect"))
}

fn at(choice: u64, place: usize, reason: &'static str) -> Lost {
    Lost { path: format!("choices[{choice}].content[{place}]"), reason }
}
