//! What a caller says about the prompt cache of its provider.
//!
//! Chat and Responses name these alike and mean the same, so they are written as they are read. They change what a
//! request costs and never what is answered: a dialect that has no word for one names it as lost and goes on.

use serde::Serialize;

use super::{Json, Loss};

/// Hints for the prompt cache, under the names that both dialects of OpenAI give them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CacheHints {
    /// Requests of one key are sent where their beginning may be cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<String>,
    /// How long the cache may keep it: `in_memory`, `24h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_retention: Option<String>,
    /// How breakpoints are set and how long they must last: an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_options: Option<Json>,
}

impl CacheHints {
    /// Notes all of them as lost.
    pub(crate) fn note_lost(&self, reason: &'static str, loss: &mut Loss) {
        let Self { prompt_cache_key, prompt_cache_retention, prompt_cache_options } = self;
        let given = [
            ("prompt_cache_key", prompt_cache_key.is_some()),
            ("prompt_cache_retention", prompt_cache_retention.is_some()),
            ("prompt_cache_options", prompt_cache_options.is_some()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).for_each(|(name, _)| loss.note(name, reason));
    }
}
