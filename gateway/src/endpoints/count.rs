//! How many tokens a request has: asked of the provider where the request names one model of one of the same dialect,
//! estimated otherwise.
//!
//! Nothing is routed and nothing charged. What the request demands of those who see its data holds here too: a provider
//! that it excludes is not asked. The caller gets an answer even when the provider gives none.

use std::sync::Arc;

use bytes::Bytes;
use dialect::{Dialect, Surface, count};
use domain::{Attempt, AttemptOutcome, Constraints, Model, Provider, Removal, Removed, Route};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use policy::Refusal;
use providers::{Call, Fault, FaultKind, Waits};
use tokio::time::{Instant, timeout};

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::endpoints::generate::{check_media_type, forwarded, recorded, refused};
use crate::error::Failure;
use crate::layers::body_limit;
use crate::layers::load_shed::InFlight;
use crate::pipeline::limits::{self, Asked};
use crate::pipeline::settle::{End, Settle};
use crate::pipeline::{decide, report, secrets};

/// A provider that takes longer is not waited for: an estimate is at hand.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
const COUNT_BYTES: usize = 64 * 1024;

/// Answers with a count.
pub(crate) async fn answer(
    worker: Arc<Worker>,
    context: RequestContext,
    request: Request<Incoming>,
    surface: Surface<'_>,
    mut in_flight: InFlight,
) -> Response<GatewayBody> {
    let mut settle = Settle::open(worker.app.clone(), context);
    match counted(&worker, &mut settle, request, &surface, &mut in_flight).await {
        Ok(body) => {
            if settle.finish(End::completed()).is_err() {
                return settle.context().voice.response(&Failure::RecordsUnavailable);
            }
            let mut response = Response::new(GatewayBody::full(body));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            settle.standing().write_headers(response.headers_mut(), None);
            response
        }
        Err(failure) => refused(settle, &failure),
    }
}

async fn counted(
    worker: &Worker,
    settle: &mut Settle,
    request: Request<Incoming>,
    surface: &Surface<'_>,
    in_flight: &mut InFlight,
) -> Result<Bytes, Failure> {
    let (head, body) = request.into_parts();
    check_media_type(&head.headers)?;
    let body = body_limit::read(body, worker.app.limits(), in_flight).await?;
    settle.work_begins();
    settle.came_through(recorded(surface.dialect));
    let request = count::decode(surface.dialect, body, surface.target.clone()).map_err(Failure::Malformed)?;
    settle.describe(request.model(), false);
    let offer = offer(settle.context(), &request, surface, &head.headers)?;
    // Counting consumes nothing, but it is a request.
    let asked = Asked { input_tokens: 0, max_output_tokens: Some(0), ..Asked::of(&request) };
    limits::hold_undecided(settle, offer.as_ref().map(|(model, _)| &model.id), &asked).await?;
    if let Some((model, provider)) = offer {
        let body = count::question(&request, surface.dialect, &model.native).map_err(Failure::Malformed)?;
        let headers = forwarded(&head.headers, surface.dialect);
        settle.start().map_err(|_| Failure::RecordsUnavailable)?;
        let mut errand = Errand { worker, settle, model, provider, dialect: surface.dialect };
        if let Some(counted) = errand.run(&headers, body).await {
            return Ok(counted);
        }
    }
    Ok(count::answer(surface.dialect, request.features().input_tokens))
}

/// A model and who serves it.
type Offer = (Arc<Model>, Arc<Provider>);

