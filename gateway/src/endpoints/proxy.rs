//! `ANY /{provider}/{path…}`: a provider's own API under our keys.
//!
//! No routing and no translation: the body goes as it is, the answer comes as it is, whatever it is made of. What stays
//! ours: who may call, which models, with whose secret, what it consumed and cost, and one record.

mod admission;
mod flow;
mod form;
mod generation;
mod others;
mod said;
mod upload;

use std::sync::Arc;

use bytes::Bytes;
use dialect::Meter;
use domain::{Attempt, AttemptOutcome, Constraints, Credential, ModelId, Provider, ProviderSlug, Surface};
use http::{Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use providers::{Fault, Pass, Report, Upstream, Waits};
use tokio::time::Instant;

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::endpoints::generate::refused;
use crate::endpoints::proxy::admission::Admission;
use crate::endpoints::proxy::generation::Generation;
use crate::endpoints::proxy::said::{Destination, Said};
use crate::endpoints::proxy::upload::Upload;
use crate::error::Failure;
use crate::layers::body_limit;
use crate::layers::load_shed::InFlight;
use crate::pipeline::bodies::Keepable;
use crate::pipeline::limits::{self, Asked};
use crate::pipeline::settle::Settle;
use crate::pipeline::{report, secrets};

/// One call on its way.
struct Passage {
    worker: Arc<Worker>,
    settle: Settle,
    provider: Arc<Provider>,
    model: Option<ModelId>,
    /// What is known of it if a model writes.
    generation: Option<Generation>,
    /// Only the head of the answer is wanted.
    is_head: bool,
    began: Instant,
}

/// Passes a request on. From here on every way out leaves a record.
pub(crate) async fn answer(
    worker: Arc<Worker>,
    context: RequestContext,
    request: Request<Incoming>,
    slug: &str,
    mut in_flight: InFlight,
) -> Response<GatewayBody> {
    let voice = context.voice;
    let provider = context.tenant().and_then(|tenant| {
        let slug = ProviderSlug::parse(slug).ok()?;
        tenant.providers.get(&slug).cloned()
    });
    let Some(provider) = provider else {
        return voice.response(&Failure::UnknownPath(request.uri().path().to_owned()));
    };
    let is_multiplexed = request.version() == Version::HTTP_2;
    let write_stall = worker.app.limits().write_stall;
    let mut settle = Settle::open(worker.app.clone(), context);
    settle.came_through(Surface::Proxy);
    let is_head = request.method() == Method::HEAD;
    let passage = Passage { worker, settle, provider, model: None, generation: None, is_head, began: Instant::now() };
    let response = passage.run(request, slug, &mut in_flight).await;
    // An HTTP/1 connection notices by itself that its caller does not read.
    let response = if is_multiplexed { response.map(|body| body.watched(write_stall)) } else { response };
    response.map(|body| body.holding(Some(in_flight)))
}

impl Passage {
    async fn run(mut self, request: Request<Incoming>, slug: &str, in_flight: &mut InFlight) -> Response<GatewayBody> {
        let sent = self.send(request, slug, in_flight).await;
        let recorder = self.settle.take_recorder();
        let response = match sent {
            Ok(upstream) => self.pass_on(upstream),
            Err(failure) => refused(self.settle, &failure),
        };
        response.map(|body| body.recorded(recorder))
    }

    async fn send(
        &mut self,
        request: Request<Incoming>,
        slug: &str,
        in_flight: &mut InFlight,
    ) -> Result<Upstream, Failure> {
        let (head, body) = request.into_parts();
        let limits = self.worker.app.limits();
        let mut upload = None;
        let body = if upload::is_wanted(&head.headers, &body, limits) {
            upload.insert(Upload::begin(&head.headers, body, limits, in_flight).await?).first()
        } else {
            body_limit::read(body, limits, in_flight).await.map_err(|failure| match failure {
                Failure::BodyTooLarge { .. } => upload::not_taken(limits),
                failure => failure,
            })?
        };
        self.settle.work_begins();
        // Half a body would be taken for a whole one.
        let keepable = if upload.is_some() { None } else { Keepable::of(self.settle.context(), &head.headers, &body) };
        // What goes to a provider by its own name carries no demands of ours but the header.
        self.settle.keep(keepable, Constraints::default);
        self.settle.labelled(labels(&head.headers)?);
        let below = &head.uri.path()[slug.len() + 1..];
        let destination = Destination::of(below, head.uri.query(), &self.provider.base_url)?;
        let said = match upload.as_ref().and_then(Upload::form) {
            Some(form) => Said::of_form(&destination, &head.headers, form)?,
            None => Said::of(&destination, &head.headers, &body)?,
        };
        let admission = self.admission(&head.method)?;
        if upload.is_some() && destination.deployment.is_empty() && admission.is_limited() {
            // Which model it names may stand where nobody looks.
            return Err(upload::not_taken(self.worker.app.limits()));
        }
        self.settle.describe(said.model.as_deref(), said.stream);
        self.model = admission.admit_all(said.model.as_deref(), &said.others)?;
        if let Some(upload) = &mut upload {
            // A deployment is what is called, whatever the body says.
            upload.watch((destination.deployment.is_empty()).then_some(admission), said.model.clone());
        }
        self.generation = Generation::of(&head.method, &destination.path, said.model.as_deref(), &body);
        let input_tokens = self.generation.map_or_else(|| generation::by_length(&body), |it| it.input_tokens);
        let answers = said.answers.unwrap_or(1).max(1);
        let asked = Asked { input_tokens, max_output_tokens: said.max_tokens, answers, user: said.user };
        limits::hold_undecided(&mut self.settle, self.model.as_ref(), &asked).await?;
        self.settle.start().map_err(|_| Failure::RecordsUnavailable)?;
        let mut keys = self.keys().await?;
        if upload.is_some() {
            // It cannot be sent a second time.
            keys.truncate(1);
        }
        let remaining = self.settle.context().deadline.saturating_duration_since(Instant::now());
        let waits = Waits::resolve(&self.provider.timeouts).within(remaining);
        let mut keys = keys.into_iter().peekable();
        loop {
            let key = keys.next().flatten();
            let secret = key.as_ref().map(|(_, secret)| secret.as_ref());
            let (method, headers) = (&head.method, &head.headers);
            let pass = Pass {
                provider: &self.provider,
                method,
                path: &destination.path,
                model: &destination.deployment,
                headers,
                body: &body,
                secret,
                waits,
            };
            if let (Some(model), Some(generation)) = (&self.model, self.generation) {
                self.settle.sent_to(model, generation.input_tokens);
            }
            self.settle.sent_with(key.as_ref().map(|(credential, _)| &credential.id));
            self.settle.wait_begins();
            let (answered, fate) = match upload.take().map(Upload::flowing) {
                None => (self.worker.client.pass(pass).await, None),
                Some((flowing, fate)) => (self.worker.client.pass_flowing(pass, flowing).await, Some(fate)),
            };
            self.settle.wait_ends();
            if let (Err(_), Some(failure)) = (&answered, fate.as_ref().and_then(|fate| fate.failure())) {
                // The provider did nothing wrong.
                return Err(failure);
            }
            if let Some(named) = fate.and_then(|fate| fate.named()) {
                self.settle.describe(Some(&named.model), said.stream);
                self.model = named.id;
            }
            self.settle.answered_as(answered.as_ref().ok().and_then(Upstream::request_id));
            self.note(key.as_ref().map(|(credential, _)| credential), &answered);
            if answered.as_ref().is_ok_and(|upstream| upstream.status == StatusCode::UNAUTHORIZED) {
                secrets::refused(&self.worker, &key);
            }
            match answered {
                // A key that is spent or refused says nothing of the others.
                Ok(upstream) if matches!(upstream.status.as_u16(), 401 | 429) && keys.peek().is_some() => {}
                Ok(upstream) => return Ok(upstream),
                Err(fault) => {
                    let provider = self.provider.slug.to_string();
                    return Err(Failure::Exhausted { provider, fault, all_rate_limited: false, wait: None });
                }
            }
        }
    }

    fn admission(&self, method: &Method) -> Result<Admission, Failure> {
        let context = self.settle.context();
        let tenant = context.tenant().ok_or(Failure::NotReady)?.clone();
        Ok(Admission { key: context.key.clone(), tenant, provider: self.provider.clone(), method: method.clone() })
    }

    /// The secrets to try, in order.
    async fn keys(&self) -> Result<Vec<secrets::Opened>, Failure> {
        secrets::usable(&self.worker, self.settle.context(), &self.provider, self.model.as_ref()).await
    }

    fn note(&mut self, credential: Option<&Arc<Credential>>, answered: &Result<Upstream, Fault>) {
        let (outcome, status, retry_after) = match answered {
            Ok(upstream) => {
                let outcome = match upstream.status.as_u16() {
                    429 => AttemptOutcome::RateLimited,
                    401 => AttemptOutcome::Unauthorised,
                    500.. => AttemptOutcome::ServerError,
                    400.. => AttemptOutcome::Refused,
                    // Nobody follows, and so no model has written anything.
                    300.. if self.generation.is_some() => AttemptOutcome::Refused,
                    _ => AttemptOutcome::Ok,
                };
                (outcome, Some(upstream.status.as_u16()), upstream.retry_after())
            }
            Err(fault) => (fault.outcome(), fault.status, fault.retry_after),
        };
        let Some(model) = &self.model else { return };
        let organisation = &self.settle.context().key.organisation;
        let report =
            Report { organisation, model, credential: credential.map(AsRef::as_ref), outcome, status, retry_after };
        self.worker.app.upstreams.report(&report, self.worker.app.clock.monotonic());
        let millis = Some(report::millis(self.began.elapsed()));
        self.settle.attempted(Attempt { status, millis, ..Attempt::new(model.clone(), outcome) });
    }

    fn pass_on(mut self, upstream: Upstream) -> Response<GatewayBody> {
        let mut response = Response::new(());
        *response.status_mut() = upstream.status;
        for (name, value) in upstream.passed_headers() {
            response.headers_mut().append(name.clone(), value.clone());
        }
        self.settle.standing().write_headers(response.headers_mut(), None);
        if upstream.status.is_success()
            && let Some(model) = self.model.clone()
        {
            self.settle.served_at(&model);
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let media_type = header(header::CONTENT_TYPE);
        let is_packed = header(header::CONTENT_ENCODING).is_some_and(|packed| packed != "identity");
        let meter = if is_packed { Meter::deaf() } else { Meter::new(media_type) };
        let is_bodiless = self.is_head || matches!(upstream.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if is_bodiless || upstream.is_at_end() {
            // Nobody would ask for its frames.
            let voice = self.settle.context().voice;
            let length = upstream.announced_length().filter(|_| self.is_head).cloned();
            if flow::end(self, upstream, meter).is_err() {
                return voice.response(&Failure::RecordsUnavailable);
            }
            response.headers_mut().extend(length.map(|length| (header::CONTENT_LENGTH, length)));
            return response.map(|()| GatewayBody::full(Bytes::new()));
        }
        response.map(|()| GatewayBody::stream(flow::frames(self, upstream, meter)))
    }
}

/// The caller's labels, which only the header can carry here.
fn labels(headers: &http::HeaderMap) -> Result<Vec<domain::Tag>, Failure> {
    let texts: Vec<_> = headers.get_all("x-tags").iter().filter_map(|value| value.to_str().ok()).collect();
    let tags = dialect::request::Tag::of_header(&texts.join(",")).map_err(Failure::Malformed)?;
    Ok(tags.into_iter().map(|tag| domain::Tag { key: tag.key, value: tag.value }).collect())
}
