//! How many tokens a request has: asked of the provider where the model named is one of the same dialect, estimated
//! otherwise.
//!
//! Nothing is routed and nothing charged; the caller gets an answer even when the provider gives none.

use std::sync::Arc;

use bytes::Bytes;
use dialect::{Dialect, Surface, count};
use domain::{Model, ModelId, Provider, Route};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::HeaderMap;
use hyper::body::Incoming;
use policy::{Ask, Refusal, Resolved};
use providers::{Pass, Waits};
use tokio::time::{Instant, timeout};

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::endpoints::generate::{check_media_type, forwarded, recorded, refused};
use crate::error::Failure;
use crate::layers::body_limit;
use crate::layers::load_shed::InFlight;
use crate::pipeline::secrets;
use crate::pipeline::settle::{End, Settle};

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
    if let Some((model, provider)) = named(settle.context(), &request, surface)? {
        let body = count::question(&request, surface.dialect, &model.native).map_err(Failure::Malformed)?;
        let headers = forwarded(&head.headers, surface.dialect);
        let ask = ask(worker, settle.context(), &model, &provider, surface.dialect, &headers, &body);
        if let Some(counted) = timeout(PATIENCE, ask).await.ok().flatten() {
            return Ok(counted);
        }
    }
    Ok(count::answer(surface.dialect, request.features().input_tokens))
}

/// A model and who serves it.
type Offer = (Arc<Model>, Arc<Provider>);

/// The model that is named, if its provider can count in this dialect; `None` too where a policy chooses one.
///
/// # Errors
/// What the request itself would be refused for: the model is unknown, or none of the key's.
fn named(
    context: &RequestContext,
    request: &dialect::Request,
    surface: &Surface<'_>,
) -> Result<Option<Offer>, Failure> {
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    let is_allowed = |id: &ModelId| context.key.allowed_models.is_empty() || context.key.allowed_models.contains(id);
    let models = request.extensions().models.as_deref().unwrap_or_default();
    let ask = Ask { router: surface.router, model: request.model(), models, ..Ask::default() };
    let id = match policy::resolve(tenant, &context.key, &ask) {
        Ok(Resolved { route: Route::Direct(id), .. }) if is_allowed(&id) => Some(id),
        Ok(Resolved { route: Route::Direct(id), .. }) => {
            return Err(Failure::ModelNotAllowed { provider: id.provider().to_owned() });
        }
        // The model is a hint.
        Ok(Resolved { route: Route::Policy(_) | Route::Router(_) | Route::List(_), .. }) => {
            request.model().and_then(|name| ModelId::parse(name).ok()).filter(is_allowed)
        }
        // An estimate is the same for all of them.
        Err(Refusal::ModelRequired) => None,
        Err(refusal) => return Err(Failure::Refused(refusal)),
    };
    let model = id.and_then(|id| tenant.models.get(&id)).filter(|model| tenant.is_callable(model));
    let offer = model.and_then(|model| Some((model.clone(), tenant.provider_of(&model.id)?.clone())));
    Ok(offer.filter(|(_, provider)| Dialect::of(provider.dialect) == Some(surface.dialect)))
}

/// Asks the provider; `None` = it has no answer.
async fn ask(
    worker: &Worker,
    context: &RequestContext,
    model: &Model,
    provider: &Arc<Provider>,
    dialect: Dialect,
    headers: &HeaderMap,
    body: &Bytes,
) -> Option<Bytes> {
    // As for no model: how counting goes says nothing of the model, and nobody would report a probe.
    let secrets = secrets::usable(worker, context, provider, None).await.ok()?;
    let opened = secrets.first()?;
    let secret = opened.as_ref().map(|(_, secret)| secret.as_ref());
    let remaining = context.deadline.saturating_duration_since(Instant::now());
    let waits = Waits::resolve(&provider.timeouts).within(remaining);
    let path = count::path(dialect, &model.native)?;
    let mut headers = headers.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let pass = Pass {
        provider,
        method: &Method::POST,
        path: &path,
        model: &model.native,
        headers: &headers,
        body,
        secret,
        waits,
    };
    let upstream = worker.client.pass(pass).await.ok()?;
    if upstream.status == StatusCode::UNAUTHORIZED {
        secrets::refused(worker, opened);
    }
    if !upstream.status.is_success() {
        return None;
    }
    upstream.collect(COUNT_BYTES, PATIENCE).await.ok()
}
