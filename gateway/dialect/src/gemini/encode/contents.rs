//! The turns of a request. Two speak, the user and the model: results of tools are the user's, and what the application
//! says stands before the conversation.

use std::collections::HashMap;

use crate::canonical::{Json, Loss, Media, Message, Part, Role};
use crate::gemini::proof::{self, NO_PROOF};
use crate::gemini::types::{self, FunctionResponse, WireContent, WirePart};
use crate::json::{Escapes, Node};

const CACHES: &str = "this dialect caches by itself";
const NO_UPLOADS: &str = "an upload at another provider cannot be read here";

/// The turns as they are written.
pub(super) struct Conversation<'a> {
    pub(super) contents: Vec<WireContent<'a>>,
    pub(super) system: Option<WireContent<'a>>,
}

impl<'a> Conversation<'a> {
    /// Writes the turns. `is_older`: the model asks for no proofs of the calls it has made.
    pub(super) fn of(messages: &'a [Message], is_older: bool, loss: &mut Loss) -> Self {
        let mut writer = Writer { contents: Vec::new(), system: Vec::new(), functions: functions(messages), loss };
        for (index, message) in messages.iter().enumerate() {
            writer.message(index, message);
        }
        let Writer { mut contents, system, .. } = writer;
        if !is_older {
            contents.iter_mut().for_each(vouch);
        }
        let mut system = (!system.is_empty()).then_some(WireContent { role: None, parts: system });
        if contents.is_empty() {
            // A request must say something: an application that speaks alone speaks as the user.
            contents.extend(system.take().map(|it| WireContent { role: Some("user"), ..it }));
        }
        Self { contents, system }
    }
}

/// The function of each call, by which a result names it here.
fn functions(messages: &[Message]) -> HashMap<&str, &str> {
    messages.iter().flat_map(|message| &message.parts).filter_map(call).collect()
}

fn call(part: &Part) -> Option<(&str, &str)> {
    if let Part::ToolCall { id, name, .. } = part { Some((id, name)) } else { None }
}

/// Newer models refuse a turn whose first call has no proof, so that calls of other models need this word.
fn vouch(content: &mut WireContent<'_>) {
    let first = content.parts.iter_mut().find(|part| part.function_call.is_some());
    if let Some(call) = first {
        call.thought_signature.get_or_insert(NO_PROOF.into());
    }
}

