//! The Anthropic Messages dialect: requests, answers, streams, errors, and the counting of tokens.

mod base64;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod error;
#[cfg(test)]
mod laws;
mod models;
pub(crate) mod relay;
pub(crate) mod stream;
mod types;

use bytes::Bytes;

use crate::Dialect;
use crate::request::{BadRequest, Request, Target, Translated};

/// Reads the body of a call that only counts tokens: a request without a limit of its answer.
///
/// # Errors
/// A body that is not the dialect's, with the path of the field at fault.
pub fn decode_count(body: Bytes) -> Result<Request, BadRequest> {
    let request = Translated::decode(Dialect::Anthropic, body, Target::default(), decode::count)?;
    Ok(Request::Other(Box::new(request)))
}

/// Returns the answer to a call that counts tokens.
pub fn count_answer(tokens: u64) -> Bytes {
    format!(r#"{{"input_tokens":{tokens}}}"#).into()
}
