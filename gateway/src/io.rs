//! The caller's connection, which notices by itself what nobody above it would: a caller that takes no bytes, one that
//! left while bytes of a next request lie unread, one that never ends a head, and one whose requests could be cut in two
//! ways (`framing`).
//!
//! A body stuck in back-pressure is not polled, and hyper does not read on while it has bytes of a next request. When
//! the connection fails instead, hyper drops it, the body drops the upstream, and the settle guard records the caller
//! as gone.

mod framing;
mod protocol;
mod transport;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::io::framing::{FramingGuard, POISON};
pub(crate) use crate::io::protocol::{Protocol, protocol};
pub(crate) use crate::io::transport::Transport;

/// How often a connection that nobody reads is asked whether the caller is still there.
const LOOK: Duration = Duration::from_millis(40);
/// What a caller gets whose head has begun and does not end. The library would close without a word.
const LATE_HEAD: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\ncontent-length: 174\r\n\
connection: close\r\n\r\n{\"error\":{\"message\":\"the head of the request came too slowly: send it without long pauses\",\
\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"slow_head\",\"source\":\"gateway\"}}";

pub(crate) struct StallGuard {
    stream: Transport,
    wait: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Somebody waits for bytes, and so would learn that there will be none.
    is_read: bool,
    next_look: Option<Pin<Box<Sleep>>>,
    /// HTTP/2 has frames of its own.
    framing: Option<FramingGuard>,
    /// An ambiguous request has come: this is read in place of it, and then nothing.
    poison: Option<&'static [u8]>,
    head_wait: Duration,
    late_head: Option<Pin<Box<Sleep>>>,
}

impl StallGuard {
    /// Guards a connection: a head that has begun must be complete within `head_wait`, and no write may pend for longer
    /// than `wait`.
    pub(crate) fn new(stream: Transport, protocol: Protocol, head_wait: Duration, wait: Duration) -> Self {
        Self {
            stream,
            wait,
            stalled: None,
            is_read: false,
            next_look: None,
            framing: (protocol == Protocol::Http1).then(FramingGuard::default),
            poison: None,
            head_wait,
            late_head: None,
        }
    }

    /// Looks at whether the framing of what has come from `before` on is clear.
    fn inspect(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let bytes = &buffer.filled()[before..];
        let Some(framing) = &mut self.framing else { return };
        let clear = framing.inspect(bytes);
        if clear < bytes.len() {
            metrics::counter!("signalbox_ambiguous_requests_total").increment(1);
            buffer.set_filled(before + clear);
            self.poison = Some(POISON);
            self.give_poison(buffer);
        }
    }

    /// Fills in what makes the library refuse; says whether an ambiguous request has come.
    fn give_poison(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let Some(poison) = &mut self.poison else { return false };
        let (now, later) = poison.split_at(poison.len().min(buffer.remaining()));
        buffer.put_slice(now);
        *poison = later;
        true
    }

    /// Whether a head that has begun is too long in coming; the caller has been told then.
    fn is_head_late(&mut self, context: &mut Context<'_>) -> bool {
        if !self.framing.as_ref().is_some_and(FramingGuard::is_within_head) {
            self.late_head = None;
            return false;
        }
        let wait = self.head_wait;
        let is_late = self.late_head.get_or_insert_with(|| Box::pin(sleep(wait))).as_mut().poll(context).is_ready();
        if is_late {
            metrics::counter!("signalbox_late_heads_total").increment(1);
            // A caller that cannot even take this is not waited for.
            let _ = Pin::new(&mut self.stream).poll_write(context, LATE_HEAD);
            let _ = Pin::new(&mut self.stream).poll_flush(context);
        }
        is_late
    }

    /// Whether the caller left while nobody reads.
    fn has_left_unheard(&mut self, context: &mut Context<'_>) -> bool {
        if self.is_read {
            self.next_look = None;
            return false;
        }
        while self.next_look.get_or_insert_with(|| Box::pin(sleep(LOOK))).as_mut().poll(context).is_ready() {
            self.next_look = None;
            // The end of the caller's side is known to the runtime although bytes before it have not been read.
            let readiness = self.stream.tcp().ready(Interest::READABLE).now_or_never();
            if readiness.is_some_and(|ready| ready.is_ok_and(tokio::io::Ready::is_read_closed)) {
                return true;
            }
        }
        false
    }

    fn guard<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let wait = self.wait;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + wait)));
        timer.as_mut().poll(context).map(|()| {
            metrics::counter!("signalbox_write_stalls_total").increment(1);
            Err(io::Error::new(io::ErrorKind::TimedOut, "the caller stopped reading"))
        })
    }
}

impl AsyncRead for StallGuard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.give_poison(buffer) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.is_read = read.is_pending();
        if read.is_ready() {
            self.inspect(buffer, before);
            return read;
        }
        if self.is_head_late(context) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request came too slowly")));
        }
        read
    }
}

impl AsyncWrite for StallGuard {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.guard(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.guard(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Hyper comes by here whenever it has nothing to write.
        if self.has_left_unheard(context) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionReset, "the caller left")));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
