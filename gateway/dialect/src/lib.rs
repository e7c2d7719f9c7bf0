//! The wire dialects: bytes of a caller or an upstream in, facts and edited bytes out.
//!
//! Pure and synchronous: no socket, clock, environment or randomness. Bodies are never turned into trees; the top level
//! is scanned once, the values we read are checked, and everything else travels as the slice it arrived in. Which
//! model is asked, and what a fault means for the caller, is decided elsewhere.

mod base64;
mod json;
mod sse;
mod surface;
mod upstream_error;
mod usage;
mod wire;

pub mod answer;
pub mod anthropic;
pub mod canonical;
pub mod count;
pub mod embeddings;
pub mod error;
pub mod fuzz;
pub mod gemini;
mod meter;
pub mod openai;
pub mod request;
pub mod responses;
pub mod stream;

pub use answer::{Answer, BadAnswer};
pub use domain::tokens::TokenEstimator;
pub use meter::{Heard, Meter};
pub use request::{BadRequest, Encoded, Request, Target};
pub use responses::echo::Echo;
pub use sse::{SseEvent, SseFault, SseParser};
pub use stream::{Progress, StreamFault, StreamOptions, Translator};
pub use surface::{Operation, Surface, percent_decode};
pub use upstream_error::{Details, UpstreamError};
pub use wire::Dialect;
