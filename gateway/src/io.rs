//! The caller's connection, which notices by itself what nobody above it would: a caller that takes no bytes, one that
//! left while bytes of a next request lie unread, one that never ends a head (`opening` for HTTP/2), and one whose
//! requests could be cut in two ways (`framing`). Who is refused here is told why (`farewell`).
//!
//! A body stuck in back-pressure is not polled, and hyper does not read on while it has bytes of a next request. When
//! the connection fails instead, hyper drops it, the body drops the upstream, and the settle guard records the caller
//! as gone.

mod farewell;
mod framing;
mod opening;
mod protocol;
mod transport;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::app::App;
use crate::io::farewell::{Farewell, Refusal};
use crate::io::framing::{FramingGuard, POISON};
use crate::io::opening::Opening;
pub(crate) use crate::io::protocol::{Protocol, protocol};
pub(crate) use crate::io::transport::Transport;

/// How often a connection that nobody reads is asked whether the caller is still there.
const LOOK: Duration = Duration::from_millis(40);
/// So long is read on from a caller that has been refused, and thrown away.
const LAST_LOOK: Duration = Duration::from_millis(250);
/// So many bytes at a time.
const UNREAD: usize = 4_096;

pub(crate) struct StallGuard {
    stream: Transport,
    app: Arc<App>,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Somebody waits for bytes, and so would learn that there will be none.
    is_read: bool,
    next_look: Option<Pin<Box<Sleep>>>,
    followed: Followed,
    /// A request is refused here: this is read in place of it, and then nothing.
    poison: Option<&'static [u8]>,
    refusal: Option<Refusal>,
    /// What is said of it; nothing of it is left when all is out.
    farewell: Option<Farewell>,
    late_head: Option<Pin<Box<Sleep>>>,
    last_look: Option<Pin<Box<Sleep>>>,
}

/// What is followed of the bytes that come.
enum Followed {
    Http1(FramingGuard),
    /// It has frames of its own.
    Http2(Opening),
}

impl Followed {
    /// Whether a head has begun, or a connection, and is not complete.
    fn is_within_head(&self) -> bool {
        match self {
            Self::Http1(framing) => framing.is_within_head(),
            Self::Http2(opening) => !opening.is_over(),
        }
    }
}

impl StallGuard {
    /// Guards a connection: a head that has begun must be complete within `header_wait`, and no write may pend for longer
    /// than `write_stall`.
    pub(crate) fn new(stream: Transport, protocol: Protocol, app: Arc<App>) -> Self {
        let followed = match protocol {
            Protocol::Http1 => Followed::Http1(FramingGuard::default()),
            Protocol::Http2 => Followed::Http2(Opening::default()),
        };
        Self {
            stream,
            app,
            stalled: None,
            is_read: false,
            next_look: None,
            followed,
            poison: None,
            refusal: None,
            farewell: None,
            late_head: None,
            last_look: None,
        }
    }

    /// Looks at whether the framing of what has come from `before` on is clear.
    fn inspect(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let bytes = &buffer.filled()[before..];
        let framing = match &mut self.followed {
            Followed::Http1(framing) => framing,
            Followed::Http2(opening) => return opening.follow(bytes),
        };
        let clear = framing.inspect(bytes);
        if clear < bytes.len() {
            metrics::counter!("signalbox_ambiguous_requests_total").increment(1);
            buffer.set_filled(before + clear);
            self.refuse(Refusal::Ambiguous, buffer);
        }
    }

    /// Has the library refuse what comes, in its turn.
    fn refuse(&mut self, refusal: Refusal, buffer: &mut ReadBuf<'_>) {
        self.refusal = Some(refusal);
        self.poison = Some(POISON);
        self.give_poison(buffer);
    }

    /// Fills in what makes the library refuse; says whether an ambiguous request has come.
    fn give_poison(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let Some(poison) = &mut self.poison else { return false };
        let (now, later) = poison.split_at(poison.len().min(buffer.remaining()));
        buffer.put_slice(now);
        *poison = later;
        true
    }

    /// Whether a head that has begun is too long in coming.
    fn is_head_late(&mut self, context: &mut Context<'_>) -> bool {
        if !self.followed.is_within_head() {
            self.late_head = None;
            return false;
        }
        let wait = self.app.limits().header_wait;
        let is_late = self.late_head.get_or_insert_with(|| Box::pin(sleep(wait))).as_mut().poll(context).is_ready();
        if is_late {
            metrics::counter!("signalbox_late_heads_total").increment(1);
        }
        is_late
    }

    /// Writes why a connection ends in place of a bare answer; `None` = these bytes are none.
    fn say_why(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Option<Poll<io::Result<usize>>> {
        let status = farewell::status_of(bytes)?;
        let mut words = self.farewell.take().unwrap_or_else(|| Farewell::new(&self.app, self.refusal, status, bytes));
        while !words.rest().is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, words.rest()) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(written)) => words.wrote(written),
                unwritten => {
                    self.farewell = Some(words);
                    return Some(self.guard(context, unwritten));
                }
            }
        }
        self.farewell = Some(words);
        Some(self.guard(context, Poll::Ready(Ok(bytes.len()))))
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
        let wait = self.app.limits().write_stall;
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
        if !self.is_head_late(context) {
            return read;
        }
        match self.followed {
            Followed::Http1(_) => {
                self.refuse(Refusal::Late, buffer);
                Poll::Ready(Ok(()))
            }
            Followed::Http2(_) => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the connection opened too slowly")))
            }
        }
    }
}

impl AsyncWrite for StallGuard {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(said) = self.say_why(context, bytes) {
            return said;
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.guard(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices
            && let Some(said) = self.say_why(context, only)
        {
            return said;
        }
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
        let shut = ready!(Pin::new(&mut self.stream).poll_shutdown(context));
        if self.farewell.is_none() {
            return Poll::Ready(shut);
        }
        // Bytes that nobody has read would turn the end into a reset, which takes the last words from who still sends.
        let last = self.last_look.get_or_insert_with(|| Box::pin(sleep(LAST_LOOK))).as_mut().poll(context);
        let mut unread = [0; UNREAD];
        while last.is_pending() {
            let mut unread = ReadBuf::new(&mut unread);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut unread)) {
                Ok(()) if !unread.filled().is_empty() => {}
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(shut)
    }
}
