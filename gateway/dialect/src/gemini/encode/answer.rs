//! Whole answers, and the pieces of which streamed ones are made.

use std::borrow::Cow;

use serde::Serialize;

use super::json;
use crate::answer::{Shown, Written};
use crate::base64;
use crate::canonical::{Answer, Choice, Json, Loss, Part, StopReason};
use crate::gemini::types::{self, WireContent, WirePart};
use crate::gemini::usage::WireUsage;
use crate::gemini::{logprobs, proof};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireAnswer<'a> {
    candidates: Vec<Candidate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<WireUsage>,
    model_version: &'a str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    content: WireContent<'a>,
    finish_reason: &'static str,
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs_result: Option<Json>,
}

/// Writes an answer.
pub(crate) fn answer(answer: &Answer, shown: &Shown<'_>) -> Written {
    let mut loss = Loss::default();
    let wire = WireAnswer {
        candidates: answer.choices.iter().enumerate().map(|(index, it)| candidate(index, it, &mut loss)).collect(),
        usage_metadata: shown.usage.or(answer.usage).map(WireUsage::from),
        model_version: shown.model,
        response_id: shown.id,
    };
    Written { body: Vec::from(json(&wire)), loss }
}

fn candidate<'a>(index: usize, choice: &'a Choice, loss: &mut Loss) -> Candidate<'a> {
    let path = format!("choices[{index}]");
    let logprobs_result = choice.logprobs.as_ref().and_then(logprobs::result);
    if choice.logprobs.is_some() && logprobs_result.is_none() {
        loss.note(format!("{path}.logprobs"), "are no log probabilities of an answer");
    }
    if choice.has_logprobs_of_refusal() {
        loss.note(format!("{path}.logprobs.refusal"), "this dialect tells no log probabilities of a refusal");
    }
    match &choice.stop {
        StopReason::StopSequence(Some(_)) => {
            loss.note(format!("{path}.stop_sequence"), "this dialect does not tell at which text an answer ended");
        }
        StopReason::Pause => loss.note(format!("{path}.finish_reason"), "answers do not pause in this dialect"),
        StopReason::Stop
        | StopReason::StopSequence(None)
        | StopReason::Length
        | StopReason::ToolCalls
        | StopReason::ContentFilter
        | StopReason::Refusal
        | StopReason::Other(_) => {}
    }
    let mut parts = Vec::with_capacity(choice.parts.len());
    for (place, part) in choice.parts.iter().enumerate() {
        let wire = own_part(part);
        if wire.is_none() {
            loss.note(format!("{path}.content[{place}]"), "is nothing that an answer holds in this dialect");
        }
        parts.extend(wire);
    }
    if parts.is_empty() {
        // Google's libraries take a turn of no parts for a broken one.
        parts.push(WirePart::text(""));
    }
    let content = WireContent { role: Some("model"), parts };
    Candidate { content, finish_reason: types::finish_reason(&choice.stop), index, logprobs_result }
}

/// A part of an answer for a caller of this dialect.
pub(in crate::gemini) fn own_part(part: &Part) -> Option<WirePart<'_>> {
    match part {
        Part::Text { text, .. } | Part::Refusal { text } => Some(WirePart::text(text)),
        Part::Image { media, .. } | Part::Audio { media } | Part::File { media, .. } => WirePart::media(media),
        Part::Reasoning { text, signature, redacted } => Some(thought(text, signature.as_deref(), *redacted)),
        Part::ToolCall { id, name, arguments, signature } => {
            // Libraries read it as bytes: what is no base64 would break the whole answer for them.
            let signature = signature.as_deref().filter(|it| base64::decode(it).is_some());
            Some(WirePart { thought_signature: signature.map(Cow::Borrowed), ..WirePart::call(id, name, arguments) })
        }
        Part::ToolResult { .. } => None,
    }
}

fn thought<'a>(text: &'a str, signature: Option<&str>, redacted: bool) -> WirePart<'a> {
    let wire = signature.map(|it| Cow::Owned(proof::for_caller(it, redacted)));
    match signature {
        // Google keeps the proof of a text in a part that is no thought.
        Some(ours) if redacted && proof::for_google(ours).is_some() => {
            WirePart { thought_signature: wire, ..WirePart::text("") }
        }
        _ => WirePart::thought(text, wire),
    }
}
