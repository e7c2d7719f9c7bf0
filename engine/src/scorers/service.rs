//! `signalbox.scorer.v1.Scorers`: what an operator does with scorers. Messages in, messages out; the rest is the
//! holder's business.

use std::sync::Arc;
use std::time::Duration;

use proto::pb::scorer::v1 as pb;
use proto::pb::scorer::v1::scorers_server::Scorers as ScorersRpc;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::{Request, Response, Status, Streaming};

use super::upload::{Incoming, Upload};
use super::{Changed, Listed, Scorers, ScorersError, Shadow};
use crate::deadline::patience;
use crate::shared::Shared;
use crate::status;

/// The share of a shadow whose caller does not say.
const SHARE: f64 = 0.1;
/// What an operator may write about a change.
const REASON_BYTES: usize = 500;

pub(crate) struct ScorersService {
    pub(crate) shared: Arc<Shared>,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ScorersRpc for ScorersService {
    async fn list(&self, request: Request<pb::ListScorersRequest>) -> Answer<pb::ListScorersResponse> {
        self.change(patience(request.metadata()), |scorers| Ok(listing(scorers, scorers.list()?))).await
    }

    async fn upload(&self, request: Request<Streaming<pb::UploadRequest>>) -> Answer<pb::UploadResponse> {
        let until = Instant::now() + patience(request.metadata());
        // Kept until the upload has been dealt with: one at a time is in memory.
        let place = timeout_at(until, self.shared.scorers.uploads().clone().acquire_owned()).await;
        let place = place.ok().and_then(Result::ok).ok_or_else(late)?;
        let upload = timeout_at(until, self.receive(request.into_inner())).await.map_err(|_| late())??;
        check_reason(upload.reason.as_deref())?;
        let left = until.saturating_duration_since(Instant::now());
        let uploaded = self.change(left, move |scorers| {
            let _place = place;
            scorers.upload(&upload)
        });
        let uploaded = uploaded.await?.into_inner();
        Ok(Response::new(pb::UploadResponse {
            version: uploaded.version,
            already_there: uploaded.already_there,
            slowest_micros: micros(uploaded.slowest),
            load_micros: micros(uploaded.load),
        }))
    }

    async fn promote(&self, request: Request<pb::PromoteRequest>) -> Answer<pb::ChangeResponse> {
        let within = patience(request.metadata());
        let pb::PromoteRequest { version, reason, force } = request.into_inner();
        check_reason(reason.as_deref())?;
        self.change(within, move |scorers| scorers.promote(&version, reason, force).map(changed)).await
    }

    async fn rollback(&self, request: Request<pb::RollbackRequest>) -> Answer<pb::ChangeResponse> {
        let within = patience(request.metadata());
        let pb::RollbackRequest { leave, reason } = request.into_inner();
        check_reason(reason.as_deref())?;
        self.change(within, move |scorers| scorers.roll_back(leave.as_deref(), reason).map(changed)).await
    }

    async fn set_shadow(&self, request: Request<pb::SetShadowRequest>) -> Answer<pb::SetShadowResponse> {
        let within = patience(request.metadata());
        let pb::SetShadowRequest { version, share } = request.into_inner();
        self.change(within, move |scorers| {
            scorers.set_shadow(version.as_deref().map(|version| (version, share.unwrap_or(SHARE))))?;
            Ok(pb::SetShadowResponse { shadow: scorers.shadow().as_deref().map(shadow) })
        })
        .await
    }

    async fn disagreement(&self, _: Request<pb::DisagreementRequest>) -> Answer<pb::DisagreementResponse> {
        Ok(Response::new(disagreement(&self.shared.scorers)))
    }

    async fn remove(&self, request: Request<pb::RemoveRequest>) -> Answer<pb::RemoveResponse> {
        let within = patience(request.metadata());
        let version = request.into_inner().version;
        self.change(within, move |scorers| Ok(pb::RemoveResponse { removed: scorers.remove(&version)? })).await
    }
}

impl ScorersService {
    async fn change<T: Send + 'static>(
        &self,
        within: Duration,
        work: impl FnOnce(&Scorers) -> Result<T, ScorersError> + Send + 'static,
    ) -> Answer<T> {
        let changed = self.shared.scorers.change(within, work).await;
        changed.map(Response::new).map_err(|failure| status::of_scorers(&failure))
    }

