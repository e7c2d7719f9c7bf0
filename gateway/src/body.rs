//! The body of every answer: bytes at hand, or a stream that is being made.

mod array;
mod stall;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use ledger::BodyRecorder;

use crate::body::stall::Watched;
use crate::layers::load_shed::InFlight;

/// The answer is broken off on purpose: the caller must see an abnormal end, never a clean one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer was broken off after an error had been reported in it")]
pub(crate) struct Aborted;

type Frames = Pin<Box<dyn Stream<Item = Result<Bytes, Aborted>> + Send>>;

/// The body of an answer. Holds the request's place among those in flight until the last byte is out.
pub(crate) struct GatewayBody {
    content: Content,
    in_flight: Option<InFlight>,
    recorder: Option<BodyRecorder>,
}

enum Content {
    Full(Option<Bytes>),
    Stream(Frames),
}

impl GatewayBody {
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { content: Content::Full((!bytes.is_empty()).then_some(bytes)), in_flight: None, recorder: None }
    }

    pub(crate) fn stream(frames: impl Stream<Item = Result<Bytes, Aborted>> + Send + 'static) -> Self {
        Self { content: Content::Stream(Box::pin(frames)), in_flight: None, recorder: None }
    }

    /// Writes the events of a stream as one array instead.
    pub(crate) fn into_array(self) -> Self {
        match self.content {
            Content::Stream(frames) => Self { content: Content::Stream(Box::pin(array::of(frames))), ..self },
            Content::Full(_) => self,
        }
    }

    /// Gives a stream up whose next frame nobody asks for within `wait`.
    pub(crate) fn watched(self, wait: Duration) -> Self {
        match self.content {
            Content::Stream(frames) => Self { content: Content::Stream(Box::pin(Watched::new(frames, wait))), ..self },
            Content::Full(_) => self,
        }
    }

    /// Has what goes out kept.
    pub(crate) fn recorded(mut self, recorder: Option<BodyRecorder>) -> Self {
        self.recorder = recorder;
        self
    }

    pub(crate) fn holding(mut self, in_flight: Option<InFlight>) -> Self {
        self.in_flight = in_flight;
        self
    }
}

impl Body for GatewayBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let polled = match &mut self.content {
            Content::Full(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Content::Stream(frames) => frames.as_mut().poll_next(context),
        };
        if let (Some(recorder), Poll::Ready(Some(Ok(bytes)))) = (&mut self.recorder, &polled) {
            recorder.answer(bytes);
        }
        polled.map_ok(Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Content::Stream(_) => SizeHint::default(),
        }
    }
}
