//! When the ledger offers its core to others.

use std::sync::atomic::Ordering::Relaxed;

use super::samples::{finished, started};
use super::{crashed_spool, open, quick};
use crate::LedgerOptions;

const ROWS: u64 = 400;

/// How often the core was offered while rows of an earlier process were drained.
fn offers(batch_rows: usize) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let options = LedgerOptions { batch_rows, ..quick() };
    crashed_spool(dir.path(), &options, 0, |spool| {
        for number in 0..ROWS {
            spool.put_end(&finished(started(number)));
        }
    });
    let ledger = open(dir.path(), options);
    assert_eq!(ledger.flushed().all().len() as u64, ROWS);
    ledger.shared.yielding.times.load(Relaxed)
}

#[test]
fn a_batch_offers_its_core_while_it_is_read_and_while_it_is_inserted() {
    let offers = offers(500);
    assert!(offers > ROWS / 8, "reading alone makes {}, all together {offers}", ROWS / 32);
}

#[test]
fn a_ledger_that_is_behind_keeps_its_core() {
    let (behind, in_time) = (offers(10), offers(500));
    assert!(behind * 4 < in_time, "{behind} of {in_time}");
}