/// The model to which the request itself would go, if its provider can count in this dialect and may see the request.
fn offer(
    context: &RequestContext,
    request: &dialect::Request,
    surface: &Surface<'_>,
    headers: &HeaderMap,
) -> Result<Option<Offer>, Failure> {
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    let ask = decide::destination(request, surface.router, headers);
    let resolved = policy::resolve(tenant, &context.key, &ask).map_err(Failure::Refused)?;
    // Whoever else would answer is not known before a decision.
    let Route::Direct(id) = resolved.route else { return Ok(None) };
    let allowed = &context.key.allowed_models;
    if !allowed.is_empty() && !allowed.contains(&id) {
        let removed = vec![Removed { model: id, reason: Removal::NotAllowed }];
        return Err(Failure::Refused(Refusal::NotAllowed { removed }));
    }
    let model = tenant.models.get(&id).filter(|model| tenant.is_callable(model));
    let pair = model.and_then(|model| Some((model.clone(), tenant.provider_of(&id)?.clone())));
    let limits = request.constraints();
    let can_count = |provider: &Provider| Dialect::of(provider.dialect) == Some(surface.dialect);
    Ok(pair.filter(|(model, provider)| can_count(provider) && may_see(model, provider, &limits)))
}

/// Whether a request lets a provider see it.
fn may_see(model: &Model, provider: &Provider, limits: &Constraints) -> bool {
    let (only, ignored) = (&limits.only_providers, &limits.ignored_providers);
    (only.is_empty() || only.contains(&provider.slug))
        && !ignored.contains(&provider.slug)
        && policy::keeps_privacy(model, Some(provider), limits).is_ok()
}

/// A question on its way to a provider.
struct Errand<'a> {
    worker: &'a Worker,
    settle: &'a mut Settle,
    model: Arc<Model>,
    provider: Arc<Provider>,
    dialect: Dialect,
}

impl Errand<'_> {
    /// Asks the provider, and notes how that went; `None` = it has no answer.
    async fn run(&mut self, headers: &HeaderMap, body: Bytes) -> Option<Bytes> {
        let began = Instant::now();
        let late = || Fault::new(FaultKind::Timeout, "no count in time");
        let answered = timeout(PATIENCE, self.ask(headers, body)).await.unwrap_or_else(|_| Err(late()));
        self.settle.wait_ends();
        let fault = answered.as_ref().err();
        let (outcome, status) =
            (fault.map_or(AttemptOutcome::Ok, Fault::outcome), fault.and_then(|fault| fault.status));
        let millis = Some(report::millis(began.elapsed()));
        self.settle.attempted(Attempt { status, millis, ..Attempt::new(self.model.id.clone(), outcome) });
        answered.ok()
    }

    async fn ask(&mut self, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Fault> {
        let Self { worker, settle, model, provider, dialect } = self;
        let unfit = |what: &str| Fault::new(FaultKind::NotSent, what);
        let path = count::path(*dialect, &model.native).ok_or_else(|| unfit("the dialect has no counts"))?;
        // As for no model: how counting goes says nothing of the model, and nobody would report a probe.
        let usable = secrets::usable(worker, settle.context(), provider, None).await;
        let opened = usable.ok().and_then(|secrets| secrets.into_iter().next());
        let opened = opened.ok_or_else(|| unfit("no secret can be used now"))?;
        let secret = opened.as_ref().map(|(_, secret)| secret.as_ref());
        let remaining = settle.context().deadline.saturating_duration_since(Instant::now());
        let waits = Waits::resolve(&provider.timeouts).within(remaining);
        let call = Call { provider, path: &path, model: &model.native, headers, body, secret, stream: false, waits };
        settle.sent_free_to(&model.id);
        settle.sent_with(opened.as_ref().map(|(credential, _)| &credential.id));
        settle.wait_begins();
        let upstream = worker.client.send(call).await.inspect_err(|fault| {
            if fault.kind == FaultKind::Unauthorised {
                secrets::refused(worker, &opened);
            }
        })?;
        settle.answered_as(upstream.request_id());
        let answer = upstream.collect(COUNT_BYTES, PATIENCE).await?;
        let is_count = count::read(*dialect, &answer).is_some();
        if is_count { Ok(answer) } else { Err(Fault::new(FaultKind::BadAnswer, "the answer is no count")) }
    }
}
