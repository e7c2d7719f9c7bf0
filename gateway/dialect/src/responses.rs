//! The `OpenAI` Responses dialect: input items, flat tools, and a stream of named events around one response object.

pub(crate) mod decode;
pub(crate) mod echo;
pub(crate) mod encode;
pub(crate) mod error;
mod logprobs;
pub(crate) mod proof;
pub(crate) mod relay;
pub(crate) mod stream;
mod types;
mod unsaid;
pub(crate) mod usage;
