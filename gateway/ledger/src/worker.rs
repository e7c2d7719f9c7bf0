//! The background thread: opens everything, syncs the spool in groups, drains it into the database, and ends cleanly.
//!
//! The drain always reads the spool's files (fresh from the page cache), never a queue in memory: one path whether it
//! keeps up, lags by gigabytes, or replays after a crash, and memory stays at one batch.

mod drain;
mod retain;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use domain::{Finished, Outcome};
use tokio::sync::{Notify, watch};

use crate::codec;
use crate::database::Database;
use crate::error::{LedgerError, SpoolError};
use crate::options::LedgerOptions;
use crate::spool::frame::{Draft, Kind};
use crate::spool::recover::{OpenStarts, Recovered, recover};
use crate::spool::{Spool, count_refusal};
use crate::stats::{self, Counters, LedgerStats, add};
use crate::yielding::Yielding;
use drain::Drain;

/// By how much the ledger's threads are nicer than others: against a thread that never rests they have a quarter of a
/// core, twice what the drain takes of a gateway that is busy all the time.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Wakes a loop that has nothing to do; costs the hot path one load while the loop is busy.
#[derive(Default)]
pub(crate) struct Wake {
    idle: AtomicBool,
    notify: Notify,
}

impl Wake {
    /// Says that there is work. Called after the spool's lock was released, which orders it with `idle`.
    pub(crate) fn work(&self) {
        if self.idle.load(SeqCst) && self.idle.swap(false, SeqCst) {
            self.now();
        }
    }

    /// Ends a wait, whatever it is for.
    pub(crate) fn now(&self) {
        self.notify.notify_one();
    }

    /// Waits until there is work; `look` is asked again after the wish to be woken is known.
    async fn until(&self, look: impl Fn() -> bool) {
        loop {
            self.idle.store(true, SeqCst);
            if look() {
                self.idle.store(false, SeqCst);
                return;
            }
            self.notify.notified().await;
        }
    }

    /// Waits for a time, or less if woken.
    async fn pause(&self, time: Duration) {
        let _ = tokio::time::timeout(time, self.notify.notified()).await;
    }
}

/// What the callers' threads and the background thread share.
pub(crate) struct Shared {
    pub(crate) spool: Spool,
    pub(crate) counters: Counters,
    pub(crate) options: LedgerOptions,
    /// The last record that is in the database.
    pub(crate) drained: watch::Sender<u64>,
    /// A flush is waiting: do not wait for company.
    pub(crate) urgent: AtomicBool,
    pub(crate) sync_wake: Wake,
    pub(crate) drain_wake: Wake,
    pub(crate) yielding: Yielding,
    /// Set when the ledger is to end, and by when.
    pub(crate) stop: watch::Sender<Option<Instant>>,
}

impl Shared {
    /// Appends a record and wakes who must know.
    pub(crate) fn append(&self, kind: Kind, draft: &mut Draft<'_>) -> Result<u64, SpoolError> {
        let sequence = self.spool.append(kind, draft).map_err(|error| count_refusal(&self.counters, error))?;
        add(&self.counters.appended, 1);
        self.sync_wake.work();
        self.drain_wake.work();
        Ok(sequence)
    }

    /// Syncs the disk up to a record.
    pub(crate) fn sync_through(&self, sequence: u64) -> Result<(), SpoolError> {
        match self.spool.sync_through(sequence) {
            Ok(None) => Ok(()),
            Ok(Some(took)) => {
                add(&self.counters.syncs, 1);
                metrics::histogram!("signalbox_ledger_sync_seconds").record(took.as_secs_f64());
                Ok(())
            }
            Err(error) => {
                add(&self.counters.sync_errors, 1);
                Err(SpoolError::Sync(error))
            }
        }
    }

    /// Everything countable, now.
    pub(crate) fn stats(&self) -> LedgerStats {
        let backlog = self.spool.last_sequence().saturating_sub(*self.drained.borrow());
        LedgerStats { backlog, spool_bytes: self.spool.bytes(), ..self.counters.read() }
    }

    fn deadline(&self) -> Option<Instant> {
        *self.stop.borrow()
    }

    fn is_stopping(&self) -> bool {
        self.deadline().is_some()
    }
}

