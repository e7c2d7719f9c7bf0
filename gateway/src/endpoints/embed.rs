//! `POST /v1/embeddings`, `:embedContent`, `:batchEmbedContents`: vectors of a model that the caller names.
//!
//! Vectors of different models cannot be compared, so nothing is chosen here: the model named answers, and where it
//! fails another provider's offer of the same model — the same native name and dimensions — does.

use std::sync::Arc;

use dialect::canonical::Loss;
use dialect::embeddings::{EmbeddingsAnswer, EmbeddingsRequest, Shown};
use dialect::{BadAnswer, BadRequest, Dialect, Surface};
use domain::{Ability, Attempt, AttemptOutcome, Model, ModelId, Provider, Route, Usage};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use policy::{Ask, Resolved};
use providers::{Call, Fault, FaultKind, Report, Waits};
use serde::Serialize;
use tokio::time::Instant;

use crate::app::Worker;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::endpoints::generate::{check_media_type, forwarded, refused};
use crate::error::Failure;
use crate::layers::body_limit;
use crate::layers::load_shed::InFlight;
use crate::pipeline::bodies::Keepable;
use crate::pipeline::limits::{self, Asked};
use crate::pipeline::report::{self, Closing};
use crate::pipeline::secrets::{self, Opened};
use crate::pipeline::settle::{End, Settle};

/// Candidates that are tried at most.
const ATTEMPTS: usize = 3;

/// One request on its way.
struct Errand {
    worker: Arc<Worker>,
    settle: Settle,
    request: EmbeddingsRequest,
    /// Of the caller, for those who speak as it does.
    headers: HeaderMap,
    spoken: Dialect,
}

/// What the answer says of us.
#[derive(Serialize)]
struct Routing<'a> {
    requested_model: Option<&'a str>,
    selected_model: &'a ModelId,
    reason: &'static str,
    strategy: &'static str,
    attempts: &'a [Attempt],
    #[serde(skip_serializing_if = "Loss::is_empty")]
    loss: &'a Loss,
    #[serde(flatten)]
    closing: Closing,
}

/// Answers with vectors. From here on every way out leaves a record.
pub(crate) async fn answer(
    worker: Arc<Worker>,
    context: RequestContext,
    request: Request<Incoming>,
    surface: Surface<'_>,
    mut in_flight: InFlight,
) -> Response<GatewayBody> {
    let mut settle = Settle::open(worker.app.clone(), context);
    settle.came_through(domain::Surface::Embeddings);
    let prepared = prepare(&worker, &mut settle, request, &surface, &mut in_flight).await;
    let recorder = settle.take_recorder();
    let response = match prepared {
        Ok((request, headers, candidates)) => {
            Errand { worker, settle, request, headers, spoken: surface.dialect }.run(&candidates).await
        }
        Err(failure) => refused(settle, &failure),
    };
    response.map(|body| body.holding(Some(in_flight)).recorded(recorder))
}

async fn prepare(
    worker: &Worker,
    settle: &mut Settle,
    request: Request<Incoming>,
    surface: &Surface<'_>,
    in_flight: &mut InFlight,
) -> Result<(EmbeddingsRequest, HeaderMap, Vec<Arc<Model>>), Failure> {
    let (head, body) = request.into_parts();
    check_media_type(&head.headers)?;
    settle.once(&head.headers)?;
    let body = body_limit::read(body, worker.app.limits(), in_flight).await?;
    settle.work_begins();
    let keepable = Keepable::of(settle.context(), &head.headers, &body);
    let request = EmbeddingsRequest::of(surface, body).map_err(Failure::Malformed)?;
    settle.keep(keepable, || request.constraints());
    settle.describe(request.model(), false);
    let candidates = candidates(settle.context(), &request, surface.router)?;
    let user = request.member("user").and_then(|json| serde_json::from_slice(json).ok());
    let asked = Asked { input_tokens: request.features().input_tokens, max_output_tokens: Some(0), answers: 1, user };
    limits::hold_undecided(settle, candidates.first().map(|model| &model.id), &asked).await?;
    settle.start().map_err(|_| Failure::RecordsUnavailable)?;
    Ok((request, forwarded(&head.headers, surface.dialect), candidates))
}

