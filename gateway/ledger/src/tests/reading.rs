//! Reading: rows come back as they were written, filters and pages select, sums are exact.

use domain::clock::Timestamp;
use domain::{Finished, Money, ProjectId, RecordFilter, RequestId, Usage};
use proptest::prelude::*;

use super::samples::{any_finished, decision, finished, full, key, model, organisation, started};
use super::{block_on, open, quick, requests};
use crate::{ConsumedInMinute, Ledger, SpentBy, Totals};

#[test]
fn every_field_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    ledger.finish(&full(1)).unwrap();
    let bare = Finished { model: None, usage: None, cost: None, ..finished(started(2)) };
    ledger.finish(&bare).unwrap();
    let rows = ledger.flushed().all();
    assert_eq!(rows.into_iter().map(|row| row.finished).collect::<Vec<_>>(), [full(1), bare]);
}

#[test]
fn an_oversized_decision_is_left_out_and_the_row_stays() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    ledger.finish(&Finished { decision: Some(decision(1, &"x".repeat(3 << 20))), ..full(1) }).unwrap();
    let rows = ledger.flushed().all();
    let (attempts, tags, loss) = (Vec::new(), Vec::new(), Vec::new());
    let trimmed = Finished { decision: None, arguments: None, attempts, tags, loss, ..full(1) };
    assert_eq!(rows[0].finished, trimmed);
}

/// Six rows of two organisations, keys and models.
fn filled(dir: &std::path::Path) -> Ledger {
    let ledger = open(dir, quick());
    for number in 1..=6 {
        let mut finished = finished(started(number));
        finished.started.organisation = organisation(1 + u8::from(number > 4));
        finished.started.key = key(1 + u8::from(number % 2 == 0));
        finished.model = (number != 3).then(|| model(if number < 3 { "demo/small" } else { "demo/large" }));
        ledger.finish(&finished).unwrap();
    }
    ledger.flushed();
    ledger
}

#[track_caller]
fn check(ledger: &Ledger, filter: RecordFilter, expected: &[u64]) {
    let rows = block_on(ledger.reader().list(filter)).unwrap();
    let expected: Vec<u128> = expected.iter().map(|number| started(*number).id.value()).collect();
    assert_eq!(requests(&rows), expected);
}

#[test]
fn filters_select_and_the_newest_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let any = RecordFilter::default;
    check(&ledger, any(), &[6, 5, 4, 3, 2, 1]);
    check(&ledger, RecordFilter { organisation: Some(organisation(2)), ..any() }, &[6, 5]);
    check(&ledger, RecordFilter { key: Some(key(1)), ..any() }, &[5, 3, 1]);
    check(&ledger, RecordFilter { model: Some(model("demo/large")), ..any() }, &[6, 5, 4]);
    check(&ledger, RecordFilter { since: Some(Timestamp(5_000)), ..any() }, &[6, 5]);
    check(&ledger, RecordFilter { request: Some(started(2).id), ..any() }, &[2]);
    check(&ledger, RecordFilter { request: Some(RequestId::from_value(1)), ..any() }, &[]);
    check(&ledger, RecordFilter { key: Some(key(2)), model: Some(model("demo/large")), ..any() }, &[6, 4]);
}

#[test]
fn pages_and_tails_join_without_gap_or_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let any = || RecordFilter { limit: 2, ..RecordFilter::default() };
    check(&ledger, any(), &[6, 5]);
    check(&ledger, RecordFilter { before_sequence: Some(5), ..any() }, &[4, 3]);
    check(&ledger, RecordFilter { before_sequence: Some(1), ..any() }, &[]);
    check(&ledger, RecordFilter { after_sequence: Some(0), ..any() }, &[1, 2]);
    check(&ledger, RecordFilter { after_sequence: Some(2), ..any() }, &[3, 4]);
    check(&ledger, RecordFilter { after_sequence: Some(6), ..any() }, &[]);
    check(&ledger, RecordFilter { after_sequence: Some(u64::MAX), ..any() }, &[]);
    assert_eq!(block_on(ledger.reader().count()).unwrap(), 6);
}

#[test]
fn rows_are_read_with_and_without_a_server() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let beside = Ledger::open_reader(dir.path()).unwrap();
    assert_eq!(block_on(beside.totals(&RecordFilter::default())).unwrap().rows, 6);
    drop((ledger, beside));
    let alone = Ledger::open_reader(dir.path()).unwrap();
    assert_eq!(block_on(alone.totals(&RecordFilter::default())).unwrap().rows, 6);
}

