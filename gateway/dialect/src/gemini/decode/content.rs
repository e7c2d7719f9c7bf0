//! The turns of a request.

use std::collections::{HashMap, VecDeque};

use super::Said;
use crate::base64;
use crate::canonical::{Loss, Media, Message, Part, Role};
use crate::gemini::types;
use crate::json::{Kind, Node};
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};

const PARTS: &str = "an array of parts";

/// Reads `contents`.
pub(super) fn contents(at: At<'_, '_>, loss: &mut Loss) -> Result<Vec<Message>, BadRequest> {
    let mut messages = Vec::new();
    let mut calls = Calls::default();
    let turns = at.list("an array of contents", |at| turn(at, &mut messages, &mut calls, loss))?;
    if turns.is_empty() { Err(at.invalid("must hold at least one content")) } else { Ok(messages) }
}

/// Reads `systemInstruction`: a content, or what Google takes for one.
pub(super) fn system(at: At<'_, '_>, loss: &mut Loss) -> Result<Message, BadRequest> {
    let mut system = Message::new(Role::System, Vec::new());
    if at.node.kind() == Kind::String {
        system.parts.push(Part::text(at.str()?));
        system.places.fill(1, &at.path);
        return Ok(system);
    }
    at.object("a content object", loss, |fields, loss| {
        fields.ignore("role");
        let mut calls = Calls::default();
        fields.take("parts", |at| at.list(PARTS, |at| placed(at, &mut calls, &mut system, loss)))?;
        Ok(system)
    })
}

/// Reads a part into a turn.
fn placed(at: At<'_, '_>, calls: &mut Calls, turn: &mut Message, loss: &mut Loss) -> Result<(), BadRequest> {
    part(at, calls, &mut turn.parts, loss)?;
    turn.places.fill(turn.parts.len(), &at.path);
    Ok(())
}

fn turn(at: At<'_, '_>, messages: &mut Vec<Message>, calls: &mut Calls, loss: &mut Loss) -> Result<(), BadRequest> {
    at.object("a content object", loss, |fields, loss| {
        let role = fields.take("role", |at| role(&at))?.unwrap_or(Role::User);
        // Google's libraries keep each event of a stream as a turn of its own: together they are the model's turn.
        let mut message = messages
            .pop_if(|last| (last.role, role) == (Role::Assistant, Role::Assistant))
            .unwrap_or_else(|| Message::new(role, Vec::new()));
        let before = message.parts.len();
        fields.take("parts", |at| at.list(PARTS, |at| placed(at, calls, &mut message, loss)))?;
        join(&mut message, before);
        let is_result = |part: &Part| matches!(part, Part::ToolResult { .. });
        // Results of tools are the user's here; a turn of nothing else is the tools'.
        if role == Role::User && message.parts.iter().all(is_result) {
            message.role = Role::Tool;
        }
        if !message.parts.is_empty() {
            messages.push(message);
        }
        Ok(())
    })
}

/// Makes one text of two that an event's end has parted.
fn join(turn: &mut Message, at: usize) {
    let Some([Part::Text { .. }, Part::Text { .. }]) = turn.parts.get(at.wrapping_sub(1)..at + 1) else { return };
    if let Part::Text { text: more, .. } = turn.parts.remove(at)
        && let Some(Part::Text { text, .. }) = turn.parts.get_mut(at - 1)
    {
        text.push_str(&more);
        turn.places.remove(at);
    }
}

fn role(at: &At<'_, '_>) -> Result<Role, BadRequest> {
    match at.str()? {
        "user" | "function" | "" => Ok(Role::User),
        "model" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        _ => Err(at.invalid("must be `user` or `model`")),
    }
}

fn part(at: At<'_, '_>, calls: &mut Calls, parts: &mut Vec<Part>, loss: &mut Loss) -> Result<(), BadRequest> {
    let node = at.node;
    at.object("a part object", loss, |fields, loss| {
        let thought = fields.take("thought", |at| at.bool())?.unwrap_or(false);
        let signature = fields.text("thoughtSignature")?;
        let before = parts.len();
        if let Some(text) = fields.string("text")? {
            Said { text: &text, thought, signature: signature.as_deref() }.add_to(parts);
            return Ok(());
        }
        parts.extend(fields.pick("functionCall", |at| call(at, signature, calls, loss))?);
        parts.extend(fields.pick("functionResponse", |at| result(at, calls, loss))?);
        let detail = fields.pick("mediaResolution", |at| resolution(at, loss))?.flatten();
        parts.extend(fields.pick("inlineData", |at| blob(at, detail.clone(), loss))?);
        parts.extend(fields.pick("fileData", |at| file(at, detail, loss))?);
        if let Some(text) = super::code(node) {
            fields.ignore("executableCode");
            fields.ignore("codeExecutionResult");
            parts.push(Part::text(text));
        }
        if parts.len() == before && node.entries().is_empty() {
            return Err(BadRequest::missing(&fields.path().key("text"), "what is said, or another kind of part"));
        }
        Ok(())
    })
}