/// The model that is named, then the same model at other providers.
fn candidates(
    context: &RequestContext,
    request: &EmbeddingsRequest,
    router: Option<&str>,
) -> Result<Vec<Arc<Model>>, Failure> {
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    let extensions = request.extensions();
    let ask = Ask {
        router,
        model: request.model(),
        routing_policy_id: None,
        models: &[],
        project: extensions.project_id.as_deref(),
    };
    let Resolved { route, .. } = policy::resolve(tenant, &context.key, &ask).map_err(Failure::Refused)?;
    let Route::Direct(named) = route else { return Err(needs_a_model()) };
    let named = tenant.models.get(&named).ok_or_else(|| Failure::UnknownModel(named.to_string()))?.clone();
    // What declares nothing may be anything.
    if !named.capabilities.is_empty() && !named.can(Ability::Embeddings) {
        return Err(Failure::Malformed(BadRequest {
            message: format!("`model` {} makes no vectors: name one that has the capability `embeddings`", named.id),
            param: Some("model".to_owned()),
            code: "invalid_value",
        }));
    }
    let limits = request.constraints();
    let may_answer = |model: &Model| {
        let Some(provider) = tenant.provider_of(&model.id) else { return false };
        let allowed = &context.key.allowed_models;
        tenant.is_callable(model)
            && (allowed.is_empty() || allowed.contains(&model.id))
            && !limits.ignored_providers.contains(&provider.slug)
            && (limits.only_providers.is_empty() || limits.only_providers.contains(&provider.slug))
            && policy::keeps_privacy(model, Some(provider.as_ref()), &limits).is_ok()
    };
    let is_same = |model: &&Arc<Model>| {
        model.id != named.id
            && model.native == named.native
            && model.dimensions == named.dimensions
            && model.can(Ability::Embeddings)
            && may_answer(model)
    };
    let mut candidates: Vec<Arc<Model>> = Some(&named).filter(|model| may_answer(model)).cloned().into_iter().collect();
    candidates.extend(tenant.models.values().filter(is_same).cloned());
    candidates.truncate(ATTEMPTS);
    let allowed = &context.key.allowed_models;
    match candidates.is_empty() {
        false => Ok(candidates),
        true if allowed.is_empty() || allowed.contains(&named.id) => Err(Failure::UnknownModel(named.id.to_string())),
        true => Err(Failure::ModelNotAllowed { provider: named.id.provider().to_owned() }),
    }
}

fn needs_a_model() -> Failure {
    Failure::Malformed(BadRequest {
        message:
            "`model` must name one model of vectors, such as `openai/text-embedding-3-small`: vectors of different \
                  models cannot be compared, so none is chosen"
                .to_owned(),
        param: Some("model".to_owned()),
        code: "invalid_value",
    })
}

impl Errand {
    async fn run(mut self, candidates: &[Arc<Model>]) -> Response<GatewayBody> {
        let mut last = Failure::Internal;
        for model in candidates {
            let began = Instant::now();
            match self.attempt(model).await {
                Ok(answer) => return self.deliver(model, began, &answer.0, &answer.1),
                Err(failure) => {
                    let fault = match &failure {
                        Failure::Exhausted { fault, .. } | Failure::Upstream { fault, .. } => Some(fault),
                        _ => None,
                    };
                    let outcome = fault.map_or(AttemptOutcome::NotSent, Fault::outcome);
                    let status = fault.and_then(|fault| fault.status);
                    self.attempted(model, outcome, status, began);
                    let is_final = matches!(failure, Failure::Upstream { .. } | Failure::Malformed(_));
                    last = failure;
                    if is_final {
                        break;
                    }
                }
            }
        }
        refused(self.settle, &last)
    }

