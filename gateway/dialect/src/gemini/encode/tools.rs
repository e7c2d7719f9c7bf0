//! The functions of a request and which of them must be called.

use serde::Serialize;

use crate::canonical::{Json, Loss, Tool, ToolChoice};
use crate::json::{Escapes, Node};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTool<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Takes a JSON schema, where `parameters` takes Google's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a Json>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireToolConfig<'a> {
    function_calling_config: Calling<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Calling<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_function_names: Vec<&'a str>,
}

/// Writes the functions.
pub(super) fn declarations<'a>(tools: &'a [Tool], loss: &mut Loss) -> Option<[WireTool<'a>; 1]> {
    for (index, tool) in tools.iter().enumerate() {
        if tool.strict == Some(true) {
            loss.note(format!("tools[{index}].strict"), "this dialect cannot demand that arguments fit the schema");
        }
        if tool.cache.is_some() {
            loss.note(format!("tools[{index}].cache_control"), "this dialect caches by itself");
        }
    }
    let function_declarations: Vec<_> = tools.iter().map(declaration).collect();
    (!tools.is_empty()).then_some([WireTool { function_declarations }])
}

fn declaration(tool: &Tool) -> Declaration<'_> {
    Declaration {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters_json_schema: tool.parameters.as_ref().filter(|schema| takes_something(schema)),
    }
}

/// Google refuses an object of no properties; a function without arguments has no schema.
fn takes_something(schema: &Json) -> bool {
    let Ok(node) = Node::parse(schema.as_str(), Escapes::Lenient) else { return true };
    let is_bare = |name: &str| matches!(name, "type" | "properties" | "required" | "additionalProperties" | "$schema");
    !(node.str_of("type") == Some("object")
        && node.get("properties").is_none_or(|it| it.entries().is_empty())
        && node.get("additionalProperties").is_none_or(|it| it.bool() == Some(false))
        && node.entries().iter().all(|(name, _)| is_bare(name)))
}

/// Writes which must be called.
pub(super) fn choice(choice: &ToolChoice) -> WireToolConfig<'_> {
    let (mode, names) = match choice {
        ToolChoice::Auto => ("AUTO", Vec::new()),
        ToolChoice::None => ("NONE", Vec::new()),
        ToolChoice::Required => ("ANY", Vec::new()),
        ToolChoice::Named(name) => ("ANY", vec![name.as_str()]),
        ToolChoice::Among { names, required } => {
            // The mode that allows a text, or one of these functions.
            let mode = if *required { "ANY" } else { "VALIDATED" };
            (mode, names.iter().map(String::as_str).collect())
        }
    };
    WireToolConfig { function_calling_config: Calling { mode, allowed_function_names: names } }
}
