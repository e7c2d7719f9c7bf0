//! Which endpoint a request means, and the layers that endpoints share: auth, body, account.

pub(crate) mod chat;
pub(crate) mod health;
pub(crate) mod models;

use std::sync::Arc;

use domain::{RequestId, RouterId, Timestamp};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::error::{Failure, render};
use crate::layers::auth;
use crate::layers::load_shed::InFlight;

/// When a request came, and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: RequestId,
    pub(crate) arrived: Instant,
    pub(crate) now: Timestamp,
}

/// What a path means.
enum Endpoint<'a> {
    Chat { router: Option<&'a str> },
    Models,
    Model(&'a str),
}

impl<'a> Endpoint<'a> {
    fn of(path: &'a str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => return Some(Self::Chat { router: None }),
            "/v1/models" => return Some(Self::Models),
            _ => {}
        }
        if let Some(model) = path.strip_prefix("/v1/models/").filter(|model| !model.is_empty()) {
            return Some(Self::Model(model));
        }
        let (router, rest) = path.strip_prefix('/')?.split_once('/')?;
        let is_router = router.starts_with(RouterId::PREFIX);
        (is_router && matches!(rest, "chat/completions" | "v1/chat/completions"))
            .then_some(Self::Chat { router: Some(router) })
    }

    fn method(&self) -> Method {
        match self {
            Self::Chat { .. } => Method::POST,
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
        return render::response(&Failure::UnknownPath(path));
    };
    if request.method() != endpoint.method() {
        let allow = if endpoint.method() == Method::POST { "POST" } else { "GET" };
        return render::response(&Failure::MethodNotAllowed { allow });
    }
    let context = match identify(&worker, &request, arrival) {
        Ok(context) => context,
        Err(failure) => {
            let code = failure.answer().code.unwrap_or_default().to_owned();
            metrics::counter!("signalbox_requests_refused_total", "code" => code).increment(1);
            return render::response(&failure);
        }
    };
    match endpoint {
        Endpoint::Chat { router } => chat::answer(worker, context, request, router, in_flight).await,
        Endpoint::Models => models::list(&context, request.uri().query()),
        Endpoint::Model(id) => models::one(&context, id),
    }
}

fn identify(worker: &Worker, request: &Request<Incoming>, arrival: Arrival) -> Result<RequestContext, Failure> {
    let app = &worker.app;
    let live = app.snapshots.live().ok_or(Failure::NotReady)?;
    let key = auth::authenticate(&live, request.headers(), arrival.now).map_err(Failure::Key)?;
    let deadline = arrival.arrived + providers::Waits::default().total;
    Ok(RequestContext { id: arrival.id, arrived: arrival.arrived, now: arrival.now, deadline, key, live })
}
