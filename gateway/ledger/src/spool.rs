//! The spool: an append-only log in segment files. It is the queue between requests and the database.
//!
//! Appending is the hot path: the frame is built outside the lock, gets its sequence inside, and is written with one
//! `write(2)`. Whoever needs the disk to have it calls `sync_through`; callers that wait together share one sync.
//! Reading is done by `segment::SegmentReader` over the same files, so memory stays bounded however far the drain lags.

mod active;
pub(crate) mod frame;
pub(crate) mod recover;
pub(crate) mod segment;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::error::SpoolError;
use crate::options::LedgerOptions;
use crate::stats::{Counters, add};
use active::Active;
use frame::{Draft, Kind};
use segment::Segment;

/// Above the limit at which starts are refused, ends have this much more: their requests have been paid for.
const END_RESERVE_SHARE: u64 = 8;

/// The log as its writers see it.
pub(crate) struct Spool {
    dir: PathBuf,
    segment_bytes: u64,
    max_bytes: u64,
    state: Mutex<State>,
    /// Held while syncing: whoever waits for it usually finds the work done.
    sync: Mutex<()>,
    synced: AtomicU64,
    /// Records up to here were part of a sync that failed: nobody may be told that they are safe.
    sync_failed: AtomicU64,
}

struct State {
    active: Option<Active>,
    /// Segments that are not written any more, oldest first.
    sealed: VecDeque<Segment>,
    /// Sealed files whose last bytes may not be on disk.
    unsynced: Vec<Arc<File>>,
    directory_changed: bool,
    last_sequence: u64,
    bytes: u64,
    closed: bool,
}

/// How far a segment may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) segment: Segment,
    /// More may come.
    pub(crate) growing: bool,
}

impl Spool {
    /// Continues after what recovery found. Files are created by the first record, not here.
    pub(crate) fn new(dir: &Path, options: &LedgerOptions, sealed: VecDeque<Segment>, last_sequence: u64) -> Self {
        let bytes = sealed.iter().map(|segment| segment.bytes).sum();
        Self {
            dir: dir.to_owned(),
            segment_bytes: options.effective_segment_bytes(),
            max_bytes: options.max_spool_bytes,
            state: Mutex::new(State {
                active: None,
                sealed,
                unsynced: Vec::new(),
                directory_changed: false,
                last_sequence,
                bytes,
                closed: false,
            }),
            sync: Mutex::new(()),
            synced: AtomicU64::new(last_sequence),
            sync_failed: AtomicU64::new(0),
        }
    }

    /// Writes a record and returns its sequence.
    pub(crate) fn append(&self, kind: Kind, draft: &mut Draft<'_>) -> Result<u64, SpoolError> {
        let size = draft.size();
        let mut state = self.lock();
        if state.closed {
            return Err(SpoolError::Closed);
        }
        if state.bytes + size > self.limit(kind) {
            return Err(SpoolError::Full { bytes: state.bytes });
        }
        let sequence = state.last_sequence + 1;
        let bytes = state.bytes;
        let active = self.active(&mut state, sequence).map_err(|error| refused(error, bytes))?;
        active.write(draft.seal(kind, sequence, active.salt())).map_err(|error| refused(error, bytes))?;
        state.last_sequence = sequence;
        state.bytes += size;
        Ok(sequence)
    }

