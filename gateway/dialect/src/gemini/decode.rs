//! Wire shapes to the canonical form: requests read strictly, answers as far as they can be understood.

mod answer;
mod config;
mod content;
mod said;
mod tools;

use crate::canonical::{Loss, Request};
use crate::json::Node;
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};

pub(crate) use answer::answer;
pub(super) use answer::{blocked, candidate_stop, candidates, parts_of};
pub(super) use said::{Said, code};

/// Reads a request.
pub(crate) fn request(node: &Node<'_>) -> Result<Request, BadRequest> {
    let mut loss = Loss::default();
    let mut request = At::root(node).object("a JSON object", &mut loss, members)?;
    request.unknown.extend(&loss);
    Ok(request)
}

fn members(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<Request, BadRequest> {
    for name in crate::request::extensions::NAMES {
        fields.ignore(name);
    }
    let mut request = Request { model: fields.string("model")?.map(bare), ..Request::default() };
    let system = fields.pick("systemInstruction", |at| content::system(at, loss))?;
    request.messages.extend(system.filter(|system| !system.parts.is_empty()));
    let contents = fields.either("contents").into_owned();
    request.messages.extend(fields.require(&contents, "an array of contents", |at| content::contents(at, loss))?);
    (request.tools, request.tool_places) = tools::declarations(fields, loss)?.into_iter().unzip();
    request.tool_choice = tools::choice(fields, loss)?;
    fields.pick("generationConfig", |at| config::read(at, &mut request, loss))?;
    request.service_tier = fields.text("serviceTier")?.as_deref().map(tier);
    request.metadata = fields.take("labels", |at| at.json_object())?;
    Ok(request)
}

/// A model without the `models/` before it.
pub(super) fn bare(model: String) -> String {
    model.strip_prefix("models/").map(str::to_owned).unwrap_or(model)
}

fn tier(word: &str) -> String {
    match word.to_ascii_lowercase().as_str() {
        "standard" => "default".to_owned(),
        "unspecified" => "auto".to_owned(),
        _ => word.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests;
