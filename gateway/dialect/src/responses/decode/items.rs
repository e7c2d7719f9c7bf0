//! The `input`: a text, or items, each a message, a call, a result or thoughts.

use crate::canonical::{Loss, Media, Message, Part, Placed, Role};
use crate::json::Kind;
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};
use crate::responses::types;

/// Reads the input and appends its turns.
pub(super) fn read(at: At<'_, '_>, messages: &mut Vec<Message>, loss: &mut Loss) -> Result<(), BadRequest> {
    if at.node.kind() == Kind::String {
        messages.push(Message::placed(Role::User, vec![(Part::text(at.string()?), at.path.to_string())]));
        return Ok(());
    }
    let turns = at.each("a string or an array of items", |at| item(at, loss))?;
    for turn in turns.into_iter().flatten() {
        match messages.last_mut() {
            // The model's thoughts, words and calls are items here and one turn everywhere else.
            Some(last) if last.role == Role::Assistant && turn.role == Role::Assistant => last.append(turn),
            _ => messages.push(turn),
        }
    }
    Ok(())
}

fn item(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<Message>, BadRequest> {
    let kind = at.node.str_of("type").unwrap_or("message").to_owned();
    at.object("an item object", loss, |fields, loss| {
        fields.ignore_each(&["type", "id", "status"]);
        match kind.as_str() {
            "message" => message(fields, loss).map(Some),
            "function_call" => call(fields, loss).map(|part| Some(said(part, fields))),
            "function_call_output" => result(fields, loss).map(Some),
            "reasoning" => {
                fields.ignore_each(&["summary", "content", "encrypted_content"]);
                Ok(Some(said(types::thought_of(at.node), fields)))
            }
            _ => {
                let reason = if kind == "item_reference" {
                    "lies at the provider that made it"
                } else {
                    "is an item that other dialects do not have"
                };
                loss.note(fields.path().to_string(), reason);
                fields.ignore_all();
                Ok(None)
            }
        }
    })
}

fn said(part: Part, item: &Fields<'_, '_>) -> Message {
    Message::placed(Role::Assistant, vec![(part, item.path().to_string())])
}

fn message(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Message, BadRequest> {
    let role = fields.require("role", "a string such as `user`", |at| match at.str()? {
        "system" | "developer" => Ok(Role::System),
        "assistant" => Ok(Role::Assistant),
        "user" => Ok(Role::User),
        _ => Err(at.invalid("must be `user`, `assistant`, `system` or `developer`")),
    })?;
    let parts = fields.require("content", "a string or an array of parts", |at| content(at, loss))?;
    Ok(Message::placed(role, parts))
}

fn call(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Part, BadRequest> {
    fields.lose("namespace", "has no counterpart in another dialect", loss);
    let signature = fields.take("extra_content", |at| {
        Ok(at.node.get("google").and_then(|google| google.string_of("thought_signature")))
    })?;
    Ok(Part::ToolCall {
        id: fields.require("call_id", "the call's name", |at| at.string())?,
        name: fields.require("name", "the function's name", |at| at.string())?,
        arguments: fields.require("arguments", "a string", |at| at.string())?,
        signature: signature.flatten(),
    })
}

fn result(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Message, BadRequest> {
    let result = Part::ToolResult {
        call: fields.require("call_id", "the call's name", |at| at.string())?,
        name: fields.string("name")?,
        content: fields
            .require("output", "a string or an array of parts", |at| content(at, loss))?
            .into_iter()
            .map(|(part, _)| part)
            .collect(),
        is_error: false,
        cache: None,
    };
    Ok(Message::placed(Role::Tool, vec![(result, fields.path().to_string())]))
}

fn content(at: At<'_, '_>, loss: &mut Loss) -> Result<Vec<Placed<Part>>, BadRequest> {
    if at.node.kind() == Kind::String {
        let text = at.string()?;
        return Ok(if text.is_empty() { Vec::new() } else { vec![(Part::text(text), at.path.to_string())] });
    }
    let placed = |at: At<'_, '_>| Ok(part(at, loss)?.map(|part| (part, at.path.to_string())));
    let parts = at.each("a string or an array of parts", placed)?;
    Ok(parts.into_iter().flatten().collect())
}

fn part(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<Part>, BadRequest> {
    at.object("a content part object", loss, |fields, loss| {
        let kind = fields.require("type", "a string such as `input_text`", |at| at.string())?;
        match kind.as_str() {
            "input_text" | "output_text" | "text" => {
                // Those of an earlier answer say nothing that its text does not.
                fields.ignore_each(&["annotations", "logprobs"]);
                let text = fields.require("text", "the text", |at| at.string())?;
                Ok(Some(Part::text(text)))
            }
            "refusal" => {
                let text = fields.require("refusal", "the words of the refusal", |at| at.string())?;
                Ok(Some(Part::Refusal { text }))
            }
            "input_image" => image(fields).map(Some),
            "input_file" => file(fields).map(Some),
            "input_audio" => {
                let media = fields.require("input_audio", "an object", |at| audio(at, loss))?;
                Ok(Some(Part::Audio { media }))
            }
            _ => {
                loss.note(fields.path().to_string(), "is a part that other dialects do not have");
                fields.ignore_all();
                Ok(None)
            }
        }
    })
}

fn image(fields: &mut Fields<'_, '_>) -> Result<Part, BadRequest> {
    let url = fields.string("image_url")?;
    let id = fields.string("file_id")?;
    let media = match (url, id) {
        (Some(url), _) => Media::from_url(&url),
        (None, Some(id)) => Media::Id(id),
        (None, None) => return Err(BadRequest::missing(&fields.path().key("image_url"), "the image's address")),
    };
    Ok(Part::Image { media, detail: fields.string("detail")?, cache: None })
}

fn file(fields: &mut Fields<'_, '_>) -> Result<Part, BadRequest> {
    fields.ignore("detail");
    let data = fields.string("file_data")?;
    let url = fields.string("file_url")?;
    let id = fields.string("file_id")?;
    let media = match (data.map(Media::from_file_data).or(url.map(Media::Url)), id) {
        (Some(media), _) => media,
        (None, Some(id)) => Media::Id(id),
        (None, None) => {
            return Err(BadRequest::missing(&fields.path().key("file_data"), "the file as a data: URL"));
        }
    };
    Ok(Part::File { media, name: fields.string("filename")?, cache: None })
}

fn audio(at: At<'_, '_>, loss: &mut Loss) -> Result<Media, BadRequest> {
    at.object("an object", loss, |fields, _| {
        let data = fields.require("data", "the sound in base64", |at| at.string())?;
        let format = fields.string("format")?.unwrap_or_else(|| "wav".to_owned());
        Ok(Media::Inline { media_type: format!("audio/{format}"), data })
    })
}
