//! Requests: what the dialect demands is added, what it cannot say is told in the loss.

use serde::Serialize;

use super::super::models::Generation;
use super::super::types::Block;
use super::thinking::{self, Thinking};
use super::{json, turns};
use crate::canonical::{Json, Loss, OutputShape, Request, Sampling, Tool, ToolChoice};
use crate::request::Encoded;

#[derive(Serialize)]
struct WireRequest<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<turns::Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<WireChoice<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    schema: &'a Json,
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Schema<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a Json>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Schema<'a> {
    Given(&'a Json),
    /// Of a tool that takes nothing.
    Empty {
        r#type: &'static str,
        properties: Nothing,
    },
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct WireChoice<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

/// Writes a request.
pub(crate) fn request(request: &Request, native_model: &str) -> Encoded {
    let mut loss = Loss::default();
    unsaid(request, &mut loss);
    let generation = Generation::of(native_model);
    let (system, messages) = turns::write(&request.messages, &mut loss);
    let thought = thinking::of(request, generation, &mut loss);
    let drawing = sampling(request.sampling, generation, &thought, &mut loss);
    let format = format(&request.output, &mut loss);
    let effort = thought.effort;
    let user = request.user.as_deref().or(request.safety_identifier.as_deref());
    let wire = WireRequest {
        model: native_model,
        max_tokens: thought.max_tokens,
        system,
        messages,
        tools: tools(request),
        tool_choice: tool_choice(request, &mut loss),
        stop_sequences: stop(&request.stop, &mut loss),
        temperature: drawing.temperature,
        top_p: drawing.top_p,
        top_k: drawing.top_k,
        thinking: thought.thinking,
        output_config: (effort.is_some() || format.is_some()).then_some(OutputConfig { effort, format }),
        metadata: user.map(|user_id| Metadata { user_id }),
        service_tier: request.service_tier.as_deref().and_then(|tier| service_tier(tier, &mut loss)),
        stream: request.stream,
    };
    Encoded { body: json(&wire).into(), loss }
}

/// Notes what the dialect has no members for.
fn unsaid(request: &Request, loss: &mut Loss) {
    let Sampling { frequency_penalty, presence_penalty, seed, .. } = request.sampling;
    let has_two_users = request.user.is_some() && request.safety_identifier.is_some();
    let given = [
        ("choices", request.choices.is_some_and(|choices| choices != 1), "this dialect gives one answer"),
        ("logprobs", request.logprobs.is_some(), "this dialect tells no log probabilities"),
        ("verbosity", request.verbosity.is_some(), "this dialect knows no verbosity"),
        ("metadata", request.metadata.is_some(), "this dialect takes no notes but the user"),
        ("safety_identifier", has_two_users, "this dialect takes one name for the user"),
        ("frequency_penalty", frequency_penalty.is_some(), "this dialect has no penalties"),
        ("presence_penalty", presence_penalty.is_some(), "this dialect has no penalties"),
        ("seed", seed.is_some(), "this dialect takes no seed"),
    ];
    given.into_iter().filter(|(_, is_given, _)| *is_given).for_each(|(path, _, reason)| loss.note(path, reason));
    request.cache_hints.note_lost("this dialect marks what is cached where it stands", loss);
}

fn service_tier(tier: &str, loss: &mut Loss) -> Option<&'static str> {
    match tier {
        "auto" => Some("auto"),
        "default" => Some("standard_only"),
        _ => {
            loss.note("service_tier", "this dialect knows only `auto` and the standard tier");
            None
        }
    }
}

fn stop<'a>(texts: &'a [String], loss: &mut Loss) -> Vec<&'a str> {
    let (blank, sound): (Vec<&str>, Vec<&str>) =
        texts.iter().map(String::as_str).partition(|text| text.trim().is_empty());
    if !blank.is_empty() {
        loss.note("stop", "stop texts of nothing but blanks are refused by this dialect");
    }
    sound
}

/// What may be said of sampling: nothing to the newest models or beside thought, else one of the two that narrow it.
fn sampling(mut asked: Sampling, generation: Generation, thought: &thinking::Thought<'_>, loss: &mut Loss) -> Sampling {
    if let Some(reason) = fixed(generation, thought) {
        for (path, given) in [
            ("temperature", asked.temperature.is_some()),
            ("top_p", asked.top_p.is_some()),
            ("top_k", asked.top_k.is_some()),
        ] {
            if given {
                loss.note(path, reason);
            }
        }
        return Sampling::default();
    }
    if asked.temperature.is_some_and(|it| it > 1.0) {
        loss.note("temperature", "is at most 1 in this dialect");
        asked.temperature = Some(1.0);
    }
    if asked.temperature.is_some() && asked.top_p.is_some() {
        loss.note("top_p", "is refused by this dialect beside a temperature");
        asked.top_p = None;
    }
    asked
}

fn fixed(generation: Generation, thought: &thinking::Thought<'_>) -> Option<&'static str> {
    match generation {
        Generation::EffortOnly => Some("this model's sampling cannot be set"),
        Generation::Budget | Generation::Effort if thought.is_on() => {
            Some("sampling cannot be set in this dialect while the model thinks")
        }
        Generation::Budget | Generation::Effort => None,
    }
}

// === Tools and output ===

fn tools(request: &Request) -> Vec<WireTool<'_>> {
    let is_allowed = |tool: &&Tool| match &request.tool_choice {
        // The dialect cannot narrow the choice, but a tool that is not told is not called.
        Some(ToolChoice::Among { names, .. }) => names.contains(&tool.name),
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Named(_)) | None => true,
    };
    request.tools.iter().filter(is_allowed).map(tool).collect()
}

fn tool(tool: &Tool) -> WireTool<'_> {
    WireTool {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema: match &tool.parameters {
            Some(schema) => Schema::Given(schema),
            None => Schema::Empty { r#type: "object", properties: Nothing {} },
        },
        strict: tool.strict,
        cache_control: tool.cache.as_ref(),
    }
}

fn tool_choice<'a>(request: &'a Request, loss: &mut Loss) -> Option<WireChoice<'a>> {
    let choice = request.tool_choice.as_ref();
    if request.tools.is_empty() {
        if choice.is_some_and(|choice| !matches!(choice, ToolChoice::None)) {
            loss.note("tool_choice", "there are no tools to choose from");
        }
        return None;
    }
    let single = request.parallel_tool_calls.map(|parallel| !parallel);
    let (kind, name) = match choice {
        None if single.is_none() => return None,
        None | Some(ToolChoice::Auto | ToolChoice::Among { required: false, .. }) => ("auto", None),
        Some(ToolChoice::None) => {
            return Some(WireChoice { r#type: "none", name: None, disable_parallel_tool_use: None });
        }
        Some(ToolChoice::Required | ToolChoice::Among { required: true, .. }) => ("any", None),
        Some(ToolChoice::Named(name)) => ("tool", Some(name.as_str())),
    };
    Some(WireChoice { r#type: kind, name, disable_parallel_tool_use: single })
}

fn format<'a>(output: &'a OutputShape, loss: &mut Loss) -> Option<Format<'a>> {
    match output {
        OutputShape::Text => None,
        OutputShape::JsonObject => {
            loss.note("output", "this dialect writes JSON to a schema only; name one");
            None
        }
        OutputShape::JsonSchema { description, schema, strict, name: _ } => {
            if description.is_some() {
                loss.note("output.description", "this dialect has no place for what a schema is for");
            }
            if *strict == Some(false) {
                loss.note("output.strict", "schemas always bind in this dialect");
            }
            Some(Format { r#type: "json_schema", schema })
        }
    }
}
