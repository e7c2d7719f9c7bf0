//! Whole answers, read as far as they can be understood: they were judged before.

use crate::canonical::{Answer, Choice, Json, Loss, Part, StopReason};
use crate::json::{Escapes, Node, utf8};
use crate::openai::{types, unsaid, usage};

/// Reads an answer that was judged before.
pub(crate) fn answer(body: &[u8]) -> Answer {
    let Ok(node) = Node::parse(utf8(body), Escapes::Lenient) else { return Answer::default() };
    let choices = node.get("choices").map(Node::items).unwrap_or_default();
    let mut unsaid = Loss::default();
    for (place, message) in (0..).zip(choices.iter().map(|choice| choice.get("message"))) {
        unsaid.note_all(message.into_iter().flat_map(|message| unsaid::of_message(place, message)));
    }
    Answer {
        id: node.string_of("id"),
        model: node.string_of("model"),
        choices: choices.iter().map(choice).collect(),
        usage: node.get("usage").and_then(usage::of),
        unsaid,
    }
}

fn choice(node: &Node<'_>) -> Choice {
    let parts = node.get("message").map(message_parts).unwrap_or_default();
    let has_refusal = parts.iter().any(|part| matches!(part, Part::Refusal { .. }));
    let stop = node.str_of("finish_reason").map_or(StopReason::Stop, |word| types::stop_reason(word, has_refusal));
    Choice { parts, stop, logprobs: node.get("logprobs").and_then(|it| Json::parse(it.raw)) }
}

fn message_parts(message: &Node<'_>) -> Vec<Part> {
    let details = message.get("reasoning_details").map(Node::items).unwrap_or_default();
    let details = details.iter().filter_map(types::thought_of).collect();
    let told = message.string_of("reasoning_content").or_else(|| message.string_of("reasoning"));
    let mut parts = types::thoughts(details, told);
    parts.extend(message.get("content").map(types::content_of).unwrap_or_default());
    parts.extend(message.string_of("refusal").filter(|it| !it.is_empty()).map(|text| Part::Refusal { text }));
    let calls = message.get("tool_calls").map(Node::items).unwrap_or_default();
    parts.extend(calls.iter().filter_map(called));
    parts
}

fn called(call: &Node<'_>) -> Option<Part> {
    let function = call.get("function")?;
    Some(Part::ToolCall {
        id: call.string_of("id").unwrap_or_default(),
        name: function.string_of("name")?,
        arguments: function.json_text_of("arguments").unwrap_or_default(),
        signature: call.get("extra_content").and_then(types::signature_of),
    })
}
