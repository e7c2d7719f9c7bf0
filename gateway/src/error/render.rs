//! Writes failures in the caller's dialect: as a response, or as an event in a stream that has begun.

use bytes::Bytes;
use dialect::openai::error::{ErrorBody, Source};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::body::GatewayBody;
use crate::error::{ErrorAnswer, Failure};

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The failure as a response of its own.
pub(crate) fn response(failure: &Failure) -> Response<GatewayBody> {
    let answer = failure.answer();
    let mut response = Response::new(GatewayBody::full(write(&answer, Form::Response)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
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
    response
}

/// The failure as an event. The terminal marker never follows it.
pub(crate) fn event(failure: &Failure) -> Bytes {
    write(&failure.answer(), Form::Event)
}

/// Where an error is written to.
#[derive(Clone, Copy)]
enum Form {
    Response,
    Event,
}

fn write(answer: &ErrorAnswer<'_>, form: Form) -> Bytes {
    let removed = (!answer.removed.is_empty()).then(|| serde_json::to_vec(answer.removed).unwrap_or_default());
    let extra: Vec<(&str, &[u8])> = removed.iter().map(|json| ("removed", json.as_slice())).collect();
    let body = ErrorBody {
        message: &answer.message,
        kind: answer.kind,
        param: answer.param,
        code: answer.code.filter(|code| !code.is_empty()),
        source: if answer.provider.is_some() { Source::Provider } else { Source::Gateway },
        provider: answer.provider,
        extra: &extra,
    };
    match form {
        Form::Response => body.to_json(),
        Form::Event => body.to_event(),
    }
}
