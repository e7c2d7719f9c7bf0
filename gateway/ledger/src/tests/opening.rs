//! Opening: what stands in the way is named, with its cure.

use std::fs;

use sqlx::Connection;

use super::samples::started;
use super::{block_on, intruder, open, quick};
use crate::{Ledger, LedgerError};

#[test]
fn a_folder_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path(), quick());
    let second = Ledger::open(dir.path(), quick()).err().unwrap();
    assert!(matches!(second, LedgerError::InUse { .. }), "{second}");
    assert!(second.to_string().contains("stop it or choose another data folder"), "{second}");
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), quick()));
    block_on(async {
        let mut other = intruder(dir.path()).await;
        sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut other).await.unwrap();
        other.close().await.unwrap();
    });
    let refused = Ledger::open(dir.path(), quick()).err().unwrap();
    assert!(matches!(refused, LedgerError::NewerSchema { found: 99, known: 2, .. }), "{refused}");
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ledger.sqlite"), "not a database, but long enough to be taken for one".repeat(100))
        .unwrap();
    let refused = Ledger::open(dir.path(), quick()).err().unwrap();
    assert!(refused.to_string().contains("ledger.sqlite"), "{refused}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Ledger::open(&file, quick()).err().unwrap();
    assert!(matches!(refused, LedgerError::File { action: "create", .. }), "{refused}");
}

#[test]
fn reading_where_no_ledger_is_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Ledger::open_reader(dir.path()), Err(LedgerError::Missing { .. })));
}

#[test]
fn a_deleted_database_is_made_again_from_what_the_spool_still_has() {
    let dir = tempfile::tempdir().unwrap();
    let options = quick();
    super::crashed_spool(dir.path(), &options, 0, |spool| spool.put_end(&super::samples::full(1)));
    let rows = open(dir.path(), options).flushed().all();
    assert_eq!(rows[0].finished, super::samples::full(1));
}

#[test]
fn an_open_request_of_this_process_has_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    ledger.start(&started(1)).unwrap();
    assert_eq!(ledger.flushed().all(), []);
    assert_eq!(ledger.stats().open_requests, 1);
}

#[test]
fn a_start_waits_for_whoever_is_about_to_let_go_of_the_database() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), quick()));
    let (locked, waiting) = std::sync::mpsc::channel();
    let folder = dir.path().to_owned();
    let other = std::thread::spawn(move || {
        block_on(async {
            let mut other = intruder(&folder).await;
            sqlx::raw_sql("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
            locked.send(()).unwrap();
            // Much longer than the ledger's own busy timeout of 10 ms, much shorter than its patience.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            other.close().await.unwrap();
        });
    });
    waiting.recv().unwrap();
    let ledger = open(dir.path(), quick());
    ledger.run(&started(1));
    assert_eq!(ledger.flushed().all().len(), 1);
    other.join().unwrap();
}
