//! Writes failures in the caller's dialect: as a response, or as an event in a stream that has begun.

use bytes::Bytes;
use dialect::Dialect;
use dialect::error::{ErrorBody, Source};
use domain::RequestId;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::body::GatewayBody;
use crate::error::{ErrorAnswer, Failure};

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// In which dialect a caller is told of failures, and of which request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
    pub(crate) dialect: Dialect,
    pub(crate) id: RequestId,
}

impl Voice {
    /// The failure as a response of its own.
    pub(crate) fn response(self, failure: &Failure) -> Response<GatewayBody> {
        let answer = failure.answer();
        let mut response = Response::new(GatewayBody::full(self.write(&answer, Form::Response)));
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        write_headers(&answer, response.headers_mut());
        response
    }

    /// The failure as the body of a response that somebody else writes.
    pub(crate) fn body(self, failure: &Failure) -> Bytes {
        self.write(&failure.answer(), Form::Response)
    }

    /// The failure as an event. The terminal marker never follows it.
    /// `number` is that of the event, in dialects that number them.
    pub(crate) fn event(self, failure: &Failure, number: u64) -> Bytes {
        self.write(&failure.answer(), Form::Event(number))
    }

    fn write(self, answer: &ErrorAnswer<'_>, form: Form) -> Bytes {
        let removed = (!answer.removed.is_empty()).then(|| serde_json::to_vec(answer.removed).unwrap_or_default());
        let extra: Vec<(&str, &[u8])> = removed.iter().map(|json| ("removed", json.as_slice())).collect();
        let id = self.id.to_string();
        let body = ErrorBody {
            status: answer.status,
            message: &answer.message,
            kind: answer.kind,
            param: answer.param,
            code: answer.code.filter(|code| !code.is_empty()),
            source: if answer.provider.is_some() { Source::Provider } else { Source::Gateway },
            provider: answer.provider,
            request_id: Some(&id),
            own_type: answer.own_type,
            details: answer.details,
            extra: &extra,
        };
        match form {
            Form::Response => body.to_json(self.dialect),
            Form::Event(number) => body.to_event(self.dialect, number),
        }
    }
}

fn write_headers(answer: &ErrorAnswer<'_>, headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if answer.status == 401 && answer.provider.is_none() {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = answer.retry_after {
        // Whole seconds, rounded up: a client that obeys must not come too early.
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
    }
    if let Some(should_retry) = answer.should_retry {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static(if should_retry { "true" } else { "false" }));
    }
    if let Some(allow) = answer.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
}

/// Where an error is written to.
#[derive(Clone, Copy)]
enum Form {
    Response,
    /// With its number.
    Event(u64),
}
