//! Whole answers.

use serde::Serialize;

use super::super::types::{Block, Stop};
use super::super::usage::WireUsage;
use super::json;
use crate::answer::{Shown, Written};
use crate::canonical::{Answer, Loss, Part, Role, StopReason};

#[derive(Serialize)]
struct WireAnswer<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    #[serde(flatten)]
    stop: Stop<'a>,
    usage: WireUsage,
}

/// Writes an answer. The first choice is all that has a place.
pub(crate) fn answer(answer: &Answer, shown: &Shown<'_>) -> Written {
    let mut loss = Loss::default();
    for index in 1..answer.choices.len() {
        loss.note(format!("choices[{index}]"), "this dialect gives one answer");
    }
    let (parts, stop) = match answer.choices.first() {
        Some(choice) => {
            if choice.logprobs.is_some() {
                loss.note("choices[0].logprobs", "this dialect tells no log probabilities");
            }
            if matches!(choice.stop, StopReason::Other(_)) {
                loss.note("choices[0].stop", "this dialect has no word for why the answer ended");
            }
            (choice.parts.as_slice(), &choice.stop)
        }
        None => (&[][..], &StopReason::Stop),
    };
    let called = parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal { .. }));
    let wire = WireAnswer {
        id: shown.id,
        r#type: "message",
        role: "assistant",
        model: shown.model,
        content: content(parts, &mut loss),
        stop: Stop::of(stop, called, refused),
        usage: WireUsage::from(shown.usage.or(answer.usage).unwrap_or_default()),
    };
    Written { body: json(&wire), loss }
}

/// Callers read what an upstream of the dialect refuses to be told: thoughts without its own proof. Media, which no
/// answer of the dialect holds, would be news to them.
fn content<'a>(parts: &'a [Part], loss: &mut Loss) -> Vec<Block<'a>> {
    let mut blocks = Vec::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        match part {
            Part::Reasoning { text, signature: None, .. } => {
                blocks.push(Block::Thinking { thinking: text, signature: "" });
            }
            Part::Reasoning { signature: Some(data), redacted: true, .. } => {
                blocks.push(Block::RedactedThinking { data });
            }
            Part::Reasoning { text, signature: Some(signature), redacted: false } => {
                blocks.push(Block::Thinking { thinking: text, signature });
            }
            Part::Image { .. } | Part::Audio { .. } | Part::File { .. } | Part::ToolResult { .. } => {
                loss.note(
                    format!("choices[0].content[{place}]"),
                    "answers are text, thoughts and calls in this dialect",
                );
            }
            Part::Text { .. } | Part::Refusal { .. } | Part::ToolCall { .. } => {
                let mut writer = super::blocks::Writer { path: "choices[0]", role: Role::Assistant, loss };
                blocks.extend(writer.block(place, part));
            }
        }
    }
    blocks
}