struct Writer<'a, 'l> {
    contents: Vec<WireContent<'a>>,
    system: Vec<WirePart<'a>>,
    functions: HashMap<&'a str, &'a str>,
    loss: &'l mut Loss,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, index: usize, message: &'a Message) {
        let path = format!("messages[{index}]");
        if message.name.is_some() {
            self.loss.note(format!("{path}.name"), "speakers have no names in this dialect");
        }
        if message.role == Role::System {
            return self.application(&path, message);
        }
        let mut parts = Vec::with_capacity(message.parts.len());
        for (place, part) in message.parts.iter().enumerate() {
            parts.extend(self.part(part, &format!("{path}.content[{place}]")));
        }
        self.push(if message.role == Role::Assistant { "model" } else { "user" }, parts);
    }

    /// Adds to the turn, if it is the same speaker's: all results of one turn's calls must stand together.
    fn push(&mut self, role: &'static str, parts: Vec<WirePart<'a>>) {
        match self.contents.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.role == Some(role) => last.parts.extend(parts),
            _ => self.contents.push(WireContent { role: Some(role), parts }),
        }
    }

    fn application(&mut self, path: &str, message: &'a Message) {
        if !self.contents.is_empty() {
            self.loss.note(path, "what the application says stands before the conversation in this dialect");
        }
        for (place, part) in message.parts.iter().enumerate() {
            let path = format!("{path}.content[{place}]");
            match part {
                Part::Text { .. } => {
                    let text = self.part(part, &path);
                    self.system.extend(text);
                }
                Part::Refusal { .. }
                | Part::Image { .. }
                | Part::Audio { .. }
                | Part::File { .. }
                | Part::Reasoning { .. }
                | Part::ToolCall { .. }
                | Part::ToolResult { .. } => self.loss.note(path, "the application speaks in text in this dialect"),
            }
        }
    }

    fn part(&mut self, part: &'a Part, path: &str) -> Option<WirePart<'a>> {
        match part {
            Part::Text { text, cache } => {
                self.lose(cache.is_some(), path, "cache_control", CACHES);
                (!text.is_empty()).then(|| WirePart::text(text))
            }
            Part::Refusal { text } => (!text.is_empty()).then(|| WirePart::text(text)),
            Part::Image { media, detail, cache } => {
                self.lose(cache.is_some(), path, "cache_control", CACHES);
                let is_special = detail.as_deref().is_some_and(|word| word != "auto");
                self.lose(is_special, path, "detail", "this dialect sets it for all images together");
                self.media(media, path)
            }
            Part::Audio { media } => self.media(media, path),
            Part::File { media, name, cache } => {
                self.lose(cache.is_some(), path, "cache_control", CACHES);
                self.lose(name.is_some(), path, "name", "files have no names in this dialect");
                self.media(media, path)
            }
            Part::Reasoning { text, signature, redacted } => self.thought(text, signature.as_deref(), *redacted, path),
            Part::ToolCall { id, name, arguments, signature } => {
                let is_broken = types::arguments_object(arguments).is_err();
                self.lose(
                    is_broken,
                    path,
                    "arguments",
                    "arguments are an object in this dialect: the text stands in one",
                );
                let thought_signature = signature.as_deref().map(Into::into);
                Some(WirePart { thought_signature, ..WirePart::call(id, name, arguments) })
            }
            Part::ToolResult { call, name, content, is_error, cache } => {
                self.lose(cache.is_some(), path, "cache_control", CACHES);
                let known = name.as_deref().filter(|name| !name.is_empty());
                let function = known.or_else(|| self.functions.get(call.as_str()).copied());
                self.lose(function.is_none(), path, "name", "the call that this answers is not in the conversation");
                Some(self.result(call, function.unwrap_or(call), content, *is_error, path))
            }
        }
    }

    fn thought(
        &mut self,
        text: &'a str,
        signature: Option<&'a str>,
        redacted: bool,
        path: &str,
    ) -> Option<WirePart<'a>> {
        let ours = signature.and_then(proof::for_google);
        self.lose(signature.is_some() && ours.is_none(), path, "signature", proof::FOREIGN);
        match ours {
            Some(ours) if redacted => Some(WirePart { thought_signature: Some(ours.into()), ..WirePart::text("") }),
            ours if ours.is_some() || !text.is_empty() => Some(WirePart::thought(text, ours.map(Into::into))),
            _ => None,
        }
    }

    fn result(
        &mut self,
        call: &'a str,
        function: &'a str,
        content: &'a [Part],
        is_error: bool,
        path: &str,
    ) -> WirePart<'a> {
        let mut texts = Vec::new();
        let mut parts = Vec::new();
        for (place, part) in content.iter().enumerate() {
            let path = format!("{path}.content[{place}]");
            match part {
                Part::Text { text, .. } | Part::Refusal { text } => texts.push(text.as_str()),
                Part::Image { media: Media::Inline { .. }, .. }
                | Part::Audio { media: Media::Inline { .. } }
                | Part::File { media: Media::Inline { .. }, .. } => parts.extend(self.part(part, &path)),
                Part::Image { .. }
                | Part::Audio { .. }
                | Part::File { .. }
                | Part::Reasoning { .. }
                | Part::ToolCall { .. }
                | Part::ToolResult { .. } => {
                    self.loss.note(path, "results of tools are text and media sent along in this dialect");
                }
            }
        }
        let response = response(&texts.join("\n"), is_error);
        let function_response = FunctionResponse { id: call, name: function, response, parts };
        WirePart { function_response: Some(function_response), ..WirePart::default() }
    }

    fn media(&mut self, media: &'a Media, path: &str) -> Option<WirePart<'a>> {
        let part = WirePart::media(media);
        if part.is_none() {
            self.loss.note(path, NO_UPLOADS);
        }
        part
    }

    fn lose(&mut self, is_lost: bool, path: &str, member: &str, reason: &'static str) {
        if is_lost {
            self.loss.note(format!("{path}.{member}"), reason);
        }
    }
}

/// The result as an object: itself, if it is one that cannot be taken for a wrapped text, else wrapped as Google does.
fn response(text: &str, is_error: bool) -> Json {
    if is_error {
        return types::member("error", text);
    }
    types::object(text).filter(|own| !is_wrap(own)).unwrap_or_else(|| types::member("output", text))
}

fn is_wrap(object: &Json) -> bool {
    let Ok(node) = Node::parse(object.as_str(), Escapes::Lenient) else { return true };
    match node.entries() {
        [] => true,
        [(name, _)] => ["output", "result", "error"].contains(&name.as_ref()),
        _ => false,
    }
}
