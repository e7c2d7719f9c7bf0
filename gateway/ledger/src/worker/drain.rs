//! Moves records from the spool into the database, batch by batch, until the ledger is closed.
//!
//! A batch that the database refuses is tried again, without end and with growing pauses: meanwhile the spool grows.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use super::Shared;
use super::retain::{self, Retention};
use crate::codec;
use crate::database::Database;
use crate::database::batch::Batch;
use crate::spool::frame::{Kind, Record};
use crate::spool::recover::{OpenStart, OpenStarts};
use crate::spool::segment::{Item, Segment, SegmentReader};
use crate::stats::{self, add};

/// A batch is committed when it holds this much, however few rows that is.
const BATCH_BYTES: usize = 8 << 20;
/// Records that are read from the spool in a step: some 50 µs.
const STEP_RECORDS: u64 = 32;
/// The ledger keeps up while it is no more batches behind than this.
const KEEPS_UP: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Closing the database is given at least this long.
const CLOSE_GRACE: Duration = Duration::from_millis(200);

/// The drain and its place in the spool.
pub(super) struct Drain {
    shared: Arc<Shared>,
    database: Database,
    place: Place,
    open: OpenStarts,
    /// Segments in which damage was met while draining.
    damaged: Vec<u64>,
    batch: Batch,
    last_sequence: u64,
    retention: Retention,
}

/// Where the next record is read.
enum Place {
    /// In the segment with this first sequence.
    In(u64, SegmentReader),
    /// At the beginning of the first segment from this sequence on.
    From(u64),
}

/// The ledger is to end and its deadline has passed.
struct Stopped;

impl Drain {
    pub(super) fn new(
        shared: Arc<Shared>,
        database: Database,
        resume: Option<(Segment, u64)>,
        open: OpenStarts,
        next_sequence: u64,
    ) -> Self {
        let last_sequence = *shared.drained.borrow();
        let place = match resume {
            None => Place::From(next_sequence),
            Some((segment, offset)) => match SegmentReader::open(&segment.path) {
                Ok(mut reader) => {
                    reader.seek(offset);
                    Place::In(segment.first_sequence, reader)
                }
                // Read again from its beginning once it can be opened: rows that exist are left alone.
                Err(_) => Place::From(segment.first_sequence),
            },
        };
        let retention = Retention::new(shared.options.retain);
        Self { shared, database, place, open, damaged: Vec::new(), batch: Batch::default(), last_sequence, retention }
    }

