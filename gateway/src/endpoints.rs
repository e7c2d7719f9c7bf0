//! Which endpoint a request means, and the layers that endpoints share: auth, body, account.

pub(crate) mod count;
pub(crate) mod embed;
pub(crate) mod generate;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod models;
pub(crate) mod proxy;

use std::sync::Arc;

use bytes::Bytes;
use dialect::{Operation, Surface};
use domain::{ProviderSlug, RequestId, Timestamp};
use futures_util::FutureExt;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response};
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::error::render::Voice;
use crate::layers::auth;
use crate::layers::load_shed::InFlight;
use crate::revocation::Grant;
use crate::traces::TraceParent;

/// The methods that are passed on.
const ANY_OF_OURS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

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
    /// A provider's own API.
    Provider(&'a str),
    Key,
}

impl<'a> Endpoint<'a> {
    fn of(path: &'a str) -> Option<Self> {
        if let Some(surface) = Surface::of(path) {
            return Some(Self::Ask(surface));
        }
        if path == "/v1/key" {
            return Some(Self::Key);
        }
        if let Some(rest) = path.strip_prefix("/v1/models").or_else(|| path.strip_prefix("/v1beta/models")) {
            return match rest {
                "" => Some(Self::Models),
                rest => rest.strip_prefix('/').filter(|model| !model.is_empty()).map(Self::Model),
            };
        }
        let (provider, _) = path.strip_prefix('/')?.split_once('/')?;
        // The gateway's own paths can name no provider.
        ProviderSlug::parse(provider).is_ok().then_some(Self::Provider(provider))
    }

    /// Whether it takes a method, which is one of ours.
    fn takes(&self, method: &Method) -> bool {
        match self {
            Self::Ask(_) => method == Method::POST,
            Self::Models | Self::Model(_) | Self::Key => matches!(*method, Method::GET | Method::HEAD),
            Self::Provider(_) => true,
        }
    }

    /// The methods that it takes.
    fn allow(&self) -> &'static str {
        match self {
            Self::Ask(_) => "POST",
            Self::Models | Self::Model(_) | Self::Key => "GET, HEAD",
            Self::Provider(_) => ANY_OF_OURS,
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
    // One shows its caller what was sent, secrets among it; the other makes a tunnel. Neither is asked of a provider.
    if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
        return arrival.voice.response(&Failure::MethodNotAllowed { allow: ANY_OF_OURS });
    }
    let path = request.uri().path().to_owned();
    let Some(endpoint) = Endpoint::of(&path) else {
        return arrival.voice.response(&Failure::UnknownPath(path));
    };
    if !endpoint.takes(request.method()) {
        return arrival.voice.response(&Failure::MethodNotAllowed { allow: endpoint.allow() });
    }
    let context = match identify(&worker, &request, arrival) {
        Ok(context) => context,
        Err(failure) => {
            let code = failure.answer().code.unwrap_or_default().to_owned();
            metrics::counter!("signalbox_requests_refused_total", "code" => code).increment(1);
            return arrival.voice.response(&failure);
        }
    };
    let is_head = request.method() == Method::HEAD;
    let (voice, mut grant) = (arrival.voice, Grant::of(&worker.app, &context.key));
    // Boxed, so that a connection keeps room for the work of a request only while there is one.
    let answered = async {
        match endpoint {
            Endpoint::Ask(surface) => match surface.operation {
                Operation::Generate => generate::answer(worker, context, request, surface, in_flight).boxed().await,
                Operation::CountTokens => count::answer(worker, context, request, surface, in_flight).boxed().await,
                Operation::Embed | Operation::EmbedBatch => {
                    embed::answer(worker, context, request, surface, in_flight).boxed().await
                }
            },
            Endpoint::Models => models::list(&context, request.uri().query()),
            Endpoint::Model(id) => models::one(&context, id),
            Endpoint::Provider(slug) => proxy::answer(worker, context, request, slug, in_flight).boxed().await,
            Endpoint::Key => key::answer(&worker.app, &context).boxed().await,
        }
    };
    // A key that is withdrawn meanwhile ends its requests; streams go on to watch it by themselves.
    let response = tokio::select! {
        biased;
        response = answered => response,
        fault = grant.withdrawn() => voice.response(&Failure::Key(fault)),
    };
    if is_head { head_of(response) } else { response }
}

/// An answer without its body, of which the length is told. Over HTTP/2 the library would send it.
fn head_of(response: Response<GatewayBody>) -> Response<GatewayBody> {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        head.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(head, GatewayBody::full(Bytes::new()))
}

fn identify(worker: &Worker, request: &Request<Incoming>, arrival: Arrival) -> Result<RequestContext, Failure> {
    let app = &worker.app;
    let live = app.snapshots.live().ok_or(Failure::NotReady)?;
    let key = auth::authenticate(&live, request.headers(), request.uri().query(), arrival.now).map_err(Failure::Key)?;
    let deadline = arrival.arrived + providers::Waits::default().total;
    let Arrival { id, arrived, now, voice } = arrival;
    let trace_parent = app.traces.as_ref().and_then(|_| TraceParent::of(request.headers()));
    Ok(RequestContext { id, voice, arrived, now, deadline, key, live, trace_parent })
}
