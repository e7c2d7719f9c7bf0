//! The guard that makes every request leave exactly one record, on every way out.
//!
//! Opened when the caller's key is known, closed by [`Settle::finish`] before the last byte goes out. Dropped without
//! that — a panic, a gateway that stops, or the caller gone — it records that with what had been consumed. Synchronous:
//! appending to the spool is one `write(2)`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Attempt, AttemptOutcome, Decision, Finished, Model, ModelId, Money, Outcome, ProjectId, Started, Usage};
use ledger::SpoolError;
use tokio::time::Instant;

use crate::app::App;
use crate::context::RequestContext;
use crate::pipeline::decide::Decided;
use crate::pipeline::limits::{Hold, Standing};
use crate::sessions::{LastTurn, SessionKey};

/// What the caller gets to see of the accounts when a request ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    pub(crate) cost: Option<Money>,
    pub(crate) saved: Option<Money>,
    pub(crate) total: Duration,
    pub(crate) upstream: Duration,
    pub(crate) decision: Option<Duration>,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    pub(crate) status: u16,
    pub(crate) error: Option<String>,
}

impl End {
    pub(crate) fn completed() -> Self {
        Self { outcome: Outcome::Completed, status: 200, error: None }
    }
}

/// The open account of one request.
pub(crate) struct Settle {
    app: Arc<App>,
    context: RequestContext,
    record: Option<Box<Finished>>,
    /// Time spent waiting for upstreams so far, and since when the present wait lasts.
    waited: Duration,
    waiting_since: Option<Instant>,
    /// The candidate that a call is out to.
    sent_to: Option<ModelId>,
    /// The conversation that learns who answered.
    session: Option<SessionKey>,
    /// What it has reserved, and how its limits stand.
    hold: Option<Hold>,
    standing: Standing,
}

impl Settle {
    pub(crate) fn open(app: Arc<App>, context: RequestContext) -> Self {
        let key = &context.key;
        let started = Started {
            id: context.id,
            at: context.now,
            organisation: key.organisation.clone(),
            key: key.id.clone(),
            project: key.project.clone(),
            requested_model: None,
            stream: false,
        };
        let record = Finished {
            started,
            outcome: Outcome::ClientCancelled,
            status: 499,
            model: None,
            served_model: None,
            policy: None,
            usage: None,
            cost: None,
            saved: None,
            total_micros: 0,
            first_token_micros: None,
            decision_micros: None,
            upstream_micros: None,
            attempts: Vec::new(),
            decision: None,
            arguments: None,
            error: None,
        };
        Self {
            app,
            context,
            record: Some(Box::new(record)),
            waited: Duration::ZERO,
            waiting_since: None,
            sent_to: None,
            session: None,
            hold: None,
            standing: Standing::default(),
        }
    }

    pub(crate) fn context(&self) -> &RequestContext {
        &self.context
    }

    /// Notes what the body says of itself.
    pub(crate) fn describe(&mut self, requested_model: Option<&str>, stream: bool) {
        self.edit(|record| {
            record.started.requested_model = requested_model.map(str::to_owned);
            record.started.stream = stream;
        });
    }

    /// Notes the decision, what it was made of, how long it took, and the conversation that is to learn who answered.
    pub(crate) fn decided(&mut self, Decided { decision, arguments, took, project, session }: Decided) {
        self.session = session;
        self.edit(|record| {
            record.policy.clone_from(&decision.policy_id);
            record.decision_micros = Some(micros(took));
            record.started.project = project;
            record.decision = Some(decision);
            record.arguments = Some(arguments);
        });
    }

