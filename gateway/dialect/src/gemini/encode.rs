//! The canonical form to wire shapes.

use crate::answer::{Rendered, Shown};
use crate::canonical::{Answer, Request};
use crate::request::Encoded;

/// Writes a request.
pub(crate) fn request(_request: &Request, _native_model: &str) -> Encoded {
    todo!()
}

/// Writes an answer.
pub(crate) fn answer(_answer: &Answer, _shown: &Shown<'_>) -> Rendered {
    todo!()
}
