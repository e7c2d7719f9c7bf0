//! The caller's connection, which notices by itself what nobody above it would: a caller that takes no bytes, one that
//! left while bytes of a next request lie unread, and one that never says which protocol it speaks.
//!
//! A body stuck in back-pressure is not polled, and hyper does not read on while it has bytes of a next request. When
//! the connection fails instead, hyper drops it, the body drops the upstream, and the settle guard records the caller
//! as gone.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// How often a connection that nobody reads is asked whether the caller is still there.
const LOOK: Duration = Duration::from_millis(40);
/// What an HTTP/2 connection begins with. Whatever else comes is HTTP/1, where hyper limits the wait for a head.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) struct StallGuard {
    stream: TcpStream,
    wait: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Somebody waits for bytes, and so would learn that there will be none.
    is_read: bool,
    next_look: Option<Pin<Box<Sleep>>>,
    greeting: Option<Greeting>,
}

/// The begin of a connection, until it has said which protocol it speaks.
struct Greeting {
    wait: Duration,
    /// How much of the preface has come.
    come: usize,
    late: Option<Pin<Box<Sleep>>>,
}

impl StallGuard {
    /// Guards a connection: the protocol must be known within `greeting`, and no write may pend for longer than `wait`.
    pub(crate) fn new(stream: TcpStream, greeting: Duration, wait: Duration) -> Self {
        let greeting = Some(Greeting { wait: greeting, come: 0, late: None });
        Self { stream, wait, stalled: None, is_read: false, next_look: None, greeting }
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
            let readiness = self.stream.ready(Interest::READABLE).now_or_never();
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

impl Greeting {
    fn is_over(&mut self, bytes: &[u8]) -> bool {
        let differs = !PREFACE[self.come..].starts_with(bytes);
        self.come += bytes.len();
        differs || self.come == PREFACE.len()
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let wait = self.wait;
        self.late.get_or_insert_with(|| Box::pin(sleep(wait))).as_mut().poll(context).is_ready()
    }
}

impl AsyncRead for StallGuard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.is_read = read.is_pending();
        if let Some(greeting) = &mut self.greeting {
            if greeting.is_over(&buffer.filled()[before..]) {
                self.greeting = None;
            } else if read.is_pending() && greeting.is_late(context) {
                metrics::counter!("signalbox_silent_connections_total").increment(1);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller said nothing")));
            }
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
