//! What the first version wrote is still read: its spool and its database.

use domain::{Finished, Outcome, RecordFilter, Started, Surface};
use sqlx::Connection;

use super::samples::{finished, full, key, started};
use super::{block_on, crashed_spool, intruder, open, quick, requests};
use crate::codec;
use crate::spool::Spool;
use crate::spool::frame::{Draft, Kind};

const FIRST_SCHEMA: &str = include_str!("../../migrations/0001_requests.sql");

/// A start as the first version wrote it: without user and surface, which are three bytes at the end.
fn first_start(started: &Started) -> Vec<u8> {
    let mut payload = Vec::new();
    codec::encode_start(started, &mut payload);
    payload.truncate(payload.len() - 3);
    payload[0] = 1;
    payload
}

/// An end as the first version wrote it: without the count of labels before the detail.
fn first_end(finished: &Finished) -> Vec<u8> {
    let mut payload = Vec::new();
    codec::encode_end(finished, &mut payload);
    let detail = codec::decode_end(&payload).unwrap().detail.len();
    let count = payload.len() - detail - 1;
    assert_eq!(payload.remove(count), 0, "no labels");
    payload[0] = 1;
    payload
}

fn put(spool: &Spool, kind: Kind, payload: &[u8]) {
    let mut buffer = Vec::new();
    spool.append(kind, &mut Draft::new(&mut buffer, |out| out.extend_from_slice(payload))).unwrap();
}

#[test]
fn a_spool_of_the_first_version_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let old = Finished { tags: Vec::new(), ..full(1) };
    crashed_spool(dir.path(), &quick(), 0, |spool| {
        put(spool, Kind::Start, &first_start(&started(1)));
        put(spool, Kind::End, &first_end(&old));
        put(spool, Kind::Start, &first_start(&started(2)));
    });
    let ledger = open(dir.path(), quick());
    let rows: Vec<Finished> = ledger.flushed().all().into_iter().map(|row| row.finished).collect();
    assert_eq!(rows, [old, Finished::new(started(2), Outcome::UnknownOutcome, 0)]);
    assert_eq!(ledger.stats().unreadable, 0);
}

#[test]
fn an_open_request_keeps_its_user_and_surface() {
    let dir = tempfile::tempdir().unwrap();
    let open_start = Started { user: Some("ann".to_owned()), endpoint: Surface::Embeddings, ..started(1) };
    crashed_spool(dir.path(), &quick(), 0, |spool| spool.put_start(&open_start));
    let rows = open(dir.path(), quick()).flushed().all();
    assert_eq!(rows[0].finished.started, open_start);
}

#[test]
fn a_database_of_the_first_version_gets_its_indexes_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let organisation = started(1).organisation;
    block_on(async {
        let mut other = intruder(dir.path()).await;
        sqlx::raw_sql(FIRST_SCHEMA).execute(&mut other).await.unwrap();
        let row = "INSERT INTO requests (seq, request, at, organisation, key, model, outcome, status, total_micros, detail) \
                   VALUES (5, ?, 1000, ?, ?, 'demo/small', 0, 200, 7, x'7B7D')";
        sqlx::query(row)
            .bind(started(1).id.value().to_be_bytes().to_vec())
            .bind(organisation.as_str().to_owned())
            .bind(key(1).as_str().to_owned())
            .execute(&mut other)
            .await
            .unwrap();
        sqlx::raw_sql("PRAGMA user_version = 1").execute(&mut other).await.unwrap();
        other.close().await.unwrap();
    });
    let ledger = open(dir.path(), quick());
    ledger.finish(&finished(started(2))).unwrap();
    let provider = Some(domain::ProviderSlug::parse("demo").unwrap());
    let rows = ledger.flushed().rows(RecordFilter { provider, ..RecordFilter::default() });
    assert_eq!(requests(&rows), [started(2).id.value(), started(1).id.value()]);
    let old = Finished {
        total_micros: 7,
        model: finished(started(1)).model,
        ..Finished::new(started(1), Outcome::Completed, 200)
    };
    let old = Finished { started: Started { requested_model: None, ..old.started.clone() }, ..old };
    assert_eq!(rows[1].finished, old);
}
