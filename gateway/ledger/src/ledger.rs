//! The handle that a gateway holds: append, flush, read, close.

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use domain::record::RecordError;
use domain::{Finished, RecordFilter, RecordReader, Started};

use crate::bodies::BodyLog;
use crate::codec;
use crate::error::{FlushError, LedgerError, SpoolError};
use crate::options::{Durability, LedgerOptions};
use crate::reader::{LedgerReader, Totals};
use crate::spool::frame::{Draft, Kind};
use crate::stats::LedgerStats;
use crate::worker::{self, Shared};

/// Opening reads the whole spool once; past this something hangs.
const OPEN_DEADLINE: Duration = Duration::from_mins(2);
/// A thread keeps a buffer of this size between records, not a larger one.
const KEPT_BUFFER: usize = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// An open ledger. Share it as an `Arc`; every method takes `&self` and may be called from any thread.
pub struct Ledger {
    pub(crate) shared: Arc<Shared>,
    reader: Arc<LedgerReader>,
    bodies: BodyLog,
    /// Disconnects when the background thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl Ledger {
    /// Opens or creates the ledger in a folder: `ledger.sqlite` and `spool/`.
    ///
    /// Requests that an earlier process started and did not end get an `unknown_outcome` row; records that are not in
    /// the database yet are drained in the background (`flush` waits for them). Blocks while the spool is read.
    pub fn open(dir: &Path, options: LedgerOptions) -> Result<Self, LedgerError> {
        let (ready, opened) = sync_channel(1);
        let (alive, ended) = sync_channel::<()>(0);
        let folder = dir.to_owned();
        thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                worker::run(&folder, options, &ready);
                drop(alive);
            })
            .map_err(|error| LedgerError::Thread(error.to_string()))?;
        let shared = opened.recv_timeout(OPEN_DEADLINE).map_err(|error| LedgerError::Thread(error.to_string()))??;
        let reader = Arc::new(Self::open_reader(dir)?);
        Ok(Self { shared, reader, bodies: BodyLog::open(dir), ended: Mutex::new(ended) })
    }

    /// Opens the rows of a folder for reading alone, whether or not a server has it open.
    /// Records that are still in the spool are not seen.
    pub fn open_reader(dir: &Path) -> Result<LedgerReader, LedgerError> {
        LedgerReader::open(dir)
    }

    /// Appends a start record: one write, no wait for the disk. To be called before the first upstream call.
    ///
    /// On an error the request should be refused: its end might not be recorded.
    pub fn start(&self, started: &Started) -> Result<(), SpoolError> {
        self.append(Kind::Start, |out| codec::encode_start(started, out)).map(|_| ())
    }

    /// Appends an end record and returns its sequence, which will be the row's key.
    ///
    /// Waits for the disk only if the durability is `Strict`. Once this has returned, the row survives a kill.
    pub fn finish(&self, finished: &Finished) -> Result<u64, SpoolError> {
        let sequence = self.append(Kind::End, |out| codec::encode_end(finished, out))?;
        if self.shared.options.durability == Durability::Strict {
            self.shared.sync_through(sequence)?;
        }
        Ok(sequence)
    }

    /// The rows, as the rest of the platform reads them.
    pub fn reader(&self) -> Arc<dyn RecordReader> {
        Arc::clone(&self.reader) as Arc<dyn RecordReader>
    }

    /// Keeps bodies for those who ask for them.
    pub fn bodies(&self) -> &BodyLog {
        &self.bodies
    }

    pub(crate) fn database(&self) -> &LedgerReader {
        &self.reader
    }

    /// Sums over the rows that fit a filter (its limit and paging are ignored).
    pub async fn totals(&self, filter: &RecordFilter) -> Result<Totals, RecordError> {
        self.reader.totals(filter).await
    }

    /// Waits until everything appended before the call is in the database.
    pub async fn flush(&self, deadline: Duration) -> Result<(), FlushError> {
        let target = self.shared.spool.last_sequence();
        let mut drained = self.shared.drained.subscribe();
        self.shared.urgent.store(true, SeqCst);
        self.shared.drain_wake.now();
        let waited = tokio::time::timeout(deadline, drained.wait_for(|drained| *drained >= target)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(FlushError::Closed),
            Err(_) => Err(FlushError::Timeout { behind: target.saturating_sub(*self.shared.drained.borrow()) }),
        }
    }

    /// Refuses further records, drains what there is and ends the background thread. Blocks, at most until the deadline;
    /// what is not drained by then is replayed at the next start. Calling it again waits again.
    pub fn close(&self, deadline: Duration) -> Result<(), LedgerError> {
        self.shared.spool.close();
        self.shared.stop.send_replace(Some(Instant::now() + deadline));
        self.shared.sync_wake.now();
        self.shared.drain_wake.now();
        self.bodies.close(deadline);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match ended.recv_timeout(deadline) {
            Err(RecvTimeoutError::Timeout) => Err(LedgerError::CloseTimeout(deadline, self.stats().backlog)),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => match self.stats().backlog {
                0 => Ok(()),
                left => Err(LedgerError::CloseTimeout(deadline, left)),
            },
        }
    }

    /// Counts since opening, and what is on its way.
    pub fn stats(&self) -> LedgerStats {
        self.shared.stats()
    }

    fn append(&self, kind: Kind, encode: impl FnOnce(&mut Vec<u8>)) -> Result<u64, SpoolError> {
        BUFFER.with_borrow_mut(|buffer| {
            let appended = self.shared.append(kind, &mut Draft::new(buffer, encode));
            if buffer.capacity() > KEPT_BUFFER {
                *buffer = Vec::new();
            }
            appended
        })
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if let Err(error) = self.close(self.shared.options.close_deadline) {
            tracing::warn!(%error, "the ledger was dropped before it was drained");
        }
    }
}
