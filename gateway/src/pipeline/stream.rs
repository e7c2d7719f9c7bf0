//! Passes a stream on, chunk by chunk, and ends it honestly.
//!
//! Before the first content event the caller may already have been given a head and comments; candidates are still
//! being tried then. After it there is no fallback. Whatever goes wrong is reported as an error event, and the
//! connection is broken off: never a clean end without the terminal marker. The marker itself goes out only after the
//! record has been appended to the spool. A gateway that stops cuts what outlasts its drain in the same honest way.

use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use dialect::StreamFault;
use dialect::canonical::Loss;
use domain::{ApiKey, AttemptOutcome, Outcome, Usage};
use futures_util::{FutureExt, Stream, stream};
use providers::{Fault, FaultKind};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::app::Worker;
use crate::body::Aborted;
use crate::error::Failure;
use crate::error::render::Voice;
use crate::pipeline::attempt::{Answered, Opened, Pursuit, fault_of_stream};
use crate::pipeline::report::{self, Closing};
use crate::pipeline::settle::End;
use crate::revocation::Grant;

/// A pursuit that is still under way.
pub(crate) type Running = Pin<Box<dyn Future<Output = (Box<Pursuit>, Result<Answered, Failure>)> + Send>>;

/// What ends a stream from this side, once it comes.
pub(crate) type Ending = Pin<Box<dyn Future<Output = Failure> + Send>>;

/// After its finish reason an upstream may be silent for so long before the answer counts as complete.
const AFTER_FINISH: Duration = Duration::from_secs(3);
/// An upstream may take this long to end its body after the terminal marker, so that its connection can be used again.
const TAIL: Duration = Duration::from_secs(1);

/// So many more pieces are passed on together with one if they have come with it: what the connection reads at once.
const TOGETHER: usize = 32;

/// Where a stream stands.
enum State {
    /// The head is out, content is not.
    Waiting { running: Running, keep_alive: Duration, next_comment: Instant, comment: &'static [u8] },
    /// Content is flowing.
    Flowing(Flow),
    /// An error event is out; the connection breaks after it.
    Breaking(Duration),
    /// All is said.
    Ended,
}

struct Flow {
    pursuit: Box<Pursuit>,
    opened: Box<Opened>,
}

/// The body of a stream whose first content event has come.
pub(crate) fn flowing(
    pursuit: Box<Pursuit>,
    opened: Box<Opened>,
) -> impl Stream<Item = Result<Bytes, Aborted>> + Send + 'static {
    let context = pursuit.settle.context();
    let (worker, voice, key) = (pursuit.worker.clone(), context.voice, context.key.clone());
    frames(State::Flowing(Flow::begin(pursuit, opened)), &worker, voice, &key)
}

/// The body of a stream that is kept alive by comments until content comes.
pub(crate) fn waiting(
    running: Running,
    worker: &Worker,
    voice: Voice,
    key: &ApiKey,
) -> impl Stream<Item = Result<Bytes, Aborted>> + Send + use<> {
    let keep_alive = worker.app.limits().keep_alive;
    let comment = voice.dialect.keep_alive();
    frames(State::Waiting { running, keep_alive, next_comment: Instant::now(), comment }, worker, voice, key)
}

fn frames(
    state: State,
    worker: &Worker,
    voice: Voice,
    key: &ApiKey,
) -> impl Stream<Item = Result<Bytes, Aborted>> + Send + use<> {
    let (ending, linger) = (ending(worker, key), worker.app.limits().abort_linger);
    stream::unfold((state, ending), move |(mut state, mut ending)| async move {
        loop {
            let can_be_cut = matches!(state, State::Waiting { .. } | State::Flowing(_));
            // Whatever a step has translated it passes on before it waits, so that this is the number of what comes next.
            let number = state.next_number();
            let (frame, next) = tokio::select! {
                biased;
                stepped = step(state) => stepped,
                failure = &mut ending, if can_be_cut => (Some(Ok(voice.event(&failure, number))), State::Breaking(linger)),
            };
            match frame {
                Some(frame) => return Some((frame, (next, ending))),
                None if matches!(next, State::Ended) => return None,
                None => state = next,
            }
        }
    })
}

/// What ends a stream from this side: the gateway stops, or the caller's key is withdrawn. One future for all its chunks,
/// so that waiting costs each of them no new place in a queue.
pub(crate) fn ending(worker: &Worker, key: &ApiKey) -> Ending {
    let (mut cut, mut grant) = (worker.cut.clone(), Grant::of(&worker.app, key));
    Box::pin(async move {
        tokio::select! {
            biased;
            () = cut.comes() => Failure::ShuttingDown,
            fault = grant.withdrawn() => Failure::Key(fault),
        }
    })
}

