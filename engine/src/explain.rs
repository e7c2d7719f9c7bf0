//! Decides for one request without calling a model: resolves as a gateway would, scores, decides, and says what came
//! out: the decision record, or the error the gateway would send.
//!
//! The caller derives the facts from the body, for bodies are the gateway's business. An injected complexity or
//! capability takes the place of the scorer's, which is asked all the same for the length of the answer. Who asks what
//! moved the score gets it from a thread of its own, one explanation at a time, so that decisions do not wait for it.

use std::time::Duration;

use domain::{
    ApiKey, Decision, Degradation, Facts, KeyHash, KeyId, OrganisationId, OutputTokens, Previous, RequestId, Route,
    Scope, Score, ScorerInput, Tenant, Timestamp,
};
use policy::{Ask, Health, Question, Refusal, Resolved, Scoring, Step};
use proto::ConvertError;
use proto::convert::routing::capabilities_from_pb;
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::explain_response::Answer;
use scorer::influence::{self, Influence};
use serde_json::{Value, json};
use tonic::Status;

use crate::auth::Caller;
use crate::shared::Shared;
use crate::status;

/// The draw of an explanation whose caller names no request: always the same.
const SEED: u128 = 0;

/// What a prompt may be cut to by the caller; the scorer reads less.
const TEXT_BYTES: usize = 64 << 10;
/// Influences that are told.
const INFLUENCES: usize = 8;

/// What takes the place of the scorer's word.
struct Injected {
    complexity: Option<f64>,
    difficulty: Option<f64>,
    capabilities: Vec<(domain::CapabilityTag, f64)>,
}

pub(crate) async fn explain(
    shared: &Shared,
    caller: &Caller,
    request: pb::ExplainRequest,
    deadline: Duration,
) -> Result<pb::ExplainResponse, Status> {
    for (field, text) in [("text", &request.text), ("context", &request.context)] {
        if text.len() > TEXT_BYTES {
            let found = text.len();
            let message = format!("{field}: has {found} bytes; send its end, at most {TEXT_BYTES}");
            return Err(Status::invalid_argument(message));
        }
    }
    let organisation = shared.organisation(request.organisation.as_deref(), caller)?;
    let snapshot = shared.registry.snapshot();
    let tenant = snapshot
        .tenant(&organisation.id)
        .ok_or_else(|| Status::not_found("organisation: was removed meanwhile; name another one"))?;
    let key = match &request.key {
        Some(text) => {
            let found = shared.registry.find_key(&organisation.id, text).map_err(|it| status::of_unknown(&it))?;
            ApiKey::clone(&found)
        }
        None => anybody(&organisation.id),
    };
    let injected = injected(&request)?;
    let seed = request.seed.as_deref().map(RequestId::parse).transpose();
    let seed = seed.map_err(|error| Status::invalid_argument(format!("seed: {error}")))?;
    let mut facts = Facts::try_from(request.facts.clone().unwrap_or_default())
        .map_err(|error: ConvertError| Status::from(error.within("facts")))?;

    let previous = request.previous.clone().map(Previous::try_from).transpose();
    let previous = previous.map_err(|error| Status::from(error.within("previous")))?;

    let resolved = match resolve(tenant, &key, &request, &facts)? {
        Ok(resolved) => resolved,
        Err(refusal) => return Ok(refused(&refusal)),
    };
    facts.constraints.models = resolved.models;
    facts.allowed_models = key.allowed_models;
    facts.labels.project = resolved.project;
    facts.labels.key_name = request.key.is_some().then_some(key.name);
    let health = Health { latency: shared.feedback.latencies(&organisation.id), ..Health::default() };
    let mut question = Question {
        tenant,
        version: snapshot.version,
        route: &resolved.route,
        facts: &facts,
        scoring: Scoring::NotAsked,
        health: &health,
        previous: previous.as_ref(),
        seed: seed.unwrap_or(RequestId::from_value(SEED)),
        now: shared.clock.wall(),
    };
    match policy::decide(&question) {
        Ok(Step::Decided(decision)) => return decided(&decision),
        Ok(Step::NeedsScore) => {}
        Err(refusal) => return Ok(refused(&refusal)),
    }
    let input = ScorerInput {
        text: request.text,
        context: request.context,
        truncated: request.truncated,
        features: facts.features.clone(),
    };
    let wants_influences = request.influences && injected.complexity.is_none();
    let scored = shared.batcher.score(input.clone(), deadline).await.ok();
    let influences = match &scored {
        Some(score) if wants_influences => influences(shared, input, score, deadline).await,
        _ => Ok(Vec::new()),
    };
    let score = injected.over(scored);
    question.scoring = score.as_ref().map_or(Scoring::Unavailable(Degradation::Scorer), Scoring::Known);
    let response = match policy::decide(&question) {
        Ok(Step::Decided(decision)) => decided(&decision)?,
        Ok(Step::NeedsScore) => return Err(Status::internal("the decision asked for a score that it was given")),
        Err(refusal) => refused(&refusal),
    };
    // An explanation without influences is better than none.
    let influences_fault = influences.as_ref().err().cloned();
    let influences = influences.unwrap_or_default();
    Ok(pb::ExplainResponse { score: score.as_ref().map(Into::into), influences, influences_fault, ..response })
}

