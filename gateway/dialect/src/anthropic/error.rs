//! Errors of the dialect.

use bytes::Bytes;

use crate::error::ErrorBody;

/// Writes an error.
pub(crate) fn json(_error: &ErrorBody<'_>) -> Bytes {
    todo!()
}
