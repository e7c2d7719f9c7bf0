//! Errors as callers see them, in the shape of their dialect.

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::stream::write_event;
use crate::{Dialect, anthropic, gemini, responses};

/// Whose error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// We refused or failed.
    Gateway,
    /// An upstream did.
    Provider,
}

/// The error that a caller sees.
#[derive(Clone, Copy, Debug)]
pub struct ErrorBody<'a> {
    /// What happened and how to mend it.
    pub message: &'a str,
    /// The HTTP status, which some dialects repeat in the body.
    pub status: u16,
    /// The class of the error: `invalid_request_error`.
    pub kind: &'a str,
    /// The field at fault.
    pub param: Option<&'a str>,
    /// The exact cause, for programs.
    pub code: Option<&'a str>,
    /// Whose error it is.
    pub source: Source,
    /// The provider, where one is to blame.
    pub provider: Option<&'a str>,
    /// The request, for questions about it.
    pub request_id: Option<&'a str>,
    /// The provider's own word for the class, for dialects whose clients go by it.
    pub own_type: Option<&'a str>,
    /// The error's `details`, as JSON text.
    pub details: Option<&'a str>,
    /// More members of the error object, such as `removed`, as JSON text; what is no JSON is left out.
    pub extra: &'a [(&'a str, &'a [u8])],
}

impl ErrorBody<'_> {
    /// Returns the body of an error response.
    pub fn to_json(&self, dialect: Dialect) -> Bytes {
        match dialect {
            // Strings and checked JSON always serialise.
            Dialect::Openai | Dialect::OpenaiResponses => {
                serde_json::to_vec(&Envelope { error: self }).unwrap_or_default().into()
            }
            Dialect::Anthropic => anthropic::error::json(self),
            Dialect::Gemini => gemini::error::json(self),
        }
    }

    /// Returns the event that ends a broken stream. No terminal marker follows: clients take that for success.
    /// `number` is that of the event, in dialects that number them.
    pub fn to_event(&self, dialect: Dialect, number: u64) -> Bytes {
        let mut event = BytesMut::new();
        match dialect {
            Dialect::Openai | Dialect::Gemini => write_event(None, &self.to_json(dialect), &mut event),
            Dialect::Anthropic => write_event(Some("error"), &self.to_json(dialect), &mut event),
            Dialect::OpenaiResponses => write_event(Some("error"), &responses::error::event(self, number), &mut event),
        }
        event.freeze()
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a ErrorBody<'a>,
}

impl Serialize for ErrorBody<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("message", self.message)?;
        map.serialize_entry("type", self.kind)?;
        map.serialize_entry("param", &self.param)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("provider", &self.provider)?;
        self.rest(&mut map)?;
        map.end()
    }
}

impl ErrorBody<'_> {
    /// Writes what stands in it as JSON already, where it is JSON.
    pub(crate) fn rest<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let details = self.details.map(|json| ("details", json.as_bytes()));
        for (name, json) in details.iter().chain(self.extra) {
            if let Ok(raw) = serde_json::from_slice::<&RawValue>(json) {
                map.serialize_entry(name, raw)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: ErrorBody<'_> = ErrorBody {
        message: "no model \"x\"",
        status: 404,
        kind: "not_found_error",
        param: Some("model"),
        code: Some("model_not_found"),
        source: Source::Gateway,
        provider: None,
        request_id: None,
        own_type: None,
        details: None,
        extra: &[],
    };

    #[test]
    fn error_has_the_one_shape() {
        let expected = r#"{"error":{"message":"no model \"x\"","type":"not_found_error","param":"model","code":"model_not_found","source":"gateway","provider":null}}"#;
        assert_eq!(BODY.to_json(Dialect::Openai), expected);
    }

    #[test]
    fn event_is_one_line_without_done() {
        let extra: &[(&str, &[u8])] = &[("removed", b"[\n1 ]"), ("broken", b"{")];
        let event = ErrorBody { message: "a\nb", provider: Some("acme"), source: Source::Provider, extra, ..BODY }
            .to_event(Dialect::Openai, 0);
        let expected = "data: {\"error\":{\"message\":\"a\\nb\",\"type\":\"not_found_error\",\"param\":\"model\",\"code\":\"model_not_found\",\"source\":\"provider\",\"provider\":\"acme\",\"removed\":[ 1 ]}}\n\n";
        assert_eq!(event, expected);
    }
}
