//! Which models answer a request, in which order: always by our own evaluation, with the engine's score where it matters.
//!
//! Degraded mode is the same function with one argument changed: `Scoring::Unavailable` instead of `Known`.

use std::borrow::Cow;
use std::time::Duration;

use dialect::Request;
use dialect::request::Tag;
use domain::{
    Arguments, Constraints, Decision, Degradation, Facts, Labels, ModelId, ProjectId, Removal, Route, Scored,
};
use http::HeaderMap;
use policy::{Ask, Health, Question, Refusal, Resolved, Scoring, Step};
use proto::DecideCall;
use providers::Access;
use tokio::time::Instant;

use crate::app::Worker;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::kept::Keeper;
use crate::pipeline::converse;
use crate::sessions::SessionKey;

/// A decision and what it was made of, how long it took, and to which project the request belongs.
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    pub(crate) arguments: Box<Arguments>,
    pub(crate) took: Duration,
    pub(crate) project: Option<ProjectId>,
    /// The caller's labels, for the record.
    pub(crate) tags: Vec<domain::Tag>,
    /// The conversation, where a policy keeps it on its model.
    pub(crate) session: Option<SessionKey>,
    /// Who has kept the answer that the request goes on with, where that is known.
    pub(crate) keeper: Option<Keeper>,
}

/// Decides for one request.
pub(crate) async fn decide(
    worker: &Worker,
    context: &RequestContext,
    request: &Request,
    router: Option<&str>,
    headers: &HeaderMap,
) -> Result<Decided, Failure> {
    let began = Instant::now();
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    let ask = destination(request, router, headers);
    let Resolved { route, project, models } = policy::resolve(tenant, &context.key, &ask).map_err(Failure::Refused)?;
    let tags = tags(request, headers)?;
    let labels = labels(context, request, headers, &route, project.as_ref(), &tags)?;
    let keeper = keeper(worker, context, request);
    let facts = Facts { labels, ..facts(context, request, models, keeper.as_ref()) };
    let router = router.and_then(|id| tenant.routers.get(id)).map(AsRef::as_ref);
    let access = Access { router, user: context.key.user.as_deref() };
    let unhealthy = worker.app.upstreams.unhealthy_models(tenant, access, worker.app.clock.monotonic());
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
    let refused = |refusal: Refusal| match &keeper {
        Some(keeper) if !refusal.removed().is_empty() => {
            Failure::KeptElsewhere { keeper: keeper.provider.clone(), refusal }
        }
        Some(_) | None => refused_of(request, refusal),
    };
    let (decision, scoring) = match policy::decide(&question).map_err(refused)? {
        Step::Decided(decision) => (*decision, Scored::NotAsked),
        Step::NeedsScore => {
            let scoring = ask_engine(worker, context, request, &question).await;
            question.scoring = (&scoring).into();
            match policy::decide(&question).map_err(refused)? {
                Step::Decided(decision) => (*decision, scoring),
                // Never after anything but `NotAsked`.
                Step::NeedsScore => return Err(Failure::Internal),
            }
        }
    };
    let health = health.of(decision.considered());
    let arguments = Box::new(Arguments { route, facts, scoring, health, previous, now: context.now });
    let tags = tags.into_iter().map(|tag| domain::Tag { key: tag.key, value: tag.value }).collect();
    Ok(Decided { decision, arguments, took: began.elapsed(), project, tags, session, keeper })
}

/// What a request says about where it wants to go, in its path, its body and its headers.
pub(crate) fn destination<'a>(request: &'a Request, router: Option<&'a str>, headers: &'a HeaderMap) -> Ask<'a> {
    let extensions = request.extensions();
    Ask {
        router,
        model: request.model(),
        routing_policy_id: extensions.routing_policy_id.as_deref().or_else(|| text(headers, "x-routing-policy-id")),
        models: extensions.models.as_deref().unwrap_or_default(),
        project: extensions.project_id.as_deref().or_else(|| text(headers, "x-project-id")),
    }
}

/// A request that nobody may answer. One for a thread that was left without a candidate since others keep none is told
/// so in its dialect's own words: its client goes on without a thread then.
fn refused_of(request: &Request, refusal: Refusal) -> Failure {
    let is_for_what_is_kept = refusal.removed().iter().any(|it| it.reason == Removal::KeptState);
    match request.refusal_elsewhere() {
        Some(bad) if is_for_what_is_kept => Failure::Malformed(bad),
        Some(_) | None => Failure::Refused(refusal),
    }
}

/// Asks for a score. The decision that an engine sends beside it is for clients that cannot decide themselves: what is
/// followed here is what is recorded, together with everything it was made of.
async fn ask_engine(worker: &Worker, context: &RequestContext, request: &Request, question: &Question<'_>) -> Scored {
    let input = request.scorer_input();
    let call = DecideCall {
        organisation: context.key.organisation.clone(),
        route: question.route.clone(),
        facts: question.facts.clone(),
        text: input.text,
        context: input.context,
        truncated: input.truncated,
        unhealthy: question.health.unhealthy.iter().cloned().collect(),
        previous: question.previous.cloned(),
        version: question.version,
        seed: question.seed,
        now: question.now,
    };
    match worker.engine.decide(&worker.app, &call).await {
        // Neither a score nor a word why: an engine that is no help.
        Ok(answer) => {
            answer.score.map_or(Scored::Unavailable(answer.degraded.unwrap_or(Degradation::Engine)), Scored::Known)
        }
        Err(degradation) => Scored::Unavailable(degradation),
    }
}

/// Who has kept the answer that a request goes on with, as far as this process knows.
fn keeper(worker: &Worker, context: &RequestContext, request: &Request) -> Option<Keeper> {
    let name = request.continued()?;
    worker.app.kept.keeper(&context.key.organisation, name, worker.app.clock.monotonic())
}

fn facts(context: &RequestContext, request: &Request, models: Vec<ModelId>, keeper: Option<&Keeper>) -> Facts {
    let kept_by = keeper.map(|keeper| keeper.provider.clone());
    Facts {
        features: request.features().clone(),
        requested_model: request.model().map(str::to_owned),
        constraints: Constraints { models, kept_by, ..request.constraints() },
        allowed_models: context.key.allowed_models.clone(),
        labels: Labels::default(),
        instructions: request.extensions().routing.instructions.clone(),
    }
}

/// The caller's labels: also where no rule reads them they are checked and recorded.
fn tags(request: &Request, headers: &HeaderMap) -> Result<Vec<Tag>, Failure> {
    let tags_header = headers.get_all("x-tags").iter().map(|value| ("x-tags", value.as_bytes()));
    let tags_header: Vec<_> = tags_header.map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
    request.tags(texts(&tags_header)).map_err(Failure::Malformed)
}

/// What rules read of the request and no more, so that what they do not ask about is neither sent nor kept.
fn labels(
    context: &RequestContext,
    request: &Request,
    headers: &HeaderMap,
    route: &Route,
    project: Option<&ProjectId>,
    tags: &[Tag],
) -> Result<Labels, Failure> {
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    if policy::label_fields(tenant, route).is_empty() {
        return Ok(Labels::default());
    }
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))).collect();
    let labels = request.labels(tags, texts(&headers)).map_err(Failure::Malformed)?;
    let all = Labels { project: project.cloned(), key_name: Some(context.key.name.clone()), ..labels };
    Ok(policy::labels_read(tenant, route, all))
}

fn texts<'a>(headers: &'a [(&'a str, Cow<'a, str>)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_ref()))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}
