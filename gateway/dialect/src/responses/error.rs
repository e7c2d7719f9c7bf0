//! Errors of the dialect.

use bytes::Bytes;

use crate::error::ErrorBody;

/// Writes an error.
pub(crate) fn event(_error: &ErrorBody<'_>) -> Bytes {
    todo!()
}
