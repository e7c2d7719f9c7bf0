//! Whole answers.

use super::{Said, code};
use crate::BadAnswer;
use crate::canonical::{Answer, Choice, Loss, Media, Part, StopReason};
use crate::gemini::{logprobs, types, unsaid, usage};
use crate::json::{Kind, Node};

/// Reads an answer.
pub(crate) fn answer(node: &Node<'_>) -> Result<Answer, BadAnswer> {
    if node.kind() != Kind::Object {
        let reason = format!("the answer is {}, not an object", node.kind().as_str());
        return Err(BadAnswer::Malformed { reason });
    }
    let mut choices: Vec<Choice> = candidates(node).map(|(_, candidate)| choice(candidate)).collect();
    if choices.is_empty() {
        choices.extend(blocked(node).map(refusal));
    }
    let mut unsaid = Loss::default();
    for (place, candidate) in (0..).zip(candidates(node).map(|(_, candidate)| candidate)) {
        let parts = parts_of(candidate).iter().enumerate();
        unsaid.note_all(parts.filter_map(|(at, part)| unsaid::of_part(place, at, part)));
        unsaid.note_all(unsaid::of_candidate(place, candidate));
    }
    Ok(Answer {
        choices,
        model: node.string_of("modelVersion"),
        usage: node.get("usageMetadata").and_then(usage::of),
        id: node.string_of("responseId"),
        unsaid,
    })
}

/// The candidates of an answer or a chunk and their places.
pub(in crate::gemini) fn candidates<'r, 'a>(node: &'r Node<'a>) -> impl Iterator<Item = (u64, &'r Node<'a>)> {
    let items = node.get("candidates").map(Node::items).unwrap_or_default();
    items.iter().enumerate().map(|(place, it)| (it.count_of("index").unwrap_or(place as u64), it))
}

/// The parts of what a candidate says.
pub(in crate::gemini) fn parts_of<'r, 'a>(candidate: &'r Node<'a>) -> &'r [Node<'a>] {
    candidate.get("content").and_then(|it| it.get("parts")).map(Node::items).unwrap_or_default()
}

/// Why a candidate has ended; `None` = it goes on.
pub(in crate::gemini) fn candidate_stop(candidate: &Node<'_>, called: bool) -> Option<StopReason> {
    candidate.str_of("finishReason").filter(|it| !it.is_empty()).map(|word| types::stop_reason(word, called))
}

/// A prompt that was refused as a whole.
pub(in crate::gemini) struct Blocked {
    /// The provider's words, if it has any.
    pub(in crate::gemini) message: Option<String>,
}

/// Whether the prompt was refused: there is no candidate then, and nobody failed.
pub(in crate::gemini) fn blocked(node: &Node<'_>) -> Option<Blocked> {
    let feedback = node.get("promptFeedback")?;
    feedback.str_of("blockReason")?;
    Some(Blocked { message: feedback.string_of("blockReasonMessage").filter(|message| !message.is_empty()) })
}

fn refusal(blocked: Blocked) -> Choice {
    let parts = blocked.message.into_iter().map(|text| Part::Refusal { text }).collect();
    Choice { parts, stop: StopReason::ContentFilter, logprobs: None }
}

fn choice(candidate: &Node<'_>) -> Choice {
    let mut parts = Vec::new();
    let mut is_calling = false;
    for part in parts_of(candidate) {
        let signature = part.str_of("thoughtSignature");
        if let Some(text) = part.str_of("text") {
            let thought = part.get("thought").and_then(Node::bool).unwrap_or(false);
            Said { text, thought, signature }.add_to(&mut parts);
        } else if let Some(call) = part.get("functionCall") {
            parts.push(called(call, signature));
            is_calling = true;
        } else if let Some(blob) = part.get("inlineData") {
            parts.extend(media(blob));
        } else {
            parts.extend(code(part).map(Part::text));
        }
    }
    let stop = candidate_stop(candidate, is_calling).unwrap_or_default();
    Choice { parts, stop, logprobs: logprobs::of(candidate) }
}

fn called(call: &Node<'_>, signature: Option<&str>) -> Part {
    Part::ToolCall {
        id: call.string_of("id").unwrap_or_default(),
        name: call.string_of("name").unwrap_or_default(),
        arguments: call.get("args").map_or("{}", |args| args.raw).to_owned(),
        signature: signature.map(str::to_owned),
    }
}

fn media(blob: &Node<'_>) -> Option<Part> {
    let media_type = blob.str_of("mimeType")?;
    let media = Media::Inline { media_type: media_type.to_owned(), data: blob.string_of("data")? };
    Some(types::media_part(media_type, media, blob.string_of("displayName"), None))
}