fn call(at: At<'_, '_>, signature: Option<String>, calls: &mut Calls, loss: &mut Loss) -> Result<Part, BadRequest> {
    at.object("a function call object", loss, |fields, _| {
        let name = fields.require("name", "the function's name", |at| at.string())?;
        let id = calls.begin(fields.string("id")?, &name);
        let arguments = fields.take("args", |at| at.json_object())?;
        let arguments = arguments.map_or_else(|| "{}".to_owned(), |json| json.as_str().to_owned());
        Ok(Part::ToolCall { id, name, arguments, signature })
    })
}

fn result(at: At<'_, '_>, calls: &mut Calls, loss: &mut Loss) -> Result<Part, BadRequest> {
    at.object("a function response object", loss, |fields, loss| {
        let name = fields.require("name", "the function's name", |at| at.string())?;
        let call = calls.end(fields.string("id")?, &name);
        let (text, is_error) = fields.take("response", |at| response(at))?.unwrap_or_default();
        let mut content: Vec<Part> = if text.is_empty() { Vec::new() } else { vec![Part::text(text)] };
        let media = fields.take("parts", |at| at.list(PARTS, |at| result_part(at, loss)))?;
        content.extend(media.into_iter().flatten().flatten());
        Ok(Part::ToolResult { call, name: Some(name), content, is_error, cache: None })
    })
}

/// The text of a result: of the member by which libraries wrap one, else the whole object; and whether it failed.
fn response(at: At<'_, '_>) -> Result<(String, bool), BadRequest> {
    if at.node.kind() != Kind::Object {
        return Err(at.wrong("an object"));
    }
    let text = |node: &Node<'_>| node.str().unwrap_or(node.raw).to_owned();
    Ok(match at.node.entries() {
        [] => (String::new(), false),
        [(name, value)] if name == "error" => (text(value), true),
        [(name, value)] if (name == "output" || name == "result") && value.str().is_some() => (text(value), false),
        _ => (at.node.raw.to_owned(), false),
    })
}

fn result_part(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<Part>, BadRequest> {
    at.object("a part object", loss, |fields, loss| {
        let blob = fields.pick("inlineData", |at| blob(at, None, loss))?;
        Ok(blob.or(fields.pick("fileData", |at| file(at, None, loss))?))
    })
}

fn blob(at: At<'_, '_>, detail: Option<String>, loss: &mut Loss) -> Result<Part, BadRequest> {
    at.object("an object with `mimeType` and `data`", loss, |fields, _| {
        let name = fields.either("mimeType").into_owned();
        let media_type = fields.require(&name, "a media type such as `image/png`", |at| at.string())?;
        let data = fields.require("data", "the bytes in base64", |at| Ok(base64::standard(at.str()?)))?;
        let media = Media::Inline { media_type: media_type.clone(), data };
        Ok(types::media_part(&media_type, media, fields.text("displayName")?, detail))
    })
}

fn file(at: At<'_, '_>, detail: Option<String>, loss: &mut Loss) -> Result<Part, BadRequest> {
    at.object("an object with a `fileUri`", loss, |fields, _| {
        let name = fields.either("fileUri").into_owned();
        let uri = fields.require(&name, "the file's address", |at| at.string())?;
        let media_type = fields.text("mimeType")?;
        let media_type = media_type.as_deref().or_else(|| types::type_of(&uri)).unwrap_or_default().to_owned();
        Ok(types::media_part(&media_type, types::file(uri), fields.text("displayName")?, detail))
    })
}

/// How closely an image is looked at, in the words of others.
fn resolution(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<String>, BadRequest> {
    at.object("an object with a `level`", loss, |fields: &mut Fields<'_, '_>, loss| {
        let level = fields.string("level")?;
        Ok(match level.as_deref() {
            Some("MEDIA_RESOLUTION_LOW") => Some("low".to_owned()),
            Some("MEDIA_RESOLUTION_HIGH") => Some("high".to_owned()),
            Some(_) => {
                loss.note(fields.path().key("level").to_string(), "is a resolution that other dialects do not have");
                None
            }
            None => None,
        })
    })
}

/// The calls of a conversation. Here a result may name only the function; elsewhere it must name the call.
#[derive(Default)]
struct Calls {
    begun: usize,
    /// By function, the calls that have no result yet.
    open: HashMap<String, VecDeque<String>>,
}

impl Calls {
    fn begin(&mut self, id: Option<String>, function: &str) -> String {
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{}", self.begun));
        self.begun += 1;
        self.open.entry(function.to_owned()).or_default().push_back(id.clone());
        id
    }

    fn end(&mut self, id: Option<String>, function: &str) -> String {
        let open = self.open.entry(function.to_owned()).or_default();
        match id.filter(|id| !id.is_empty()) {
            Some(id) => {
                if open.front() == Some(&id) {
                    open.pop_front();
                }
                id
            }
            None => open.pop_front().unwrap_or_else(|| {
                self.begun += 1;
                format!("call_{}", self.begun - 1)
            }),
        }
    }
}
