//! Errors of the dialect.

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error::ErrorBody;

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    error: Inner<'a>,
    request_id: Option<&'a str>,
}

/// The dialect's two members, and ours.
struct Inner<'a>(&'a ErrorBody<'a>);

/// Writes an error.
pub(crate) fn json(error: &ErrorBody<'_>) -> Bytes {
    let envelope = Envelope { r#type: "error", error: Inner(error), request_id: error.request_id };
    // Strings and checked JSON always serialise.
    serde_json::to_vec(&envelope).unwrap_or_default().into()
}

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(error) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", error.own_type.unwrap_or(word_of(error.status)))?;
        map.serialize_entry("message", error.message)?;
        map.serialize_entry("param", &error.param)?;
        map.serialize_entry("code", &error.code)?;
        map.serialize_entry("source", &error.source)?;
        map.serialize_entry("provider", &error.provider)?;
        error.rest(&mut map)?;
        map.end()
    }
}

/// The dialect's word for a status.
const fn word_of(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    }
}

/// The status of an error that arrives inside a stream, by the dialect's word for it.
pub(super) fn status_of(word: &str) -> Option<u16> {
    Some(match word {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "api_error" => 500,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::error::Source;

    const BODY: ErrorBody<'_> = ErrorBody {
        message: "no model \"x\"",
        status: 404,
        kind: "not_found_error",
        param: Some("model"),
        code: Some("model_not_found"),
        source: Source::Gateway,
        provider: None,
        request_id: Some("req_1"),
        own_type: None,
        details: None,
        extra: &[("removed", b"[1]"), ("broken", b"{")],
    };

    #[test]
    fn error_has_the_vendors_shape_and_ours_inside() {
        let expected = r#"{"type":"error","error":{"type":"not_found_error","message":"no model \"x\"","param":"model","code":"model_not_found","source":"gateway","provider":null,"removed":[1]},"request_id":"req_1"}"#;
        assert_eq!(BODY.to_json(Dialect::Anthropic), expected);
    }

    #[test]
    fn the_vendors_own_words_go_on_as_they_are() {
        let details = Some(r#"{"error_code":"thread_not_found"}"#);
        let error = ErrorBody { own_type: Some("conflict_error"), details, extra: &[], ..BODY };
        let text = String::from_utf8(error.to_json(Dialect::Anthropic).to_vec()).unwrap();
        assert!(text.starts_with(r#"{"type":"error","error":{"type":"conflict_error","message":"#), "{text}");
        assert!(text.contains(r#""details":{"error_code":"thread_not_found"}}"#), "{text}");
    }

    #[test]
    fn event_is_named() {
        let event = BODY.to_event(Dialect::Anthropic, 0);
        assert!(event.starts_with(b"event: error\ndata: {\"type\":\"error\"") && event.ends_with(b"}\n\n"));
    }

    #[test]
    fn every_word_is_the_word_of_its_status() {
        for status in [400, 401, 402, 403, 404, 413, 429, 500, 504, 529] {
            assert_eq!(status_of(word_of(status)), Some(status));
        }
        assert_eq!(word_of(422), "invalid_request_error");
        assert_eq!(word_of(502), "api_error");
        assert_eq!(status_of("new_error"), None);
    }
}
