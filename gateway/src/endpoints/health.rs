//! `GET /healthz` and `GET /readyz`: alive, and able to serve.

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::app::App;
use crate::body::GatewayBody;
use crate::error::Failure;
use crate::error::render::Voice;

/// Answers if the request asks for health; needs no key and no place among the requests in flight.
pub(crate) fn answer(app: &App, request: &Request<Incoming>, voice: Voice) -> Option<Response<GatewayBody>> {
    let healthy = match request.uri().path() {
        "/healthz" => true,
        "/readyz" => app.is_ready(),
        _ => return None,
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Some(voice.response(&Failure::MethodNotAllowed { allow: "GET, HEAD" }));
    }
    let (status, text) =
        if healthy { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") };
    let mut response = Response::new(GatewayBody::full(text));
    *response.status_mut() = status;
    Some(response)
}
