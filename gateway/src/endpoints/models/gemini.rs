//! Gemini's shape: names with `models/` before them, pages with tokens.
//!
//! A page's token is the last name that was shown, so that it stays good while the catalogue changes.

use dialect::BadRequest;
use domain::{Ability, Model};
use serde::Serialize;

use super::{page, speaks};

/// Entries of a page, where nothing is said.
const USUAL: usize = 50;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<'a> {
    models: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// What is not known is left out, as the vendor's own encoding does.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    name: String,
    base_model_id: &'a str,
    /// The release date; the vendor counts in a way of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    display_name: &'a str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_token_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_token_limit: Option<u64>,
    supported_generation_methods: Vec<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    thinking: bool,
}

/// One page of the models.
pub(super) fn list<'a>(models: Vec<&'a Model>, query: &str) -> Result<List<'a>, BadRequest> {
    let size = page::size(query, &["pageSize", "page_size"], USUAL)?;
    let mark = page::parameter(query, &["pageToken", "page_token"]);
    let page = page::after(models, mark.as_deref(), size, |model| model.id.as_str());
    let last = page.entries.last().filter(|_| page.has_more);
    let next_page_token = last.map(|model| model.id.to_string());
    Ok(List { models: page.entries.into_iter().map(entry).collect(), next_page_token })
}

/// One model.
pub(super) fn entry(model: &Model) -> Entry<'_> {
    let id = model.id.as_str();
    Entry {
        name: format!("models/{id}"),
        base_model_id: id,
        version: model.released.as_deref(),
        display_name: model.name.as_deref().unwrap_or(id),
        description: format!("{} of {}", model.native, model.id.provider()),
        input_token_limit: model.context_length,
        output_token_limit: model.max_output_tokens,
        supported_generation_methods: methods(model),
        thinking: model.can(Ability::Reasoning),
    }
}

fn methods(model: &Model) -> Vec<&'static str> {
    let mut methods = Vec::with_capacity(4);
    if speaks(model) {
        methods.extend(["generateContent", "streamGenerateContent", "countTokens"]);
    }
    if model.can(Ability::Embeddings) {
        methods.extend(["embedContent", "batchEmbedContents"]);
    }
    methods
}
