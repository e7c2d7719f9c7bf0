//! The guard that makes every request leave exactly one record, on every way out.
//!
//! Opened when the caller's key is known, closed by [`Settle::finish`] before the last byte goes out. Dropped without
//! that — a panic, a gateway that stops, or the caller gone — it records that with what had been consumed. Synchronous:
//! appending to the spool is one `write(2)`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dialect::canonical::Loss;
use domain::{
    Attempt, AttemptOutcome, Constraints, CredentialId, Decision, Finished, Model, ModelId, Money, Outcome, ProjectId,
    Started, Surface, Tag, Usage,
};
use http::HeaderMap;
use ledger::{BodyRecorder, SpoolError};
use tokio::time::Instant;

use crate::app::App;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::idempotency::Ticket;
use crate::pipeline::bodies::Keepable;
use crate::pipeline::decide::Decided;
use crate::pipeline::limits::{Hold, Standing};
use crate::pipeline::pace::Pace;
use crate::revocation;
use crate::sessions::{LastTurn, SessionKey};
use crate::traces::Timeline;

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

/// A call that is out.
struct Sent {
    began_micros: u64,
    credential: Option<CredentialId>,
    upstream_request: Option<String>,
}

impl Sent {
    /// Adds to an attempt what was known of its call.
    fn complete(self, attempt: &mut Attempt) {
        attempt.began_micros = Some(self.began_micros);
        attempt.credential = self.credential;
        attempt.upstream_request = self.upstream_request;
    }
}

/// The open account of one request.
pub(crate) struct Settle {
    app: Arc<App>,
    context: RequestContext,
    record: Option<Box<Finished>>,
    /// Time spent waiting for a place and for the body, before work began.
    queued: Option<Duration>,
    /// Time spent waiting for upstreams so far, and since when the present wait lasts.
    waited: Duration,
    waiting_since: Option<Instant>,
    pace: Pace,
    /// Kept where traces are made.
    timeline: Option<Box<Timeline>>,
    /// The candidate that a call is out to.
    sent_to: Option<ModelId>,
    /// What the call went out with.
    sent: Option<Sent>,
    /// The conversation that learns who answered.
    session: Option<SessionKey>,
    /// What keeps the bodies, where somebody asked for it, until the answer takes it.
    recorder: Option<BodyRecorder>,
    /// What it has reserved, and how its limits stand.
    hold: Option<Hold>,
    /// Its `Idempotency-Key`, in use until it ends.
    ticket: Option<Ticket>,
    standing: Standing,
}

impl Settle {
    pub(crate) fn open(app: Arc<App>, context: RequestContext) -> Self {
        let key = &context.key;
        let timeline = Timeline::begin(app.traces.as_ref(), context.arrived, context.trace_parent);
        let started = Started {
            project: key.project.clone(),
            user: key.user.clone(),
            ..Started::new(context.id, context.now, key.organisation.clone(), key.id.clone())
        };
        let record = Finished::new(started, Outcome::ClientCancelled, 499);
        Self {
            app,
            context,
            record: Some(Box::new(record)),
            queued: None,
            waited: Duration::ZERO,
            waiting_since: None,
            pace: Pace::default(),
            timeline,
            sent_to: None,
            sent: None,
            session: None,
            recorder: None,
            hold: None,
            ticket: None,
            standing: Standing::default(),
        }
    }

    pub(crate) fn context(&self) -> &RequestContext {
        &self.context
    }

    /// Begins to keep the request's bodies, if they may be kept.
    pub(crate) fn keep(&mut self, keepable: Option<Keepable>, constraints: impl FnOnce() -> Constraints) {
        self.recorder = keepable.and_then(|it| it.begin(&self.app, &self.context, &constraints()));
    }

    /// What keeps the bodies: the answer takes it along.
    pub(crate) fn take_recorder(&mut self) -> Option<BodyRecorder> {
        self.recorder.take()
    }

    /// Notes what the body says of itself.
    pub(crate) fn describe(&mut self, requested_model: Option<&str>, stream: bool) {
        self.edit(|record| {
            record.started.requested_model = requested_model.map(str::to_owned);
            record.started.stream = stream;
        });
    }

    /// Notes the surface that the request came through; chat unless it is said.
    pub(crate) fn came_through(&mut self, surface: Surface) {
        self.edit(|record| record.started.endpoint = surface);
    }

    /// Notes for whom the caller asks; else it is the key's user.
    pub(crate) fn asked_for(&mut self, user: Option<&str>) {
        if let Some(user) = user {
            self.edit(|record| record.started.user = Some(user.to_owned()));
        }
    }

    /// Notes the caller's labels; a decision brings its own.
    pub(crate) fn labelled(&mut self, tags: Vec<Tag>) {
        self.edit(|record| record.tags = tags);
    }

    /// Notes what the translation for the present candidate leaves out.
    pub(crate) fn lost(&mut self, loss: &Loss) {
        self.edit(|record| record.loss = loss.iter().map(|lost| lost.path.clone()).collect());
    }

    /// Marks that the request has its place and its body: from here on time is the gateway's own, or an upstream's.
    pub(crate) fn work_begins(&mut self) {
        let queued = self.context.arrived.elapsed();
        self.queued = Some(queued);
        self.edit(|record| record.queue_micros = Some(micros(queued)));
    }

    /// Notes the decision, what it was made of, how long it took, and the conversation that is to learn who answered.
    pub(crate) fn decided(
        &mut self,
        Decided { decision, arguments, took, project, tags, session, keeper: _ }: Decided,
    ) {
        self.session = session;
        self.timeline.iter_mut().for_each(|timeline| timeline.decided(took));
        self.edit(|record| {
            record.policy.clone_from(&decision.policy_id);
            record.decision_micros = Some(micros(took));
            record.started.project = project;
            record.tags = tags;
            record.decision = Some(decision);
            record.arguments = Some(arguments);
        });
    }

