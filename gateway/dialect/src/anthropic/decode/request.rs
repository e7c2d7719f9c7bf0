//! Requests: the members of the top level, tools, thought and the output's shape.

use super::blocks;
use crate::canonical::{Loss, Message, OutputShape, Placed, Reasoning, Request, Role, Sampling, Tool, ToolChoice};
use crate::json::{Kind, Node};
use crate::request::BadRequest;
use crate::request::extensions;
use crate::request::reader::{At, Fields};

/// The member that stands for a conversation at the provider: a turn that goes on with one is not the whole of it.
pub(crate) const THREAD: &str = "thread";

/// Reads a request.
pub(crate) fn request(node: &Node<'_>) -> Result<Request, BadRequest> {
    read(node, |fields, loss| {
        let most = fields.require("max_tokens", "the most tokens of the answer", |at| at.unsigned())?;
        Ok(Request { max_output_tokens: Some(most), ..members(fields, loss)? })
    })
}

/// Reads a request whose tokens are only counted.
pub(crate) fn count(node: &Node<'_>) -> Result<Request, BadRequest> {
    read(node, |fields, loss| {
        let most = fields.take("max_tokens", |at| at.unsigned())?;
        Ok(Request { max_output_tokens: most, ..members(fields, loss)? })
    })
}

fn read(
    node: &Node<'_>,
    members: impl FnOnce(&mut Fields<'_, '_>, &mut Loss) -> Result<Request, BadRequest>,
) -> Result<Request, BadRequest> {
    let mut loss = Loss::default();
    let mut request = At::root(node).object("a JSON object", &mut loss, members)?;
    request.unknown.extend(&loss);
    Ok(request)
}

