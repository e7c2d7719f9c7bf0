//! The Anthropic Messages dialect: requests, answers, streams, errors, and the counting of tokens.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod error;
#[cfg(test)]
mod laws;
mod models;
pub(crate) mod proof;
pub(crate) mod relay;
pub(crate) mod stream;
mod types;
mod unsaid;
pub(crate) mod usage;

use bytes::Bytes;

use crate::Dialect;
use crate::request::{BadRequest, Request, Target, Translated};

/// Reads the body of a call that only counts tokens: a request without a limit of its answer.
///
/// # Errors
/// A body that is not the dialect's, with the path of the field at fault.
pub fn decode_count(body: Bytes, target: Target) -> Result<Request, BadRequest> {
    let request = Translated::decode(Dialect::Anthropic, body, target, decode::count)?;
    Ok(Request::Other(Box::new(request)))
}
