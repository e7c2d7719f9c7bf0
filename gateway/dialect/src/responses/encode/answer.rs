//! A whole answer as a response object.

use bytes::Bytes;
use serde::Serialize;

use crate::answer::{Shown, Written};
use crate::canonical::{Answer, Choice, Loss, Part, StopReason};
use crate::responses::logprobs::Tokens;
use crate::responses::types::{self, Content, Extra, Item, Summary, WireResponse};

/// Writes an answer.
pub(crate) fn answer(answer: &Answer, shown: &Shown<'_>) -> Written {
    let mut loss = Loss::default();
    for index in 1..answer.choices.len() {
        loss.note(format!("choices[{index}]"), "this dialect gives one answer");
    }
    let choice = answer.choices.first();
    let parts = choice.map(|it| it.parts.as_slice()).unwrap_or_default();
    let ids: Vec<String> =
        parts.iter().enumerate().map(|(place, part)| types::item_id(prefix(part), shown.id, place)).collect();
    let (tokens, none) = (Tokens::of(choice.and_then(|it| it.logprobs.as_ref())), Tokens::default());
    if choice.is_some_and(Choice::has_logprobs_of_refusal) {
        loss.note("choices[0].logprobs.refusal", "this dialect tells no log probabilities of a refusal");
    }
    let stop = choice.map_or(&StopReason::Stop, |it| &it.stop);
    let output = items(parts, &ids, [&tokens, &none], types::item_status(stop), &mut loss);
    let response = WireResponse::new(shown.id, shown.created, shown.model, shown.echo).ended(
        stop,
        output,
        shown.usage.or(answer.usage),
    );
    Written { body: Vec::from(json(&response)), loss }
}

const fn prefix(part: &Part) -> &'static str {
    match part {
        Part::Reasoning { .. } => "rs",
        Part::ToolCall { .. } => "fc",
        Part::Text { .. }
        | Part::Refusal { .. }
        | Part::Image { .. }
        | Part::Audio { .. }
        | Part::File { .. }
        | Part::ToolResult { .. } => "msg",
    }
}

/// Groups parts into items: neighbouring texts are one message.
fn items<'a>(
    parts: &'a [Part],
    ids: &'a [String],
    [logprobs, none]: [&'a Tokens; 2],
    status: &'static str,
    loss: &mut Loss,
) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut logprobs = Some(logprobs);
    for (place, (part, id)) in parts.iter().zip(ids).enumerate() {
        let said = match part {
            Part::Text { text, .. } => {
                // They are not told text by text: the first has them all.
                Content::text(text, logprobs.take().unwrap_or(none))
            }
            Part::Refusal { text } => Content::Refusal { refusal: text },
            Part::Reasoning { text, signature, redacted } => {
                let summary = if *redacted { Vec::new() } else { vec![Summary { text }] };
                items.push(Item::Reasoning { id, summary, encrypted_content: signature.as_deref() });
                continue;
            }
            Part::ToolCall { id: call_id, name, arguments, signature } => {
                let extra_content = Extra::of(signature.as_ref());
                let arguments = types::arguments_of_call(arguments, status);
                items.push(Item::FunctionCall { id, status, call_id, name, arguments, extra_content });
                continue;
            }
            Part::Image { .. } | Part::Audio { .. } | Part::File { .. } | Part::ToolResult { .. } => {
                loss.note(format!("choices[0].message.content[{place}]"), "answers are text in this dialect");
                continue;
            }
        };
        match items.last_mut() {
            Some(Item::Message { content, .. }) => content.push(said),
            _ => items.push(Item::Message { id, status, role: "assistant", content: vec![said] }),
        }
    }
    items
}

pub(in crate::responses) fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("plain data with string keys is always JSON").into()
}
