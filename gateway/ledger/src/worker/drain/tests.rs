//! Crashes between any two steps of the drain: the rows are exactly those of the requests, whatever was done twice.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use domain::{Outcome, RecordFilter};
use proptest::prelude::*;

use super::*;
use crate::options::LedgerOptions;
use crate::spool::frame::Draft;
use crate::tests::{block_on, open, quick, samples};
use crate::worker;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start,
    /// Ends one of the open requests.
    Finish(usize),
    /// Takes a batch and commits it.
    Drain,
    /// Deletes what is drained.
    Retire,
    /// The process dies and another one starts.
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Start),
        4 => any::<usize>().prop_map(Step::Finish),
        3 => Just(Step::Drain),
        2 => Just(Step::Retire),
        1 => Just(Step::Crash),
    ]
}

/// A process whose drain goes on only when told.
struct Process {
    shared: Arc<Shared>,
    drain: Drain,
    _lock: File,
}

impl Process {
    async fn start(dir: &Path) -> Self {
        let options = LedgerOptions { segment_bytes: 600, batch_rows: 3, ..quick() };
        let (shared, drain, lock) = worker::open(dir, options).await.unwrap();
        Self { shared, drain, _lock: lock }
    }

    fn append(&self, kind: Kind, encode: impl FnOnce(&mut Vec<u8>)) {
        self.shared.append(kind, &mut Draft::new(&mut Vec::new(), encode)).unwrap();
    }

    async fn drain(&mut self) {
        self.drain.fill().await.ok().unwrap();
        if !self.drain.batch.is_empty() {
            self.drain.commit().await.ok().unwrap();
        }
    }
}

/// Runs the steps and returns what the rows must be.
async fn play(dir: &Path, steps: &[Step]) -> BTreeMap<u128, Outcome> {
    let mut expected = BTreeMap::new();
    let mut running = BTreeSet::new();
    let mut process = Process::start(dir).await;
    for (number, step) in (1..).zip(steps) {
        match step {
            Step::Start => {
                process.append(Kind::Start, |out| codec::encode_start(&samples::started(number), out));
                running.insert(number);
            }
            Step::Finish(which) if !running.is_empty() => {
                let number = *running.iter().nth(which % running.len()).unwrap();
                let finished = samples::finished(samples::started(number));
                process.append(Kind::End, |out| codec::encode_end(&finished, out));
                running.remove(&number);
                expected.insert(finished.started.id.value(), finished.outcome);
            }
            Step::Finish(_) => {}
            Step::Drain => process.drain().await,
            Step::Retire => process.drain.retire().await.ok().unwrap(),
            Step::Crash => {
                drop(process);
                let unknown = std::mem::take(&mut running).into_iter();
                expected.extend(unknown.map(|number| (samples::started(number).id.value(), Outcome::UnknownOutcome)));
                process = Process::start(dir).await;
            }
        }
    }
    let unknown = running.into_iter();
    expected.extend(unknown.map(|number| (samples::started(number).id.value(), Outcome::UnknownOutcome)));
    expected
}

/// The rows after the steps are those of the requests, each once.
fn check(steps: &[Step]) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let expected = block_on(play(dir.path(), steps));
    let ledger = open(dir.path(), quick());
    let rows = block_on(async {
        ledger.flush(crate::tests::PATIENCE).await.unwrap();
        let filter = RecordFilter { after_sequence: Some(0), limit: 10_000, ..RecordFilter::default() };
        ledger.reader().list(filter).await.unwrap()
    });
    let found: BTreeMap<u128, Outcome> =
        rows.iter().map(|row| (row.finished.started.id.value(), row.finished.outcome)).collect();
    prop_assert_eq!(rows.len(), found.len(), "no request has two rows");
    prop_assert_eq!(found, expected);
    prop_assert_eq!(ledger.stats().duplicates, 0);
    Ok(())
}

#[test]
fn an_open_start_in_a_segment_that_ends_with_a_batch_is_not_forgotten() {
    // Wherever the segments end: in some of these, a batch is full with the last record of one that has an open start.
    for padding in 0..6 {
        let mut steps = vec![Step::Start; padding];
        steps.extend([Step::Start, Step::Start, Step::Finish(0)].repeat(9));
        for batches in 1..=3 {
            let mut steps = steps.clone();
            steps.extend(vec![Step::Drain; batches]);
            steps.extend([Step::Retire, Step::Crash]);
            check(&steps).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_are_exact_after_any_steps_and_crashes(steps in proptest::collection::vec(any_step(), 0..80)) {
        check(&steps)?;
    }
}
