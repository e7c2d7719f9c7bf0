//! Appending: from several threads, strictly, into small segments, a locked database and a full spool.

use std::time::Duration;

use domain::{RequestId, Started};
use sqlx::Connection;

use super::samples::{finished, started};
use super::{PATIENCE, block_on, eventually, intruder, open, quick, requests, spool_files};
use crate::{Durability, FlushError, LedgerError, LedgerOptions, SpoolError};

#[test]
fn every_thread_s_records_get_their_own_sequence_and_row() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), LedgerOptions { segment_bytes: 16 << 10, ..quick() });
    let threads = 8_u64;
    let each = 300_u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let ledger = &ledger;
            scope.spawn(move || {
                for number in 0..each {
                    ledger.run(&started(thread * each + number));
                }
            });
        }
    });
    let rows = ledger.flushed().all();
    let mut seen = requests(&rows);
    seen.sort_unstable();
    let expected: Vec<u128> = (0..threads * each).map(|number| started(number).id.value()).collect();
    assert_eq!(seen, expected);
    assert!(rows.is_sorted_by(|a, b| a.sequence < b.sequence));
    let stats = ledger.stats();
    assert_eq!((stats.appended, stats.drained, stats.backlog), (2 * threads * each, threads * each, 0));
}

#[test]
fn the_sequence_a_caller_gets_is_the_row_s() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    ledger.start(&started(1)).unwrap();
    let sequence = ledger.finish(&finished(started(1))).unwrap();
    assert_eq!(ledger.flushed().all()[0].sequence, sequence);
}

#[test]
fn strict_finish_returns_only_when_the_disk_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), LedgerOptions { durability: Durability::Strict, ..quick() });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let ledger = &ledger;
            scope.spawn(move || {
                for number in 0..25 {
                    let sequence = ledger.finish(&finished(started(thread * 25 + number))).unwrap();
                    assert!(ledger.shared.spool.synced_sequence() >= sequence);
                }
            });
        }
    });
    assert_eq!(ledger.flushed().all().len(), 100);
}

#[test]
fn grouped_records_are_synced_without_anybody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let durability = Durability::Grouped(Duration::from_millis(1));
    let ledger = open(dir.path(), LedgerOptions { durability, ..quick() });
    let sequence = ledger.finish(&finished(started(1))).unwrap();
    eventually("the sync", || ledger.shared.spool.synced_sequence() >= sequence);
    eventually("its count", || ledger.stats().syncs > 0);
}

#[test]
fn drained_segments_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), LedgerOptions { segment_bytes: 2_000, ..quick() });
    for number in 0..500 {
        ledger.run(&started(number));
    }
    ledger.flushed();
    eventually("the deletion", || spool_files(dir.path(), ".spool").len() <= 2);
    assert!(ledger.stats().spool_bytes < 8_000, "{:?}", ledger.stats());
    assert_eq!(ledger.all().len(), 500);
}

#[test]
fn a_locked_database_delays_rows_and_refuses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    block_on(async {
        let mut other = intruder(dir.path()).await;
        let lock = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
        for number in 0..50 {
            ledger.run(&started(number));
        }
        eventually("a refused batch", || ledger.stats().database_errors > 0);
        let flushed = ledger.flush(Duration::from_millis(1)).await;
        assert!(matches!(flushed, Err(FlushError::Timeout { behind: 100 })), "{flushed:?}");
        lock.rollback().await.unwrap();
    });
    let stats = ledger.flushed().stats();
    assert_eq!((ledger.all().len(), stats.drained, stats.duplicates), (50, 50, 0));
}

#[test]
fn a_full_spool_refuses_starts_first_and_takes_them_again_once_drained() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), LedgerOptions { max_spool_bytes: 40_000, ..quick() });
    let mut accepted = 0;
    block_on(async {
        let mut other = intruder(dir.path()).await;
        let lock = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
        let refused = loop {
            match ledger.start(&started(accepted)) {
                Ok(()) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert!(refused.is_full(), "{refused}");
        let mut ended = 0;
        while ended < accepted && ledger.finish(&finished(started(ended))).is_ok() {
            ended += 1;
        }
        assert!((10..accepted).contains(&ended), "ends have a reserve, and it is bounded: {ended}");
        assert!(ledger.stats().spool_bytes <= 45_000);
        assert_eq!(ledger.stats().refused, 2);
        lock.rollback().await.unwrap();
        ledger.flush(PATIENCE).await.unwrap();
        eventually("room", || ledger.stats().spool_bytes < 20_000);
        ledger.start(&started(accepted)).unwrap();
        for number in ended..=accepted {
            while ledger.finish(&finished(started(number))).is_err() {
                ledger.flush(PATIENCE).await.unwrap();
            }
        }
    });
    assert_eq!(ledger.flushed().all().len() as u64, accepted + 1);
}

#[test]
fn a_closed_ledger_refuses_records_and_leaves_no_spool() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), LedgerOptions { flush_interval: Duration::from_hours(1), ..quick() });
    for number in 0..20 {
        ledger.run(&started(number));
    }
    ledger.close(PATIENCE).unwrap();
    assert!(matches!(ledger.start(&started(99)), Err(SpoolError::Closed)));
    assert_eq!(ledger.all().len(), 20, "the reader outlives the drain");
    assert_eq!(spool_files(dir.path(), ".spool"), Vec::<std::path::PathBuf>::new());
    ledger.close(PATIENCE).unwrap();
}

#[test]
fn closing_with_a_locked_database_keeps_the_rows_for_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let ledger = open(dir.path(), quick());
        let mut other = intruder(dir.path()).await;
        let lock = other.begin_with("BEGIN EXCLUSIVE").await.unwrap();
        ledger.run(&started(1));
        let closed = ledger.close(Duration::from_millis(20));
        assert!(matches!(closed, Err(LedgerError::CloseTimeout(_, 2))), "{closed:?}");
        lock.rollback().await.unwrap();
        // The thread may still hold the folder for a moment.
        let _ = ledger.close(PATIENCE);
    });
    let ledger = open(dir.path(), quick());
    assert_eq!(ledger.flushed().all().len(), 1);
}

#[test]
fn sequences_go_on_after_a_clean_close() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), quick()).finish(&finished(started(1))).unwrap();
    let second = open(dir.path(), quick()).finish(&finished(started(2))).unwrap();
    assert!(second > first);
    assert_eq!(open(dir.path(), quick()).flushed().all().len(), 2);
}

#[test]
fn the_same_end_twice_makes_one_row() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let first = ledger.finish(&finished(started(1))).unwrap();
    ledger.finish(&finished(started(1))).unwrap();
    assert_eq!(ledger.flushed().all().iter().map(|row| row.sequence).collect::<Vec<_>>(), [first]);
    assert_eq!(ledger.stats().duplicates, 1);
}

#[test]
fn texts_of_callers_are_cut_and_cost_no_record() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let requested_model = Some("\u{e9}".repeat(5_000_000));
    let started = Started { id: RequestId::from_value(1), requested_model, ..started(1) };
    ledger.run(&started);
    let rows = ledger.flushed().all();
    assert_eq!(rows[0].finished.started.requested_model, Some("\u{e9}".repeat(256)));
}
