//! Turns and their content blocks.

use super::request::is_text;
use crate::base64;
use crate::canonical::{Json, Loss, Media, Message, Part, Placed, Role};
use crate::json::{Kind, Node};
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};

/// Reads a turn. Results of tools stand in the user's turn here, and are turns of their own elsewhere.
pub(super) fn message(at: At<'_, '_>, loss: &mut Loss) -> Result<Vec<Message>, BadRequest> {
    at.object("a message object", loss, |fields, loss| {
        let role = fields.require("role", "`user` or `assistant`", |at| match at.str()? {
            "user" => Ok(Role::User),
            "assistant" => Ok(Role::Assistant),
            "system" => Ok(Role::System),
            _ => Err(at.invalid("must be `user` or `assistant`")),
        })?;
        let parts = fields.require("content", "a string or an array of blocks", |at| content(at, loss))?;
        Ok(turns(role, parts))
    })
}

fn turns(role: Role, parts: Vec<Placed<Part>>) -> Vec<Message> {
    let mut turns: Vec<Message> = Vec::with_capacity(1);
    for part in parts {
        let role = if matches!(part.0, Part::ToolResult { .. }) { Role::Tool } else { role };
        let said = Message::placed(role, vec![part]);
        match turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.append(said),
            None => turns.push(said),
        }
    }
    turns
}

/// Reads content: a text, or blocks.
pub(super) fn content(at: At<'_, '_>, loss: &mut Loss) -> Result<Vec<Placed<Part>>, BadRequest> {
    if is_text(&at) {
        let text = at.string()?;
        return Ok(if text.is_empty() { Vec::new() } else { vec![(Part::text(text), at.path.to_string())] });
    }
    let placed = |at: At<'_, '_>| {
        let parts = block(at, loss)?.into_iter().map(|part| (part, at.path.to_string()));
        Ok(parts.collect::<Vec<_>>())
    };
    let blocks = at.each("a string or an array of blocks", placed)?;
    Ok(blocks.into_iter().flatten().collect())
}

/// Reads content inside a block.
fn inner(at: At<'_, '_>, loss: &mut Loss) -> Parts {
    Ok(content(at, loss)?.into_iter().map(|(part, _)| part).collect())
}

fn block(at: At<'_, '_>, loss: &mut Loss) -> Result<Vec<Part>, BadRequest> {
    if at.node.kind() != Kind::Object {
        return Err(at.wrong("a content block object"));
    }
    let read: fn(&mut Fields<'_, '_>, &mut Loss) -> Parts = match at.node.str_of("type") {
        Some("text") => text,
        Some("image") => image,
        Some("document") => document,
        Some("search_result") => search_result,
        Some("thinking") => thinking,
        Some("redacted_thinking") => redacted_thinking,
        Some("tool_use") => tool_use,
        Some("tool_result") => tool_result,
        Some(_) => {
            loss.note(at.path.to_string(), "is a block that other dialects do not have");
            return Ok(Vec::new());
        }
        None => return Err(BadRequest::missing(&at.path.key("type"), "a block's type such as `text`")),
    };
    at.object("a content block object", loss, |fields, loss| {
        fields.ignore("type");
        read(fields, loss)
    })
}

type Parts = Result<Vec<Part>, BadRequest>;

fn cache(fields: &mut Fields<'_, '_>) -> Result<Option<Json>, BadRequest> {
    fields.take("cache_control", |at| at.json_object())
}

fn text(fields: &mut Fields<'_, '_>, _loss: &mut Loss) -> Parts {
    let text = fields.require("text", "the block's text", |at| at.string())?;
    Ok(vec![Part::Text { text, cache: cache(fields)? }])
}

fn thinking(fields: &mut Fields<'_, '_>, _loss: &mut Loss) -> Parts {
    let text = fields.require("thinking", "the thought", |at| at.string())?;
    // Thoughts of other providers went out with an empty proof, since the shape demands one.
    let signature = fields.string("signature")?.filter(|it| !it.is_empty());
    Ok(vec![Part::Reasoning { text, signature, redacted: false }])
}

fn redacted_thinking(fields: &mut Fields<'_, '_>, _loss: &mut Loss) -> Parts {
    let data = fields.require("data", "the withheld thought", |at| at.string())?;
    Ok(vec![Part::Reasoning { text: String::new(), signature: Some(data), redacted: true }])
}

