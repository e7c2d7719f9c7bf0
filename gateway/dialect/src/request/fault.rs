//! Why a request is refused: a message for people, the field, and a code for programs.

use std::str::Utf8Error;

use crate::json::{Kind, Path, SyntaxFault, SyntaxKind};

/// A request that cannot be taken; the answer is 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    /// What is wrong and how to mend it.
    pub message: String,
    /// The path of the offending field, if it is one field: `messages[2].content`.
    pub param: Option<String>,
    /// The kind of mistake: `invalid_json`, `invalid_utf8`, `invalid_character`, `nesting_too_deep`,
    /// `duplicate_field`, `missing_field`, `unknown_field`, `invalid_type`, `invalid_value`, `not_a_request_field`, `state_at_provider`, `thread_unsupported_request`.
    pub code: &'static str,
}

/// What Anthropic calls a request that no thread can be kept for.
const NO_THREAD: &str = "thread_unsupported_request";

impl BadRequest {
    /// A turn of a thread for a model whose provider keeps none. Clients that made the thread themselves send the whole
    /// conversation without one on these words.
    pub(crate) fn no_thread(path: &Path<'_>) -> Self {
        let problem = "is kept by providers of this dialect alone, and the model that would answer is at another: send \
                       the whole conversation without it, or name a model there";
        Self::at(path, NO_THREAD, problem)
    }

    /// What programs are told besides, where the dialect has words for it: JSON.
    pub fn details(&self) -> Option<&'static str> {
        let is_no_thread = self.code == NO_THREAD;
        is_no_thread.then_some(r#"{"error_code":"thread_unsupported_request","unsupported":["thread"]}"#)
    }

    pub(crate) fn not_utf8(fault: &Utf8Error) -> Self {
        let message = format!("the body is not valid UTF-8: invalid byte at offset {}", fault.valid_up_to());
        Self { message, param: None, code: "invalid_utf8" }
    }

    pub(crate) fn at(path: &Path<'_>, code: &'static str, problem: &str) -> Self {
        let param = path.to_string();
        Self { message: format!("`{param}` {problem}"), param: Some(param), code }
    }

    pub(crate) fn wrong_type(path: &Path<'_>, expected: &str, found: Kind) -> Self {
        Self::at(path, "invalid_type", &format!("must be {expected}, not {}", found.as_str()))
    }

    pub(crate) fn invalid(path: &Path<'_>, problem: &str) -> Self {
        Self::at(path, "invalid_value", problem)
    }

    pub(crate) fn missing(path: &Path<'_>, expected: &str) -> Self {
        Self::at(path, "missing_field", &format!("is required: {expected}"))
    }

    pub(crate) fn duplicate(path: &Path<'_>) -> Self {
        Self::at(path, "duplicate_field", "is given twice; give it once")
    }
}

impl From<SyntaxFault> for BadRequest {
    fn from(fault: SyntaxFault) -> Self {
        let (message, code) = match fault.kind {
            SyntaxKind::Depth => (format!("the body is {fault}; at most 127 levels are read"), "nesting_too_deep"),
            SyntaxKind::LoneSurrogate | SyntaxKind::Nul | SyntaxKind::ControlCharacter => {
                (format!("the body holds a character that cannot be taken: {fault}"), "invalid_character")
            }
            SyntaxKind::End | SyntaxKind::Expected(_) | SyntaxKind::Escape => {
                (format!("the body is not valid JSON: {fault}"), "invalid_json")
            }
        };
        Self { message, param: None, code }
    }
}
