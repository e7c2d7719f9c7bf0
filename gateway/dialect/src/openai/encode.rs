//! The canonical form to chat completions: what the vendor documents and no more, since strict servers refuse the rest.

mod answer;
mod messages;
mod shapes;

use serde::Serialize;

use crate::canonical::{Loss, OutputShape, Reasoning, Request, Tool, ToolChoice};
use crate::json::quoted;
use crate::openai::lengths::user;
use crate::request::Encoded;
use shapes::{
    Allowed, AllowedTool, Name, NamedSchema, StreamOptions, WireChoice, WireFormat, WireFunction, WireRequest, WireTool,
};

pub(crate) use answer::answer;

/// Writes a request.
pub(crate) fn request(request: &Request, native_model: &str) -> Encoded {
    let mut loss = Loss::default();
    note_unsayable(request, &mut loss);
    let sampling = request.sampling;
    let knows_hints = is_run_by_the_vendor(native_model);
    if !knows_hints {
        note_hints(request, &mut loss);
    }
    let identifier = request.safety_identifier.as_deref();
    let counts_thoughts = request.reasoning.is_some() || is_of_the_vendor(native_model);
    let wire = WireRequest {
        model: native_model,
        messages: messages::write(&request.messages, &mut loss),
        tools: request.tools.iter().enumerate().map(|(index, it)| tool(index, it, &mut loss)).collect(),
        tool_choice: request.tool_choice.as_ref().map(tool_choice),
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| !request.tools.is_empty()),
        max_completion_tokens: request.max_output_tokens.filter(|_| counts_thoughts),
        max_tokens: request.max_output_tokens.filter(|_| !counts_thoughts),
        stop: &request.stop,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        seed: sampling.seed,
        n: request.choices,
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|most| *most > 0),
        response_format: format(&request.output),
        reasoning_effort: request.reasoning.as_ref().and_then(Reasoning::nearest_effort),
        verbosity: request.verbosity.as_deref(),
        user: user(request.user.as_deref().or(identifier.filter(|_| !knows_hints)), &mut loss),
        safety_identifier: identifier.filter(|_| knows_hints),
        cache_hints: knows_hints.then_some(&request.cache_hints),
        service_tier: request.service_tier.as_deref().filter(|tier| is_tier(tier, &mut loss)),
        stream: request.stream,
        stream_options: request.stream.then_some(StreamOptions { include_usage: true }),
    };
    Encoded { body: json(&wire), loss }
}

fn note_unsayable(request: &Request, loss: &mut Loss) {
    if request.sampling.top_k.is_some() {
        loss.note("top_k", "this dialect has no such member");
    }
    if request.metadata.is_some() {
        loss.note("metadata", "this dialect takes notes only with answers that it stores");
    }
    let Some(reasoning) = &request.reasoning else { return };
    if let Some(reason) = reasoning.lost_budget() {
        loss.note("reasoning.budget_tokens", reason);
    }
    if reasoning.summary.is_some() {
        loss.note("reasoning.summary", "this dialect tells thoughts as it likes");
    }
}

/// Whether the vendor's own models are asked, the newer of which refuse `max_tokens`; compatible servers may know that
/// name only.
fn is_of_the_vendor(native_model: &str) -> bool {
    let name = native_model.rsplit('/').next().unwrap_or(native_model);
    let is_o_series = name.strip_prefix('o').is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()));
    is_o_series || name.starts_with("gpt-") || name.starts_with("chatgpt-")
}

/// Whether the model is one that its vendor alone runs, so that the server knows the vendor's newer members: several
/// compatible ones refuse the whole request for a name that they do not know, and a hint is not worth that.
fn is_run_by_the_vendor(native_model: &str) -> bool {
    let name = native_model.rsplit('/').next().unwrap_or(native_model);
    is_of_the_vendor(native_model) && !name.starts_with("gpt-oss")
}

/// Notes what only the vendor's own models are told. An identifier goes as the user, if there is none.
fn note_hints(request: &Request, loss: &mut Loss) {
    const UNKNOWN: &str = "is told to the vendor's own models only: compatible servers may refuse it";
    request.cache_hints.note_lost(UNKNOWN, loss);
    if request.user.is_some() && request.safety_identifier.is_some() {
        loss.note("safety_identifier", UNKNOWN);
    }
}

fn is_tier(tier: &str, loss: &mut Loss) -> bool {
    let is_known = ["auto", "default", "flex", "scale", "priority", "fast"].contains(&tier);
    if !is_known {
        loss.note("service_tier", "this dialect has no such tier");
    }
    is_known
}

fn tool<'a>(index: usize, tool: &'a Tool, loss: &mut Loss) -> WireTool<'a> {
    messages::note_cache(tool.cache.as_ref(), &format!("tools[{index}]"), loss);
    let function = WireFunction {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters: tool.parameters.as_ref(),
        strict: tool.strict,
    };
    WireTool { kind: "function", function }
}

fn tool_choice(choice: &ToolChoice) -> WireChoice<'_> {
    const FUNCTION: &str = "function";
    match choice {
        ToolChoice::Auto => WireChoice::Word("auto"),
        ToolChoice::None => WireChoice::Word("none"),
        ToolChoice::Required => WireChoice::Word("required"),
        ToolChoice::Named(name) => WireChoice::Named { r#type: FUNCTION, function: Name { name } },
        ToolChoice::Among { names, required } => WireChoice::Among {
            r#type: "allowed_tools",
            allowed_tools: Allowed {
                mode: if *required { "required" } else { "auto" },
                tools: names.iter().map(|name| AllowedTool { r#type: FUNCTION, function: Name { name } }).collect(),
            },
        },
    }
}

fn format(output: &OutputShape) -> Option<WireFormat<'_>> {
    match output {
        OutputShape::Text => None,
        OutputShape::JsonObject => Some(WireFormat::JsonObject),
        OutputShape::JsonSchema { name, description, schema, strict } => Some(WireFormat::JsonSchema {
            json_schema: NamedSchema {
                name: name.as_deref().unwrap_or("answer"),
                description: description.as_deref(),
                schema,
                strict: *strict,
            },
        }),
    }
}

/// Adds members to an object that has some.
pub(crate) fn append_members(object: &mut Vec<u8>, members: &[(&str, &[u8])]) {
    object.pop();
    for (name, json) in members {
        object.push(b',');
        object.extend_from_slice(&quoted(name));
        object.push(b':');
        object.extend_from_slice(json);
    }
    object.push(b'}');
}

fn json(value: &impl Serialize) -> bytes::Bytes {
    serde_json::to_vec(value).expect("plain data with string keys is always JSON").into()
}

#[cfg(test)]
mod tests;
