//! Old rows go when they are told to, with their labels, and nothing waits for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::clock::Timestamp;
use domain::{Finished, RecordFilter};

use super::samples::{finished, started, tag};
use super::{block_on, eventually, open, quick, requests};
use crate::LedgerOptions;

const DAY: Duration = Duration::from_hours(24);

fn aged(number: u64, days: u32) -> Finished {
    let then = SystemTime::now().checked_sub(DAY * days).unwrap().duration_since(UNIX_EPOCH).unwrap();
    let mut row = finished(started(number));
    row.started.at = Timestamp(i64::try_from(then.as_micros()).unwrap());
    row.tags.push(tag("team", "blue"));
    row
}

#[test]
fn rows_go_when_their_time_is_over_and_younger_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    // More than one step deletes.
    for number in 0..450 {
        ledger.finish(&aged(number, 40)).unwrap();
    }
    ledger.finish(&aged(1_000, 29)).unwrap();
    ledger.flushed();
    drop(ledger);
    let ledger = open(dir.path(), LedgerOptions { retain: Some(DAY * 30), ..quick() });
    // New rows are drained meanwhile.
    ledger.finish(&aged(1_001, 0)).unwrap();
    eventually("the deletion", || ledger.stats().expired == 450);
    let left = [1_000, 1_001].map(|number| started(number).id.value());
    assert_eq!(requests(&ledger.flushed().all()), left);
    let labelled = RecordFilter { tags: vec![tag("team", "blue")], ..RecordFilter::default() };
    assert_eq!(ledger.rows(labelled).len(), 2);
    assert_eq!(block_on(ledger.reader().count()).unwrap(), 2);
}

#[test]
fn nothing_goes_unless_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    ledger.finish(&aged(1, 4_000)).unwrap();
    ledger.flushed();
    drop(ledger);
    let ledger = open(dir.path(), quick());
    ledger.finish(&aged(2, 0)).unwrap();
    assert_eq!((ledger.flushed().all().len(), ledger.stats().expired), (2, 0));
}

#[test]
fn a_page_goes_on_where_rows_were_deleted_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    for number in 0..10 {
        ledger.finish(&aged(number, 40 - u32::try_from(number).unwrap())).unwrap();
    }
    let page = RecordFilter { limit: 3, ..RecordFilter::default() };
    let first = block_on(ledger.flushed().reader().list(page)).unwrap();
    let before_sequence = first.last().map(|row| row.sequence);
    drop(ledger);
    let ledger = open(dir.path(), LedgerOptions { retain: Some(DAY * 38 + DAY / 2), ..quick() });
    eventually("the deletion", || ledger.stats().expired == 2);
    let rest = ledger.rows(RecordFilter { before_sequence, ..RecordFilter::default() });
    assert_eq!(rest.len(), 5);
}