impl State {
    /// The number of the caller's next event.
    fn next_number(&self) -> u64 {
        match self {
            Self::Flowing(flow) => flow.opened.translator.next_number(),
            Self::Waiting { .. } | Self::Breaking(_) | Self::Ended => 0,
        }
    }
}

async fn step(state: State) -> (Option<Result<Bytes, Aborted>>, State) {
    match state {
        State::Waiting { mut running, keep_alive, next_comment, comment } => {
            tokio::select! {
                biased;
                (pursuit, answered) = &mut running => match answered {
                    Ok(Answered::Streaming(opened)) => (None, State::Flowing(Flow::begin(pursuit, opened))),
                    Ok(Answered::Whole(_)) => fail(pursuit, &Failure::Internal, Outcome::Failed),
                    Err(failure) => fail(pursuit, &failure, Outcome::Failed),
                },
                () = sleep_until(next_comment) => {
                    let next_comment = next_comment + keep_alive;
                    (Some(Ok(Bytes::from_static(comment))), State::Waiting { running, keep_alive, next_comment, comment })
                }
            }
        }
        State::Flowing(flow) => flow.advance().await,
        State::Breaking(linger) => {
            // Hyper drops what it has queued when the body fails: give the error event time to leave.
            tokio::task::yield_now().await;
            sleep(linger).await;
            (Some(Err(Aborted)), State::Ended)
        }
        State::Ended => (None, State::Ended),
    }
}

impl Flow {
    /// Content has come: from here on it is promised to the caller, and counted.
    fn begin(pursuit: Box<Pursuit>, opened: Box<Opened>) -> Self {
        let mut flow = Self { pursuit, opened };
        flow.pursuit.settle.first_token();
        flow.note_usage();
        flow
    }

    /// Reads until there is something to pass on, and what has come with it.
    async fn advance(mut self) -> (Option<Result<Bytes, Aborted>>, State) {
        loop {
            if self.opened.terminal {
                return self.close();
            }
            if !self.opened.ready.is_empty() {
                let frame = self.opened.ready.split().freeze();
                return (Some(Ok(frame)), State::Flowing(self));
            }
            self.pursuit.settle.wait_begins();
            let read = self.read().await;
            self.pursuit.settle.wait_ends();
            let mut taken = self.take(read);
            for _ in 0..TOGETHER {
                if taken != Ok(false) {
                    break;
                }
                let Some(read) = self.read_on().await else { break };
                taken = self.take(Some(read));
            }
            match taken {
                Ok(terminal) => self.opened.terminal = terminal,
                Err(fault) => return self.break_off(fault),
            }
        }
    }

    /// Judges what was read, and translates it; returns whether that was the last.
    fn take(&mut self, read: Option<Result<Option<Bytes>, Fault>>) -> Result<bool, Fault> {
        let taken = match read {
            // A finish reason has been seen: what breaks after it takes nothing from the answer.
            None | Some(Err(_)) if self.opened.translator.progress().finished => Ok(true),
            None => Err(self.too_slow()),
            Some(Err(fault)) => Err(fault),
            Some(Ok(None)) => self.opened.translator.end().map(|()| true).map_err(|fault| self.fault_of(fault)),
            Some(Ok(Some(chunk))) => {
                let Opened { translator, ready, .. } = &mut *self.opened;
                let pushed = translator.push(&chunk, ready);
                pushed.map(|progress| progress.terminal).map_err(|fault| self.fault_of(fault))
            }
        };
        self.note_usage();
        taken
    }

    /// Reads bytes that have come with those before: the connection hands its pieces over one a turn, and each would
    /// otherwise cost the caller's connection a write of its own.
    async fn read_on(&mut self) -> Option<Result<Option<Bytes>, Fault>> {
        // What is ready to run runs before a new task does. To yield would not do: the library polls a body that has
        // nothing for it a second time at once.
        let mut turn = tokio::spawn(ready(()));
        poll_fn(|cx| match self.opened.upstream.poll_chunk(cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => turn.poll_unpin(cx).map(|_| None),
        })
        .await
    }

    /// Reads the next bytes; `None` = they are too long in coming, or the time for all of them is used up.
    async fn read(&mut self) -> Option<Result<Option<Bytes>, Fault>> {
        let Opened { upstream, translator, waits, until, .. } = &mut *self.opened;
        // All is said after the finish reason: only usage and the marker may still come, and some upstreams send neither.
        let wait = if translator.progress().finished { waits.inter_chunk.min(AFTER_FINISH) } else { waits.inter_chunk };
        let now = Instant::now();
        // Asked for apart: an upstream that always has a little more never lets a timer speak.
        if now >= *until {
            return None;
        }
        timeout_at((*until).min(now + wait), upstream.next_chunk()).await.ok()
    }

