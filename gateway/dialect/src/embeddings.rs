//! Embeddings: asked for as `OpenAI` or Gemini ask, answered by either.
//!
//! Where caller and server speak the same, bodies are spliced, and vectors never taken apart: they are large. For callers
//! of `OpenAI` Gemini is asked in batches. Vectors of another dialect are put into the shape and encoding asked for.
//! Anthropic has no embeddings.

mod answer;
mod gemini;
mod openai;
mod request;
mod vectors;

pub use answer::{EmbeddingsAnswer, Shown};
pub use request::{EmbeddingsRequest, Unsayable};

#[cfg(test)]
mod tests;
