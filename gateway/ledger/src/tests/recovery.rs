//! Starting after a crash: torn tails, damage in the middle, starts without an end.

use std::fs;
use std::path::Path;

use domain::{Outcome, RequestRecord, Started};
use proptest::prelude::*;

use super::samples::{finished, started};
use super::{Ledger, crashed_spool, open, quick, requests, spool_files};
use crate::LedgerOptions;

fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<u128> {
    numbers.into_iter().map(|number| started(number).id.value()).collect()
}

/// A crashed spool of `count` requests, three records' worth of bytes known: returns the ends of its records.
fn written(dir: &Path, options: &LedgerOptions, count: u64) {
    crashed_spool(dir, options, 0, |spool| {
        for number in 0..count {
            spool.put_end(&finished(started(number)));
        }
    });
}

fn reopened(dir: &Path) -> (Ledger, Vec<RequestRecord>) {
    let ledger = open(dir, quick());
    let rows = ledger.flushed().all();
    (ledger, rows)
}

#[test]
fn a_tail_torn_anywhere_costs_only_the_last_record() {
    let source = tempfile::tempdir().unwrap();
    written(source.path(), &quick(), 2);
    let shorter = fs::read(&spool_files(source.path(), ".spool")[0]).unwrap().len();
    let source = tempfile::tempdir().unwrap();
    written(source.path(), &quick(), 3);
    let file = spool_files(source.path(), ".spool")[0].clone();
    let whole = fs::read(&file).unwrap();
    for length in shorter..=whole.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("spool")).unwrap();
        fs::write(dir.path().join("spool").join(file.file_name().unwrap()), &whole[..length]).unwrap();
        let (ledger, rows) = reopened(dir.path());
        let expected = if length == whole.len() { 3 } else { 2 };
        assert_eq!(requests(&rows), ids(0..expected), "cut to {length} bytes");
        let torn = u64::from(length != shorter && length != whole.len());
        assert_eq!(ledger.stats().truncated_tails, torn, "cut to {length} bytes");
    }
}

#[test]
fn a_tail_of_zeros_is_torn_too() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &quick(), 2);
    let file = &spool_files(dir.path(), ".spool")[0];
    let mut bytes = fs::read(file).unwrap();
    bytes.resize(bytes.len() + 5_000, 0);
    fs::write(file, bytes).unwrap();
    let (ledger, rows) = reopened(dir.path());
    assert_eq!((requests(&rows), ledger.stats().truncated_tails), (ids(0..2), 1));
}

#[test]
fn a_file_torn_in_its_header_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &quick(), 1);
    fs::write(dir.path().join("spool/00000000000000000002.spool"), b"SBSPOO").unwrap();
    let (ledger, rows) = reopened(dir.path());
    assert_eq!((requests(&rows), ledger.stats().truncated_tails), (ids(0..1), 1));
}

#[test]
fn damage_in_the_middle_costs_one_record_and_keeps_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let options = LedgerOptions { segment_bytes: 1_000, ..quick() };
    written(dir.path(), &options, 30);
    let files = spool_files(dir.path(), ".spool");
    assert!(files.len() > 3, "several segments");
    let damaged = &files[1];
    let mut bytes = fs::read(damaged).unwrap();
    let second = fs::read(damaged).unwrap().len() / 2;
    bytes[second] ^= 0x40;
    fs::write(damaged, &bytes).unwrap();

    let (ledger, rows) = reopened(dir.path());
    assert_eq!(rows.len(), 29, "all but one");
    assert_eq!(requests(&rows).last(), ids([29]).first(), "later segments are not lost");
    assert_eq!(ledger.stats().corrupt_segments, 1);
    let kept = spool_files(dir.path(), ".corrupt");
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read(&kept[0]).unwrap(), bytes, "the original is kept as it was");
    drop(ledger);
    let (ledger, rows) = reopened(dir.path());
    assert_eq!((rows.len(), ledger.stats().corrupt_segments), (29, 0), "reported once");
}

#[test]
fn a_file_that_is_no_segment_is_kept_aside() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &quick(), 2);
    fs::write(dir.path().join("spool/00000000000000000000.spool"), [7; 100]).unwrap();
    let (ledger, rows) = reopened(dir.path());
    assert_eq!((rows.len(), ledger.stats().corrupt_segments), (2, 1));
    assert_eq!(spool_files(dir.path(), ".corrupt").len(), 1);
}