    /// Keeps what the request has reserved until it ends.
    pub(crate) fn holds(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    /// Notes how the caller's limits stand.
    pub(crate) fn stands(&mut self, standing: Standing) {
        self.standing = standing;
    }

    /// How the caller's limits stand, for the head of the answer.
    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    pub(crate) fn project(&self) -> Option<&ProjectId> {
        self.record.as_ref()?.started.project.as_ref()
    }

    /// Writes the start record, before anything is sent upstream.
    pub(crate) fn start(&mut self) -> Result<(), SpoolError> {
        self.record.as_ref().map_or(Ok(()), |record| self.app.ledger.start(&record.started))
    }

    /// Notes that a call goes out: should the caller leave now, the prompt has been read and may be charged.
    pub(crate) fn sent_to(&mut self, model: &ModelId, input_tokens: u64) {
        self.sent_to = Some(model.clone());
        let usage = Usage { prompt_tokens: input_tokens, estimated: true, ..Usage::default() };
        self.edit(|record| {
            record.model = Some(model.clone());
            record.usage = Some(usage);
        });
    }

    /// Notes which model an answer is charged to that nobody has decided about.
    pub(crate) fn served_at(&mut self, model: &ModelId) {
        self.edit(|record| record.model = Some(model.clone()));
    }

    /// Notes how the call ended.
    pub(crate) fn attempted(&mut self, attempt: Attempt) {
        self.sent_to = None;
        let answered = attempt.outcome == AttemptOutcome::Ok;
        self.edit(|record| {
            if !answered {
                // Failed attempts are logged, not billed.
                record.model = None;
                record.usage = None;
            }
            record.attempts.push(attempt);
        });
    }

    /// Corrects how the last call ended, when it broke off later.
    pub(crate) fn last_attempt_was(&mut self, outcome: AttemptOutcome) {
        self.edit(|record| record.attempts.last_mut().into_iter().for_each(|attempt| attempt.outcome = outcome));
    }

    pub(crate) fn attempts(&self) -> &[Attempt] {
        self.record.as_ref().map_or(&[], |record| &record.attempts)
    }

    pub(crate) fn decision(&self) -> Option<&Decision> {
        self.record.as_ref()?.decision.as_ref()
    }

    /// Notes what the upstream says it is.
    pub(crate) fn served_by(&mut self, served_model: Option<&str>) {
        self.edit(|record| record.served_model = served_model.map(str::to_owned));
    }

    /// Notes what has been consumed so far; the last word counts.
    pub(crate) fn consumed(&mut self, usage: Usage) {
        self.edit(|record| record.usage = Some(usage));
    }

    /// Notes that the first content event has gone out.
    pub(crate) fn first_token(&mut self) {
        let micros = micros(self.context.arrived.elapsed());
        self.edit(|record| record.first_token_micros = Some(micros));
    }

    /// Marks the begin of a wait for an upstream.
    pub(crate) fn wait_begins(&mut self) {
        self.waiting_since = Some(Instant::now());
    }

    /// Marks the end of a wait for an upstream.
    pub(crate) fn wait_ends(&mut self) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Time spent on this side so far.
    pub(crate) fn overhead(&self) -> Duration {
        self.context.arrived.elapsed().saturating_sub(self.waited)
    }

    /// Closes the account: prices what was consumed and appends the record.
    ///
    /// # Errors
    /// When the spool does not take the record; the answer must then not be delivered as complete.
    pub(crate) fn finish(&mut self, end: End) -> Result<Settled, SpoolError> {
        self.wait_ends();
        let Some(mut record) = self.record.take() else { return Ok(self.settled(None)) };
        record.outcome = end.outcome;
        record.status = end.status;
        record.error = end.error;
        if let Some(usage) = &record.usage {
            record.cost = record.model.as_ref().and_then(|model| self.price(model, usage));
            let dearest = record.decision.as_ref().and_then(|decision| decision.most_capable_model.as_ref());
            record.saved = match (record.cost, dearest.and_then(|model| self.price(model, usage))) {
                (Some(cost), Some(alternative)) => Some(alternative - cost),
                _ => None,
            };
        }
        record.total_micros = micros(self.context.arrived.elapsed());
        record.upstream_micros = (!record.attempts.is_empty()).then(|| micros(self.waited));
        self.count(&record);
        let recorded = self.app.ledger.finish(&record);
        // Also where no row could be written: it was consumed.
        self.hold.take().into_iter().for_each(|hold| hold.settle(&self.app, &record));
        recorded?;
        self.remember(&record);
        Ok(self.settled(Some(&record)))
    }

    fn price(&self, model: &ModelId, usage: &Usage) -> Option<Money> {
        let tenant = self.context.tenant()?;
        tenant.models.get(model).map(AsRef::as_ref).and_then(|model: &Model| model.pricing.cost(usage))
    }

    /// Tells the conversation who answered it, whole.
    fn remember(&self, record: &Finished) {
        if let (Outcome::Completed, Some(key), Some(model)) = (record.outcome, self.session, &record.model) {
            let turn = LastTurn { model: model.clone(), tokens: record.usage.map_or(0, |it| it.total_tokens()) };
            self.app.sessions.remember(key, turn, self.app.clock.monotonic());
        }
    }

    fn settled(&self, record: Option<&Finished>) -> Settled {
        Settled {
            cost: record.and_then(|record| record.cost),
            saved: record.and_then(|record| record.saved),
            total: self.context.arrived.elapsed(),
            upstream: self.waited,
            decision: record.and_then(|record| record.decision_micros).map(Duration::from_micros),
        }
    }

    /// How a request ended that nobody has ended.
    fn abandoned(&self) -> End {
        let end = |outcome, status, error: &str| End { outcome, status, error: Some(error.to_owned()) };
        if std::thread::panicking() {
            return end(Outcome::Failed, 500, "internal_error");
        }
        if self.app.cutting.load(Ordering::Relaxed) {
            let has_begun = self.record.as_ref().is_some_and(|record| record.first_token_micros.is_some());
            let outcome = if has_begun { Outcome::Interrupted } else { Outcome::Failed };
            return end(outcome, 503, "shutting_down");
        }
        end(Outcome::ClientCancelled, 499, "client_cancelled")
    }

    fn count(&self, record: &Finished) {
        self.app.meters.finished(record, self.overhead());
    }

    fn edit(&mut self, change: impl FnOnce(&mut Finished)) {
        if let Some(record) = &mut self.record {
            change(record);
        }
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if self.record.is_none() {
            return;
        }
        if let Some(model) = self.sent_to.take() {
            let attempt = Attempt { model, outcome: AttemptOutcome::Cancelled, status: None, millis: None };
            self.edit(|record| record.attempts.push(attempt));
        } else if self.attempts().last().is_some_and(|attempt| attempt.outcome == AttemptOutcome::Ok) {
            self.last_attempt_was(AttemptOutcome::Cancelled);
        }
        let end = self.abandoned();
        if let Err(fault) = self.finish(end) {
            metrics::counter!("signalbox_records_lost_total").increment(1);
            tracing::error!(%fault, request_id = %self.context.id, "the record of a cancelled request cannot be written");
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
