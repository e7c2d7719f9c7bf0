//! Chat completions to the canonical form: requests read strictly, answers as far as they can be understood.
//!
//! The request was checked before (see `request`); this second reading happens only where the upstream speaks another
//! dialect.

mod answer;
mod calls;

use super::types;
use crate::canonical::{
    Json, Loss, Media, Message, OutputShape, Part, Placed, Reasoning, Request, Role, Sampling, Tool, ToolChoice,
};
use crate::json::{Kind, Node};
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};

pub(crate) use answer::answer;

/// Members that change nothing about the answer, or are written anew for every upstream.
const IGNORED: [&str; 1] = ["stream_options"];

/// Reads a request.
pub(crate) fn request(node: &Node<'_>) -> Result<Request, BadRequest> {
    let mut loss = Loss::default();
    let mut request = At::root(node).object("a JSON object", &mut loss, members)?;
    request.unknown.extend(&loss);
    Ok(request)
}

fn members(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Request, BadRequest> {
    fields.ignore_each(&IGNORED);
    fields.lose_store(loss);
    fields.ignore_each(&crate::request::extensions::NAMES);
    let max_tokens = fields.take("max_tokens", |at| at.unsigned())?;
    let tools = fields.take("tools", |at| at.each("an array of tools", |at| tool(at, loss)))?;
    let (tools, tool_places) = tools.into_iter().flatten().flatten().unzip();
    let request = Request {
        model: fields.string("model")?,
        messages: messages(fields, loss)?,
        tools,
        tool_places,
        tool_choice: fields.take("tool_choice", |at| tool_choice(at, loss))?.flatten(),
        parallel_tool_calls: fields.take("parallel_tool_calls", |at| at.bool())?,
        max_output_tokens: fields.take("max_completion_tokens", |at| at.unsigned())?.or(max_tokens),
        stop: fields.take("stop", stop)?.unwrap_or_default(),
        sampling: sampling(fields)?,
        choices: fields.take("n", |at| at.unsigned())?,
        logprobs: logprobs(fields)?,
        output: fields.take("response_format", |at| output(at, loss))?.unwrap_or_default(),
        reasoning: reasoning(fields, loss)?,
        verbosity: fields.string("verbosity")?,
        user: fields.string("user")?,
        safety_identifier: fields.string("safety_identifier")?,
        cache_hints: fields.cache_hints(loss)?,
        metadata: fields.take("metadata", |at| at.json_object())?,
        service_tier: fields.string("service_tier")?,
        stream: fields.take("stream", |at| at.bool())?.unwrap_or(false),
        unknown: Loss::default(),
    };
    Ok(request)
}

fn sampling(fields: &mut Fields<'_, '_>) -> Result<Sampling, BadRequest> {
    Ok(Sampling {
        temperature: fields.take("temperature", |at| at.number())?,
        top_p: fields.take("top_p", |at| at.number())?,
        top_k: fields.take("top_k", |at| at.unsigned())?,
        frequency_penalty: fields.take("frequency_penalty", |at| at.number())?,
        presence_penalty: fields.take("presence_penalty", |at| at.number())?,
        seed: fields.take("seed", |at| at.integer())?,
    })
}

fn logprobs(fields: &mut Fields<'_, '_>) -> Result<Option<u64>, BadRequest> {
    let wanted = fields.take("logprobs", |at| at.bool())?.unwrap_or(false);
    let most = fields.take("top_logprobs", |at| at.unsigned())?;
    Ok(if wanted { Some(most.unwrap_or(0)) } else { None })
}

fn reasoning(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Option<Reasoning>, BadRequest> {
    let effort = fields.string("reasoning_effort")?;
    let object = fields.take("reasoning", |at| {
        at.object("an object", loss, |fields, _| {
            Ok(Reasoning {
                effort: fields.string("effort")?,
                budget_tokens: fields.take("max_tokens", |at| at.unsigned())?,
                summary: fields.string("summary")?,
            })
        })
    })?;
    Ok(match (object, effort) {
        (Some(object), effort) => Some(Reasoning { effort: effort.or(object.effort.clone()), ..object }),
        (None, Some(effort)) => Some(Reasoning { effort: Some(effort), ..Reasoning::default() }),
        (None, None) => None,
    })
}

fn stop(at: At<'_, '_>) -> Result<Vec<String>, BadRequest> {
    if at.node.kind() == Kind::String {
        Ok(vec![at.string()?])
    } else {
        at.each("a string or an array of strings", |at| at.string())
    }
}

// === Messages ===

fn messages(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Vec<Message>, BadRequest> {
    let left_behind = calls::left_behind(fields.peek("messages"));
    let messages = fields.take("messages", |at| at.each("an array of messages", |at| message(at, loss)))?;
    let mut messages = messages.unwrap_or_default();
    calls::pair(&mut messages, &left_behind, loss);
    Ok(messages)
}

fn message(at: At<'_, '_>, loss: &mut Loss) -> Result<Message, BadRequest> {
    at.object("a message object", loss, |fields, loss| {
        let role = fields.require("role", "a string such as `user`", |at| at.string())?;
        let role = match role.as_str() {
            "system" | "developer" => Role::System,
            "assistant" => Role::Assistant,
            "user" => Role::User,
            "tool" | "function" => return tool_message(&role, fields, loss),
            _ => {
                let problem = "must be `system`, `developer`, `user`, `assistant` or `tool`";
                return Err(BadRequest::invalid(&fields.path().key("role"), problem));
            }
        };
        let mut parts = thoughts(fields)?;
        parts.extend(fields.take("content", |at| content(at, loss))?.into_iter().flatten());
        parts.extend(fields.take("refusal", |at| Ok((Part::Refusal { text: at.string()? }, at.path.to_string())))?);
        let calls = fields.take("tool_calls", |at| at.each("an array of tool calls", |at| tool_call(at, loss)))?;
        parts.extend(calls.into_iter().flatten().flatten());
        parts.extend(
            fields.take("function_call", |at| Ok((function(&at, String::new(), None, loss)?, at.path.to_string())))?,
        );
        fields.lose("audio", "spoken answers of earlier turns stay with their provider", loss);
        Ok(Message { name: fields.string("name")?, ..Message::placed(role, parts) })
    })
}

/// Thoughts as compatible servers tell them, with their proofs where those were kept.
fn thoughts(fields: &mut Fields<'_, '_>) -> Result<Vec<Placed<Part>>, BadRequest> {
    let names = ["reasoning_details", "reasoning_content", "reasoning"];
    let Some(name) = names.into_iter().find(|name| fields.peek(name).is_some()) else { return Ok(Vec::new()) };
    let place = fields.path().key(name).to_string();
    let details = fields
        .take("reasoning_details", |at| Ok(at.node.items().iter().filter_map(types::thought_of).collect::<Vec<_>>()))?;
    let text = fields.string("reasoning_content")?.or(fields.string("reasoning")?);
    let thoughts = types::thoughts(details.unwrap_or_default(), text);
    Ok(thoughts.into_iter().map(|thought| (thought, place.clone())).collect())
}

fn tool_message(role: &str, fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Message, BadRequest> {
    let name = fields.string("name")?;
    let call = match (fields.string("tool_call_id")?, role) {
        (Some(call), _) => call,
        (None, "function") if name.is_some() => String::new(),
        (None, "function") => return Err(BadRequest::missing(&fields.path().key("name"), "the function's name")),
        (None, _) => return Err(BadRequest::missing(&fields.path().key("tool_call_id"), "the call that is answered")),
    };
    let content = fields.take("content", |at| content(at, loss))?.unwrap_or_default();
    let content = content.into_iter().map(|(part, _)| part).collect();
    let result = Part::ToolResult { call, name, content, is_error: false, cache: None };
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
    let kind = at.node.str_of("type").map(str::to_owned);
    at.object("a content part object", loss, |fields, loss| {
        fields.ignore("type");
        let cache = fields.take("cache_control", |at| at.json_object())?;
        let part = match kind.as_deref() {
            Some("text" | "input_text" | "output_text") => {
                Part::Text { text: fields.require("text", "the text", |at| at.string())?, cache }
            }
            Some("refusal") => {
                Part::Refusal { text: fields.require("refusal", "the words of the refusal", |at| at.string())? }
            }
            Some("image_url") => {
                let (url, detail) = fields.require("image_url", "an object with a `url`", |at| image(at, loss))?;
                Part::Image { media: Media::from_url(&url), detail, cache }
            }
            Some("input_audio") => {
                Part::Audio { media: fields.require("input_audio", "an object", |at| audio(at, loss))? }
            }
            Some("file") => fields.require("file", "an object", |at| file(at, cache, loss))?,
            _ => {
                loss.note(fields.path().to_string(), "is a part that other dialects do not have");
                fields.ignore_all();
                return Ok(None);
            }
        };
        Ok(Some(part))
    })
}

fn image(at: At<'_, '_>, loss: &mut Loss) -> Result<(String, Option<String>), BadRequest> {
    if at.node.kind() == Kind::String {
        return Ok((at.string()?, None));
    }
    at.object("an object with a `url`", loss, |fields, _| {
        Ok((fields.require("url", "the image's address", |at| at.string())?, fields.string("detail")?))
    })
}

fn audio(at: At<'_, '_>, loss: &mut Loss) -> Result<Media, BadRequest> {
    at.object("an object", loss, |fields, _| {
        let data = fields.require("data", "the sound in base64", |at| at.string())?;
        let format = fields.string("format")?.unwrap_or_else(|| "wav".to_owned());
        Ok(Media::Inline { media_type: types::audio_type(&format), data })
    })
}

fn file(at: At<'_, '_>, cache: Option<Json>, loss: &mut Loss) -> Result<Part, BadRequest> {
    at.object("an object", loss, |fields, _| {
        let name = fields.string("filename")?;
        let data = fields.string("file_data")?;
        let id = fields.string("file_id")?;
        let media = match (data, id) {
            (Some(data), _) => Media::from_file_data(data),
            (None, Some(id)) => Media::Id(id),
            (None, None) => {
                return Err(BadRequest::missing(&fields.path().key("file_data"), "the file as a data: URL"));
            }
        };
        Ok(Part::File { media, name, cache })
    })
}

fn tool_call(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<Placed<Part>>, BadRequest> {
    at.object("a tool call object", loss, |fields, loss| {
        fields.ignore("type");
        fields.ignore("index");
        let id = fields.string("id")?.unwrap_or_default();
        let signature = fields.take("extra_content", |at| Ok(types::signature_of(at.node)))?.flatten();
        let call = fields.take("function", |at| function(&at, id, signature, loss))?;
        Ok(call.map(|call| (call, fields.path().to_string())))
    })
}

fn function(at: &At<'_, '_>, id: String, signature: Option<String>, loss: &mut Loss) -> Result<Part, BadRequest> {
    at.object("an object", loss, |fields, _| {
        let name = fields.require("name", "the function's name", |at| at.string())?;
        Ok(Part::ToolCall { id, name, arguments: fields.string("arguments")?.unwrap_or_default(), signature })
    })
}

// === Tools and output ===

fn tool(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<Placed<Tool>>, BadRequest> {
    let tool = at.object("a tool object", loss, |fields, loss| {
        if fields.peek("type").and_then(Node::str).is_some_and(|kind| kind != "function") {
            loss.note(fields.path().to_string(), "is a tool that other dialects do not have");
            fields.ignore_all();
            return Ok(None);
        }
        fields.ignore("type");
        let cache = fields.take("cache_control", |at| at.json_object())?;
        fields
            .require("function", "an object with a `name`", |at| {
                at.object("an object", loss, |fields, _| {
                    Ok(Tool {
                        name: fields.require("name", "the function's name", |at| at.string())?,
                        description: fields.string("description")?,
                        parameters: fields.take("parameters", |at| at.json_object())?,
                        strict: fields.take("strict", |at| at.bool())?,
                        cache,
                    })
                })
            })
            .map(Some)
    })?;
    Ok(tool.map(|tool| (tool, at.path.to_string())))
}

fn tool_choice(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<ToolChoice>, BadRequest> {
    match at.node.kind() {
        Kind::String => choice_in_a_word(at).map(Some),
        Kind::Object => chosen(at, loss),
        _ => Err(at.wrong("a string or an object")),
    }
}

/// A choice in one word, as Responses have it too.
pub(crate) fn choice_in_a_word(at: At<'_, '_>) -> Result<ToolChoice, BadRequest> {
    match at.str()? {
        "none" => Ok(ToolChoice::None),
        "auto" => Ok(ToolChoice::Auto),
        "required" | "any" => Ok(ToolChoice::Required),
        _ => Err(at.invalid("must be `auto`, `none`, `required` or an object")),
    }
}

/// The object form of a choice.
fn chosen(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<ToolChoice>, BadRequest> {
    let kind = match at.node.str_of("type") {
        Some(kind) => kind,
        None if at.node.get("allowed_tools").is_some() => "allowed_tools",
        None => "function",
    };
    match kind {
        "function" => {
            let name = at.node.get("function").and_then(|it| it.string_of("name"));
            let missing = || BadRequest::missing(&at.path.key("function").key("name"), "the function's name");
            name.map(ToolChoice::Named).map(Some).ok_or_else(missing)
        }
        "allowed_tools" => {
            let missing = || BadRequest::missing(&at.path.key("allowed_tools"), "an object with `mode` and `tools`");
            let among = at.node.get("allowed_tools").ok_or_else(missing)?;
            let tools = among.get("tools").map(Node::items).unwrap_or_default();
            let names = tools.iter().filter_map(|tool| tool.get("function")?.string_of("name")).collect();
            Ok(Some(ToolChoice::Among { names, required: among.str_of("mode") == Some("required") }))
        }
        "custom" => {
            loss.note(at.path.to_string(), "is a choice that other dialects do not have");
            Ok(None)
        }
        _ => Err(BadRequest::invalid(&at.path.key("type"), "must be `function`, `allowed_tools` or `custom`")),
    }
}

fn output(at: At<'_, '_>, loss: &mut Loss) -> Result<OutputShape, BadRequest> {
    at.object("an object", loss, |fields, loss| {
        let kind = fields.require("type", "`text`, `json_object` or `json_schema`", |at| at.string())?;
        match kind.as_str() {
            "json_object" => Ok(OutputShape::JsonObject),
            "json_schema" => fields.require("json_schema", "an object with a `schema`", |at| {
                at.object("an object", loss, |fields, _| {
                    Ok(OutputShape::JsonSchema {
                        name: fields.string("name")?,
                        description: fields.string("description")?,
                        schema: fields.require("schema", "a JSON schema", |at| at.json_object())?,
                        strict: fields.take("strict", |at| at.bool())?,
                    })
                })
            }),
            "text" => Ok(OutputShape::Text),
            _ => {
                let problem = "must be `text`, `json_object` or `json_schema`";
                Err(BadRequest::invalid(&fields.path().key("type"), problem))
            }
        }
    })
}
