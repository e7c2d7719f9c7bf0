//! One process's gateway: what all I/O threads share, and the order of the layers that every request passes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::Clock;
use futures_util::FutureExt;
use http::header::CONNECTION;
use http::{HeaderName, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use ledger::Ledger;
use limits::Limiter;
use providers::{Breaker, ProviderClient, RetryBudget, Upstreams, Vault};
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::body::GatewayBody;
use crate::clock::RequestIds;
use crate::config::{GatewayConfig, Limits};
use crate::endpoints::{self, Arrival};
use crate::engine_client::EngineClient;
use crate::error::Failure;
use crate::error::render::Voice;
use crate::idempotency::Idempotency;
use crate::kept::KeptAnswers;
use crate::latencies::Latencies;
use crate::layers::load_shed::LoadShed;
use crate::layers::{head, host};
use crate::meters::Meters;
use crate::reporter::Reporter;
use crate::sessions::Sessions;
use crate::snapshots::Snapshots;
use crate::spend::Spend;
use crate::substitutions::Substitutions;
use crate::traces::Traces;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all I/O threads share.
pub(crate) struct App {
    pub(crate) config: GatewayConfig,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) ledger: Arc<Ledger>,
    /// What keys, users, projects and organisations may still consume.
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) spend: Spend,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) latencies: Arc<Latencies>,
    pub(crate) sessions: Sessions,
    pub(crate) kept: KeptAnswers,
    pub(crate) vault: Arc<Vault>,
    pub(crate) engine: proto::Endpoint,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) engine_breaker: Breaker,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: RequestIds,
    pub(crate) shed: Arc<LoadShed>,
    /// For repeats to the upstream that has just failed.
    pub(crate) retries: RetryBudget,
    pub(crate) reporter: Reporter,
    pub(crate) meters: Meters,
    /// Where finished requests go of which traces are made; `None` = nobody makes any.
    pub(crate) traces: Option<Traces>,
    pub(crate) idempotency: Arc<Idempotency>,
    pub(crate) substitutions: Substitutions,
    /// Readiness is off, so that balancers look elsewhere; everything else goes on.
    pub(crate) leaving: AtomicBool,
    /// Connections end with their next answer.
    pub(crate) draining: AtomicBool,
    /// The time to drain is over: what still runs is cut.
    pub(crate) cutting: AtomicBool,
}

impl App {
    pub(crate) fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Whether requests can be served: a configuration is in force and the process is not about to end.
    pub(crate) fn is_ready(&self) -> bool {
        self.snapshots.version().is_some() && !self.leaving.load(Ordering::Relaxed)
    }
}

/// What one I/O thread has for itself: connections are never shared between threads.
pub(crate) struct Worker {
    pub(crate) app: Arc<App>,
    pub(crate) client: ProviderClient,
    pub(crate) engine: EngineClient,
    pub(crate) cut: Cut,
}

/// Tells running requests that the time to drain is over.
#[derive(Clone)]
pub(crate) struct Cut(pub(crate) watch::Receiver<bool>);

impl Cut {
    /// Waits until it is.
    pub(crate) async fn comes(&mut self) {
        if self.0.wait_for(|cut| *cut).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Worker {
    pub(crate) fn new(app: Arc<App>, cut: Cut) -> Self {
        let client = ProviderClient::new(app.tls.clone());
        let engine = EngineClient::connect(&app.engine);
        Self { app, client, engine, cut }
    }

    /// Answers a request, whatever happens.
    ///
    /// The layers, outermost first:
    /// 1. catch panic: a bug in one request must not end the thread that serves the others;
    /// 2. request id: everything below can name the request, and so can the caller;
    /// 3. head: one that is too large is not looked at further;
    /// 4. host: what could be meant for another server is nobody's here;
    /// 5. load shed: refuse early and cheaply rather than queue without end;
    /// 6. auth: nobody unknown gets a byte of body read (in the endpoints that need a key);
    /// 7. body limit: size, pace and memory of the body (in the endpoints that take one);
    /// 8. deadline: one for the whole chain of attempts, carried in the request's context.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<GatewayBody> {
        let arrived = Instant::now();
        let now = self.app.clock.wall();
        let id = self.app.ids.next(now);
        let voice = Voice { dialect: endpoints::models::dialect_of(&request), id };
        let arrival = Arrival { id, arrived, now, voice };
        let is_multiplexed = request.version() == Version::HTTP_2;

        let mut cut = self.cut.clone();
        let answered = tokio::select! {
            biased;
            answered = AssertUnwindSafe(self.clone().shed(request, arrival)).catch_unwind() => answered,
            () = cut.comes() => Ok(voice.response(&Failure::ShuttingDown)),
        };
        let mut response = answered.unwrap_or_else(|_| {
            metrics::counter!("signalbox_panics_total").increment(1);
            tracing::error!(request_id = %id, "a request panicked");
            voice.response(&Failure::Internal)
        });

        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        if self.app.draining.load(Ordering::Relaxed) {
            close_after(&mut response);
        }
        if is_multiplexed {
            // It has a frame for it.
            response.headers_mut().remove(CONNECTION);
        }
        response
    }

    async fn shed(self: Arc<Self>, request: Request<Incoming>, arrival: Arrival) -> Response<GatewayBody> {
        if let Err(failure) = head::check(&request) {
            metrics::counter!("signalbox_requests_refused_total", "code" => "head_too_large").increment(1);
            return arrival.voice.response(&failure);
        }
        if let Err(failure) = host::check(&request) {
            let mut response = arrival.voice.response(&failure);
            close_after(&mut response);
            return response;
        }
        // Health is asked most urgently when everything else is refused.
        if let Some(response) = endpoints::health::answer(&self.app, &request, arrival.voice) {
            return response;
        }
        match self.app.shed.enter() {
            Ok(in_flight) => endpoints::route(self, request, arrival, in_flight).await,
            Err(failure) => arrival.voice.response(&failure),
        }
    }
}

/// Ends the connection behind an answer.
fn close_after(response: &mut Response<GatewayBody>) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}
