//! The table from an upstream status to a fault.
//!
//! The status decides; the provider's code and words refine it, because context-length and quota refusals share their
//! statuses with plain mistakes.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::{Fault, FaultKind, Retry, UpstreamError, mask, retry_after};

/// Messages longer than this are cut.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Makes the fault of a response that is no success. The secret is masked wherever the provider repeats it.
pub(crate) fn from_status(status: StatusCode, headers: &HeaderMap, body: &[u8], secret: Option<&str>) -> Fault {
    let said = Said::parse(body);
    let kind = kind_of(status, &said);
    let message = match &said.message {
        Some(message) => tidy(message),
        None => format!("answered {status}"),
    };
    let mut fault = Fault::new(kind, mask(message, secret));
    fault.status = Some(status.as_u16());
    fault.retry_after = retry_after::from_headers(headers, OffsetDateTime::now_utc());
    if said.error != UpstreamError::default() {
        let masked = |text: Option<String>| text.map(|text| mask(tidy(&text), secret));
        let UpstreamError { error_type, code, param } = said.error;
        fault.upstream =
            Some(Box::new(UpstreamError { error_type: masked(error_type), code: masked(code), param: masked(param) }));
    }
    // A 5xx of a gateway in between says nothing about whether the model behind it has worked.
    fault.possibly_charged = matches!(kind, FaultKind::ServerError | FaultKind::Timeout | FaultKind::BadAnswer);
    if status == StatusCode::CONFLICT {
        fault.retry = Retry::NextCandidate;
    }
    fault
}

fn kind_of(status: StatusCode, said: &Said) -> FaultKind {
    match status.as_u16() {
        401..=403 => FaultKind::Unauthorised,
        404 => FaultKind::ModelNotFound,
        408 | 425 | 504 | 524 => FaultKind::Timeout,
        429 => FaultKind::RateLimited,
        529 => FaultKind::Overloaded,
        500..=599 if said.is_overloaded() => FaultKind::Overloaded,
        500..=599 => FaultKind::ServerError,
        400 | 413 | 422 if said.is_context_length() => FaultKind::ContextLength,
        400 | 422 if said.is_model_not_found() => FaultKind::ModelNotFound,
        400..=499 => FaultKind::Refused,
        // 1xx and 3xx: redirects are not followed, a secret must not travel to where an answer points.
        _ => FaultKind::BadAnswer,
    }
}

/// What the provider said, as far as it can be read.
#[derive(Default)]
struct Said {
    message: Option<String>,
    error: UpstreamError,
}

#[derive(Deserialize)]
struct Envelope {
    error: Option<Value>,
    message: Option<Value>,
    detail: Option<Value>,
}

