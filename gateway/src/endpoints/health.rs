//! `GET /healthz` and `GET /readyz`: alive, and able to serve.

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::app::App;
use crate::body::GatewayBody;

/// Answers if the request asks for health; needs no key and no place among the requests in flight.
pub(crate) fn answer(app: &App, request: &Request<Incoming>) -> Option<Response<GatewayBody>> {
    let healthy = match request.uri().path() {
        "/healthz" => true,
        "/readyz" => app.is_ready(),
        _ => return None,
    };
    let (status, text) = match (request.method(), healthy) {
        (&Method::GET | &Method::HEAD, true) => (StatusCode::OK, "ok\n"),
        (&Method::GET | &Method::HEAD, false) => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n"),
    };
    let mut response = Response::new(GatewayBody::full(text));
    *response.status_mut() = status;
    Some(response)
}
