//! The Gemini `generateContent` dialect.
//!
//! Proto JSON: each member has two names (`systemInstruction`, `system_instruction`), bytes are base64 in either
//! alphabet, a list of one may stand without its brackets. The model and the wish for a stream stand in the path.

mod array;
pub(crate) mod count;
pub(crate) mod decode;
pub(crate) mod embed;
pub(crate) mod encode;
pub(crate) mod error;
mod fields;
mod logprobs;
mod proof;
pub(crate) mod relay;
mod schema;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod types;
mod unsaid;
pub(crate) mod usage;
pub(crate) mod vouch;

pub use array::ArrayWriter;
pub(crate) use fields::snake;
