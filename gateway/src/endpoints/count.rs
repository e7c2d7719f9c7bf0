//! Placeholder.
use std::sync::Arc;

use dialect::Surface;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::layers::load_shed::InFlight;

pub(crate) async fn answer(
    _worker: Arc<Worker>,
    context: RequestContext,
    _request: Request<Incoming>,
    _surface: Surface<'_>,
    _in_flight: InFlight,
) -> Response<GatewayBody> {
    context.voice.response(&Failure::Internal)
}
