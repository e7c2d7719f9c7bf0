//! `routing.v1.Routing`: scores a prompt, decides with the very function the gateway has, and takes reports.
//!
//! Where the caller holds another configuration it gets the score alone and decides for itself; likewise where no
//! candidate is left, so that the refusal is made where its error is written.

mod defaults;

use std::sync::Arc;

use domain::{Degradation, Score, ScorerInput, Snapshot};
use policy::{Health, Question, Scoring, Step};
use proto::pb::routing::v1 as pb;
use proto::pb::routing::v1::routing_server::Routing;
use proto::{ConvertError, DecideAnswer, DecideCall, OutcomeReport};
use tonic::{Request, Response, Status};

use crate::batcher::ScoreFailure;
use crate::deadline::deadline;
use crate::shared::Shared;
use crate::status;

/// What a prompt may be cut to by the caller; the scorer reads less.
const TEXT_BYTES: usize = 64 << 10;
/// Prompts of one `Score`.
const PROMPTS: usize = 64;
/// Outcomes of one `Report`.
const OUTCOMES: usize = 1000;

pub(crate) struct RoutingService {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl Routing for RoutingService {
    async fn decide(&self, request: Request<pb::DecideRequest>) -> Result<Response<pb::DecideResponse>, Status> {
        let deadline = deadline(request.metadata(), self.shared.clock.as_ref());
        let mut request = request.into_inner();
        defaults::fill(&self.shared, &self.shared.registry.snapshot(), &mut request)?;
        let holds_none = request.version.is_none();
        let version = self.shared.registry.version();
        request.version.get_or_insert_with(|| version.into());
        let mut call = DecideCall::try_from(request)?;
        check_text("text", &call.text)?;
        check_text("context", &call.context)?;
        let input = ScorerInput {
            text: std::mem::take(&mut call.text),
            context: std::mem::take(&mut call.context),
            truncated: call.truncated,
            features: call.facts.features.clone(),
        };
        let score = match self.shared.batcher.score(input, deadline).await {
            Ok(score) => Some(score),
            Err(failure @ (ScoreFailure::Overloaded { .. } | ScoreFailure::Crowded { .. } | ScoreFailure::Expired)) => {
                return Err(status::of_scoring(&failure));
            }
            // The scorer is at fault, not the load: the caller is better served by a decision without a score.
            Err(_) => None,
        };
        let health = Health {
            unhealthy: call.unhealthy.iter().cloned().collect(),
            latency: self.shared.feedback.latencies(&call.organisation),
        };
        let snapshot = self.shared.registry.snapshot();
        if holds_none {
            call.version = snapshot.version;
        }
        let answer = answer(&snapshot, &call, &health, score)?;
        Ok(Response::new(pb::DecideResponse::try_from(&answer).map_err(|error| internal(&error))?))
    }

    async fn score(&self, request: Request<pb::ScoreRequest>) -> Result<Response<pb::ScoreResponse>, Status> {
        let deadline = deadline(request.metadata(), self.shared.clock.as_ref());
        let inputs = request.into_inner().inputs;
        check_count("inputs", inputs.len(), PROMPTS)?;
        let read = |(index, input): (usize, pb::ScorerInput)| {
            check_text(&format!("inputs[{index}].text"), &input.text)?;
            ScorerInput::try_from(input).map_err(|error| Status::from(error.within(&format!("inputs[{index}]"))))
        };
        let inputs: Vec<_> = inputs.into_iter().enumerate().map(read).collect::<Result<_, Status>>()?;
        let scores = self.shared.batcher.score_all(inputs, deadline).await.map_err(|it| status::of_scoring(&it))?;
        Ok(Response::new(pb::ScoreResponse { scores: scores.iter().map(Into::into).collect() }))
    }

    async fn report(&self, request: Request<pb::ReportRequest>) -> Result<Response<pb::ReportResponse>, Status> {
        let pb::ReportRequest { outcomes, credentials } = request.into_inner();
        check_count("outcomes", outcomes.len(), OUTCOMES)?;
        check_count("credentials", credentials.len(), OUTCOMES)?;
        let read = |(index, it): (usize, pb::OutcomeReport)| {
            OutcomeReport::try_from(it).map_err(|error| error.within(&format!("outcomes[{index}]")))
        };
        let reports: Vec<_> = outcomes.into_iter().enumerate().map(read).collect::<Result<_, ConvertError>>()?;
        let snapshot = self.shared.registry.snapshot();
        let now = self.shared.clock.wall();
        let accepted = self.shared.feedback.merge(&snapshot, &reports, now);
        // A state that this release does not know is one it cannot tell.
        let said = credentials.into_iter().filter_map(|it| it.try_into().ok()).collect();
        self.shared.credential_states.merge(&snapshot, said, now);
        Ok(Response::new(pb::ReportResponse { accepted }))
    }
}

/// Decides as the caller would, had it the score.
fn answer(
    snapshot: &Snapshot,
    call: &DecideCall,
    health: &Health,
    score: Option<Score>,
) -> Result<DecideAnswer, Status> {
    let version = snapshot.version;
    let degraded = score.is_none().then_some(Degradation::Scorer);
    if call.version != version {
        return Ok(DecideAnswer { score, decision: None, version, degraded });
    }
    let tenant = snapshot.tenant(&call.organisation).ok_or_else(|| {
        Status::not_found(format!("organisation: `{}` is not in the configuration of this engine", call.organisation))
    })?;
    let question = Question {
        tenant,
        version,
        route: &call.route,
        facts: &call.facts,
        scoring: score.as_ref().map_or(Scoring::Unavailable(Degradation::Scorer), Scoring::Known),
        health,
        previous: call.previous.as_ref(),
        seed: call.seed,
        now: call.now,
    };
    let decision = match policy::decide(&question) {
        Ok(Step::Decided(decision)) => Some(*decision),
        Ok(Step::NeedsScore) | Err(_) => None,
    };
    Ok(DecideAnswer { score, decision, version, degraded })
}

fn check_text(field: &str, text: &str) -> Result<(), Status> {
    if text.len() > TEXT_BYTES {
        let found = text.len();
        let message = format!("{field}: has {found} bytes; send the end of the prompt, at most {TEXT_BYTES}");
        return Err(Status::invalid_argument(message));
    }
    Ok(())
}

fn check_count(field: &str, count: usize, limit: usize) -> Result<(), Status> {
    if count > limit {
        return Err(Status::invalid_argument(format!("{field}: has {count} entries; send at most {limit} a call")));
    }
    Ok(())
}

fn internal(error: &ConvertError) -> Status {
    Status::internal(error.to_string())
}
