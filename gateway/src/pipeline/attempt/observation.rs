//! Tells breakers and engine how each attempt went, whatever ends it.

use std::sync::Arc;

use domain::{AttemptOutcome, Credential, Model};
use proto::OutcomeReport;
use providers::{BreakerState, Fault, Report};
use tokio::time::Instant;

use super::{Answered, Target};
use crate::app::App;

/// Tells the health of upstreams how an attempt ended: also when the caller left in the middle of it, since the attempt
/// may have been a breaker's probe.
pub(super) struct Observation<'a> {
    app: &'a App,
    target: &'a Target,
    began: Instant,
    open: bool,
}

impl<'a> Observation<'a> {
    /// The attempt begins.
    pub(super) fn begin(app: &'a App, target: &'a Target, began: Instant) -> Self {
        Self { app, target, began, open: true }
    }

    /// It has ended.
    pub(super) fn close(mut self, answered: Result<&Answered, &Fault>) {
        self.open = false;
        match answered {
            Ok(Answered::Whole(answer)) => {
                self.report(AttemptOutcome::Ok, None);
                let tokens = answer.usage().map_or_else(|| answer.estimated_completion(), |it| it.completion_tokens);
                self.tell(AttemptOutcome::Ok, Some(tokens));
            }
            // The engine is told when the stream has ended, and so is the breaker: were every begin a success, an
            // upstream that breaks off every stream would never be one that fails. A recovery is not kept waiting.
            Ok(Answered::Streaming(_)) if self.is_recovering() => self.report(AttemptOutcome::Ok, None),
            Ok(Answered::Streaming(_)) => {}
            Err(fault) => {
                self.report(fault.outcome(), Some(fault));
                self.tell(fault.outcome(), None);
            }
        }
    }

    fn is_recovering(&self) -> bool {
        let Model { organisation, id, .. } = self.target.model.as_ref();
        let now = self.app.clock.monotonic();
        self.app.upstreams.state(organisation, id, now) != BreakerState::Closed
    }

    /// Tells our own breakers.
    fn report(&self, outcome: AttemptOutcome, fault: Option<&Fault>) {
        let report = Report {
            organisation: &self.target.model.organisation,
            model: &self.target.model.id,
            credential: self.target.key.as_ref().map(|key| key.credential.as_ref()),
            outcome,
            status: fault.and_then(|fault| fault.status),
            retry_after: fault.and_then(|fault| fault.retry_after),
        };
        self.app.upstreams.report(&report, self.app.clock.monotonic());
    }

    /// Tells the engine.
    fn tell(&self, outcome: AttemptOutcome, output_tokens: Option<u64>) {
        let report = OutcomeReport { outcome, output_tokens, ..report_of(self.app, self.target, self.began) };
        self.app.reporter.report(report);
    }
}

impl Drop for Observation<'_> {
    fn drop(&mut self) {
        if self.open {
            self.report(AttemptOutcome::Cancelled, None);
            self.tell(AttemptOutcome::Cancelled, None);
        }
    }
}

/// What the engine is told of a call up to now.
fn report_of(app: &App, target: &Target, began: Instant) -> OutcomeReport {
    OutcomeReport {
        organisation: target.model.organisation.clone(),
        model: target.model.id.clone(),
        credential: target.key.as_ref().map(|key| key.credential.id.clone()),
        outcome: AttemptOutcome::Ok,
        latency_micros: micros_since(began),
        first_token_micros: None,
        output_tokens: None,
        at: app.clock.wall(),
    }
}

fn micros_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A stream that is being passed on. The engine is told of it once it has ended, however it ended: a caller who leaves
/// has seen how fast it was all the same.
pub(crate) struct Watched {
    app: Arc<App>,
    began: Instant,
    report: OutcomeReport,
    credential: Option<Arc<Credential>>,
}

impl Watched {
    /// Its first content event has come.
    pub(super) fn new(app: Arc<App>, target: &Target, began: Instant) -> Self {
        let report = report_of(&app, target, began);
        let first_token_micros = Some(report.latency_micros);
        let credential = target.key.as_ref().map(|key| key.credential.clone());
        Self { app, began, report: OutcomeReport { first_token_micros, ..report }, credential }
    }

    /// So many tokens have come by now.
    pub(crate) fn wrote(&mut self, output_tokens: u64) {
        self.report.output_tokens = Some(output_tokens);
    }

    /// It broke off.
    pub(crate) fn broke_off(&mut self) {
        self.report.outcome = AttemptOutcome::Interrupted;
    }

    /// Tells our own breaker how it ended.
    fn judge(&self) {
        let OutcomeReport { organisation, model, outcome, .. } = &self.report;
        let credential = self.credential.as_deref();
        let report = Report { organisation, model, credential, outcome: *outcome, status: None, retry_after: None };
        self.app.upstreams.report(&report, self.app.clock.monotonic());
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.judge();
        self.report.latency_micros = micros_since(self.began);
        self.report.at = self.app.clock.wall();
        self.app.reporter.report(self.report.clone());
    }
}
