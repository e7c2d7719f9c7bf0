//! Embeddings: asked for as `OpenAI` asks, answered by that dialect or by Gemini.
//!
//! Between servers of the dialect bodies are spliced, never taken apart; vectors are large. Gemini is asked in batches
//! and its vectors are put into the shape and encoding asked for. Anthropic has no embeddings.

mod answer;
mod gemini;
mod request;
mod vectors;

use crate::Dialect;

pub use answer::{EmbeddingsAnswer, Shown};
pub use request::{EmbeddingsRequest, Unsayable};

/// The path below a provider's base URL at which a model embeds; `None` = the dialect has no embeddings.
pub fn path(upstream: Dialect, native_model: &str) -> Option<String> {
    match upstream {
        Dialect::Openai | Dialect::OpenaiResponses => Some("/embeddings".to_owned()),
        Dialect::Gemini => Some(format!("/models/{native_model}:batchEmbedContents")),
        Dialect::Anthropic => None,
    }
}

#[cfg(test)]
mod tests;
