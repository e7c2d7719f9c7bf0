//! Hands finished requests to whoever makes traces of them.
//!
//! A trace is made of the record that the request leaves anyway and of when its parts took place, once it has ended: a
//! running request carries no spans, and without a taker it carries nothing at all. The queue is bounded; what finds it
//! full is dropped and counted. Prompts, answers and secrets are not in a record's fields, and what a decision was made
//! of is left out.

use std::time::Duration;

use domain::{Finished, RequestId};
use http::HeaderMap;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

/// Finished requests that may wait.
const WAITING: usize = 4_096;

/// A finished request, as a trace needs it.
#[derive(Debug)]
pub struct RequestTrace {
    /// What the caller says its request belongs to.
    pub parent: Option<TraceParent>,
    /// The request's record, without its decision and what that was made of.
    pub record: Box<Finished>,
    /// When the decision was made.
    pub decision: Option<Period>,
    /// When each attempt of the record took place.
    pub attempts: Vec<Period>,
}

/// A part of a request's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// After the request had come.
    pub from: Duration,
    /// After the request had come.
    pub to: Duration,
}

/// The span of a caller, out of its `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace it belongs to.
    pub trace: [u8; 16],
    /// The span itself.
    pub span: [u8; 8],
    /// Whether the trace is being recorded.
    pub sampled: bool,
}

/// Takes finished requests from any thread, never waits.
#[derive(Clone, Debug)]
pub struct Traces(Sender<RequestTrace>);

impl Traces {
    /// Makes both ends.
    pub fn channel() -> (Self, Receiver<RequestTrace>) {
        let (sender, receiver) = channel(WAITING);
        (Self(sender), receiver)
    }

    fn send(&self, trace: RequestTrace) {
        if self.0.try_send(trace).is_err() {
            metrics::counter!("signalbox_traces_dropped_total", "reason" => "queue").increment(1);
        }
    }
}

impl TraceParent {
    /// Reads the header; what does not follow the standard counts as absent.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("traceparent")?.to_str().ok()?;
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_known = version == "00" && parts.next().is_none();
        let is_later = version.len() == 2 && version != "00" && version != "ff";
        let parent = Self { trace: hex(trace)?, span: hex(span)?, sampled: hex::<1>(flags)?[0] & 1 == 1 };
        let is_valid = parent.trace != [0; 16] && parent.span != [0; 8];
        (is_valid && (is_known || is_later)).then_some(parent)
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if text.len() != 2 * N || !text.as_bytes().iter().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl RequestTrace {
    /// The trace's name: the caller's, or one that follows from the request's id.
    pub fn trace_id(&self) -> [u8; 16] {
        self.parent.map_or_else(|| derived(&self.record.started.id, "trace"), |parent| parent.trace)
    }

    /// The name of the span with this number; 0 is the request itself.
    pub fn span_id(&self, number: usize) -> [u8; 8] {
        derived(&self.record.started.id, &number.to_string())
    }
}

fn derived<const N: usize>(id: &RequestId, what: &str) -> [u8; N] {
    let hash = blake3::hash(format!("{id} {what}").as_bytes());
    let mut bytes = [0; N];
    bytes.copy_from_slice(&hash.as_bytes()[..N]);
    bytes
}

// === Timeline ===

/// Notes when the parts of a running request take place.
#[derive(Debug)]
pub(crate) struct Timeline {
    traces: Traces,
    arrived: Instant,
    parent: Option<TraceParent>,
    decision: Option<Period>,
    attempts: Vec<Period>,
    sent_at: Option<Duration>,
}

impl Timeline {
    /// Begins to take notes if somebody wants them and the caller does not mind.
    pub(crate) fn begin(traces: Option<&Traces>, arrived: Instant, parent: Option<TraceParent>) -> Option<Box<Self>> {
        let traces = traces.filter(|_| parent.is_none_or(|parent| parent.sampled))?.clone();
        Some(Box::new(Self { traces, arrived, parent, decision: None, attempts: Vec::new(), sent_at: None }))
    }

    /// The decision has been made just now.
    pub(crate) fn decided(&mut self, took: Duration) {
        let to = self.arrived.elapsed();
        self.decision = Some(Period { from: to.saturating_sub(took), to });
    }

    /// A call goes out.
    pub(crate) fn sent(&mut self) {
        self.sent_at = Some(self.arrived.elapsed());
    }

    /// A call, or what would have been one, is over.
    pub(crate) fn attempted(&mut self) {
        let to = self.arrived.elapsed();
        self.attempts.push(Period { from: self.sent_at.take().unwrap_or(to), to });
    }

    /// The request has ended with this record.
    pub(crate) fn end(mut self, mut record: Box<Finished>) {
        let end = Duration::from_micros(record.total_micros);
        // One that was still out when the caller left, and a stream, which goes on behind its first content.
        if self.attempts.len() < record.attempts.len() {
            self.attempts.push(Period { from: self.sent_at.unwrap_or(end), to: end });
        } else if record.started.stream && record.model.is_some() {
            self.attempts.last_mut().into_iter().for_each(|last| last.to = end.max(last.from));
        }
        record.decision = None;
        record.arguments = None;
        let Self { traces, parent, decision, attempts, .. } = self;
        traces.send(RequestTrace { parent, record, decision, attempts });
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(header: &str, sampled: Option<bool>) {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("traceparent"),
            HeaderValue::try_from(header).expect("visible"),
        )]);
        assert_eq!(TraceParent::of(&headers).map(|parent| parent.sampled), sampled, "{header}");
    }

    #[test]
    fn parents_are_read_as_the_standard_has_it() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        for (header, sampled) in [
            (format!("00-{trace}-{span}-01"), Some(true)),
            (format!("00-{trace}-{span}-00"), Some(false)),
            (format!("cc-{trace}-{span}-01-more"), Some(true)),
            (format!("00-{trace}-{span}-01-more"), None),
            (format!("ff-{trace}-{span}-01"), None),
            (format!("00-{}-{span}-01", "0".repeat(32)), None),
            (format!("00-{trace}-{}-01", "0".repeat(16)), None),
            (format!("00-{}-{span}-01", trace.to_uppercase()), None),
            (format!("00-{trace}-{span}"), None),
            ("x".to_owned(), None),
            (String::new(), None),
        ] {
            check(&header, sampled);
        }
    }
}
