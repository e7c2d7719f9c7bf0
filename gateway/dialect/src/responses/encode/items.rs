//! Turns to input items: a turn of the assistant falls apart into thoughts, messages and calls, in its order.

use super::shapes::{Content, InputItem, InputPart, Summary};
use crate::canonical::{Json, Loss, Media, Message, Part, Role};
use crate::openai::lengths::{MOST_OF_CALL_IN_RESPONSES, call_id};
use crate::responses::types;

pub(super) const CACHES_BY_ITSELF: &str = "this dialect caches by itself, without hints";
const NO_UPLOADS: &str = "an upload at another provider cannot be read here";

/// Writes the turns: the opening system text as `instructions`, everything else as items.
pub(super) fn write<'a>(messages: &'a [Message], loss: &mut Loss) -> (Option<&'a str>, Vec<InputItem<'a>>) {
    let mut instructions = messages.first().and_then(instructions);
    let mut items = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate().skip(usize::from(instructions.is_some())) {
        let path = format!("messages[{index}]");
        if message.name.is_some() {
            loss.note(format!("{path}.name"), "speakers have no names in this dialect");
        }
        let mut turn = Turn { role: message.role, path, items: &mut items, parts: Vec::new(), loss };
        message.parts.iter().enumerate().for_each(|(place, part)| turn.say(place, part));
        turn.end_message();
    }
    if items.is_empty() {
        // A request must say something: an application that speaks alone says it in the input.
        let alone = instructions.take().map(|text| Content::Text(text.to_owned()));
        items.extend(alone.map(|content| InputItem::Message { role: "system", content }));
    }
    (instructions, items)
}

/// The text of a turn that `instructions` can say.
fn instructions(message: &Message) -> Option<&str> {
    match (message.role, message.parts.as_slice()) {
        (Role::System, [Part::Text { text, cache: None }]) => Some(text),
        _ => None,
    }
}

/// One turn on its way into items.
struct Turn<'a, 'w> {
    role: Role,
    path: String,
    items: &'w mut Vec<InputItem<'a>>,
    /// Of the message that is being written.
    parts: Vec<InputPart<'a>>,
    loss: &'w mut Loss,
}

impl<'a> Turn<'a, '_> {
    fn say(&mut self, place: usize, part: &'a Part) {
        match part {
            Part::Text { .. } | Part::Refusal { .. } | Part::Image { .. } | Part::Audio { .. } | Part::File { .. } => {
                let path = format!("{}.content[{place}]", self.path);
                self.parts.extend(content_part(part, self.role, &path, self.loss));
            }
            Part::Reasoning { text, signature, .. } => self.think(place, text, signature.as_deref()),
            Part::ToolCall { id, name, arguments, signature } => {
                self.end_message();
                if signature.is_some() {
                    let path = format!("{}.content[{place}].signature", self.path);
                    self.loss.note(path, "a proof of thought is another provider's");
                }
                // What is no argument is an empty object to those who parse it.
                let arguments = if arguments.is_empty() { "{}" } else { arguments };
                self.items.push(InputItem::FunctionCall {
                    call_id: call_id(id, MOST_OF_CALL_IN_RESPONSES),
                    name,
                    arguments,
                });
            }
            Part::ToolResult { call, content, is_error, cache, .. } => {
                self.end_message();
                let path = format!("{}.content[{place}]", self.path);
                note_cache(cache.as_ref(), &path, self.loss);
                let output = output(content, *is_error, &path, self.loss);
                self.items
                    .push(InputItem::FunctionCallOutput { call_id: call_id(call, MOST_OF_CALL_IN_RESPONSES), output });
            }
        }
    }

    fn think(&mut self, place: usize, text: &'a str, signature: Option<&'a str>) {
        let Some(encrypted_content) = signature.filter(|it| types::is_own_proof(it)) else {
            let path = format!("{}.content[{place}]", self.path);
            return self.loss.note(path, "thoughts are taken back only in the encrypted form that this dialect gave");
        };
        self.end_message();
        let summary = if text.is_empty() { Vec::new() } else { vec![Summary { text }] };
        self.items.push(InputItem::Reasoning { summary, encrypted_content });
    }

    fn end_message(&mut self) {
        let parts = std::mem::take(&mut self.parts);
        let role = match self.role {
            Role::System => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        if !parts.is_empty() {
            self.items.push(InputItem::Message { role, content: content(parts) });
        }
    }
}

