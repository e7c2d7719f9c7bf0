//! The body of an answer that is passed on: each chunk as it came, and the record before its end.
//!
//! Nothing of ours is in it but one event: a stream that is ended here, since its key was withdrawn or the gateway stops,
//! says so before the connection breaks. One that its provider breaks off breaks as it did there.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dialect::{Dialect, Meter};
use domain::{AttemptOutcome, Outcome};
use futures_util::{Stream, stream};
use providers::{Upstream, Waits};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::body::Aborted;
use crate::endpoints::proxy::Passage;
use crate::error::Failure;
use crate::error::render::Voice;
use crate::pipeline::settle::End;
use crate::pipeline::stream::{Ending, ending};

/// The rest of an event is waited for so many times as long as the error event behind it has to leave: together less than
/// those have who are cut when the gateway stops.
const REST_OF_EVENT: u32 = 4;

/// Where an answer stands.
enum State {
    Flowing(Box<Flow>, Ending),
    /// An error event is out; the connection breaks after it.
    Breaking(Duration),
}

/// What comes out of one step, and where the answer stands then; `None` = all is said.
type Step = Option<(Result<Bytes, Aborted>, Option<State>)>;

/// The chunks of an answer, listened to by a meter.
pub(super) fn frames(
    passage: Passage,
    upstream: Upstream,
    meter: Meter,
) -> impl Stream<Item = Result<Bytes, Aborted>> + Send + 'static {
    let ending = ending(&passage.worker, &passage.settle.context().key);
    let flow = Box::new(Flow { passage, upstream, meter: Some(meter) });
    stream::unfold(Some(State::Flowing(flow, ending)), |state| async move {
        match state? {
            State::Flowing(flow, ending) => flow.advance(ending).await,
            State::Breaking(linger) => {
                // As in `pipeline::stream`: what is queued must have left before the body fails.
                tokio::task::yield_now().await;
                sleep(linger).await;
                Some((Err(Aborted), None))
            }
        }
    })
}

/// Closes the account of an answer without a body.
///
/// # Errors
/// When the record cannot be written.
pub(super) fn end(passage: Passage, upstream: Upstream, meter: Meter) -> Result<(), Aborted> {
    Flow { passage, upstream, meter: Some(meter) }.complete()
}

/// An answer that is being passed on.
struct Flow {
    passage: Passage,
    upstream: Upstream,
    meter: Option<Meter>,
}

impl Flow {
    /// Passes the next chunk on.
    async fn advance(mut self: Box<Self>, mut ending: Ending) -> Step {
        let wait = Waits::resolve(&self.passage.provider.timeouts).inter_chunk;
        self.passage.settle.wait_begins();
        let read = tokio::select! {
            biased;
            read = timeout(wait, self.upstream.next_chunk()) => read,
            failure = &mut ending => return Some(self.end_early(&failure).await),
        };
        self.passage.settle.wait_ends();
        match read {
            Ok(Ok(Some(chunk))) => {
                self.meter.as_mut().into_iter().for_each(|meter| meter.push(&chunk));
                Some((Ok(chunk), Some(State::Flowing(self, ending))))
            }
            // The record goes before the end of the body.
            Ok(Ok(None)) if !self.is_cut_short() => self.complete().err().map(|aborted| (Err(aborted), None)),
            Ok(Ok(None) | Err(_)) | Err(_) => {
                let error = Some("stream_interrupted".to_owned());
                self.break_off(End { outcome: Outcome::Interrupted, status: 502, error });
                Some((Err(Aborted), None))
            }
        }
    }

    /// Ends the answer from this side. A stream of events says why; whatever else is passed on has no place for it, and
    /// only the record does.
    async fn end_early(mut self: Box<Self>, failure: &Failure) -> (Result<Bytes, Aborted>, Option<State>) {
        let rest = self.rest_of_event().await;
        let event = self.last_event(failure);
        let linger = self.passage.worker.app.limits().abort_linger;
        let End { status, error, .. } = failure.end();
        self.break_off(End { outcome: Outcome::Interrupted, status, error });
        match event {
            Some(event) => (Ok([rest.as_ref(), &event].concat().into()), Some(State::Breaking(linger))),
            None => (Err(Aborted), None),
        }
    }

    /// What completes an event of which a part is out. It mostly lies ready, and is not waited for long.
    async fn rest_of_event(&mut self) -> Bytes {
        let mut rest = BytesMut::new();
        let until = Instant::now() + REST_OF_EVENT * self.passage.worker.app.limits().abort_linger;
        let Self { upstream, meter: Some(meter), .. } = self else { return Bytes::new() };
        while meter.is_within_event() {
            let Ok(Ok(Some(chunk))) = timeout_at(until, upstream.next_chunk()).await else { break };
            for line in chunk.split_inclusive(|byte| *byte == b'\n') {
                if !meter.is_within_event() {
                    break;
                }
                meter.push(line);
                rest.extend_from_slice(line);
            }
        }
        rest.freeze()
    }

    /// The failure in the words of those who answer here, where there is a place for it.
    fn last_event(&self, failure: &Failure) -> Option<Bytes> {
        let meter = self.meter.as_ref().filter(|meter| meter.takes_error())?;
        let of_provider = Dialect::of(self.passage.provider.dialect).unwrap_or(Dialect::Openai);
        // Where events are numbered, one speaks Responses, whatever else the provider speaks.
        let number = meter.next_number();
        let dialect = if number.is_some() { Dialect::OpenaiResponses } else { of_provider };
        let voice = Voice { dialect, id: self.passage.settle.context().id };
        Some(voice.event(failure, number.unwrap_or(0)))
    }

    fn complete(mut self) -> Result<(), Aborted> {
        self.hear();
        let status = self.upstream.status;
        let end = if status.is_success() {
            End { status: status.as_u16(), ..End::completed() }
        } else {
            End { outcome: Outcome::Failed, status: status.as_u16(), error: Some("provider_error".to_owned()) }
        };
        self.passage.settle.finish(end).map(drop).map_err(|fault| {
            tracing::error!(%fault, "a record cannot be written; the answer is broken off");
            Aborted
        })
    }

    /// A stream that has begun an answer and ends without its terminal marker.
    fn is_cut_short(&self) -> bool {
        self.meter.as_ref().is_some_and(Meter::is_cut_short)
    }

    fn break_off(mut self, end: End) {
        self.hear();
        self.passage.settle.last_attempt_was(AttemptOutcome::Interrupted);
        if let Err(fault) = self.passage.settle.finish(end) {
            tracing::error!(%fault, "the record of an interrupted answer cannot be written");
        }
    }

    /// Notes what the answer said that it consumed, or what it seems to have.
    fn hear(&mut self) {
        let Some(heard) = self.meter.take().map(Meter::end) else { return };
        let Self { passage, upstream, .. } = self;
        passage.settle.served_by(heard.model.as_deref());
        let generation = passage.generation.filter(|_| upstream.status.is_success());
        if let Some(usage) = heard.usage.or_else(|| generation?.estimate(&heard)) {
            passage.settle.consumed(usage);
        }
    }
}

impl Drop for Flow {
    /// A caller who leaves before the end owes what has come so far.
    fn drop(&mut self) {
        self.hear();
    }
}