#[test]
fn a_caller_cannot_forge_a_record_behind_a_torn_one() {
    let dir = tempfile::tempdir().unwrap();
    // A whole record of another spool, sent as the name of a model, in a record that was then torn.
    let other = tempfile::tempdir().unwrap();
    crashed_spool(other.path(), &quick(), 100, |spool| spool.put_start(&started(66)));
    let foreign = fs::read(&spool_files(other.path(), ".spool")[0]).unwrap();
    written(dir.path(), &quick(), 1);
    let file = &spool_files(dir.path(), ".spool")[0];
    let mut bytes = fs::read(file).unwrap();
    bytes.extend_from_slice(&[200, 0, 0, 0, 1, 2, 3, 4, 1]);
    bytes.extend_from_slice(&foreign[20..]);
    fs::write(file, bytes).unwrap();
    let (ledger, rows) = reopened(dir.path());
    assert_eq!((requests(&rows), ledger.stats().truncated_tails), (ids(0..1), 1));
}

#[test]
fn a_start_without_an_end_becomes_an_unknown_outcome_once() {
    let dir = tempfile::tempdir().unwrap();
    let open_one = Started { stream: true, ..started(2) };
    crashed_spool(dir.path(), &quick(), 0, |spool| {
        spool.put_start(&started(1));
        spool.put_start(&open_one);
        spool.put_end(&finished(started(1)));
    });
    for round in 0..3 {
        let (ledger, rows) = reopened(dir.path());
        assert_eq!(requests(&rows), ids([1, 2]));
        let row = &rows[1].finished;
        assert_eq!((row.outcome, row.status, &row.started), (Outcome::UnknownOutcome, 0, &open_one));
        assert_eq!(ledger.stats().unknown_outcomes, u64::from(round == 0));
    }
}

#[test]
fn an_open_start_outlives_its_deleted_segment_and_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let options = LedgerOptions { segment_bytes: 1_000, ..quick() };
    let ledger = open(dir.path(), options.clone());
    ledger.start(&started(1_000)).unwrap();
    ledger.start(&started(1_001)).unwrap();
    for number in 0..100 {
        ledger.run(&started(number));
    }
    ledger.flushed();
    let first = dir.path().join("spool/00000000000000000001.spool");
    super::eventually("the deletion", || !first.exists());
    ledger.finish(&finished(started(1_001))).unwrap();
    assert_eq!(ledger.flushed().all().len(), 101, "neither is unknown while the process lives");
    drop(ledger);

    let (ledger, rows) = reopened(dir.path());
    assert_eq!(ledger.stats().unknown_outcomes, 1);
    assert_eq!(requests(&rows)[100..], ids([1_001, 1_000]));
    assert_eq!(rows[101].finished.outcome, Outcome::UnknownOutcome);
    drop(ledger);
    assert_eq!(reopened(dir.path()).0.stats().unknown_outcomes, 0);
}

#[test]
fn a_record_of_another_version_is_kept_and_counted() {
    use crate::spool::frame::{Draft, Kind};
    let dir = tempfile::tempdir().unwrap();
    crashed_spool(dir.path(), &quick(), 0, |spool| {
        let mut buffer = Vec::new();
        spool.append(Kind::End, &mut Draft::new(&mut buffer, |out| out.extend_from_slice(b"\x63future"))).unwrap();
        spool.put_end(&finished(started(1)));
    });
    let (ledger, rows) = reopened(dir.path());
    assert_eq!((requests(&rows), ledger.stats().unreadable), (ids([1]), 1));
    let kept: Vec<u8> = super::block_on(async {
        let mut other = super::intruder(dir.path()).await;
        sqlx::query_scalar("SELECT payload FROM unreadable").fetch_one(&mut other).await.unwrap()
    });
    assert_eq!(kept, b"\x63future");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_damage_is_survived_and_what_is_read_is_true(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let options = LedgerOptions { segment_bytes: 1_500, ..quick() };
        written(dir.path(), &options, 20);
        for (place, flip) in flips {
            let files = spool_files(dir.path(), ".spool");
            let file = place.get(&files);
            let mut bytes = fs::read(file).unwrap();
            let at = place.index(bytes.len());
            bytes[at] ^= flip;
            fs::write(file, bytes).unwrap();
        }
        let files = spool_files(dir.path(), ".spool");
        let file = cut.get(&files);
        let bytes = fs::read(file).unwrap();
        fs::write(file, &bytes[..cut.index(bytes.len())]).unwrap();

        let (_ledger, rows) = reopened(dir.path());
        for row in &rows {
            let number = row.sequence - 1;
            prop_assert_eq!(&row.finished, &finished(started(number)));
        }
    }
}
