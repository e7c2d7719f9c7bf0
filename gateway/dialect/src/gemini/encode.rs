//! The canonical form to wire shapes.

mod answer;
mod config;
mod contents;
mod tools;

use bytes::Bytes;
use serde::Serialize;

use super::types::{self, WireContent};
use crate::canonical::{Loss, Request};
use crate::request::Encoded;
use config::WireConfig;
use contents::Conversation;
use tools::{WireTool, WireToolConfig};

pub(crate) use answer::answer;
pub(super) use answer::own_part;

/// Lengths, temperatures and the rest stand in `generationConfig`; the model and the wish for a stream in the path.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireRequest<'a> {
    contents: Vec<WireContent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<WireContent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[WireTool<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<WireToolConfig<'a>>,
    #[serde(skip_serializing_if = "WireConfig::is_empty")]
    generation_config: WireConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

/// Writes a request.
pub(crate) fn request(request: &Request, native_model: &str) -> Encoded {
    let mut loss = Loss::default();
    let is_older = types::is_older(native_model);
    let Conversation { contents, system } = Conversation::of(&request.messages, is_older, &mut loss);
    let wire = WireRequest {
        contents,
        system_instruction: system,
        tools: tools::declarations(&request.tools, &mut loss),
        tool_config: request.tool_choice.as_ref().filter(|_| !request.tools.is_empty()).map(tools::choice),
        generation_config: config::write(request, native_model, &mut loss),
        service_tier: request.service_tier.as_deref().and_then(|tier| service_tier(tier, &mut loss)),
    };
    lose(request, &mut loss);
    Encoded { body: json(&wire), loss }
}

/// Members that have no counterpart at all.
fn lose(request: &Request, loss: &mut Loss) {
    let absent = "this dialect has no such member";
    if request.parallel_tool_calls == Some(false) {
        loss.note("parallel_tool_calls", "this dialect cannot forbid several calls in one answer");
    }
    for (path, is_given) in [
        ("verbosity", request.verbosity.is_some()),
        ("user", request.user.is_some()),
        ("safety_identifier", request.safety_identifier.is_some()),
        ("metadata", request.metadata.is_some()),
    ] {
        if is_given {
            loss.note(path, absent);
        }
    }
    request.cache_hints.note_lost(absent, loss);
}

fn service_tier<'a>(tier: &'a str, loss: &mut Loss) -> Option<&'a str> {
    match tier {
        "auto" => None,
        "default" => Some("standard"),
        "flex" | "priority" => Some(tier),
        _ => {
            loss.note("service_tier", "is a tier that this dialect does not have");
            None
        }
    }
}

/// Writes JSON.
pub(super) fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("plain data with string keys is always JSON").into()
}

#[cfg(test)]
mod tests;