    async fn attempt(&mut self, model: &Arc<Model>) -> Result<(EmbeddingsAnswer, Loss), Failure> {
        let context = self.settle.context();
        let provider = context.tenant().and_then(|tenant| tenant.provider_of(&model.id)).cloned();
        let provider = provider.ok_or(Failure::NotReady)?;
        let secrets = secrets::usable(&self.worker, context, &provider, Some(&model.id)).await?;
        let mut failed = Failure::Internal;
        for secret in secrets {
            match self.call(model, &provider, &secret).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => {
                    self.tell(model, &secret, Err(&fault));
                    let is_same = Dialect::of(provider.dialect) == Some(Dialect::Openai);
                    let fault = if is_same { fault } else { fault.in_another_dialect() };
                    let another_key = fault.retry == providers::Retry::NextCredential;
                    failed = failure_of(&provider, fault);
                    if !another_key {
                        break;
                    }
                }
            }
        }
        Err(failed)
    }

    async fn call(
        &mut self,
        model: &Model,
        provider: &Arc<Provider>,
        secret: &Opened,
    ) -> Result<(EmbeddingsAnswer, Loss), Fault> {
        let unfit = |why: String| Fault::new(FaultKind::NotSent, why);
        let dialect = Dialect::of(provider.dialect)
            .ok_or_else(|| unfit(format!("`{}` speaks a dialect of its own", provider.slug)))?;
        let body = self.request.encode_for(dialect, &model.native).map_err(|why| unfit(why.to_string()))?;
        let path = self
            .request
            .path(dialect, &model.native)
            .ok_or_else(|| unfit("the provider has no embeddings".to_owned()))?;
        let remaining = self.settle.context().deadline.saturating_duration_since(Instant::now());
        let waits = Waits::resolve(&provider.timeouts).within(remaining);
        let none = HeaderMap::new();
        let call = Call {
            provider,
            path: &path,
            model: &model.native,
            headers: if dialect == self.spoken { &self.headers } else { &none },
            body: body.body,
            secret: secret.as_ref().map(|(_, secret)| secret.as_ref()),
            stream: false,
            waits,
        };
        self.settle.sent_to(&model.id, self.request.features().input_tokens);
        self.settle.sent_with(secret.as_ref().map(|(credential, _)| &credential.id));
        self.settle.wait_begins();
        let answered = async {
            let upstream = self.worker.client.send(call).await?;
            upstream.collect(self.worker.app.limits().answer_bytes, waits.total).await
        }
        .await;
        self.settle.wait_ends();
        let answer = EmbeddingsAnswer::decode(dialect, answered?, &self.request);
        let answer = answer.map_err(|bad| fault_of(bad, secret))?;
        self.tell(model, secret, Ok(()));
        Ok((answer, body.loss))
    }

    /// Tells the health of upstreams how a call went.
    fn tell(&self, model: &Model, secret: &Opened, went: Result<(), &Fault>) {
        let fault = went.err();
        if fault.is_some_and(|fault| fault.kind == FaultKind::Unauthorised) {
            secrets::refused(&self.worker, secret);
        }
        let report = Report {
            organisation: &model.organisation,
            model: &model.id,
            credential: secret.as_ref().map(|(credential, _)| credential.as_ref()),
            outcome: fault.map_or(AttemptOutcome::Ok, Fault::outcome),
            status: fault.and_then(|fault| fault.status),
            retry_after: fault.and_then(|fault| fault.retry_after),
        };
        self.worker.app.upstreams.report(&report, self.worker.app.clock.monotonic());
    }

    fn attempted(&mut self, model: &Model, outcome: AttemptOutcome, status: Option<u16>, began: Instant) {
        let millis = Some(report::millis(began.elapsed()));
        self.settle.attempted(Attempt { status, millis, ..Attempt::new(model.id.clone(), outcome) });
    }

    fn deliver(
        mut self,
        model: &Model,
        began: Instant,
        answer: &EmbeddingsAnswer,
        loss: &Loss,
    ) -> Response<GatewayBody> {
        let estimate =
            Usage { prompt_tokens: self.request.features().input_tokens, estimated: true, ..Usage::default() };
        let usage = answer.usage().unwrap_or(estimate);
        self.attempted(model, AttemptOutcome::Ok, None, began);
        self.settle.served_at(&model.id);
        self.settle.consumed(usage);
        self.settle.served_by(answer.served_model());
        self.settle.lost(loss);
        let (attempts, standing) = (self.settle.attempts().to_vec(), self.settle.standing());
        let Ok(settled) = self.settle.finish(End::completed()) else {
            return self.settle.context().voice.response(&Failure::RecordsUnavailable);
        };
        let routing = Routing {
            requested_model: self.request.model(),
            selected_model: &model.id,
            reason: "named by the request",
            strategy: "single",
            attempts: &attempts,
            loss,
            closing: Closing::new(&settled),
        };
        let routing = serde_json::to_vec(&routing).expect("plain data with string keys is always JSON");
        let named: &[(&str, &[u8])] =
            if self.request.extensions().include_routing_metadata { &[("routing", &routing)] } else { &[] };
        let shown = Shown { model: model.id.as_str(), usage, routing: named };
        let mut response = Response::new(GatewayBody::full(answer.render(&self.request, &shown)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(name) = HeaderValue::try_from(model.id.as_str()) {
            response.headers_mut().insert("x-routing-model", name);
        }
        standing.write_headers(response.headers_mut(), None);
        response
    }
}

fn fault_of(bad: BadAnswer, secret: &Opened) -> Fault {
    match bad {
        BadAnswer::Upstream(said) => Fault::from_report(said, secret.as_ref().map(|(_, secret)| secret.as_ref())),
        other => Fault::new(FaultKind::BadAnswer, other.to_string()).charged(),
    }
}

/// The caller's own mistake would be one anywhere; everything else may go better elsewhere.
fn failure_of(provider: &Provider, fault: Fault) -> Failure {
    let provider = provider.slug.to_string();
    match fault.retry {
        providers::Retry::Never | providers::Retry::LongerContext => Failure::Upstream { provider, fault },
        providers::Retry::NextCredential | providers::Retry::NextCandidate => {
            let (all_rate_limited, wait) = (fault.kind == FaultKind::RateLimited, fault.retry_after);
            Failure::Exhausted { provider, fault, all_rate_limited, wait }
        }
    }
}