/// What moved a score most, by the scorer that gave it; or why that is not known.
async fn influences(
    shared: &Shared,
    input: ScorerInput,
    score: &Score,
    deadline: Duration,
) -> Result<Vec<pb::Influence>, String> {
    let scorer = shared.scorers.serving();
    if *scorer.version() != score.version {
        return Err("another scorer was promoted meanwhile: explain again".to_owned());
    }
    let found = async {
        let place = shared.explanations.clone().acquire_owned().await.ok();
        let finding = tokio::task::spawn_blocking(move || {
            let _place = place;
            influence::of(scorer.as_ref(), &input)
        });
        let found = finding.await.map_err(|_| "the scorer panicked over a part of the prompt".to_owned())?;
        found.map_err(|failure| format!("a part of the prompt cannot be scored: {failure}"))
    };
    let left = deadline.saturating_sub(shared.clock.monotonic());
    let found = tokio::time::timeout(left, found).await;
    let found = found.map_err(|_| "the deadline passed before they were found: allow more time".to_owned())??;
    Ok(found.into_iter().take(INFLUENCES).map(told).collect())
}

fn told(it: Influence) -> pb::Influence {
    pb::Influence { piece: it.piece, complexity: it.complexity_delta, difficulty: it.difficulty_delta }
}

/// Finds the route; a policy named by the operator goes before whatever the request says.
fn resolve(
    tenant: &Tenant,
    key: &ApiKey,
    request: &pb::ExplainRequest,
    facts: &Facts,
) -> Result<Result<Resolved, Refusal>, Status> {
    if let Some(text) = &request.policy {
        let policy = tenant
            .policy_named(text)
            .ok_or_else(|| Status::not_found(format!("policy: there is no policy `{text}`; list them to see names")))?;
        let route = Route::Policy(policy.id.clone());
        let named = request.project.as_deref().and_then(|id| tenant.projects.get(id)).map(|it| it.id.clone());
        return Ok(Ok(Resolved { route, project: named.or_else(|| key.project.clone()), models: Vec::new() }));
    }
    // Paths name routers by id; whoever explains may know the name alone.
    let named = |text: &str| tenant.routers.values().find(|it| it.name == text).map(|it| it.id.to_string());
    let router = request.router.as_ref().map(|text| named(text).unwrap_or_else(|| text.clone()));
    let ask = Ask {
        router: router.as_deref(),
        model: facts.requested_model.as_deref(),
        routing_policy_id: request.routing_policy.as_deref(),
        models: &request.models,
        project: request.project.as_deref(),
    };
    Ok(policy::resolve(tenant, key, &ask))
}

fn injected(request: &pb::ExplainRequest) -> Result<Injected, Status> {
    if let Some(complexity) = request.complexity
        && !(0.0..=1.0).contains(&complexity)
    {
        return Err(Status::invalid_argument(format!("complexity: {complexity} is not within 0 and 1")));
    }
    if let Some(difficulty) = request.difficulty.filter(|it| !it.is_finite()) {
        return Err(Status::invalid_argument(format!("difficulty: {difficulty} is not a finite number")));
    }
    Ok(Injected {
        complexity: request.complexity,
        difficulty: request.difficulty,
        capabilities: capabilities_from_pb(&request.capabilities)?,
    })
}

impl Injected {
    /// The score with what was injected in its place; without a score, as much of one as an injected complexity or difficulty makes.
    fn over(self, score: Option<Score>) -> Option<Score> {
        if self.complexity.is_none() && self.difficulty.is_none() && self.capabilities.is_empty() {
            return score;
        }
        let is_enough = self.complexity.is_some() || self.difficulty.is_some();
        let mut score = score.or_else(|| is_enough.then(bare))?;
        score.complexity = self.complexity.unwrap_or(score.complexity);
        score.difficulty = self.difficulty.unwrap_or(score.difficulty);
        for (tag, probability) in self.capabilities {
            score.capabilities.retain(|(known, _)| *known != tag);
            score.capabilities.push((tag, probability));
        }
        score.version = format!("{}+injected", score.version).into();
        Some(score)
    }
}

/// A score of a middling prompt.
fn bare() -> Score {
    Score {
        complexity: 0.5,
        difficulty: 0.0,
        capabilities: Vec::new(),
        // What an answer is taken to be where nothing is known.
        expected_output_tokens: OutputTokens { p50: 512, p90: 512 },
        uncertainty: 0.0,
        truncated: false,
        micros: 0,
        version: "none".into(),
    }
}

/// A key that may do everything and names no policy.
fn anybody(organisation: &OrganisationId) -> ApiKey {
    ApiKey {
        per_user: domain::Limits::default(),
        user: None,
        body_logging: None,
        budget: None,
        limits: domain::Limits::default(),
        id: KeyId::from_random([0; 20]),
        organisation: organisation.clone(),
        project: None,
        name: "anybody".to_owned(),
        hash: KeyHash([0; 32]),
        hint: String::new(),
        scopes: vec![Scope::Routing],
        allowed_models: Vec::new(),
        routing: None,
        expires_at: None,
        revoked_at: None,
        created_at: Timestamp::default(),
    }
}

fn decided(decision: &Decision) -> Result<pb::ExplainResponse, Status> {
    let record = serde_json::to_vec(decision).map_err(|error| Status::internal(format!("record_json: {error}")))?;
    Ok(pb::ExplainResponse { answer: Some(Answer::RecordJson(record)), ..Default::default() })
}

/// The error object as the `OpenAI` surface shows it.
fn refused(refusal: &Refusal) -> pb::ExplainResponse {
    let mut error = json!({
        "message": refusal.to_string(),
        "type": refusal.kind(),
        "param": refusal.param(),
        "code": refusal.code(),
        "source": "gateway",
        "provider": null,
        "status": refusal.status(),
    });
    if !refusal.removed().is_empty() {
        let removed = refusal.removed().iter().map(|it| json!({"model": it.model, "reason": it.reason}));
        error["removed"] = Value::Array(removed.collect());
    }
    let refusal = json!({ "error": error }).to_string().into_bytes();
    pb::ExplainResponse { answer: Some(Answer::RefusalJson(refusal)), ..Default::default() }
}