/// The body of the background thread. Answers once through `ready`, then works until told to stop.
pub(crate) fn run(dir: &Path, options: LedgerOptions, ready: &SyncSender<Result<Arc<Shared>, LedgerError>>) {
    give_way();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(LedgerError::Thread(error.to_string())));
            return;
        }
    };
    runtime.block_on(async {
        match open(dir, options).await {
            Err(error) => {
                let _ = ready.send(Err(error));
            }
            Ok((shared, drain, _lock)) => {
                // If nobody waits any more, the ledger has been given up: stop at once.
                if ready.send(Ok(Arc::clone(&shared))).is_err() {
                    shared.stop.send_replace(Some(Instant::now()));
                }
                tokio::join!(sync_loop(Arc::clone(&shared)), drain.run());
            }
        }
    });
}

/// Lets the threads that talk to callers go first where cores are scarce: nobody waits for a row. The threads that sync
/// and write the database are started by this one, and as nice.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(refused) = rustix::process::nice(NICENESS) {
        tracing::warn!(%refused, "the ledger's threads cannot lower their priority: under load, requests wait for rows");
    }
}

/// Opens database and spool, and settles what an earlier process left open.
async fn open(dir: &Path, options: LedgerOptions) -> Result<(Arc<Shared>, Drain, File), LedgerError> {
    let spool_dir = dir.join("spool");
    create_dir(&spool_dir)?;
    let lock = lock(spool_dir.join("lock"))?;
    let yielding = Yielding::default();
    let mut database = Database::open(dir, options.busy_timeout, yielding.clone()).await?;
    let state = database.spool_state().await;
    let state = state.map_err(|source| LedgerError::Database { path: database.path().to_owned(), source })?;
    let counters = Counters::default();
    let recovered = recover(&spool_dir, state.watermark, state.carried, &counters)?;
    let Recovered { sealed, last_sequence, resume, open_at_resume, open_at_end } = recovered;
    let shared = Arc::new(Shared {
        spool: Spool::new(&spool_dir, &options, sealed, last_sequence),
        counters,
        options,
        drained: watch::Sender::new(state.watermark),
        urgent: AtomicBool::new(false),
        sync_wake: Wake::default(),
        drain_wake: Wake::default(),
        yielding,
        stop: watch::Sender::new(None),
    });
    if let Err(error) = end_unknown(&shared, open_at_end) {
        // A full spool must not keep the ledger from being opened and drained; the next start tries again.
        tracing::error!(%error, "requests of an earlier process have no outcome yet");
    }
    let drain = Drain::new(Arc::clone(&shared), database, resume, open_at_resume, last_sequence + 1);
    Ok((shared, drain, lock))
}

/// Gives every request that an earlier process did not end its row. Nothing of this process has been appended yet.
fn end_unknown(shared: &Shared, open: OpenStarts) -> Result<(), SpoolError> {
    let mut open: Vec<_> = open.into_values().collect();
    open.sort_by_key(|start| start.sequence);
    let mut buffer = Vec::new();
    for start in open {
        // What cannot be read is kept by the drain as unreadable.
        let Ok(started) = codec::decode_start(&start.payload) else { continue };
        let finished = Finished::new(started, Outcome::UnknownOutcome, 0);
        shared.append(Kind::End, &mut Draft::new(&mut buffer, |out| codec::encode_end(&finished, out)))?;
        add(&shared.counters.unknown_outcomes, 1);
    }
    Ok(())
}

/// Syncs the spool some time after the first unsynced record.
async fn sync_loop(shared: Arc<Shared>) {
    let behind = |shared: &Shared| shared.spool.synced_sequence() < shared.spool.last_sequence();
    loop {
        shared.sync_wake.until(|| behind(&shared) || shared.is_stopping()).await;
        if !shared.is_stopping() {
            shared.sync_wake.pause(shared.options.durability.group()).await;
        }
        if behind(&shared) {
            let worker = Arc::clone(&shared);
            // On a thread of its own, so that a slow disk does not hold up the drain.
            let done = tokio::task::spawn_blocking(move || worker.sync_through(worker.spool.last_sequence())).await;
            if let Ok(Err(error)) = done {
                tracing::error!(%error, "a power cut may now cost records");
            }
        } else if shared.is_stopping() {
            return;
        }
        stats::publish(&shared.stats());
    }
}

fn create_dir(path: &Path) -> Result<(), LedgerError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| LedgerError::File {
        action: "create",
        path: path.to_owned(),
        source,
    })
}

/// Two processes would number their records alike.
fn lock(path: PathBuf) -> Result<File, LedgerError> {
    let mut options = OpenOptions::new();
    let opened = options.create(true).truncate(false).write(true).mode(0o600).open(&path);
    let failed = |source, path| LedgerError::File { action: "lock", path, source };
    let file = opened.map_err(|source| failed(source, path.clone()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(failed(source, path)),
    }
}
