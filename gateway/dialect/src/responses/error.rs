//! Errors inside a stream of the dialect.

use bytes::Bytes;
use serde::Serialize;

use crate::error::ErrorBody;

/// The event as the vendor documents it, and the error object as its servers send it: clients look for either.
#[derive(Serialize)]
struct WireError<'a> {
    r#type: &'static str,
    code: Option<&'a str>,
    message: &'a str,
    param: Option<&'a str>,
    sequence_number: u64,
    error: &'a ErrorBody<'a>,
}

/// Writes an error that has this number among the events.
pub(crate) fn event(error: &ErrorBody<'_>, sequence_number: u64) -> Bytes {
    let wire = WireError {
        r#type: "error",
        code: error.code,
        message: error.message,
        param: error.param,
        sequence_number,
        error,
    };
    serde_json::to_vec(&wire).expect("plain data with string keys is always JSON").into()
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::error::{ErrorBody, Source};

    #[test]
    fn an_error_event_has_the_documented_members_and_the_object() {
        let error = ErrorBody {
            message: "busy",
            status: 503,
            kind: "overloaded_error",
            param: None,
            code: Some("no_candidate"),
            source: Source::Provider,
            provider: Some("acme"),
            request_id: None,
            own_type: None,
            details: None,
            extra: &[],
        };
        let expected = concat!(
            "event: error\n",
            r#"data: {"type":"error","code":"no_candidate","message":"busy","param":null,"sequence_number":7,"#,
            r#""error":{"message":"busy","type":"overloaded_error","param":null,"code":"no_candidate","#,
            r#""source":"provider","provider":"acme"}}"#,
            "\n\n"
        );
        assert_eq!(error.to_event(Dialect::OpenaiResponses, 7), expected);
    }
}
