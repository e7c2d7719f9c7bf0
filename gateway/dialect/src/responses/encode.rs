//! The canonical form to Responses.
//!
//! A caller of another dialect keeps the conversation itself, so nothing is stored at the provider, and where thoughts
//! are at play their encrypted form is asked for, so that the next turn can bring them back. What the caller's dialect
//! lets be loose stays loose: functions are strict here unless it is said that they are not.

mod answer;
mod items;
mod shapes;

use crate::canonical::{Loss, OutputShape, Part, Reasoning, Request, Role, Tool, ToolChoice};
use crate::openai::lengths::user;
use crate::request::Encoded;
use crate::responses::types;
use shapes::{WireChoice, WireFormat, WireName, WireReasoning, WireRequest, WireText, WireTool};

pub(crate) use answer::answer;
pub(super) use answer::json;

/// Fewer tokens are refused.
const LEAST_OUTPUT_TOKENS: u64 = 16;
const NO_COUNTERPART: &str = "this dialect has no such member";

/// Writes a request.
pub(crate) fn request(request: &Request, native_model: &str) -> Encoded {
    let mut loss = Loss::default();
    note_unsayable(request, &mut loss);
    let (instructions, input) = items::write(&request.messages, &mut loss);
    let wire = WireRequest {
        model: native_model,
        instructions,
        input,
        tools: request.tools.iter().enumerate().map(|(index, it)| tool(index, it, &mut loss)).collect(),
        tool_choice: request.tool_choice.as_ref().map(tool_choice),
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| !request.tools.is_empty()),
        max_output_tokens: request.max_output_tokens.map(|most| most.max(LEAST_OUTPUT_TOKENS)),
        temperature: request.sampling.temperature,
        top_p: request.sampling.top_p,
        top_logprobs: request.logprobs.filter(|most| *most > 0),
        text: text(request),
        reasoning: request.reasoning.as_ref().and_then(|it| reasoning(it, &mut loss)),
        include: include(request),
        user: user(request.user.as_deref(), &mut loss),
        safety_identifier: request.safety_identifier.as_deref(),
        cache_hints: &request.cache_hints,
        metadata: request.metadata.as_ref(),
        service_tier: request.service_tier.as_deref().filter(|tier| is_tier(tier, &mut loss)),
        store: false,
        stream: request.stream,
    };
    Encoded { body: json(&wire), loss }
}

fn note_unsayable(request: &Request, loss: &mut Loss) {
    let sampling = &request.sampling;
    let given = [
        ("stop", !request.stop.is_empty()),
        ("top_k", sampling.top_k.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("seed", sampling.seed.is_some()),
    ];
    given.into_iter().filter(|(_, is_set)| *is_set).for_each(|(name, _)| loss.note(name, NO_COUNTERPART));
    if request.choices.is_some_and(|choices| choices > 1) {
        loss.note("choices", "this dialect gives one answer");
    }
    if request.max_output_tokens.is_some_and(|most| most < LEAST_OUTPUT_TOKENS) {
        loss.note("max_output_tokens", "the least in this dialect is 16, which is asked for");
    }
}

fn is_tier(tier: &str, loss: &mut Loss) -> bool {
    let is_known = ["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"].contains(&tier);
    if !is_known {
        loss.note("service_tier", "this dialect has no such tier");
    }
    is_known
}

fn include(request: &Request) -> Vec<&'static str> {
    let has_proof =
        |part: &Part| matches!(part, Part::Reasoning { signature: Some(proof), .. } if types::is_own_proof(proof));
    // Models that do not think refuse the request for encrypted thoughts, so it is made only where thoughts are at play.
    let thinks = request.reasoning.as_ref().is_some_and(|it| !matches!(it.nearest_effort(), None | Some("none")))
        || request.messages.iter().any(|it| it.role == Role::Assistant && it.parts.iter().any(has_proof));
    let wanted = [(types::ENCRYPTED_REASONING, thinks), (types::LOGPROBS, request.logprobs.is_some())];
    wanted.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(name, _)| name).collect()
}

fn reasoning<'a>(reasoning: &'a Reasoning, loss: &mut Loss) -> Option<WireReasoning<'a>> {
    if let Some(reason) = reasoning.lost_budget() {
        loss.note("reasoning.budget_tokens", reason);
    }
    let summary = reasoning.summary.as_deref().map(|word| match word {
        "concise" | "detailed" => word,
        _ => "auto",
    });
    let effort = reasoning.nearest_effort();
    (effort.is_some() || summary.is_some()).then_some(WireReasoning { effort, summary })
}

fn text(request: &Request) -> Option<WireText<'_>> {
    let format = match &request.output {
        OutputShape::Text => None,
        OutputShape::JsonObject => Some(WireFormat::JsonObject),
        OutputShape::JsonSchema { name, description, schema, strict } => Some(WireFormat::JsonSchema {
            name: name.as_deref().unwrap_or("answer"),
            description: description.as_deref(),
            schema,
            strict: *strict,
        }),
    };
    let verbosity = request.verbosity.as_deref();
    (format.is_some() || verbosity.is_some()).then_some(WireText { format, verbosity })
}

fn tool<'a>(index: usize, tool: &'a Tool, loss: &mut Loss) -> WireTool<'a> {
    if tool.cache.is_some() {
        loss.note(format!("tools[{index}].cache_control"), items::CACHES_BY_ITSELF);
    }
    WireTool {
        r#type: "function",
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters: tool.parameters.as_ref(),
        strict: tool.strict.unwrap_or(false),
    }
}

fn tool_choice(choice: &ToolChoice) -> WireChoice<'_> {
    let named = |name| WireName { r#type: "function", name };
    match choice {
        ToolChoice::Auto => WireChoice::Word("auto"),
        ToolChoice::None => WireChoice::Word("none"),
        ToolChoice::Required => WireChoice::Word("required"),
        ToolChoice::Named(name) => WireChoice::Named(named(name)),
        ToolChoice::Among { names, required } => WireChoice::Among {
            r#type: "allowed_tools",
            mode: if *required { "required" } else { "auto" },
            tools: names.iter().map(|name| named(name)).collect(),
        },
    }
}

#[cfg(test)]
mod tests;
