//! Gives a stream up whose frames nobody asks for any more: the HTTP/2 side of what `io` does for HTTP/1.
//!
//! On a connection of many streams a caller may read some and not others, so the connection itself has nothing to
//! notice. A watcher beside the stream drops it: with it goes the upstream, and the settle guard records the caller as
//! gone.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::body::{Aborted, Frames};

/// A stream under watch.
pub(super) struct Watched {
    watch: Arc<Mutex<Watch>>,
    /// Dropped with the stream, which ends the watcher.
    _present: oneshot::Sender<()>,
}

struct Watch {
    /// Gone when the caller has been given up.
    frames: Option<Frames>,
    /// Since when a frame is out and the next one has not been asked for.
    unasked: Option<Instant>,
}

impl Watched {
    /// Watches a stream from now on; must be called within a runtime.
    pub(super) fn new(frames: Frames, wait: Duration) -> Self {
        let watch = Arc::new(Mutex::new(Watch { frames: Some(frames), unasked: None }));
        let (present, gone) = oneshot::channel();
        tokio::spawn(give_up_when_stalled(Arc::downgrade(&watch), wait, gone));
        Self { watch, _present: present }
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, Aborted>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut watch = lock(&self.watch);
        watch.unasked = None;
        let Some(frames) = &mut watch.frames else { return Poll::Ready(Some(Err(Aborted))) };
        let polled = frames.as_mut().poll_next(context);
        if matches!(polled, Poll::Ready(Some(Ok(_)))) {
            watch.unasked = Some(Instant::now());
        }
        polled
    }
}

async fn give_up_when_stalled(watch: Weak<Mutex<Watch>>, wait: Duration, mut gone: oneshot::Receiver<()>) {
    loop {
        let Some(due) = watch.upgrade().and_then(|watch| due(&watch, wait)) else { return };
        tokio::select! {
            _ = &mut gone => return,
            () = sleep_until(due) => {}
        }
    }
}

/// When to look again; `None` = the caller has waited too long and the stream has been dropped.
fn due(watch: &Mutex<Watch>, wait: Duration) -> Option<Instant> {
    let stalled = {
        let mut watch = lock(watch);
        let due = watch.unasked.unwrap_or_else(Instant::now) + wait;
        if due > Instant::now() {
            return Some(due);
        }
        watch.frames.take()
    };
    metrics::counter!("signalbox_write_stalls_total").increment(1);
    drop(stalled);
    None
}

fn lock(watch: &Mutex<Watch>) -> MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}