    async fn receive(&self, mut parts: Streaming<pb::UploadRequest>) -> Result<Upload, Status> {
        let refused = |reason: String| status::of_scorers(&ScorersError::Refused(reason));
        let mut incoming = Incoming::default();
        loop {
            let part = timeout(self.shared.limits.stall, parts.message()).await.map_err(|_| late())??;
            match part {
                Some(part) => incoming.take(part).map_err(refused)?,
                None => return incoming.finish().map_err(refused),
            }
        }
    }
}

fn late() -> Status {
    Status::deadline_exceeded("the upload did not come in time; nothing of it is kept: send it again")
}

fn check_reason(reason: Option<&str>) -> Result<(), Status> {
    match reason {
        Some(reason) if reason.len() > REASON_BYTES => {
            Err(Status::invalid_argument(format!("reason: has {} bytes; at most {REASON_BYTES}", reason.len())))
        }
        _ => Ok(()),
    }
}

// === Messages ===

fn listing(scorers: &Scorers, listed: Vec<Listed>) -> pb::ListScorersResponse {
    let events = scorers.history().into_iter().map(|event| pb::Event {
        at_micros: event.at.unix_micros(),
        action: event.action,
        version: event.version,
        before: event.before,
        reason: event.reason,
    });
    pb::ListScorersResponse {
        scorers: listed.into_iter().map(scorer).collect(),
        serving: scorers.serving().version().to_string(),
        previous: scorers.previous_version(),
        shadow: scorers.shadow().as_deref().map(shadow),
        faults: scorers.faults(),
        pinned: scorers.pinned().map(str::to_owned),
        history: events.collect(),
    }
}

fn scorer(it: Listed) -> pb::Scorer {
    pb::Scorer {
        version: it.kept.version,
        built_in: it.built_in,
        serving: it.serving,
        previous: it.previous,
        shadow: it.shadow,
        bytes: it.kept.bytes,
        fault: it.kept.fault,
        gate: it.kept.gate,
    }
}

fn changed(it: Changed) -> pb::ChangeResponse {
    pb::ChangeResponse { serving: it.serving, previous: it.previous, unchanged: it.unchanged, warning: it.warning }
}

fn shadow(it: &Shadow) -> pb::Shadow {
    pb::Shadow { version: it.version().to_string(), share: it.share }
}

fn disagreement(scorers: &Scorers) -> pb::DisagreementResponse {
    let Some(running) = scorers.shadow() else {
        let serving = scorers.serving().version().to_string();
        return pb::DisagreementResponse { serving, ..Default::default() };
    };
    let tally = running.tally();
    let figures = &tally.figures;
    let flips = figures.flips().into_iter().flatten().map(|(bound, share)| pb::Flips { bound, share });
    let worst = figures.worst().map(|it| pb::Bucket {
        from: it.from,
        to: it.to,
        prompts: it.prompts,
        mean_absolute: it.mean_absolute,
    });
    pb::DisagreementResponse {
        shadow: Some(shadow(&running)),
        serving: tally.against.to_string(),
        prompts: figures.prompts(),
        dropped_full: tally.dropped_full,
        dropped_busy: tally.dropped_busy,
        dropped_stale: tally.dropped_stale,
        failed: tally.failed,
        mean: figures.mean(),
        mean_absolute: figures.mean_absolute(),
        p90_absolute: figures.p90_absolute(),
        flips: flips.collect(),
        correlation: figures.correlation(),
        worst,
        mean_micros: (figures.prompts() > 0).then(|| tally.micros as f64 / figures.prompts() as f64),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
