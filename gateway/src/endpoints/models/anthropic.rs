//! Anthropic's shape: pages between two ids.

use std::borrow::Cow;

use dialect::BadRequest;
use domain::Model;
use serde::Serialize;

use super::page::{self, Page};

/// Entries of a page, where nothing is said.
const USUAL: usize = 20;

#[derive(Serialize)]
pub(super) struct List<'a> {
    data: Vec<Entry<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Entry<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: Cow<'static, str>,
    max_input_tokens: Option<u64>,
    max_tokens: Option<u64>,
}

/// One page of the models.
pub(super) fn list<'a>(models: Vec<&'a Model>, query: &str) -> Result<List<'a>, BadRequest> {
    let size = page::size(query, &["limit"], USUAL)?;
    let Page { entries, has_more } = if let Some(mark) = page::parameter(query, &["before_id"]) {
        page::before(models, &mark, size, |model| model.id.as_str())
    } else {
        let mark = page::parameter(query, &["after_id"]);
        page::after(models, mark.as_deref(), size, |model| model.id.as_str())
    };
    let data: Vec<_> = entries.into_iter().map(entry).collect();
    let (first_id, last_id) = (data.first().map(|entry| entry.id), data.last().map(|entry| entry.id));
    Ok(List { data, has_more, first_id, last_id })
}

/// One model.
pub(super) fn entry(model: &Model) -> Entry<'_> {
    Entry {
        kind: "model",
        id: model.id.as_str(),
        display_name: model.name.as_deref().unwrap_or(model.id.as_str()),
        created_at: page::moment(model.released.as_deref()),
        max_input_tokens: model.context_length,
        max_tokens: model.max_output_tokens,
    }
}
