//! The body of an answer that is passed on: each chunk as it came, and the record before its end.

use bytes::Bytes;
use dialect::Meter;
use domain::{AttemptOutcome, Outcome};
use futures_util::{Stream, stream};
use providers::{Upstream, Waits};
use tokio::time::timeout;

use crate::body::Aborted;
use crate::endpoints::proxy::Passage;
use crate::pipeline::settle::End;
use crate::pipeline::stream::ending;

/// An answer that is being passed on.
struct Flow {
    passage: Passage,
    upstream: Upstream,
    meter: Option<Meter>,
}

/// The chunks of an answer, listened to by a meter.
pub(super) fn frames(
    passage: Passage,
    upstream: Upstream,
    meter: Meter,
) -> impl Stream<Item = Result<Bytes, Aborted>> + Send + 'static {
    let flow = Flow { passage, upstream, meter: Some(meter) };
    let ending = ending(&flow.passage.worker, &flow.passage.settle.context().key);
    stream::unfold(Some((flow, ending)), |running| async move {
        let (mut flow, mut ending) = running?;
        let wait = Waits::resolve(&flow.passage.provider.timeouts).inter_chunk;
        flow.passage.settle.wait_begins();
        let read = tokio::select! {
            biased;
            read = timeout(wait, flow.upstream.next_chunk()) => read,
            // Whatever is passed on has no place for an error: the connection is broken off, and the record says why.
            failure = &mut ending => {
                let End { status, error, .. } = failure.end();
                flow.break_off(End { outcome: Outcome::Interrupted, status, error });
                return Some((Err(Aborted), None));
            }
        };
        flow.passage.settle.wait_ends();
        match read {
            Ok(Ok(Some(chunk))) => {
                flow.meter.as_mut().into_iter().for_each(|meter| meter.push(&chunk));
                Some((Ok(chunk), Some((flow, ending))))
            }
            // The record goes before the end of the body.
            Ok(Ok(None)) if !flow.is_cut_short() => flow.complete().err().map(|aborted| (Err(aborted), None)),
            Ok(Ok(None) | Err(_)) | Err(_) => {
                let error = Some("stream_interrupted".to_owned());
                flow.break_off(End { outcome: Outcome::Interrupted, status: 502, error });
                Some((Err(Aborted), None))
            }
        }
    })
}

impl Flow {
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

    /// Notes what the answer said that it consumed.
    fn hear(&mut self) {
        let Some(heard) = self.meter.take().map(Meter::end) else { return };
        self.passage.settle.served_by(heard.model.as_deref());
        if let Some(usage) = heard.usage {
            self.passage.settle.consumed(usage);
        }
    }
}
