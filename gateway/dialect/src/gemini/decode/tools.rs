//! The functions of a request and which of them must be called.

use crate::canonical::{Loss, Placed, Tool, ToolChoice};
use crate::gemini::schema;
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};

/// Reads `tools`.
pub(super) fn declarations(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Vec<Placed<Tool>>, BadRequest> {
    let tools = fields.take("tools", |at| at.list("an array of tools", |at| tool(at, loss)))?;
    Ok(tools.into_iter().flatten().flatten().collect())
}

/// Reads `toolConfig`.
pub(super) fn choice(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Option<ToolChoice>, BadRequest> {
    let choice = fields.pick("toolConfig", |at| {
        at.object("an object", loss, |fields, loss| {
            fields.pick("functionCallingConfig", |at| at.object("an object", loss, calling))
        })
    })?;
    Ok(choice.flatten().flatten())
}

/// One entry of `tools`: many functions, or something that runs at the provider and is left over as unknown.
fn tool(at: At<'_, '_>, loss: &mut Loss) -> Result<Vec<Placed<Tool>>, BadRequest> {
    at.object("a tool object", loss, |fields, loss| {
        let functions = fields.pick("functionDeclarations", |at| {
            at.list("an array of function declarations", |at| declaration(at, loss))
        })?;
        Ok(functions.unwrap_or_default())
    })
}

fn declaration(at: At<'_, '_>, loss: &mut Loss) -> Result<Placed<Tool>, BadRequest> {
    at.object("a function declaration object", loss, |fields, _| {
        let own = fields
            .take("parameters", |at| schema::to_json_schema(at.node).ok_or_else(|| at.invalid("is not a schema")))?;
        let tool = Tool {
            name: fields.require("name", "the function's name", |at| at.string())?,
            description: fields.string("description")?,
            parameters: fields.pick("parametersJsonSchema", |at| at.json_object())?.or(own),
            strict: None,
            cache: None,
        };
        Ok((tool, fields.path().to_string()))
    })
}

fn calling(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Option<ToolChoice>, BadRequest> {
    let mode = fields.string("mode")?.unwrap_or_default().to_ascii_uppercase();
    let mut names =
        fields.pick("allowedFunctionNames", |at| at.each("an array of names", |at| at.string()))?.unwrap_or_default();
    Ok(match mode.as_str() {
        "NONE" => Some(ToolChoice::None),
        "ANY" if names.len() == 1 => names.pop().map(ToolChoice::Named),
        "ANY" if names.is_empty() => Some(ToolChoice::Required),
        "ANY" => Some(ToolChoice::Among { names, required: true }),
        "AUTO" | "VALIDATED" if !names.is_empty() => Some(ToolChoice::Among { names, required: false }),
        "AUTO" => Some(ToolChoice::Auto),
        "" | "MODE_UNSPECIFIED" => None,
        _ => {
            loss.note(fields.path().key("mode").to_string(), "is a mode that other dialects do not have");
            Some(ToolChoice::Auto)
        }
    })
}
