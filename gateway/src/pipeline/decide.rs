//! Which models answer a request, in which order: by our own evaluation where no score is needed, else with the engine's.
//!
//! Degraded mode is the same function with one argument changed: `Scoring::Unavailable` instead of `Known`.

use std::borrow::Cow;
use std::time::Duration;

use dialect::openai::request::ChatRequest;
use domain::{Constraints, Decision, Degradation, Facts, Labels, ModelId, ProjectId, Route, Tenant};
use http::HeaderMap;
use policy::{Ask, Health, Question, Resolved, Scoring, Step};
use proto::DecideCall;
use tokio::time::Instant;

use crate::app::Worker;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::pipeline::converse;
use crate::sessions::SessionKey;

/// A decision, how long it took, and to which project the request belongs.
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    pub(crate) took: Duration,
    pub(crate) project: Option<ProjectId>,
    /// The conversation, where a policy keeps it on its model.
    pub(crate) session: Option<SessionKey>,
}

/// Decides for one request.
pub(crate) async fn decide(
    worker: &Worker,
    context: &RequestContext,
    request: &ChatRequest,
    router: Option<&str>,
    headers: &HeaderMap,
) -> Result<Decided, Failure> {
    let began = Instant::now();
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    let extensions = request.extensions();
    let ask = Ask {
        router,
        model: request.model(),
        routing_policy_id: extensions.routing_policy_id.as_deref().or_else(|| text(headers, "x-routing-policy-id")),
        models: extensions.models.as_deref().unwrap_or_default(),
        project: extensions.project_id.as_deref().or_else(|| text(headers, "x-project-id")),
    };
    let Resolved { route, project, models } = policy::resolve(tenant, &context.key, &ask).map_err(Failure::Refused)?;
    let labels = labels(context, request, headers, &route, project.as_ref())?;
    let facts = Facts { labels, ..facts(context, request, models) };
    let unhealthy = worker.app.upstreams.unhealthy_models(tenant, worker.app.clock.monotonic());
    let health = Health {
        unhealthy: unhealthy.into_iter().map(|(model, _)| model).collect(),
        latency: worker.app.latencies.of(&context.key.organisation),
    };
    let conversation = converse::find(worker, context, request, &route, headers)?;
    let session = conversation.as_ref().map(|it| it.key);
    let previous = conversation.and_then(|it| it.previous);
    let mut question = Question {
        tenant,
        version: context.live.snapshot.version,
        route: &route,
        facts: &facts,
        scoring: Scoring::NotAsked,
        health: &health,
        previous: previous.as_ref(),
        seed: context.id,
        now: context.now,
    };
    let decision = match policy::decide(&question).map_err(Failure::Refused)? {
        Step::Decided(decision) => *decision,
        Step::NeedsScore => {
            let input = request.scorer_input();
            let call = DecideCall {
                organisation: context.key.organisation.clone(),
                route: route.clone(),
                facts: facts.clone(),
                text: input.text,
                context: input.context,
                truncated: input.truncated,
                unhealthy: health.unhealthy.iter().cloned().collect(),
                previous: previous.clone(),
                version: question.version,
                seed: question.seed,
                now: question.now,
            };
            let answer = worker.engine.decide(&worker.app, &call).await;
            let score = match answer {
                Ok(answer) => {
                    if let Some(decision) = answer.decision.filter(|decision| is_ours(decision, tenant, &facts)) {
                        return Ok(Decided { decision, took: began.elapsed(), project, session });
                    }
                    // Neither a decision that will do, nor a score, nor a word why: an engine that is no help.
                    answer.score.ok_or(answer.degraded.unwrap_or(Degradation::Engine))
                }
                Err(degradation) => Err(degradation),
            };
            question.scoring = match &score {
                Ok(score) => Scoring::Known(score),
                Err(degradation) => Scoring::Unavailable(*degradation),
            };
            match policy::decide(&question).map_err(Failure::Refused)? {
                Step::Decided(decision) => *decision,
                // Never after anything but `NotAsked`; an engine bug must not become the caller's.
                Step::NeedsScore => return Err(Failure::Internal),
            }
        }
    };
    Ok(Decided { decision, took: began.elapsed(), project, session })
}

/// Whether an engine's decision stays within what we know and the request allows; any other is set aside.
fn is_ours(decision: &Decision, tenant: &Tenant, facts: &Facts) -> bool {
    let allowed = |model: &ModelId| {
        tenant.models.contains_key(model) && (facts.allowed_models.is_empty() || facts.allowed_models.contains(model))
    };
    let is_ours = !decision.candidates.is_empty() && decision.candidates.iter().all(|it| allowed(&it.model));
    if !is_ours {
        metrics::counter!("signalbox_engine_decisions_rejected_total").increment(1);
    }
    is_ours
}

fn facts(context: &RequestContext, request: &ChatRequest, models: Vec<ModelId>) -> Facts {
    Facts {
        features: request.features().clone(),
        requested_model: request.model().map(str::to_owned),
        constraints: Constraints { models, ..request.constraints() },
        allowed_models: context.key.allowed_models.clone(),
        labels: Labels::default(),
        instructions: request.extensions().routing.instructions.clone(),
    }
}

/// What rules read of the request; nothing where there are none, so that such requests neither pay for it nor have it
/// sent to the engine. Tags are checked all the same: a rule added later breaks no caller.
fn labels(
    context: &RequestContext,
    request: &ChatRequest,
    headers: &HeaderMap,
    route: &Route,
    project: Option<&ProjectId>,
) -> Result<Labels, Failure> {
    let tags_header = headers.get_all("x-tags").iter().map(|value| ("x-tags", value.as_bytes()));
    let tags_header: Vec<_> = tags_header.map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
    let tags = request.tags(texts(&tags_header)).map_err(Failure::Malformed)?;
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    if !policy::has_rules(tenant, route) {
        return Ok(Labels::default());
    }
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))).collect();
    let labels = request.labels(&tags, texts(&headers)).map_err(Failure::Malformed)?;
    Ok(Labels { project: project.cloned(), key_name: Some(context.key.name.clone()), ..labels })
}

fn texts<'a>(headers: &'a [(&'a str, Cow<'a, str>)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_ref()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}
