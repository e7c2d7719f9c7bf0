//! The `OpenAI` chat-completions dialect: requests, answers, streams and errors.

mod choices;
pub(crate) mod chunks;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod lengths;
pub mod request;
pub mod response;
pub mod stream;
mod types;
mod unsaid;
pub(crate) mod usage;

pub(crate) use encode::append_members;
pub use request::ChatRequest;
pub use response::ChatResponse;
pub(crate) use response::own_edits;
pub use stream::StreamTranslator;
