//! Responses to the canonical form: requests read strictly, answers as far as they can be understood.
//!
//! Items become turns: what the model said one after the other (thoughts, texts, calls) is one turn of the assistant.
//! What lies at the provider, such as an earlier response named by its id, cannot be carried and is told as lost.

mod answer;
mod items;

use crate::canonical::{
    Loss, Message, OutputShape, Part, Placed, Reasoning, Request, Role, Sampling, Tool, ToolChoice,
};
use crate::json::{Kind, Node};
use crate::openai::decode::choice_in_a_word;
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};
use crate::responses::types;

pub(crate) use answer::{answer, parts_of};

/// Members that stand for what a provider has kept: without it, another would answer another question.
pub(crate) const STATE: [&str; 3] = [PREVIOUS_RESPONSE, "conversation", "prompt"];
/// Names the answer to go on with.
pub(crate) const PREVIOUS_RESPONSE: &str = "previous_response_id";
/// Members that change nothing about the answer, or are written anew for every upstream.
const IGNORED: [&str; 1] = ["stream_options"];
const AT_PROVIDER: &str = "lies at the provider that made it";

/// Reads a request.
pub(crate) fn request(node: &Node<'_>) -> Result<Request, BadRequest> {
    let mut loss = Loss::default();
    let mut request = At::root(node).object("a JSON object", &mut loss, members)?;
    request.unknown.extend(&loss);
    Ok(request)
}

