//! Turns to messages.
//!
//! Strict servers refuse members that they do not know, so a message gets only what the dialect documents. Thoughts are
//! none of that, but some servers that think demand their own back beside the calls they led to: these thoughts, which
//! bear no other provider's proof, go back where calls are, and all others stay behind.

use super::shapes::{Content, ImageUrl, InputAudio, WireFile, WireMessage, WirePart};
use crate::canonical::{Json, Loss, Media, Message, Part, Role};
use crate::openai::lengths::{MOST_OF_CALL, call_id};
use crate::openai::types::{self, Function, WireCall};

pub(super) const CACHES_BY_ITSELF: &str = "this dialect caches by itself, without hints";
const NO_UPLOADS: &str = "an upload at another provider cannot be read here";
const PROOF: &str = "a proof of thought is another provider's";

/// Writes the turns. Results of tools are messages of their own, before whatever else their turn says.
pub(super) fn write<'a>(messages: &'a [Message], loss: &mut Loss) -> Vec<WireMessage<'a>> {
    let mut wire = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        for (place, part) in message.parts.iter().enumerate() {
            wire.extend(result(part, &format!("messages[{index}].content[{place}]"), loss));
        }
        wire.extend(turn(message, index, loss));
    }
    wire
}

fn result<'a>(part: &'a Part, path: &str, loss: &mut Loss) -> Option<WireMessage<'a>> {
    let Part::ToolResult { call, content, is_error, cache, .. } = part else { return None };
    note_cache(cache.as_ref(), path, loss);
    let mut text = plain(content, path, loss);
    if *is_error {
        text.insert_str(0, "Error: ");
    }
    Some(WireMessage {
        tool_call_id: Some(call_id(call, MOST_OF_CALL)),
        content: Some(Content::Text(text)),
        ..WireMessage::new("tool")
    })
}

/// The texts of a tool's result; nothing else has a place in it.
fn plain(content: &[Part], path: &str, loss: &mut Loss) -> String {
    let mut texts = Vec::new();
    for (place, part) in content.iter().enumerate() {
        match part {
            Part::Text { text, cache } => {
                note_cache(cache.as_ref(), &format!("{path}.content[{place}]"), loss);
                texts.push(text.as_str());
            }
            Part::Refusal { .. }
            | Part::Image { .. }
            | Part::Audio { .. }
            | Part::File { .. }
            | Part::Reasoning { .. }
            | Part::ToolCall { .. }
            | Part::ToolResult { .. } => {
                loss.note(format!("{path}.content[{place}]"), "results of tools are text in this dialect");
            }
        }
    }
    texts.join("\n")
}

fn turn<'a>(message: &'a Message, index: usize, loss: &mut Loss) -> Option<WireMessage<'a>> {
    let role = match message.role {
        Role::System => "system",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    };
    let mut turn = Turn { wire: WireMessage::new(role), parts: Vec::new(), thoughts: Vec::new(), loss };
    turn.wire.name = message.name.as_deref();
    for (place, part) in message.parts.iter().enumerate() {
        turn.say(part, place, &format!("messages[{index}].content[{place}]"));
    }
    turn.end(message.role, index)
}

/// One message on its way.
struct Turn<'a, 'w> {
    wire: WireMessage<'a>,
    parts: Vec<WirePart<'a>>,
    /// Thoughts without a proof, and their places.
    thoughts: Vec<(usize, &'a str)>,
    loss: &'w mut Loss,
}

impl<'a> Turn<'a, '_> {
    fn say(&mut self, part: &'a Part, place: usize, path: &str) {
        match part {
            Part::Text { text, cache } => {
                note_cache(cache.as_ref(), path, self.loss);
                self.parts.push(WirePart::Text { text });
            }
            Part::Refusal { text } => self.wire.refusal.get_or_insert_default().push_str(text),
            Part::Image { media, detail, cache } => {
                note_cache(cache.as_ref(), path, self.loss);
                match media.to_url() {
                    Some(url) => {
                        let image_url = ImageUrl { url, detail: detail.as_deref() };
                        self.parts.push(WirePart::ImageUrl { image_url });
                    }
                    None => self.loss.note(path, NO_UPLOADS),
                }
            }
            Part::Audio { media: Media::Inline { media_type, data } } => {
                let input_audio = InputAudio { data, format: types::audio_format(media_type) };
                self.parts.push(WirePart::InputAudio { input_audio });
            }
            Part::Audio { media: Media::Url(_) | Media::Id(_) } => {
                self.loss.note(path, "sound is sent inline in this dialect");
            }
            Part::File { media, name, cache } => {
                note_cache(cache.as_ref(), path, self.loss);
                self.attach(media, name.as_deref(), path);
            }
            Part::Reasoning { signature: Some(_), .. } => self.loss.note(path, PROOF),
            Part::Reasoning { text, signature: None, .. } => self.thoughts.push((place, text)),
            Part::ToolCall { id, name, arguments, signature } => {
                if signature.is_some() {
                    self.loss.note(format!("{path}.signature"), PROOF);
                }
                let function = Function { name, arguments };
                self.wire.tool_calls.push(WireCall {
                    index: None,
                    id: call_id(id, MOST_OF_CALL),
                    kind: "function",
                    function,
                    extra_content: None,
                });
            }
            // A message of its own, written before.
            Part::ToolResult { .. } => {}
        }
    }

    fn attach(&mut self, media: &Media, name: Option<&'a str>, path: &str) {
        match media {
            _ if media.is_played() => self.loss.note(path, "film is not taken in this dialect"),
            Media::Inline { .. } => {
                // Bytes without a name are refused.
                let file = media.to_url().map(|file_data| WireFile { filename: name.unwrap_or("file"), file_data });
                self.parts.extend(file.map(|file| WirePart::File { file }));
            }
            Media::Url(_) => self.loss.note(path, "files are sent inline in this dialect"),
            Media::Id(_) => self.loss.note(path, NO_UPLOADS),
        }
    }

    /// The message; `None` = nothing of it is left.
    fn end(mut self, role: Role, index: usize) -> Option<WireMessage<'a>> {
        for (place, text) in std::mem::take(&mut self.thoughts) {
            if self.wire.tool_calls.is_empty() {
                let path = format!("messages[{index}].content[{place}]");
                self.loss.note(path, "thoughts go back only beside calls in this dialect");
            } else {
                self.wire.reasoning_content.get_or_insert_default().push_str(text);
            }
        }
        let only_text = self.parts.iter().all(|part| matches!(part, WirePart::Text { .. }));
        self.wire.content = match self.parts.as_slice() {
            [] => None,
            [WirePart::Text { text }] => Some(Content::Text((*text).to_owned())),
            _ if only_text && role == Role::Assistant => Some(Content::Text(joined(&self.parts))),
            _ => Some(Content::Parts(self.parts)),
        };
        (!self.wire.is_empty()).then_some(self.wire)
    }
}

fn joined(parts: &[WirePart<'_>]) -> String {
    parts.iter().map(|part| if let WirePart::Text { text } = part { text } else { "" }).collect()
}

pub(super) fn note_cache(cache: Option<&Json>, path: &str, loss: &mut Loss) {
    if cache.is_some() {
        loss.note(format!("{path}.cache_control"), CACHES_BY_ITSELF);
    }
}

impl WireMessage<'_> {
    const fn new(role: &'static str) -> Self {
        Self {
            role,
            content: None,
            name: None,
            refusal: None,
            reasoning_content: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    const fn is_empty(&self) -> bool {
        self.content.is_none() && self.refusal.is_none() && self.tool_calls.is_empty()
    }
}
