//! The `OpenAI` chat-completions dialect: requests, answers, streams and errors.

mod choices;
pub mod error;
pub mod request;
pub mod response;
pub mod sse;
pub mod stream;
mod usage;

pub use error::{ErrorBody, Source, UpstreamError};
pub use request::{BadRequest, ChatRequest, DataCollection, Extensions, ProviderLimits, RoutingHints, Tag};
pub use response::{BadAnswer, ChatResponse};
pub use sse::{SseEvent, SseFault, SseParser};
pub use stream::{Progress, StreamFault, StreamOptions, StreamTranslator};
