//! Whole answers.

use super::super::types::stop_reason;
use super::super::unsaid;
use super::super::usage::Counts;
use super::blocks;
use crate::BadAnswer;
use crate::canonical::{Answer, Choice, Loss, Part, StopReason};
use crate::json::{Kind, Node};

/// Reads an answer.
pub(crate) fn answer(node: &Node<'_>) -> Result<Answer, BadAnswer> {
    if node.kind() != Kind::Object {
        return Err(BadAnswer::Malformed { reason: "the body is not an object".to_owned() });
    }
    let choices = node.get("content").map(|content| choice(node, content)).transpose()?;
    let mut counts = Counts::default();
    if let Some(usage) = node.get("usage") {
        counts.take(usage);
    }
    let mut unsaid = Loss::default();
    let blocks = node.get("content").map(Node::items).unwrap_or_default();
    unsaid.note_all((0..).zip(blocks).filter_map(|(place, block)| unsaid::of_block(place, block)));
    Ok(Answer {
        id: node.string_of("id"),
        model: node.string_of("model"),
        choices: choices.into_iter().collect(),
        usage: counts.usage(),
        unsaid,
    })
}

fn choice(node: &Node<'_>, content: &Node<'_>) -> Result<Choice, BadAnswer> {
    if content.kind() != Kind::Array {
        return Err(BadAnswer::Malformed { reason: "`content` is not an array".to_owned() });
    }
    let mut parts = blocks::said(content.items());
    parts.extend(refusal(node));
    let reason = node.str_of("stop_reason").map(|word| stop_reason(word, node.str_of("stop_sequence")));
    Ok(Choice { parts, stop: reason.unwrap_or(StopReason::Stop), logprobs: None })
}

/// Why the model declined, in words, where it says so. The same member stands in an answer and in a stream's delta.
pub(in super::super) fn refusal(node: &Node<'_>) -> Option<Part> {
    let text = node.get("stop_details")?.string_of("explanation").filter(|text| !text.is_empty())?;
    Some(Part::Refusal { text })
}