impl Said {
    fn parse(body: &[u8]) -> Self {
        // Some OpenAI-compatible servers wrap the object in a list of one.
        let body = body.trim_ascii();
        let body = body.strip_prefix(b"[").and_then(|body| body.strip_suffix(b"]")).unwrap_or(body);
        let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
            return Self::default();
        };
        let outer = envelope.message.as_ref().or(envelope.detail.as_ref()).and_then(text);
        match envelope.error {
            Some(Value::Object(error)) => Self {
                message: error.get("message").and_then(text).or(outer),
                error: UpstreamError {
                    error_type: error.get("type").and_then(text),
                    code: error.get("code").and_then(text),
                    param: error.get("param").and_then(text),
                },
            },
            Some(Value::String(message)) => Self { message: Some(message), ..Self::default() },
            _ => Self { message: outer, ..Self::default() },
        }
    }

    fn is_context_length(&self) -> bool {
        const CODES: [&str; 3] = ["context_length_exceeded", "string_above_max_length", "request_too_large"];
        const WORDS: [&str; 6] = [
            "maximum context length",
            "context window",
            "context length",
            "prompt is too long",
            "input is too long",
            "input token count",
        ];
        self.coded(&CODES) || self.says(&WORDS)
    }

    fn is_model_not_found(&self) -> bool {
        self.coded(&["model_not_found", "invalid_model", "model_not_supported"])
    }

    fn is_overloaded(&self) -> bool {
        self.coded(&["overloaded_error", "overloaded", "engine_overloaded"])
    }

    fn coded(&self, codes: &[&str]) -> bool {
        let is_known = |text: &Option<String>| text.as_deref().is_some_and(|text| codes.contains(&text));
        is_known(&self.error.code) || is_known(&self.error.error_type)
    }

    fn says(&self, words: &[&str]) -> bool {
        let Some(message) = self.message.as_ref().map(|message| message.to_lowercase()) else { return false };
        words.iter().any(|word| message.contains(word))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// One line, no control characters, not endless.
fn tidy(text: &str) -> String {
    let visible = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    visible.take(MAX_MESSAGE_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, body: &str) -> Fault {
        let status = StatusCode::from_u16(status).expect("status");
        from_status(status, &HeaderMap::new(), body.as_bytes(), Some("sk-canary-1"))
    }

    #[track_caller]
    fn check(status: u16, body: &str, kind: FaultKind, retry: Retry) {
        let fault = fault(status, body);
        assert_eq!((fault.kind, fault.retry, fault.status), (kind, retry, Some(status)), "{status} {body}");
    }

    #[test]
    fn every_status_has_its_kind_and_advice() {
        check(429, "{}", FaultKind::RateLimited, Retry::NextCredential);
        check(529, "", FaultKind::Overloaded, Retry::NextCandidate);
        check(500, "", FaultKind::ServerError, Retry::NextCandidate);
        check(503, r#"{"error":{"type":"overloaded_error"}}"#, FaultKind::Overloaded, Retry::NextCandidate);
        check(502, "<html>bad gateway</html>", FaultKind::ServerError, Retry::NextCandidate);
        check(504, "", FaultKind::Timeout, Retry::NextCandidate);
        check(408, "", FaultKind::Timeout, Retry::NextCandidate);
        for status in [401, 402, 403] {
            check(status, "{}", FaultKind::Unauthorised, Retry::NextCredential);
        }
        check(404, "{}", FaultKind::ModelNotFound, Retry::NextCandidate);
        check(400, r#"{"error":{"message":"bad temperature"}}"#, FaultKind::Refused, Retry::Never);
        check(400, r#"{"error":{"code":"context_length_exceeded"}}"#, FaultKind::ContextLength, Retry::LongerContext);
        check(
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#,
            FaultKind::ContextLength,
            Retry::LongerContext,
        );
        check(422, r#"{"detail":"no"}"#, FaultKind::Refused, Retry::Never);
        check(302, "", FaultKind::BadAnswer, Retry::NextCandidate);
    }

    #[test]
    fn the_providers_words_are_kept() {
        let fault = fault(400, r#"{"error":{"message":"no","type":"invalid_request_error","code":7,"param":"n"}}"#);
        assert_eq!(fault.message, "no");
        let parts = (fault.error_type(), fault.code(), fault.param());
        assert_eq!(parts, (Some("invalid_request_error"), Some("7"), Some("n")));
    }

    #[test]
    fn a_repeated_secret_is_masked_everywhere() {
        let fault = fault(401, r#"{"error":{"message":"bad key sk-canary-1\n!","code":"sk-canary-1"}}"#);
        assert_eq!(fault.message, "bad key *** !");
        assert!(!format!("{fault:?}{fault}").contains("canary"), "{fault:?}");
    }

    #[test]
    fn bodies_of_any_shape_give_a_message() {
        for (body, message) in [
            (r#"{"error":"flat"}"#, "flat"),
            (r#"[{"error":{"message":"listed"}}]"#, "listed"),
            (r#"{"message":"outer"}"#, "outer"),
            ("<html></html>", "answered 418 I'm a teapot"),
            ("", "answered 418 I'm a teapot"),
        ] {
            assert_eq!(fault(418, body).message, message);
        }
    }
}