fn members(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Request, BadRequest> {
    refuse_background(fields)?;
    fields.ignore_each(&IGNORED);
    fields.lose_store(loss);
    fields.ignore_each(&crate::request::extensions::NAMES);
    for name in STATE {
        fields.lose(name, AT_PROVIDER, loss);
    }
    let (output, verbosity) = fields.take("text", |at| text(at, loss))?.unwrap_or_default();
    let tools = fields.take("tools", |at| at.each("an array of tools", |at| tool(at, loss)))?;
    let (tools, tool_places) = tools.into_iter().flatten().flatten().unzip();
    let request = Request {
        model: fields.string("model")?,
        messages: messages(fields, loss)?,
        tools,
        tool_places,
        tool_choice: fields.take("tool_choice", |at| tool_choice(at, loss))?.flatten(),
        parallel_tool_calls: fields.take("parallel_tool_calls", |at| at.bool())?,
        max_output_tokens: fields.take("max_output_tokens", limit)?,
        sampling: Sampling {
            temperature: fields.take("temperature", |at| at.number())?,
            top_p: fields.take("top_p", |at| at.number())?,
            ..Sampling::default()
        },
        logprobs: logprobs(fields, loss)?,
        output,
        reasoning: fields.take("reasoning", |at| reasoning(at, loss))?,
        verbosity,
        user: fields.string("user")?,
        safety_identifier: fields.string("safety_identifier")?,
        cache_hints: fields.cache_hints(loss)?,
        metadata: fields.take("metadata", |at| at.json_object())?,
        service_tier: fields.string("service_tier")?,
        stream: fields.take("stream", |at| at.bool())?.unwrap_or(false),
        ..Request::default()
    };
    if let Some(kept) = fields.string("truncation")?.filter(|word| word != "disabled") {
        let path = fields.path().key("truncation").to_string();
        loss.note(path, if kept == "auto" { "only the provider could shorten the input" } else { "is unknown" });
    }
    Ok(request)
}

/// An answer that is fetched later would have to be kept; nothing is kept here.
fn refuse_background(fields: &mut Fields<'_, '_>) -> Result<(), BadRequest> {
    const PROBLEM: &str = "must be false: answers are not kept here to be fetched later";
    let refuse = |at: At<'_, '_>| if at.bool()? { Err(at.invalid(PROBLEM)) } else { Ok(()) };
    fields.take("background", refuse).map(drop)
}

fn limit(at: At<'_, '_>) -> Result<u64, BadRequest> {
    match at.unsigned()? {
        0 => Err(at.invalid("must be at least 1")),
        limit => Ok(limit),
    }
}

fn messages(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Vec<Message>, BadRequest> {
    let instructions = fields.string("instructions")?.filter(|text| !text.is_empty());
    let said = |text| Message::placed(Role::System, vec![(Part::text(text), "instructions".to_owned())]);
    let mut messages: Vec<Message> = instructions.map(said).into_iter().collect();
    let is_elsewhere = STATE.iter().any(|it| fields.peek(it).is_some());
    match fields.take("input", |at| items::read(at, &mut messages, loss))? {
        None if !is_elsewhere => Err(BadRequest::missing(&fields.path().key("input"), "a string or an array of items")),
        _ => Ok(messages),
    }
}

fn logprobs(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Option<u64>, BadRequest> {
    let included = fields.take("include", |at| at.each("an array of strings", |at| at.string()))?.unwrap_or_default();
    let most = fields.take("top_logprobs", |at| at.unsigned())?;
    for (index, name) in included.iter().enumerate() {
        if ![types::LOGPROBS, types::ENCRYPTED_REASONING].contains(&name.as_str()) {
            loss.note(fields.path().key("include").index(index).to_string(), "belongs to tools of the provider");
        }
    }
    let wanted = included.iter().any(|it| it == types::LOGPROBS) || most.is_some_and(|most| most > 0);
    Ok(wanted.then(|| most.unwrap_or(0)))
}

fn reasoning(at: At<'_, '_>, loss: &mut Loss) -> Result<Reasoning, BadRequest> {
    at.object("an object", loss, |fields, _| {
        let deprecated = fields.string("generate_summary")?;
        Ok(Reasoning {
            effort: fields.string("effort")?,
            budget_tokens: None,
            summary: fields.string("summary")?.or(deprecated),
        })
    })
}

// === Tools and output ===

fn tool(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<Placed<Tool>>, BadRequest> {
    at.object("a tool object", loss, |fields, loss| {
        let kind = fields.require("type", "`function`, or a tool of the provider", |at| at.string())?;
        if kind != "function" {
            let runs_here = ["custom", "namespace"].contains(&kind.as_str());
            let reason = "is a tool that runs at its provider";
            let reason = if runs_here { "is a tool that other dialects do not have" } else { reason };
            loss.note(fields.path().to_string(), reason);
            fields.ignore_all();
            return Ok(None);
        }
        let tool = Tool {
            name: fields.require("name", "the function's name", |at| at.string())?,
            description: fields.string("description")?,
            parameters: fields.take("parameters", |at| at.json_object())?,
            strict: fields.take("strict", |at| at.bool())?,
            cache: None,
        };
        Ok(Some((tool, fields.path().to_string())))
    })
}

fn tool_choice(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<ToolChoice>, BadRequest> {
    match at.node.kind() {
        Kind::String => choice_in_a_word(at).map(Some),
        Kind::Object => {
            let names = at.node.get("tools").map(Node::items).unwrap_or_default();
            let names = names.iter().filter_map(|tool| tool.string_of("name")).collect();
            match (at.node.str_of("type"), at.node.string_of("name")) {
                (Some("function"), Some(name)) => Ok(Some(ToolChoice::Named(name))),
                (Some("function"), None) => Err(BadRequest::missing(&at.path.key("name"), "the function's name")),
                (Some("allowed_tools"), _) => {
                    Ok(Some(ToolChoice::Among { names, required: at.node.str_of("mode") == Some("required") }))
                }
                _ => {
                    loss.note(at.path.to_string(), "is a choice that other dialects do not have");
                    Ok(None)
                }
            }
        }
        _ => Err(at.wrong("a string or an object")),
    }
}

/// The `text` object: what the answer must look like, and how long it should be.
fn text(at: At<'_, '_>, loss: &mut Loss) -> Result<(OutputShape, Option<String>), BadRequest> {
    at.object("an object", loss, |fields, loss| {
        let shape = fields.take("format", |at| format(at, loss))?.unwrap_or_default();
        Ok((shape, fields.string("verbosity")?))
    })
}

fn format(at: At<'_, '_>, loss: &mut Loss) -> Result<OutputShape, BadRequest> {
    at.object("an object", loss, |fields, loss| {
        let kind = fields.require("type", "`text`, `json_object` or `json_schema`", |at| at.string())?;
        match kind.as_str() {
            "text" => Ok(OutputShape::Text),
            "json_object" => Ok(OutputShape::JsonObject),
            "json_schema" => Ok(OutputShape::JsonSchema {
                name: fields.string("name")?,
                description: fields.string("description")?,
                schema: fields.require("schema", "a JSON schema", |at| at.json_object())?,
                strict: fields.take("strict", |at| at.bool())?,
            }),
            _ => {
                loss.note(fields.path().to_string(), "is a format that other dialects do not have");
                fields.ignore_all();
                Ok(OutputShape::Text)
            }
        }
    })
}

#[cfg(test)]
mod tests;