fn members(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Request, BadRequest> {
    for own in extensions::NAMES {
        fields.ignore(own);
    }
    fields.lose(THREAD, "lies at the provider that keeps it", loss);
    let system = fields.take("system", |at| blocks::content(at, loss))?.unwrap_or_default();
    let mut messages = Vec::new();
    if !system.is_empty() {
        messages.push(Message::placed(Role::System, system));
    }
    let turns = fields.require("messages", "an array of messages", |at| {
        match at.each("an array of messages", |at| blocks::message(at, loss))? {
            none if none.is_empty() => Err(at.invalid("must hold at least one message")),
            turns => Ok(turns),
        }
    })?;
    messages.extend(turns.into_iter().flatten());
    let tools = fields.take("tools", |at| at.each("an array of tools", |at| tool(at, loss)))?;
    let (tools, tool_places) = tools.into_iter().flatten().flatten().unzip();
    let (tool_choice, parallel_tool_calls) =
        fields.take("tool_choice", |at| tool_choice(at, loss))?.unwrap_or_default();
    let (output, reasoning) = thought_and_output(fields, loss)?;
    Ok(Request {
        model: fields.string("model")?,
        messages,
        tools,
        tool_places,
        tool_choice,
        parallel_tool_calls,
        stop: fields.take("stop_sequences", |at| at.each("an array of strings", |at| at.string()))?.unwrap_or_default(),
        sampling: sampling(fields)?,
        output,
        reasoning,
        user: fields.take("metadata", |at| user(at, loss))?.flatten(),
        service_tier: fields.take("service_tier", service_tier)?,
        stream: fields.take("stream", |at| at.bool())?.unwrap_or(false),
        ..Request::default()
    })
}

fn sampling(fields: &mut Fields<'_, '_>) -> Result<Sampling, BadRequest> {
    Ok(Sampling {
        temperature: fields.take("temperature", |at| at.number())?,
        top_p: fields.take("top_p", |at| at.number())?,
        top_k: fields.take("top_k", |at| at.unsigned())?,
        ..Sampling::default()
    })
}

fn user(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<String>, BadRequest> {
    at.object("an object", loss, |fields, _| fields.string("user_id"))
}

fn service_tier(at: At<'_, '_>) -> Result<String, BadRequest> {
    // What is standard here is the default of others.
    Ok(if at.str()? == "standard_only" { "default".to_owned() } else { at.string()? })
}

// === Tools ===

fn tool(at: At<'_, '_>, loss: &mut Loss) -> Result<Option<Placed<Tool>>, BadRequest> {
    if at.node.str_of("type").is_some_and(|kind| kind != "custom") {
        loss.note(at.path.to_string(), "is a tool that runs at its provider, or that only its models know");
        return Ok(None);
    }
    at.object("a tool object", loss, |fields, _| {
        fields.ignore("type");
        let tool = Tool {
            name: fields.require("name", "the tool's name", |at| at.string())?,
            description: fields.string("description")?,
            parameters: Some(fields.require("input_schema", "a JSON schema", |at| at.json_object())?),
            strict: fields.take("strict", |at| at.bool())?,
            cache: fields.take("cache_control", |at| at.json_object())?,
        };
        Ok(Some((tool, fields.path().to_string())))
    })
}

type Choice = (Option<ToolChoice>, Option<bool>);

fn tool_choice(at: At<'_, '_>, loss: &mut Loss) -> Result<Choice, BadRequest> {
    at.object("an object with a `type`", loss, |fields, _| {
        let name = fields.string("name")?;
        let missing = BadRequest::missing(&fields.path().key("name"), "the tool's name");
        let choice = fields.require("type", "`auto`, `any`, `tool` or `none`", |at| match at.str()? {
            "auto" => Ok(ToolChoice::Auto),
            "any" => Ok(ToolChoice::Required),
            "none" => Ok(ToolChoice::None),
            "tool" => name.map(ToolChoice::Named).ok_or(missing),
            _ => Err(at.invalid("must be `auto`, `any`, `tool` or `none`")),
        })?;
        let single = fields.take("disable_parallel_tool_use", |at| at.bool())?;
        Ok((Some(choice), single.map(|single| !single)))
    })
}

// === Thought and output ===

fn thought_and_output(
    fields: &mut Fields<'_, '_>,
    loss: &mut Loss,
) -> Result<(OutputShape, Option<Reasoning>), BadRequest> {
    // The older name of `output_config.format`.
    let older = fields.take("output_format", |at| format(at, loss))?;
    let (newer, effort) = fields.take("output_config", |at| output_config(at, loss))?.unwrap_or_default();
    let thinking = fields.take("thinking", |at| thinking(at, loss))?;
    let reasoning = match (thinking, effort) {
        (Some(thinking), effort) => Some(Reasoning { effort, ..thinking }),
        (None, Some(effort)) => Some(Reasoning { effort: Some(effort), ..Reasoning::default() }),
        (None, None) => None,
    };
    Ok((newer.or(older).unwrap_or_default(), reasoning))
}

fn output_config(at: At<'_, '_>, loss: &mut Loss) -> Result<(Option<OutputShape>, Option<String>), BadRequest> {
    at.object("an object", loss, |fields, loss| {
        let shape = fields.take("format", |at| format(at, loss))?;
        Ok((shape, fields.string("effort")?))
    })
}

fn format(at: At<'_, '_>, loss: &mut Loss) -> Result<OutputShape, BadRequest> {
    at.object("an object with a `schema`", loss, |fields, _| {
        let kind = fields.take("type", |at| match at.str()? {
            "json_schema" => Ok(()),
            _ => Err(at.invalid("must be `json_schema`")),
        });
        kind?;
        let schema = fields.require("schema", "a JSON schema", |at| at.json_object())?;
        // Schemas always bind here.
        Ok(OutputShape::JsonSchema { name: None, description: None, schema, strict: Some(true) })
    })
}

fn thinking(at: At<'_, '_>, loss: &mut Loss) -> Result<Reasoning, BadRequest> {
    at.object("an object with a `type`", loss, |fields, loss| {
        let kind = fields.require("type", "`adaptive`, `enabled` or `disabled`", |at| at.string())?;
        let shown = fields.take("display", |at| Ok(at.str()? != "omitted"))?;
        let summary = shown.filter(|shown| *shown).map(|_| "auto".to_owned());
        let budget_tokens = match kind.as_str() {
            "enabled" => Some(fields.require("budget_tokens", "the most tokens of thought", |at| at.unsigned())?),
            "disabled" => Some(0),
            "adaptive" => None,
            _ => {
                let path = fields.path().key("type").to_string();
                loss.note(path, "is a way to think that other dialects do not have");
                None
            }
        };
        Ok(Reasoning { effort: None, budget_tokens, summary })
    })
}

/// Whether a value is the short form of content.
pub(super) fn is_text(at: &At<'_, '_>) -> bool {
    at.node.kind() == Kind::String
}
