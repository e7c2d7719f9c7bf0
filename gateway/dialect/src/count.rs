//! Counting the tokens of a request: what is asked, where, and the answer.

use bytes::Bytes;
use serde::Deserialize;

use crate::{BadRequest, Dialect, Request, Target, gemini};

/// Numbers above it are not exact in JSON as most read it, and no request has as many tokens.
const MOST_TOKENS: u64 = 1 << 53;

/// What a provider answers, as far as it is looked at: one of the numbers.
#[derive(Deserialize)]
struct Answer {
    input_tokens: Option<u64>,
    #[serde(rename = "totalTokens")]
    total_tokens: Option<u64>,
}

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

/// Reads a provider's answer; `None` = it is no count, such as an error under status 200.
pub fn read(dialect: Dialect, answer: &[u8]) -> Option<u64> {
    let answer: Answer = serde_json::from_str(std::str::from_utf8(answer).ok()?).ok()?;
    let tokens = match dialect {
        Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic => answer.input_tokens,
        Dialect::Gemini => answer.total_tokens,
    };
    tokens.filter(|tokens| *tokens <= MOST_TOKENS)
}

/// Writes a count.
pub fn answer(dialect: Dialect, tokens: u64) -> Bytes {
    match dialect {
        Dialect::Openai | Dialect::OpenaiResponses | Dialect::Anthropic => format!(r#"{{"input_tokens":{tokens}}}"#),
        Dialect::Gemini => format!(r#"{{"totalTokens":{tokens}}}"#),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_a_count_is_read_as_one_and_nothing_else_is() {
        for dialect in [Dialect::Anthropic, Dialect::Gemini] {
            assert_eq!(read(dialect, &answer(dialect, 7)), Some(7));
            for other in [
                r#"{"error":{"message":"no"}}"#,
                "{}",
                "7",
                "<html>",
                "",
                r#"{"input_tokens":-1,"totalTokens":-1}"#,
                r#"{"input_tokens":"7","totalTokens":"7"}"#,
                r#"{"input_tokens":1e30,"totalTokens":1e30}"#,
                r#"{"input_tokens":9007199254740993,"totalTokens":9007199254740993}"#,
            ] {
                assert_eq!(read(dialect, other.as_bytes()), None, "{other}");
            }
        }
        let details = br#"{"totalTokens":31,"promptTokensDetails":[{"modality":"TEXT","tokenCount":31}]}"#;
        assert_eq!(read(Dialect::Gemini, details), Some(31));
    }
}
