//! Which endpoint a request means, and the layers that endpoints share: auth, body, account.

pub(crate) mod count;
pub(crate) mod embed;
pub(crate) mod generate;
pub(crate) mod health;
pub(crate) mod models;

use std::sync::Arc;

use dialect::{Operation, Surface};
use domain::{RequestId, Timestamp};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::error::render::Voice;
use crate::layers::auth;
use crate::layers::load_shed::InFlight;

/// When a request came, and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: RequestId,
    pub(crate) arrived: Instant,
    pub(crate) now: Timestamp,
    pub(crate) voice: Voice,
}

/// What a path means.
enum Endpoint<'a> {
    /// Models are asked.
    Ask(Surface<'a>),
    Models,
    Model(&'a str),
}

impl<'a> Endpoint<'a> {
    fn of(path: &'a str) -> Option<Self> {
        if let Some(surface) = Surface::of(path) {
            return Some(Self::Ask(surface));
        }
        match path.strip_prefix("/v1/models")? {
            "" => Some(Self::Models),
            rest => rest.strip_prefix('/').filter(|model| !model.is_empty()).map(Self::Model),
        }
    }

    fn method(&self) -> Method {
        match self {
            Self::Ask(_) => Method::POST,
            Self::Models | Self::Model(_) => Method::GET,
        }
    }
}

/// Answers a request that has got its place among those in flight.
pub(crate) async fn route(
    worker: Arc<Worker>,
    request: Request<Incoming>,
    arrival: Arrival,
    in_flight: InFlight,
) -> Response<GatewayBody> {
    let path = request.uri().path().to_owned();
    let Some(endpoint) = Endpoint::of(&path) else {
        return arrival.voice.response(&Failure::UnknownPath(path));
    };
    if request.method() != endpoint.method() {
        let allow = if endpoint.method() == Method::POST { "POST" } else { "GET" };
        return arrival.voice.response(&Failure::MethodNotAllowed { allow });
    }
    let context = match identify(&worker, &request, arrival) {
        Ok(context) => context,
        Err(failure) => {
            let code = failure.answer().code.unwrap_or_default().to_owned();
            metrics::counter!("signalbox_requests_refused_total", "code" => code).increment(1);
            return arrival.voice.response(&failure);
        }
    };
    match endpoint {
        Endpoint::Ask(surface) => match surface.operation {
            Operation::Generate => generate::answer(worker, context, request, surface, in_flight).await,
            Operation::CountTokens => count::answer(worker, context, request, surface, in_flight).await,
            Operation::Embed => embed::answer(worker, context, request, surface, in_flight).await,
        },
        Endpoint::Models => models::list(&context, request.uri().query()),
        Endpoint::Model(id) => models::one(&context, id),
    }
}

fn identify(worker: &Worker, request: &Request<Incoming>, arrival: Arrival) -> Result<RequestContext, Failure> {
    let app = &worker.app;
    let live = app.snapshots.live().ok_or(Failure::NotReady)?;
    let key = auth::authenticate(&live, request.headers(), request.uri().query(), arrival.now).map_err(Failure::Key)?;
    let deadline = arrival.arrived + providers::Waits::default().total;
    let Arrival { id, arrived, now, voice } = arrival;
    Ok(RequestContext { id, voice, arrived, now, deadline, key, live })
}