fn content(parts: Vec<InputPart<'_>>) -> Content<'_> {
    match parts.as_slice() {
        [InputPart::InputText { text } | InputPart::OutputText { text, .. }] => Content::Text((*text).to_owned()),
        _ => Content::Parts(parts),
    }
}

/// What a tool answered. There is no flag for a failure, so it is said in words.
fn output<'a>(parts: &'a [Part], is_error: bool, path: &str, loss: &mut Loss) -> Content<'a> {
    let mut written = Vec::with_capacity(parts.len() + 1);
    if is_error {
        written.push(InputPart::InputText { text: "Error:" });
    }
    for (place, part) in parts.iter().enumerate() {
        written.extend(content_part(part, Role::User, &format!("{path}.content[{place}]"), loss));
    }
    match written.as_slice() {
        [] => Content::Text(String::new()),
        [InputPart::InputText { text }] => Content::Text((*text).to_owned()),
        [InputPart::InputText { text: error }, InputPart::InputText { text }] if is_error => {
            Content::Text(format!("{error} {text}"))
        }
        _ => Content::Parts(written),
    }
}

fn content_part<'a>(part: &'a Part, role: Role, path: &str, loss: &mut Loss) -> Option<InputPart<'a>> {
    match part {
        Part::Text { text, cache } => {
            note_cache(cache.as_ref(), path, loss);
            Some(match role {
                Role::Assistant => InputPart::OutputText { text, annotations: [] },
                Role::System | Role::User | Role::Tool => InputPart::InputText { text },
            })
        }
        Part::Refusal { text } if role == Role::Assistant => Some(InputPart::Refusal { refusal: text }),
        Part::Refusal { text } => Some(InputPart::InputText { text }),
        Part::Image { .. } | Part::File { .. } | Part::Audio { .. } if role == Role::Assistant => {
            loss.note(path, "the assistant says texts only in this dialect");
            None
        }
        Part::Image { media, detail, cache } => {
            note_cache(cache.as_ref(), path, loss);
            image(media, detail.as_deref(), path, loss)
        }
        Part::File { media, name, cache } => {
            note_cache(cache.as_ref(), path, loss);
            file(media, name.as_deref(), path, loss)
        }
        Part::Audio { .. } => {
            loss.note(path, "sound is not taken in this dialect");
            None
        }
        Part::Reasoning { .. } | Part::ToolCall { .. } | Part::ToolResult { .. } => {
            loss.note(path, "is no content of a tool's result");
            None
        }
    }
}

fn image<'a>(media: &Media, detail: Option<&'a str>, path: &str, loss: &mut Loss) -> Option<InputPart<'a>> {
    let Some(image_url) = media.to_url() else {
        loss.note(path, NO_UPLOADS);
        return None;
    };
    Some(InputPart::InputImage { image_url, detail: detail.unwrap_or("auto") })
}

fn file<'a>(media: &'a Media, name: Option<&'a str>, path: &str, loss: &mut Loss) -> Option<InputPart<'a>> {
    match media {
        _ if media.is_played() => {
            loss.note(path, "sound and film are not taken in this dialect");
            None
        }
        Media::Url(url) => Some(InputPart::InputFile { filename: None, file_data: None, file_url: Some(url) }),
        // Bytes without a name are refused.
        Media::Inline { .. } => {
            let filename = Some(name.unwrap_or("file"));
            Some(InputPart::InputFile { filename, file_data: media.to_url(), file_url: None })
        }
        Media::Id(_) => {
            loss.note(path, NO_UPLOADS);
            None
        }
    }
}

fn note_cache(cache: Option<&Json>, path: &str, loss: &mut Loss) {
    if cache.is_some() {
        loss.note(format!("{path}.cache_control"), CACHES_BY_ITSELF);
    }
}
