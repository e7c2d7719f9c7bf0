//! The `OpenAI` Responses dialect.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod error;
pub(crate) mod relay;
pub(crate) mod stream;
