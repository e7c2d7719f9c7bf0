//! The ledger's tests: what a caller sees, with the files of the spool under the tests' own hands where needed.

#![allow(clippy::unwrap_used, reason = "tests")]

mod appending;
mod bodies;
mod filters;
mod opening;
mod reading;
mod recovery;
mod retaining;
pub(crate) mod samples;
mod versions;
mod yielding;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::{Finished, RecordFilter, RequestRecord, Started};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use crate::spool::Spool;
use crate::spool::frame::{Draft, Kind};
use crate::{BodyStore, Ledger, LedgerOptions, codec};

/// Long enough never to matter on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

pub(crate) fn quick() -> LedgerOptions {
    LedgerOptions {
        flush_interval: Duration::from_millis(2),
        busy_timeout: Duration::from_millis(10),
        ..LedgerOptions::default()
    }
}

pub(crate) fn open(dir: &Path, options: LedgerOptions) -> Ledger {
    Ledger::open(dir, options).unwrap()
}

impl Ledger {
    fn flushed(&self) -> &Self {
        block_on(self.flush(PATIENCE)).unwrap();
        self
    }

    fn rows(&self, filter: RecordFilter) -> Vec<RequestRecord> {
        block_on(self.reader().list(RecordFilter { limit: 10_000, ..filter })).unwrap()
    }

    /// All rows, oldest first.
    fn all(&self) -> Vec<RequestRecord> {
        self.rows(RecordFilter { after_sequence: Some(0), ..RecordFilter::default() })
    }

    fn run(&self, started: &Started) -> Finished {
        let finished = samples::finished(started.clone());
        self.start(started).unwrap();
        self.finish(&finished).unwrap();
        finished
    }
}

/// Writes records as a process would that dies before it drains any.
fn crashed_spool(dir: &Path, options: &LedgerOptions, last_sequence: u64, write: impl FnOnce(&Spool)) {
    let folder = dir.join("spool");
    fs::create_dir_all(&folder).unwrap();
    write(&Spool::new(&folder, options, VecDeque::new(), last_sequence));
}

impl BodyStore {
    /// Makes deletions leave what they delete in the file.
    async fn overwrite_nothing(&mut self) {
        sqlx::raw_sql("PRAGMA secure_delete = OFF").execute(self.connection()).await.unwrap();
    }
}

impl Spool {
    fn put_start(&self, started: &Started) {
        let mut buffer = Vec::new();
        self.append(Kind::Start, &mut Draft::new(&mut buffer, |out| codec::encode_start(started, out))).unwrap();
    }

    fn put_end(&self, finished: &Finished) {
        let mut buffer = Vec::new();
        self.append(Kind::End, &mut Draft::new(&mut buffer, |out| codec::encode_end(finished, out))).unwrap();
    }
}

/// The spool's files with a suffix, oldest first.
fn spool_files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir.join("spool")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(suffix));
    files.sort();
    files
}

/// Somebody else's connection to the database.
async fn intruder(dir: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(dir.join("ledger.sqlite"));
    options.create_if_missing(true).busy_timeout(PATIENCE).connect().await.unwrap()
}

/// Waits for something that another thread does.
#[track_caller]
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::yield_now();
    }
}

fn requests(rows: &[RequestRecord]) -> Vec<u128> {
    rows.iter().map(|row| row.finished.started.id.value()).collect()
}