    /// Makes sure that everything up to a record is on disk. Returns how long the disk took, if this call asked it.
    pub(crate) fn sync_through(&self, sequence: u64) -> Result<Option<std::time::Duration>, String> {
        if self.synced.load(SeqCst) >= sequence {
            return self.confirmed(sequence);
        }
        let _turn = self.sync.lock().unwrap_or_else(PoisonError::into_inner);
        if self.synced.load(SeqCst) >= sequence {
            return self.confirmed(sequence);
        }
        let (files, directory, last) = self.take_unsynced();
        let begin = Instant::now();
        let result = files
            .iter()
            .try_for_each(|file| file.sync_data())
            .and_then(|()| if directory { File::open(&self.dir)?.sync_all() } else { Ok(()) });
        if result.is_err() {
            // After a failed sync the kernel may call the same pages clean: a later success proves nothing about them.
            self.sync_failed.fetch_max(last, SeqCst);
        }
        self.synced.fetch_max(last, SeqCst);
        match result {
            Ok(()) => self.confirmed(sequence).map(|_| Some(begin.elapsed())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The last record appended.
    pub(crate) fn last_sequence(&self) -> u64 {
        self.lock().last_sequence
    }

    /// The last record known to be on disk.
    pub(crate) fn synced_sequence(&self) -> u64 {
        self.synced.load(SeqCst)
    }

    /// Size of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// How far the oldest segment that begins at or after a sequence may be read now.
    pub(crate) fn extent_from(&self, first_sequence: u64) -> Option<Extent> {
        let state = self.lock();
        let sealed = state.sealed.iter().find(|segment| segment.first_sequence >= first_sequence);
        if let Some(segment) = sealed {
            return Some(Extent { segment: segment.clone(), growing: false });
        }
        let active = state.active.as_ref().filter(|active| active.segment().first_sequence >= first_sequence)?;
        Some(Extent { segment: active.segment().clone(), growing: true })
    }

    /// Whether segments that begin before a sequence could be deleted.
    pub(crate) fn has_sealed_before(&self, first_sequence: u64) -> bool {
        self.lock().sealed.front().is_some_and(|segment| segment.first_sequence < first_sequence)
    }

    /// Deletes segments that begin before a sequence. Those found damaged while draining are kept aside instead.
    pub(crate) fn retire_before(&self, first_sequence: u64, damaged: &[u64]) -> io::Result<()> {
        loop {
            let segment = {
                let state = self.lock();
                state.sealed.front().filter(|segment| segment.first_sequence < first_sequence).cloned()
            };
            let Some(segment) = segment else { return Ok(()) };
            let removed = if damaged.contains(&segment.first_sequence) {
                fs::rename(&segment.path, segment::aside(&segment.path))
            } else {
                fs::remove_file(&segment.path)
            };
            if let Err(error) = removed
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let mut state = self.lock();
            state.sealed.pop_front();
            state.bytes -= segment.bytes;
        }
    }

    /// Refuses records from now on and closes the active segment.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        Self::seal_active(&mut state);
    }

    fn limit(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Start => self.max_bytes,
            Kind::End => self.max_bytes.saturating_add(self.max_bytes / END_RESERVE_SHARE),
        }
    }

    /// The segment to write to: the active one, or a new one if there is none or it has its size.
    fn active<'a>(&self, state: &'a mut State, sequence: u64) -> io::Result<&'a mut Active> {
        if state.active.as_ref().is_some_and(|active| active.segment().bytes >= self.segment_bytes) {
            Self::seal_active(state);
        }
        if state.active.is_none() {
            let active = Active::create(&self.dir, sequence)?;
            state.bytes += active.segment().bytes;
            state.directory_changed = true;
            state.active = Some(active);
        }
        state.active.as_mut().ok_or_else(|| io::Error::other("no active segment"))
    }

    fn seal_active(state: &mut State) {
        if let Some(active) = state.active.take() {
            state.unsynced.push(active.file());
            state.sealed.push_back(active.into_segment());
        }
    }

    fn take_unsynced(&self) -> (Vec<Arc<File>>, bool, u64) {
        let mut state = self.lock();
        let mut files = std::mem::take(&mut state.unsynced);
        files.extend(state.active.as_ref().map(Active::file));
        let directory = std::mem::take(&mut state.directory_changed);
        (files, directory, state.last_sequence)
    }

    fn confirmed(&self, sequence: u64) -> Result<Option<std::time::Duration>, String> {
        if sequence <= self.sync_failed.load(SeqCst) {
            return Err("an earlier sync that included this record failed".to_owned());
        }
        Ok(None)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is complete before the next can fail, so a poisoned state is a sound one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a refused record.
pub(crate) fn count_refusal(counters: &Counters, error: SpoolError) -> SpoolError {
    add(&counters.refused, 1);
    error
}

fn refused(error: io::Error, bytes: u64) -> SpoolError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SpoolError::Full { bytes },
        _ => SpoolError::Io(error),
    }
}
