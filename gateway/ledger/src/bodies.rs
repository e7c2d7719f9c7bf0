//! Bodies of requests and answers, for the keys and organisations that ask for them; nobody else pays anything.
//!
//! A running request collects into a [`BodyRecorder`]; when it ends, a thread of its own compresses what came together
//! and puts it into `bodies.db` ([`store`]). Memory is bounded: beyond it bodies are dropped and counted. Rows of the
//! ledger never wait for bodies and never depend on them. Bodies go when their time is over, or when somebody deletes
//! them; either way it is checked that they are gone ([`erase`]).

mod erase;
mod recorder;
mod store;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::BodyLogging;
use tokio::sync::mpsc;

pub use erase::{EraseError, Erased, Which};
pub use recorder::{BodyOwner, BodyRecorder};
pub use store::{BodyStore, KeptBodies, KeptBody};

use recorder::Entry;

/// The most that is kept of one body. What models are sent is mostly far smaller.
pub const MAX_BODY: usize = 1 << 20;
/// The most that running and waiting bodies may take together; beyond it they are dropped.
const MAX_HELD: usize = 64 << 20;
/// Ended requests that may wait to be written.
const QUEUE: usize = 256;

/// Keeps bodies. Starts its thread with the first body, or at once where there are bodies from before.
pub struct BodyLog {
    dir: PathBuf,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

enum State {
    Idle,
    Running {
        jobs: mpsc::Sender<Job>,
        ended: Receiver<()>,
    },
    /// No thread could be had, or the ledger has been closed.
    Closed,
}

/// What the thread is given.
enum Job {
    Keep(Box<Entry>),
    /// Answers once everything before it is in the file.
    Flush(std::sync::mpsc::SyncSender<()>),
}

/// What recorders, thread and handle share.
#[derive(Default)]
struct Shared {
    /// Bytes in memory.
    held: AtomicUsize,
    kept: AtomicU64,
    dropped: AtomicU64,
}

impl Shared {
    /// Takes bytes out of the budget, if there are so many left.
    fn reserve(&self, bytes: usize) -> bool {
        let before = self.held.fetch_add(bytes, Relaxed);
        if before + bytes > MAX_HELD {
            self.held.fetch_sub(bytes, Relaxed);
            return false;
        }
        true
    }

    fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }

    fn dropped(&self, reason: &'static str) {
        self.dropped.fetch_add(1, Relaxed);
        metrics::counter!("signalbox_bodies_dropped_total", "reason" => reason).increment(1);
    }

    fn kept(&self, count: u64) {
        self.kept.fetch_add(count, Relaxed);
        metrics::counter!("signalbox_bodies_kept_total").increment(count);
    }
}

impl BodyLog {
    /// Looks after the bodies of a ledger's folder.
    pub(crate) fn open(dir: &Path) -> Self {
        let log = Self { dir: dir.to_owned(), shared: Arc::default(), state: Mutex::new(State::Idle) };
        if dir.join(store::FILE).exists() {
            log.jobs();
        }
        log
    }

    /// Begins to record the bodies of a request. Ends, and is kept, when the recorder is dropped.
    pub fn begin(&self, owner: BodyOwner, logging: BodyLogging) -> Option<BodyRecorder> {
        let jobs = self.jobs()?;
        Some(BodyRecorder::new(owner, logging, self.shared.clone(), jobs))
    }

    /// Waits until everything that ended before the call is in the file; says whether it is.
    pub fn flush(&self, deadline: Duration) -> bool {
        let Some(jobs) = self.running() else { return true };
        let (done, waiting) = sync_channel(1);
        jobs.try_send(Job::Flush(done)).is_ok() && waiting.recv_timeout(deadline).is_ok()
    }

    /// How many requests' bodies were kept, and how many dropped, since the start.
    pub fn counts(&self) -> (u64, u64) {
        (self.shared.kept.load(Relaxed), self.shared.dropped.load(Relaxed))
    }

    /// Ends the thread once it has written what waits, at most until the deadline.
    pub(crate) fn close(&self, deadline: Duration) {
        let state = std::mem::replace(&mut *self.lock(), State::Closed);
        if let State::Running { jobs, ended } = state {
            drop(jobs);
            if ended.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!("bodies that waited to be written are lost: their file took too long");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Option<mpsc::Sender<Job>> {
        match &*self.lock() {
            State::Running { jobs, .. } => Some(jobs.clone()),
            State::Idle | State::Closed => None,
        }
    }

    /// The way to the thread, which is started if it is not there yet.
    fn jobs(&self) -> Option<mpsc::Sender<Job>> {
        let mut state = self.lock();
        if matches!(*state, State::Idle) {
            *state = start(&self.dir, self.shared.clone());
        }
        match &*state {
            State::Running { jobs, .. } => Some(jobs.clone()),
            State::Idle | State::Closed => None,
        }
    }
}

fn start(dir: &Path, shared: Arc<Shared>) -> State {
    let (jobs, waiting) = mpsc::channel(QUEUE);
    let (alive, ended) = sync_channel::<()>(0);
    let dir = dir.to_owned();
    let started = std::thread::Builder::new().name("bodies".to_owned()).spawn(move || {
        worker::run(&dir, &shared, waiting);
        drop(alive);
    });
    match started {
        Ok(_) => State::Running { jobs, ended },
        Err(error) => {
            tracing::error!(%error, "no thread can be started for bodies; none are kept");
            State::Closed
        }
    }
}