    /// Drains until the ledger is closed and everything is in the database, or its deadline has passed.
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let behind = || *shared.drained.borrow() < shared.spool.last_sequence();
        loop {
            self.delete_old().await;
            let work = shared.drain_wake.until(|| behind() || shared.is_stopping());
            match self.retention.due_in() {
                None => work.await,
                Some(due) => match tokio::time::timeout(due, work).await {
                    Ok(()) => {}
                    Err(_) => continue,
                },
            }
            if !shared.is_stopping() && !shared.urgent.swap(false, SeqCst) {
                shared.drain_wake.pause(shared.options.flush_interval).await;
            }
            if self.catch_up().await.is_err() {
                break;
            }
            stats::publish(&shared.stats());
            if shared.is_stopping() && !behind() {
                break;
            }
        }
        self.end().await;
    }

    /// Deletes a few rows whose time is over, if it is time to look.
    async fn delete_old(&mut self) {
        let Some(before) = self.retention.limit() else { return };
        let deleted = self.database.delete_before(before, retain::STEP).await.unwrap_or_else(|error| {
            add(&self.shared.counters.database_errors, 1);
            tracing::warn!(%error, "old rows cannot be deleted; trying again in a minute");
            self.database.recover_from(&error);
            0
        });
        add(&self.shared.counters.expired, deleted);
        self.retention.deleted(deleted);
    }

    /// Drains everything that was in the spool when it began.
    async fn catch_up(&mut self) -> Result<(), Stopped> {
        let target = self.shared.spool.last_sequence();
        while self.last_sequence < target {
            self.shared.yielding.set(self.shared.keeps_up());
            self.fill().await?;
            if self.batch.is_empty() {
                // Nothing more to read: what is missing was lost to damage that has been reported.
                self.last_sequence = target;
            } else {
                self.commit().await?;
                self.last_sequence = self.batch.last_sequence();
            }
            self.shared.drained.send_replace(self.last_sequence);
            self.retire().await?;
        }
        Ok(())
    }

    /// Takes the next records from the spool into the batch.
    async fn fill(&mut self) -> Result<(), Stopped> {
        self.batch.clear();
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.try_fill() {
            tracing::error!(%error, "cannot read the spool; trying again");
            self.wait(&mut pause).await?;
        }
        Ok(())
    }

    /// Goes from segment to segment until the batch is full or there is nothing more to read.
    fn try_fill(&mut self) -> io::Result<()> {
        while !self.is_full() {
            self.enter()?;
            let Place::In(first_sequence, reader) = &mut self.place else { return Ok(()) };
            let first_sequence = *first_sequence;
            let Some(extent) = self.shared.spool.extent_from(first_sequence) else { return Ok(()) };
            if extent.segment.first_sequence == first_sequence {
                read(reader, &extent.segment, &mut self.batch, &mut self.open, &mut self.damaged, &self.shared)?;
                let at_end = reader.offset() >= extent.segment.bytes;
                if extent.growing || !at_end {
                    return Ok(());
                }
            }
            self.place = Place::From(first_sequence + 1);
        }
        Ok(())
    }

    /// Opens the segment that comes next, if none is open and there is one.
    fn enter(&mut self) -> io::Result<()> {
        if let Place::From(sequence) = self.place
            && let Some(extent) = self.shared.spool.extent_from(sequence)
        {
            let reader = SegmentReader::open(&extent.segment.path)?;
            self.place = Place::In(extent.segment.first_sequence, reader);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        is_full(&self.batch, &self.shared)
    }

    async fn commit(&mut self) -> Result<(), Stopped> {
        let mut pause = FIRST_PAUSE;
        let inserted = loop {
            match self.database.commit(&self.batch).await {
                Ok(inserted) => break inserted,
                Err(error) => self.failed(&error, &mut pause).await?,
            }
        };
        let counters = &self.shared.counters;
        add(&counters.drained, inserted);
        add(&counters.duplicates, (self.batch.rows() as u64).saturating_sub(inserted));
        add(&counters.unreadable, self.batch.unreadable_count() as u64);
        counters.open_requests.store(self.open.len() as u64, Relaxed);
        Ok(())
    }

    /// Deletes segments that have been drained; starts in them that are still open move to the database first.
    async fn retire(&mut self) -> Result<(), Stopped> {
        let (keep_from, starts_before) = match &self.place {
            Place::In(first_sequence, _) => (*first_sequence, *first_sequence),
            // Between two segments: every start read so far stands in one that goes.
            Place::From(first_sequence) => (*first_sequence, u64::MAX),
        };
        if !self.shared.spool.has_sealed_before(keep_from) {
            return Ok(());
        }
        self.carry(starts_before).await?;
        if let Err(error) = self.shared.spool.retire_before(keep_from, &self.damaged) {
            // They are tried again with the next ones.
            tracing::error!(%error, "cannot delete drained spool files");
        }
        Ok(())
    }

    async fn carry(&mut self, before: u64) -> Result<(), Stopped> {
        let starts: Vec<([u8; 16], OpenStart)> = self
            .open
            .iter()
            .filter(|(_, start)| !start.carried && start.sequence < before)
            .map(|(request, start)| (*request, start.clone()))
            .collect();
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.database.carry(&starts).await {
            self.failed(&error, &mut pause).await?;
        }
        for (request, _) in &starts {
            if let Some(start) = self.open.get_mut(request) {
                start.carried = true;
            }
        }
        Ok(())
    }

    async fn failed(&mut self, error: &sqlx::Error, pause: &mut Duration) -> Result<(), Stopped> {
        add(&self.shared.counters.database_errors, 1);
        tracing::warn!(%error, "the ledger's database refuses records; the spool keeps them, trying again");
        self.database.recover_from(error);
        stats::publish(&self.shared.stats());
        self.wait(pause).await
    }

    /// Waits before another try; gives up only when the ledger is to end and its time is up.
    async fn wait(&self, pause: &mut Duration) -> Result<(), Stopped> {
        let left = self.shared.time_left();
        if left == Some(Duration::ZERO) {
            return Err(Stopped);
        }
        self.shared.drain_wake.pause(left.map_or(*pause, |left| left.min(*pause))).await;
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    /// Leaves as little behind as can be: after a full drain no segment at all.
    async fn end(mut self) {
        let spool = &self.shared.spool;
        let drained = *self.shared.drained.borrow() >= spool.last_sequence() && spool.has_sealed_before(u64::MAX);
        if drained
            && self.carry(u64::MAX).await.is_ok()
            // The next process begins after the watermark, which covers every record.
            && let Err(error) = self.shared.spool.retire_before(u64::MAX, &self.damaged)
        {
            tracing::warn!(%error, "cannot delete drained spool files");
        }
        let time = self.shared.time_left().unwrap_or_default().max(CLOSE_GRACE);
        if let Ok(Err(error)) = tokio::time::timeout(time, self.database.close()).await {
            tracing::warn!(%error, "the ledger's database was not closed cleanly");
        }
    }
}

impl Shared {
    /// Whether rows come in about as fast as requests end, and nobody waits for them.
    fn keeps_up(&self) -> bool {
        let behind = self.spool.last_sequence().saturating_sub(*self.drained.borrow());
        behind <= (KEEPS_UP * self.options.batch_rows) as u64 && !self.is_stopping()
    }

    /// Time until the ledger must have ended, if it is to end.
    fn time_left(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

fn is_full(batch: &Batch, shared: &Shared) -> bool {
    batch.rows() >= shared.options.batch_rows.max(1) || batch.bytes() >= BATCH_BYTES
}

/// Takes records from one segment until it or the batch is at its end.
fn read(
    reader: &mut SegmentReader,
    segment: &Segment,
    batch: &mut Batch,
    open: &mut OpenStarts,
    damaged: &mut Vec<u64>,
    shared: &Shared,
) -> io::Result<()> {
    while !is_full(batch, shared) {
        match reader.next(segment.bytes)? {
            Item::End => return Ok(()),
            Item::Record(record) => {
                take(record, batch, open);
                if record.sequence.is_multiple_of(STEP_RECORDS) {
                    shared.yielding.step();
                }
            }
            Item::Damaged => {
                let offset = reader.offset();
                tracing::error!(file = %segment.path.display(), offset, "a spool file is damaged; it will be kept as *.corrupt");
                if !damaged.contains(&segment.first_sequence) {
                    add(&shared.counters.corrupt_segments, 1);
                    damaged.push(segment.first_sequence);
                }
                let reached = batch.last_sequence().max(*shared.drained.borrow());
                if reader.resync(segment.bytes, reached)?.is_none() {
                    reader.seek(segment.bytes);
                }
            }
        }
    }
    Ok(())
}

/// Sorts one record into the batch.
fn take(record: Record<'_>, batch: &mut Batch, open: &mut OpenStarts) {
    batch.reached(record.sequence);
    let understood = match record.kind {
        Kind::Start => codec::decode_start(record.payload).is_ok(),
        Kind::End => codec::decode_end(record.payload).is_ok(),
    };
    let Ok(request) = codec::request_of(record.payload) else {
        batch.push_unreadable(record);
        return;
    };
    match record.kind {
        _ if !understood => batch.push_unreadable(record),
        Kind::Start => {
            let start = OpenStart { sequence: record.sequence, payload: record.payload.into(), carried: false };
            open.entry(request).or_insert(start);
        }
        Kind::End => {
            if open.remove(&request).is_some_and(|start| start.carried) {
                batch.push_ended_carried(request);
            }
            batch.push_row(record);
        }
    }
}

#[cfg(test)]
mod tests;
