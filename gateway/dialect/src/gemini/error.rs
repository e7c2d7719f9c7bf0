//! Errors of the dialect: Google's `error` object with our members beside its own.

use bytes::Bytes;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::encode;
use crate::error::ErrorBody;

#[derive(Serialize)]
struct Envelope<'a> {
    error: Wire<'a>,
}

struct Wire<'a>(&'a ErrorBody<'a>);

/// One of `details`, by which Google's own errors name their cause.
#[derive(Serialize)]
struct Detail<'a> {
    #[serde(rename = "@type")]
    kind: &'static str,
    reason: &'a str,
    domain: &'static str,
}

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let error = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &error.status)?;
        map.serialize_entry("message", error.message)?;
        map.serialize_entry("status", status(error.status))?;
        if let (Some(reason), None) = (error.code, error.details) {
            let kind = "type.googleapis.com/google.rpc.ErrorInfo";
            map.serialize_entry("details", &[Detail { kind, reason, domain: "signalbox" }])?;
        }
        map.serialize_entry("type", error.kind)?;
        map.serialize_entry("param", &error.param)?;
        map.serialize_entry("source", &error.source)?;
        map.serialize_entry("provider", &error.provider)?;
        if let Some(request_id) = error.request_id {
            map.serialize_entry("request_id", request_id)?;
        }
        error.rest(&mut map)?;
        map.end()
    }
}

/// Writes an error.
pub(crate) fn json(error: &ErrorBody<'_>) -> Bytes {
    encode::json(&Envelope { error: Wire(error) })
}

/// Google's word for an HTTP status.
const fn status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        499 => "CANCELLED",
        405 | 501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        400..=499 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
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
    fn error_has_googles_shape_and_our_members() {
        let expected = concat!(
            r#"{"error":{"code":404,"message":"no model \"x\"","status":"NOT_FOUND","details":[{"#,
            r#""@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"model_not_found","domain":"signalbox"}],"#,
            r#""type":"not_found_error","param":"model","source":"gateway","provider":null,"request_id":"req_1","#,
            r#""removed":[1]}}"#
        );
        assert_eq!(BODY.to_json(Dialect::Gemini), expected);
    }

    #[test]
    fn event_is_one_line_of_the_same() {
        let event = ErrorBody { extra: &[("removed", b"[\n1]")], ..BODY }.to_event(Dialect::Gemini, 0);
        let text = String::from_utf8(event.to_vec()).unwrap();
        assert!(
            text.starts_with("data: {\"error\":{\"code\":404,") && text.ends_with("\"removed\":[ 1]}}\n\n"),
            "{text}"
        );
    }

    #[test]
    fn every_status_has_a_word() {
        for (code, word) in
            [(400, "INVALID_ARGUMENT"), (422, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL")]
        {
            assert_eq!(status(code), word);
        }
    }
}
