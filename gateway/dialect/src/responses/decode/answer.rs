//! A whole response, and the items that it is made of.

use crate::canonical::{Answer, Choice, Loss, Part};
use crate::json::Node;
use crate::responses::{logprobs, types, unsaid, usage};
use crate::{BadAnswer, UpstreamError};

/// Reads an answer.
pub(crate) fn answer(node: &Node<'_>) -> Result<Answer, BadAnswer> {
    let Some(output) = node.get("output") else {
        let is_error = ["message", "detail"].iter().any(|name| node.get(name).is_some());
        return Err(if is_error { upstream(node.raw) } else { BadAnswer::NoChoices });
    };
    if output.kind() != crate::json::Kind::Array {
        return Err(BadAnswer::Malformed { reason: "`output` is not an array".to_owned() });
    }
    if let Some(status @ ("failed" | "cancelled" | "queued" | "in_progress")) = node.str_of("status") {
        let message = format!("the provider left the answer {status}");
        return Err(BadAnswer::Upstream(UpstreamError::with_message(&message)));
    }
    let parts: Vec<Part> = output.items().iter().flat_map(parts_of).collect();
    let has_calls = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    let has_refusal = parts.iter().any(|part| matches!(part, Part::Refusal { .. }));
    let stop = types::stop_reason(node, has_calls, has_refusal);
    let choice = Choice { parts, stop, logprobs: logprobs::of(output.items().iter().flat_map(logprobs::of_item)) };
    let mut unsaid = Loss::default();
    unsaid.note_all((0..).zip(output.items()).flat_map(|(place, item)| unsaid::of_item(place, item)));
    Ok(Answer {
        id: node.string_of("id"),
        model: node.string_of("model"),
        choices: vec![choice],
        usage: node.get("usage").and_then(usage::of),
        unsaid,
    })
}

/// What an item of the output says; nothing where it tells of tools that run at the provider.
pub(crate) fn parts_of(item: &Node<'_>) -> Vec<Part> {
    match item.str_of("type") {
        Some("message") => item.get("content").map(Node::items).unwrap_or_default().iter().filter_map(said).collect(),
        Some("reasoning") => match types::thought_of(item) {
            Part::Reasoning { text, signature: None, .. } if text.is_empty() => Vec::new(),
            thought => vec![thought],
        },
        Some("function_call") => called(item).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn said(part: &Node<'_>) -> Option<Part> {
    match part.str_of("type")? {
        "output_text" | "text" => part.string_of("text").filter(|text| !text.is_empty()).map(Part::text),
        "refusal" => part.string_of("refusal").map(|text| Part::Refusal { text }),
        _ => None,
    }
}

fn called(item: &Node<'_>) -> Option<Part> {
    Some(Part::ToolCall {
        id: item.string_of("call_id").or_else(|| item.string_of("id")).unwrap_or_default(),
        name: item.string_of("name")?,
        arguments: item.json_text_of("arguments").unwrap_or_default(),
        signature: types::call_signature(item),
    })
}

fn upstream(raw: &str) -> BadAnswer {
    BadAnswer::Upstream(UpstreamError::parse(raw.as_bytes()))
}
