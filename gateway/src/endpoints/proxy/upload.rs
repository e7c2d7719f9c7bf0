//! Bodies that are too large to be held, such as files: passed on to the provider while they come.
//!
//! Nothing of them is read but the first piece, so only those pass of which nothing has to be known: their length is
//! announced, they are no JSON, and the key is not limited to models that the body could name. They are sent once.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use providers::Flowing;
use tokio::time::{Sleep, sleep};

use crate::config::Limits;
use crate::error::Failure;
use crate::layers::body_limit;
use crate::layers::load_shed::InFlight;

/// A body that is passed on while it comes.
pub(super) struct Upload {
    first: Option<Bytes>,
    rest: Incoming,
    /// Bytes that have not been passed on.
    left: u64,
    /// The next piece must come within this.
    wait: Duration,
    late: Option<Pin<Box<Sleep>>>,
    fate: Arc<Fate>,
}

/// What the caller did to a body, for those who cannot see it any more.
#[derive(Debug, Default)]
pub(super) struct Fate {
    broke_off: AtomicBool,
    came_too_slowly: AtomicBool,
}

impl Fate {
    /// Why the body did not come whole, if the caller is to blame.
    pub(super) fn failure(&self) -> Option<Failure> {
        if self.came_too_slowly.load(Ordering::Relaxed) {
            return Some(Failure::SlowBody);
        }
        self.broke_off.load(Ordering::Relaxed).then_some(Failure::BrokenBody)
    }
}

/// Whether a body is too large to be held, and may be passed on for all that its head says.
pub(super) fn is_wanted(headers: &HeaderMap, body: &Incoming, limits: &Limits) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_large = |length: u64| length > limits.body_bytes as u64 && length <= limits.upload_bytes;
    body.size_hint().exact().is_some_and(is_large) && !media_type.to_ascii_lowercase().contains("json")
}

/// What is told of bodies that are too large to be held and cannot be passed on either.
pub(super) fn not_taken(limits: &Limits) -> Failure {
    Failure::UploadNotTaken { held: limits.body_bytes, most: limits.upload_bytes }
}

impl Upload {
    /// Waits for the first piece, which is looked at.
    ///
    /// # Errors
    /// When the body is JSON after all, or does not come.
    pub(super) async fn begin(mut body: Incoming, limits: &Limits, in_flight: &mut InFlight) -> Result<Self, Failure> {
        let left = body.size_hint().lower();
        let first = body_limit::next(&mut body, limits.body_wait).await?.unwrap_or_default();
        let text = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&first).trim_ascii_start();
        if text.is_empty() || text.starts_with(b"{") {
            return Err(not_taken(limits));
        }
        in_flight.hold_bytes(first.len())?;
        Ok(Self { first: Some(first), rest: body, left, wait: limits.body_wait, late: None, fate: Arc::default() })
    }

    /// What has come of it.
    pub(super) fn first(&self) -> Bytes {
        self.first.clone().unwrap_or_default()
    }

    /// The body to send, and what will be known of its end.
    pub(super) fn flowing(self) -> (Flowing, Arc<Fate>) {
        let fate = self.fate.clone();
        (self.boxed_unsync(), fate)
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let wait = self.wait;
        self.late.get_or_insert_with(|| Box::pin(sleep(wait))).poll_unpin(context).is_ready()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = loop {
            if let Some(first) = self.first.take() {
                break first;
            }
            match Pin::new(&mut self.rest).poll_frame(context) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Ok(frame))) => {
                    self.late = None;
                    // Trailers end with the hop.
                    if let Ok(piece) = frame.into_data() {
                        break piece;
                    }
                }
                Poll::Ready(Some(Err(fault))) => {
                    self.fate.broke_off.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err(fault.into())));
                }
                Poll::Pending if self.is_late(context) => {
                    self.fate.came_too_slowly.store(true, Ordering::Relaxed);
                    return Poll::Ready(Some(Err("the caller's body came too slowly".into())));
                }
                Poll::Pending => return Poll::Pending,
            }
        };
        self.left = self.left.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