fn tool_use(fields: &mut Fields<'_, '_>, _loss: &mut Loss) -> Parts {
    let id = fields.require("id", "the call's name", |at| at.string())?;
    let name = fields.require("name", "the tool's name", |at| at.string())?;
    let arguments = fields.require("input", "the call's arguments", |at| at.json_object())?.as_str().to_owned();
    Ok(vec![Part::ToolCall { id, name, arguments, signature: None }])
}

fn tool_result(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Parts {
    let call = fields.require("tool_use_id", "the call that is answered", |at| at.string())?;
    let content = fields.take("content", |at| inner(at, loss))?.unwrap_or_default();
    let is_error = fields.take("is_error", |at| at.bool())?.unwrap_or(false);
    Ok(vec![Part::ToolResult { call, name: None, content, is_error, cache: cache(fields)? }])
}

fn image(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Parts {
    let source = fields.require("source", "where the image is", |at| source(at, loss))?;
    let cache = cache(fields)?;
    Ok(match source {
        Source::Media(media) => vec![Part::Image { media, detail: None, cache }],
        Source::Content(parts) => parts,
    })
}

fn document(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Parts {
    let source = fields.require("source", "where the document is", |at| source(at, loss))?;
    let name = fields.string("title")?;
    let cache = cache(fields)?;
    Ok(match source {
        Source::Media(media) => vec![Part::File { media, name, cache }],
        Source::Content(parts) => name.map(Part::text).into_iter().chain(parts).collect(),
    })
}

/// What was found, told as text: its title, its source and what it says.
fn search_result(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Parts {
    loss.note(fields.path().to_string(), "goes on as plain text: other dialects do not cite search results");
    let title = fields.string("title")?;
    let source = fields.string("source")?;
    let said = fields.take("content", |at| inner(at, loss))?.unwrap_or_default();
    cache(fields)?;
    Ok([title, source].into_iter().flatten().map(Part::text).chain(said).collect())
}

enum Source {
    Media(Media),
    Content(Vec<Part>),
}

fn source(at: At<'_, '_>, loss: &mut Loss) -> Result<Source, BadRequest> {
    let kind = at.node.str_of("type").map(str::to_owned);
    at.object("a source object", loss, |fields, loss| {
        fields.ignore("type");
        let media = match kind.as_deref() {
            Some("base64") => Media::Inline {
                media_type: fields.require("media_type", "a type such as `image/png`", |at| at.string())?,
                data: fields.require("data", "the bytes in base64", |at| at.string())?,
            },
            Some("url") => {
                Media::from_url(fields.require("url", "an address", |at| at.str().map(str::to_owned))?.as_str())
            }
            Some("file") => Media::Id(fields.require("file_id", "an upload's name", |at| at.string())?),
            Some("text") => {
                fields.ignore("media_type");
                plain_text(&fields.require("data", "the text", |at| at.string())?)
            }
            Some("content") => {
                let path = fields.path().to_string();
                loss.note(path, "goes on as plain parts: other dialects have no documents made of blocks");
                let parts = fields.require("content", "a text or blocks", |at| inner(at, loss))?;
                return Ok(Source::Content(parts));
            }
            _ => {
                let problem = "must be `base64`, `url`, `file`, `text` or `content`";
                return Err(BadRequest::invalid(&fields.path().key("type"), problem));
            }
        };
        Ok(Source::Media(media))
    })
}

fn plain_text(text: &str) -> Media {
    Media::Inline { media_type: "text/plain".to_owned(), data: base64::encode(text.as_bytes()) }
}

/// The parts of an answer; what no other dialect knows, such as calls that ran at the provider, is left out.
pub(super) fn said(blocks: &[Node<'_>]) -> Vec<Part> {
    blocks.iter().filter_map(said_block).collect()
}

fn said_block(block: &Node<'_>) -> Option<Part> {
    match block.str_of("type")? {
        "text" => block.string_of("text").filter(|text| !text.is_empty()).map(Part::text),
        "thinking" => Some(Part::Reasoning {
            text: block.string_of("thinking").unwrap_or_default(),
            signature: block.string_of("signature").filter(|it| !it.is_empty()),
            redacted: false,
        }),
        "redacted_thinking" => {
            Some(Part::Reasoning { text: String::new(), signature: block.string_of("data"), redacted: true })
        }
        "tool_use" => Some(Part::ToolCall {
            id: block.string_of("id").unwrap_or_default(),
            name: block.string_of("name").unwrap_or_default(),
            arguments: block.get("input").map_or("{}", |input| input.raw).to_owned(),
            signature: None,
        }),
        _ => None,
    }
}