    /// Takes the `Idempotency-Key` that the caller gives, until the request ends or for good.
    ///
    /// # Errors
    /// When another request has it.
    pub(crate) fn once(&mut self, headers: &HeaderMap) -> Result<(), Failure> {
        let now = self.app.clock.monotonic();
        self.ticket = self.app.idempotency.begin(headers, &self.context.key.id, self.context.id, now)?;
        Ok(())
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

    /// Notes the secret that the next call goes out with, and that it begins.
    pub(crate) fn sent_with(&mut self, credential: Option<&CredentialId>) {
        let began_micros = micros(self.context.arrived.elapsed());
        self.sent = Some(Sent { began_micros, credential: credential.cloned(), upstream_request: None });
    }

    /// Notes the upstream's own name of the call that is out.
    pub(crate) fn answered_as(&mut self, upstream_request: Option<&str>) {
        if let Some(sent) = &mut self.sent {
            sent.upstream_request = upstream_request.map(str::to_owned);
        }
    }

    /// Notes that a call goes out: should the caller leave now, the prompt has been read and may be charged.
    pub(crate) fn sent_to(&mut self, model: &ModelId, input_tokens: u64) {
        self.sent_free_to(model);
        let usage = Usage { prompt_tokens: input_tokens, estimated: true, ..Usage::default() };
        self.edit(|record| record.usage = Some(usage));
    }

    /// As [`Self::sent_to`], of a call that consumes nothing.
    pub(crate) fn sent_free_to(&mut self, model: &ModelId) {
        self.sent_to = Some(model.clone());
        self.timeline.iter_mut().for_each(|timeline| timeline.sent());
        self.edit(|record| record.model = Some(model.clone()));
    }

    /// Notes which model an answer is charged to that nobody has decided about.
    pub(crate) fn served_at(&mut self, model: &ModelId) {
        self.edit(|record| record.model = Some(model.clone()));
    }

    /// Notes how the call ended.
    pub(crate) fn attempted(&mut self, mut attempt: Attempt) {
        self.sent_to = None;
        self.timeline.iter_mut().for_each(|timeline| timeline.attempted());
        if let Some(sent) = self.sent.take() {
            sent.complete(&mut attempt);
        }
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
        self.pace.begins(&self.app.meters);
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
            let now = Instant::now();
            self.waited += now.duration_since(since);
            self.pace.came(now, &self.app.meters);
        }
    }

    /// Time spent on this side so far; none for who still waits for a body.
    pub(crate) fn overhead(&self) -> Duration {
        let Some(queued) = self.queued else { return Duration::ZERO };
        self.context.arrived.elapsed().saturating_sub(self.waited).saturating_sub(queued)
    }

    /// Closes the account: prices what was consumed and appends the record.
    ///
    /// # Errors
    /// When the spool does not take the record; the answer must then not be delivered as complete.
    pub(crate) fn finish(&mut self, end: End) -> Result<Settled, SpoolError> {
        self.wait_ends();
        if self.queued.is_none() {
            self.work_begins();
        }
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
        record.overhead_micros = Some(micros(self.overhead()));
        self.compare_served(&mut record);
        record.upstream_micros = (!record.attempts.is_empty()).then(|| micros(self.waited));
        self.count(&record);
        let recorded = self.app.ledger.finish(&record);
        // Also where no row could be written: it was consumed.
        self.hold.take().into_iter().for_each(|hold| hold.settle(&self.app, &record));
        recorded?;
        self.remember(&record);
        if let (Outcome::Completed, Some(ticket)) = (record.outcome, self.ticket.take()) {
            ticket.answered(self.app.clock.monotonic());
        }
        let settled = self.settled(Some(&record));
        if let Some(timeline) = self.timeline.take() {
            timeline.end(record);
        }
        Ok(settled)
    }

    fn price(&self, model: &ModelId, usage: &Usage) -> Option<Money> {
        let tenant = self.context.tenant()?;
        tenant.models.get(model).map(AsRef::as_ref).and_then(|model: &Model| model.pricing.cost(usage))
    }

    /// Compares what the upstream says it served with what it was asked for.
    fn compare_served(&self, record: &mut Finished) {
        let (Some(id), Some(served)) = (&record.model, &record.served_model) else { return };
        let Some(model) = self.context.tenant().and_then(|tenant| tenant.models.get(id)) else { return };
        record.served_mismatch = !domain::served::is_as_asked(&model.native, served);
        if record.served_mismatch {
            self.app.substitutions.met(id, served);
        }
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
        let has_begun = self.record.as_ref().is_some_and(|record| record.first_token_micros.is_some());
        let cut = if has_begun { Outcome::Interrupted } else { Outcome::Failed };
        if self.app.cutting.load(Ordering::Relaxed) {
            return end(cut, 503, "shutting_down");
        }
        if let Some(failure) = self.withdrawn() {
            return End { outcome: cut, ..failure.end() };
        }
        end(Outcome::ClientCancelled, 499, "client_cancelled")
    }

    /// Why the caller's key no longer holds, if it does not.
    fn withdrawn(&self) -> Option<Failure> {
        let live = self.app.snapshots.live()?;
        revocation::fault_of_hash(&live, &self.context.key.hash, self.app.clock.wall()).map(Failure::Key)
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
            let mut attempt = Attempt::new(model, AttemptOutcome::Cancelled);
            if let Some(sent) = self.sent.take() {
                sent.complete(&mut attempt);
            }
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
