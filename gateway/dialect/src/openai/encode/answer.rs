//! A whole answer.

use serde::Serialize;

use super::json;
use crate::answer::{Shown, Written};
use crate::canonical::{Answer, Choice, Json, Loss, Part};
use crate::openai::types::{self, Extra, Function, Thought, WireCall};
use crate::openai::usage;

#[derive(Serialize)]
struct WireAnswer<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<WireChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Json>,
}

#[derive(Serialize)]
struct WireChoice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<&'a Json>,
    finish_reason: &'static str,
}

#[derive(Default, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Thought<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
}

/// Writes an answer.
pub(crate) fn answer(answer: &Answer, shown: &Shown<'_>) -> Written {
    let mut loss = Loss::default();
    let wire = WireAnswer {
        id: shown.id,
        object: "chat.completion",
        created: shown.created,
        model: shown.model,
        choices: answer.choices.iter().enumerate().map(|(index, it)| choice(index, it, &mut loss)).collect(),
        usage: shown.usage.or(answer.usage).as_ref().and_then(|usage| Json::parse(usage::write(usage))),
    };
    Written { body: Vec::from(json(&wire)), loss }
}

fn choice<'a>(index: usize, choice: &'a Choice, loss: &mut Loss) -> WireChoice<'a> {
    let mut message = Message { role: "assistant", ..Message::default() };
    for (place, part) in choice.parts.iter().enumerate() {
        if !message.say(part) {
            loss.note(format!("choices[{index}].message.content[{place}]"), "answers are text in this dialect");
        }
    }
    let finish_reason = types::finish_reason(&choice.stop, message.refusal.is_some());
    WireChoice { index, message, logprobs: choice.logprobs.as_ref(), finish_reason }
}

impl<'a> Message<'a> {
    /// Adds what a part says; `false` = it cannot be said.
    fn say(&mut self, part: &'a Part) -> bool {
        match part {
            Part::Text { text, .. } => self.content.get_or_insert_default().push_str(text),
            Part::Refusal { text } => self.refusal.get_or_insert_default().push_str(text),
            Part::Reasoning { text, signature, redacted } => {
                if !text.is_empty() {
                    self.reasoning_content.get_or_insert_default().push_str(text);
                }
                self.reasoning_details.extend(signature.as_deref().map(|it| Thought::of(text, it, *redacted)));
            }
            Part::ToolCall { id, name, arguments, signature } => self.tool_calls.push(WireCall {
                index: None,
                id: id.into(),
                kind: "function",
                function: Function { name, arguments },
                extra_content: Extra::of(signature.as_ref()),
            }),
            Part::Image { .. } | Part::Audio { .. } | Part::File { .. } | Part::ToolResult { .. } => return false,
        }
        true
    }
}
