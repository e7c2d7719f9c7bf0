//! What every dialect can say, said once: the form through which requests and answers go from one dialect to another.
//!
//! Each dialect reads its wire shapes into this form and writes them from it; none knows another. Owned and plain, so
//! that it is made only when a request really changes its dialect. What the form has no place for, and what the dialect
//! written to cannot say, is named in a [`Loss`], never dropped in silence.

mod answer;
#[cfg(test)]
pub(crate) mod arbitrary;
mod cache_hints;
mod call_names;
mod event;
mod loss;
mod request;

pub use answer::{Answer, Choice, StopReason};
pub use cache_hints::CacheHints;
pub use event::Event;
pub use loss::{Loss, Lost};
pub(crate) use request::Placed;
pub use request::{
    Json, Media, Message, OutputShape, Part, Places, Reasoning, Request, Role, Sampling, Tool, ToolChoice,
};
