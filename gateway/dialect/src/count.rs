//! Counting the tokens of a request: what is asked, where, and the answer.

use bytes::Bytes;

use crate::{BadRequest, Dialect, Request, Target, gemini};

/// Reads the body of a question.
///
/// # Errors
/// A body that is not the dialect's.
pub fn decode(dialect: Dialect, body: Bytes, target: Target) -> Result<Request, BadRequest> {
    match dialect {
        Dialect::Anthropic => crate::anthropic::decode_count(body, target),
        Dialect::Gemini => gemini::count::decode(body, target),
        Dialect::Openai | Dialect::OpenaiResponses => Request::decode(dialect, body, target),
    }
}

/// Writes the question for a provider of a dialect.
///
/// # Errors
/// As of [`Request::encode_for`].
pub fn question(request: &Request, dialect: Dialect, native_model: &str) -> Result<Bytes, BadRequest> {
    let body = request.encode_for(dialect, native_model)?.body;
    Ok(match dialect {
        Dialect::Gemini => gemini::count::question(&body, native_model),
        Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic => body,
    })
}

/// The path below a provider's base URL at which it counts; `None` = the dialect has none.
pub fn path(dialect: Dialect, native_model: &str) -> Option<String> {
    match dialect {
        Dialect::Openai | Dialect::OpenaiResponses => None,
        Dialect::Anthropic => Some("/messages/count_tokens".to_owned()),
        Dialect::Gemini => Some(format!("/models/{native_model}:countTokens")),
    }
}

/// Writes a count.
pub fn answer(dialect: Dialect, tokens: u64) -> Bytes {
    match dialect {
        Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic => format!(r#"{{"input_tokens":{tokens}}}"#),
        Dialect::Gemini => format!(r#"{{"totalTokens":{tokens}}}"#),
    }
    .into()
}
