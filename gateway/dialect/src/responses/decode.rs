//! Wire shapes to the canonical form.

use crate::BadAnswer;
use crate::canonical::{Answer, Request};
use crate::json::Node;
use crate::request::BadRequest;

/// Reads a request.
pub(crate) fn request(_node: &Node<'_>) -> Result<Request, BadRequest> {
    todo!()
}

/// Reads an answer.
pub(crate) fn answer(_node: &Node<'_>) -> Result<Answer, BadAnswer> {
    todo!()
}