    fn too_slow(&self) -> Fault {
        let waits = &self.opened.waits;
        if Instant::now() < self.opened.until {
            return stalled(&format!("nothing more came within {} ms", waits.inter_chunk.as_millis()));
        }
        stalled(&format!("it was not complete within {} ms", waits.total.as_millis()))
    }

    fn fault_of(&self, fault: StreamFault) -> Fault {
        fault_of_stream(fault, self.opened.secret.as_deref())
    }

    /// Ends a complete stream: record first, then the terminal marker.
    fn close(mut self) -> (Option<Result<Bytes, Aborted>>, State) {
        let usage = self.note_usage();
        self.opened.translator.supply_usage(usage);
        self.pursuit.settle.served_by(self.opened.translator.served_model());
        let lost = self.note_lost();
        let settled = match self.pursuit.settle.finish(End::completed()) {
            Ok(settled) => settled,
            Err(fault) => {
                tracing::error!(%fault, "a record cannot be written; the stream is broken off");
                return self.report(&Failure::RecordsUnavailable);
            }
        };
        let closing = self.pursuit.wants_report().then(|| Closing::new(&settled).telling(lost).json());
        let named: Vec<(&str, &[u8])> = closing
            .iter()
            .flat_map(|json| report::names(self.pursuit.request.model()).iter().map(|name| (*name, json.as_ref())))
            .collect();
        let Opened { mut translator, mut ready, upstream, .. } = *self.opened;
        translator.close(&named, &mut ready);
        finish_reading(upstream);
        (Some(Ok(ready.freeze())), State::Ended)
    }

    /// Notes what the caller was not told of the answer beside what the upstream was not told of the request; returns both,
    /// or nothing where the opening has told it all.
    fn note_lost(&mut self) -> Loss {
        let of_answer = self.opened.translator.loss().filter(|loss| !loss.is_empty());
        let Some(of_answer) = of_answer else { return Loss::default() };
        let mut lost = self.pursuit.loss.clone();
        lost.extend(of_answer);
        self.pursuit.settle.lost(&lost);
        lost
    }

    /// Reports a failure that came after content.
    fn break_off(mut self, fault: Fault) -> (Option<Result<Bytes, Aborted>>, State) {
        let provider = self.pursuit.chain.current().map(|model| model.provider().to_owned()).unwrap_or_default();
        metrics::counter!("signalbox_streams_interrupted_total", "kind" => fault.kind.as_str()).increment(1);
        self.opened.watched.broke_off();
        self.pursuit.settle.last_attempt_was(AttemptOutcome::Interrupted);
        let failure = Failure::Interrupted { provider, fault };
        if let Err(fault) = self.pursuit.settle.finish(failure.end()) {
            tracing::error!(%fault, "the record of an interrupted stream cannot be written");
        }
        self.report(&failure)
    }

    fn report(self, failure: &Failure) -> (Option<Result<Bytes, Aborted>>, State) {
        let linger = self.pursuit.worker.app.limits().abort_linger;
        let number = self.opened.translator.next_number();
        let mut frame = self.opened.ready;
        frame.extend_from_slice(&self.pursuit.settle.context().voice.event(failure, number));
        (Some(Ok(frame.freeze())), State::Breaking(linger))
    }

    fn note_usage(&mut self) -> Usage {
        let translator = &self.opened.translator;
        let input_tokens = self.pursuit.request.features().input_tokens;
        let usage = translator.usage().unwrap_or_else(|| translator.estimated_usage(input_tokens));
        self.opened.watched.wrote(usage.completion_tokens);
        self.pursuit.settle.consumed(usage);
        usage
    }
}

fn fail(mut pursuit: Box<Pursuit>, failure: &Failure, outcome: Outcome) -> (Option<Result<Bytes, Aborted>>, State) {
    let end = End { outcome, ..failure.end() };
    if let Err(fault) = pursuit.settle.finish(end) {
        tracing::error!(%fault, "the record of a failed request cannot be written");
    }
    let linger = pursuit.worker.app.limits().abort_linger;
    (Some(Ok(pursuit.settle.context().voice.event(failure, 0))), State::Breaking(linger))
}

fn stalled(how: &str) -> Fault {
    Fault::new(FaultKind::Timeout, how).charged()
}

/// Reads an upstream's body to its end so that its connection can be used again. The end usually lies in what has been
/// read already; else it is awaited for a moment, beside the request, which is over.
fn finish_reading(mut upstream: providers::Upstream) {
    if let Some(Ok(None) | Err(_)) = upstream.next_chunk().now_or_never() {
        return;
    }
    tokio::spawn(async move {
        let _ = timeout(TAIL, async { while let Ok(Some(_)) = upstream.next_chunk().await {} }).await;
    });
}
