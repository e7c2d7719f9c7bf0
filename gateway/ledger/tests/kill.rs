//! Killing the process at any moment: every end that was acknowledged is in the ledger exactly once afterwards.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use domain::clock::Timestamp;
use domain::{Finished, KeyId, Money, OrganisationId, Outcome, RecordFilter, RequestId, Started};
use ledger::{Ledger, LedgerOptions};

const ROLE: &str = "LEDGER_KILL_TEST_FOLDER";
const FIRST: &str = "LEDGER_KILL_TEST_FIRST";
const ROUNDS: u64 = 20;
const THREADS: u64 = 3;
const PATIENCE: Duration = Duration::from_mins(1);

fn options() -> LedgerOptions {
    // Small segments and quick flushes, so that a kill may hit rotation, drain and deletion.
    LedgerOptions { segment_bytes: 20_000, flush_interval: Duration::from_millis(3), ..LedgerOptions::default() }
}

fn started(number: u64) -> Started {
    let (organisation, key) = (OrganisationId::from_random([1; 20]), KeyId::from_random([1; 20]));
    Started::new(RequestId::from_parts(number, 1), Timestamp(0), organisation, key)
}

fn finished(number: u64) -> Finished {
    Finished {
        cost: Some(Money::from_pico(number.into())),
        total_micros: 1,
        ..Finished::new(started(number), Outcome::Completed, 200)
    }
}

/// The process to be killed: a test that does nothing unless it is told a folder.
#[test]
fn the_writing_process() {
    let Ok(folder) = env::var(ROLE) else { return };
    let first: u64 = env::var(FIRST).unwrap().parse().unwrap();
    let ledger = Ledger::open(Path::new(&folder), options()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let ledger = &ledger;
            scope.spawn(move || {
                for number in (first + thread..).step_by(usize::try_from(THREADS).unwrap()) {
                    ledger.start(&started(number)).unwrap();
                    let sequence = ledger.finish(&finished(number)).unwrap();
                    let line = format!("done {number} {sequence}\n");
                    if std::io::stdout().write_all(line.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

/// Lets a process write until it has acknowledged so many requests, kills it, and returns what it acknowledged.
fn killed_after(folder: &Path, first: u64, acknowledged: usize) -> BTreeMap<u64, u64> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_writing_process", "--nocapture"])
        .env(ROLE, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut found = BTreeMap::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // What was written before the kill is read after it too: it was acknowledged.
    while lines.read_line(&mut line).unwrap() > 0 {
        if let Some((number, sequence)) = line.trim_end().strip_prefix("done ").and_then(|rest| rest.split_once(' '))
            && line.ends_with('\n')
        {
            found.insert(number.parse().unwrap(), sequence.parse().unwrap());
        }
        line.clear();
        if found.len() == acknowledged {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(found.len() >= acknowledged, "the process ended by itself");
    found
}

#[test]
fn every_acknowledged_end_survives_kills_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    for round in 0..ROUNDS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let count = 1 + usize::try_from((seed >> 33) % 400).unwrap();
        acknowledged.extend(killed_after(dir.path(), 1 + round * 1_000_000, count));
    }
    let ledger = Ledger::open(dir.path(), options()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let rows = runtime.block_on(async {
        ledger.flush(PATIENCE).await.unwrap();
        let mut rows = Vec::new();
        loop {
            let after = rows.last().map_or(0, |row: &domain::RequestRecord| row.sequence);
            let filter = RecordFilter { after_sequence: Some(after), limit: 1_000, ..RecordFilter::default() };
            let page = ledger.reader().list(filter).await.unwrap();
            if page.is_empty() {
                break rows;
            }
            rows.extend(page);
        }
    });
    let distinct: BTreeSet<u128> = rows.iter().map(|row| row.finished.started.id.value()).collect();
    assert_eq!(distinct.len(), rows.len(), "a request has two rows");
    let by_request: BTreeMap<u128, _> = rows.iter().map(|row| (row.finished.started.id.value(), row)).collect();
    for (number, sequence) in &acknowledged {
        let row = by_request[&started(*number).id.value()];
        assert_eq!((row.sequence, &row.finished), (*sequence, &finished(*number)));
    }
    // Each killed process left at most one request a thread open, and one more ended but not acknowledged.
    let unknown = rows.iter().filter(|row| row.finished.outcome == Outcome::UnknownOutcome).count() as u64;
    assert!(unknown <= ROUNDS * THREADS, "{unknown}");
    let unacknowledged = rows.len() - acknowledged.len();
    assert!(unacknowledged as u64 <= ROUNDS * THREADS, "{unacknowledged}");
}