#[test]
fn one_reader_serves_several_runtimes_in_turn() {
    let dir = tempfile::tempdir().unwrap();
    let reader = filled(dir.path()).reader();
    for _ in 0..3 {
        let reader = std::sync::Arc::clone(&reader);
        let count = std::thread::spawn(move || block_on(reader.count()).unwrap()).join().unwrap();
        assert_eq!(count, 6);
    }
}

#[test]
fn totals_are_exact_beyond_what_one_column_holds() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let dear = Money::from_pico(i128::from(i64::MAX) - 1);
    for number in 0..3 {
        let usage = Some(Usage { prompt_tokens: 7, completion_tokens: 2, ..Usage::default() });
        let saved = Some(Money::from_pico(-5));
        ledger.finish(&Finished { cost: Some(dear), saved, usage, ..finished(started(number)) }).unwrap();
    }
    ledger.finish(&Finished { cost: None, usage: None, ..finished(started(9)) }).unwrap();
    let totals = block_on(ledger.flushed().totals(&RecordFilter::default())).unwrap();
    let expected = Totals {
        rows: 4,
        priced_rows: 3,
        cost: dear + dear + dear,
        saved: Money::from_pico(-15),
        prompt_tokens: 21,
        completion_tokens: 6,
    };
    assert_eq!(totals, expected);
}

#[test]
fn totals_follow_the_filter_and_no_page() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let filter = RecordFilter { key: Some(key(1)), limit: 1, before_sequence: Some(2), ..RecordFilter::default() };
    let totals = block_on(ledger.totals(&filter)).unwrap();
    assert_eq!((totals.rows, totals.cost), (3, Money::from_pico(4_500)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_is_written_is_read(written in proptest::collection::vec(any_finished(), 1..30)) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), quick());
        for finished in &written {
            ledger.finish(finished).unwrap();
        }
        let read: Vec<Finished> = ledger.flushed().all().into_iter().map(|row| row.finished).collect();
        prop_assert_eq!(read, written);
    }
}

#[test]
fn spend_is_summed_by_key_project_and_organisation_since_a_moment() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let project = ProjectId::from_random([9; 20]);
    for number in 1..=4 {
        let mut row =
            Finished { cost: Some(Money::from_pico(i128::from(number) * 1_000_001)), ..finished(started(number)) };
        row.started.key = key(1 + u8::from(number == 2));
        row.started.project = (number == 4).then(|| project.clone());
        ledger.finish(&row).unwrap();
    }
    ledger.finish(&Finished { cost: None, ..finished(started(5)) }).unwrap();
    ledger.flushed();
    let check = |by: SpentBy, since: i64, expected: i128| {
        let spent = block_on(ledger.spent(&by, Timestamp(since))).unwrap();
        assert_eq!(spent, Money::from_pico(expected * 1_000_001), "{by:?} since {since}");
    };
    check(SpentBy::Key(key(1)), 0, 8);
    check(SpentBy::Key(key(1)), 3_000, 7);
    check(SpentBy::Key(key(2)), 0, 2);
    check(SpentBy::Key(key(2)), 3_000, 0);
    check(SpentBy::Project(project), 0, 4);
    check(SpentBy::Organisation(organisation(1)), 2_000, 9);
    check(SpentBy::Organisation(organisation(2)), 0, 0);
}

#[test]
fn consumption_is_summed_by_key_and_the_minute_of_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    for (number, total_micros) in [(1_000, 900), (2_000, 900), (3_000, 60_000_000), (70_000, 1)] {
        ledger.finish(&Finished { total_micros, ..finished(started(number)) }).unwrap();
    }
    ledger.finish(&Finished { usage: None, cost: None, ..finished(started(4_000)) }).unwrap();
    ledger.flushed();
    let at = |minute: i64| Timestamp(minute * 60_000_000);
    let found = block_on(ledger.consumed(Timestamp(2_000_000), Timestamp(70_000_000))).unwrap();
    let row = |minute| ConsumedInMinute { key: key(1), minute: at(minute), prompt_tokens: 10, completion_tokens: 5 };
    assert_eq!(found, [row(0), row(1)]);
}
