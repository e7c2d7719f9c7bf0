//! Filters: each selects, pages without gap, and reads a range of an index instead of the table.

use domain::clock::Timestamp;
use domain::{Finished, Outcome, PolicyId, ProjectId, ProviderSlug, RecordFilter, Tag};

use super::samples::{finished, key, model, organisation, started, tag};
use super::{block_on, open, quick, requests};
use crate::Ledger;

fn policy() -> PolicyId {
    PolicyId::from_random([4; 20])
}

fn project() -> ProjectId {
    ProjectId::from_random([3; 20])
}

/// Six rows; the third came first and ended third.
fn filled(dir: &std::path::Path) -> Ledger {
    let ledger = open(dir, quick());
    for number in 1..=6_u64 {
        let mut row = finished(started(number));
        row.model = Some(model(if number < 3 { "demo/small" } else { "openai/large" }));
        row.started.key = key(1 + u8::from(number % 2 == 0));
        row.total_micros = number * 1_000;
        row.tags.push(tag("team", if number < 4 { "blue" } else { "red" }));
        if number % 2 == 0 {
            row.policy = Some(policy());
            row.started.project = Some(project());
            row.tags.push(tag("env", "test"));
        }
        if number == 4 {
            (row.outcome, row.status) = (Outcome::Failed, 502);
        }
        if number == 3 {
            row.started.at = Timestamp(500);
        }
        ledger.finish(&row).unwrap();
    }
    ledger.flushed();
    ledger
}

#[track_caller]
fn check(filter: &RecordFilter, expected: &[u64]) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let ids: Vec<u128> = expected.iter().map(|number| started(*number).id.value()).collect();
    let whole = block_on(ledger.reader().list(filter.clone())).unwrap();
    assert_eq!(requests(&whole), ids, "all at once");
    // The same again, one row a page.
    let (mut paged, mut before_sequence) = (Vec::new(), None);
    loop {
        let page = RecordFilter { limit: 1, before_sequence, ..filter.clone() };
        let rows = block_on(ledger.reader().list(page)).unwrap();
        let Some(row) = rows.first() else { break };
        before_sequence = Some(row.sequence);
        paged.extend(requests(&rows));
    }
    assert_eq!(paged, ids, "page by page");
    let mut tailed = requests(&ledger.rows(RecordFilter { after_sequence: Some(0), ..filter.clone() }));
    let mut sorted = ids;
    tailed.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(tailed, sorted, "as a tail");
    assert_eq!(block_on(ledger.totals(filter)).unwrap().rows, expected.len() as u64, "summed");
}

fn any() -> RecordFilter {
    RecordFilter::default()
}

#[test]
fn the_newest_by_time_comes_first_whenever_it_ended() {
    check(&any(), &[6, 5, 4, 2, 1, 3]);
}

#[test]
fn a_time_range_holds_its_begin_and_not_its_end() {
    check(&RecordFilter { since: Some(Timestamp(2_000)), until: Some(Timestamp(5_000)), ..any() }, &[4, 2]);
}

#[test]
fn durations_select() {
    check(&RecordFilter { min_micros: Some(2_000), max_micros: Some(4_000), ..any() }, &[4, 2, 3]);
}

#[test]
fn provider_status_outcome_policy_and_project_select() {
    check(&RecordFilter { provider: Some(ProviderSlug::parse("openai").unwrap()), ..any() }, &[6, 5, 4, 3]);
    check(&RecordFilter { status: Some(502), ..any() }, &[4]);
    check(&RecordFilter { status: Some(200), ..any() }, &[6, 5, 2, 1, 3]);
    check(&RecordFilter { outcome: Some(Outcome::Failed), ..any() }, &[4]);
    check(&RecordFilter { outcome: Some(Outcome::Completed), ..any() }, &[6, 5, 2, 1, 3]);
    check(&RecordFilter { policy: Some(policy()), ..any() }, &[6, 4, 2]);
    check(&RecordFilter { project: Some(project()), ..any() }, &[6, 4, 2]);
}

#[test]
fn labels_select_and_several_must_all_be_there() {
    check(&RecordFilter { tags: vec![tag("team", "blue")], ..any() }, &[2, 1, 3]);
    check(&RecordFilter { tags: vec![tag("team", "red"), tag("env", "test")], ..any() }, &[6, 4]);
    check(&RecordFilter { tags: vec![tag("team", "green")], ..any() }, &[]);
    check(&RecordFilter { tags: vec![tag("team", "blue")], since: Some(Timestamp(1_000)), ..any() }, &[2, 1]);
}

#[test]
fn conditions_join() {
    let filter =
        RecordFilter { key: Some(key(2)), policy: Some(policy()), model: Some(model("openai/large")), ..any() };
    check(&RecordFilter { organisation: Some(organisation(1)), ..filter }, &[6, 4]);
}

#[test]
fn every_filter_reads_a_range_of_an_index_and_sorts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    let reader = Ledger::open_reader(dir.path()).unwrap();
    let some_tag: Vec<Tag> = vec![tag("team", "blue")];
    let filters = [
        ("requests_by_key", RecordFilter { key: Some(key(1)), ..any() }),
        ("requests_by_model", RecordFilter { model: Some(model("demo/small")), ..any() }),
        ("requests_by_provider", RecordFilter { provider: Some(ProviderSlug::parse("demo").unwrap()), ..any() }),
        ("requests_by_status", RecordFilter { status: Some(502), ..any() }),
        ("requests_by_outcome", RecordFilter { outcome: Some(Outcome::Failed), ..any() }),
        ("requests_by_policy", RecordFilter { policy: Some(policy()), ..any() }),
        ("requests_by_project", RecordFilter { project: Some(project()), ..any() }),
        ("requests_by_organisation", RecordFilter { organisation: Some(organisation(1)), ..any() }),
        ("requests_by_time", RecordFilter { since: Some(Timestamp(1)), ..any() }),
        ("label USING PRIMARY KEY", RecordFilter { tags: some_tag, ..any() }),
    ];
    for (index, filter) in filters {
        let narrowed = RecordFilter {
            organisation: Some(organisation(1)),
            since: Some(Timestamp(1)),
            until: Some(Timestamp(9_000_000)),
            min_micros: Some(1),
            before_sequence: Some(6),
            ..filter.clone()
        };
        let with_organisation = if index == "requests_by_time" { "requests_by_organisation" } else { index };
        for (filter, index) in [(filter, index), (narrowed, with_organisation)] {
            let plan = block_on(reader.plan(&filter));
            let first = &plan[0];
            assert!(first.starts_with("SEARCH") && first.contains(index), "{index}: {plan:?}");
            let lazy = |step: &&String| step.starts_with("SCAN") || step.contains("TEMP B-TREE");
            assert_eq!(plan.iter().find(lazy), None, "{index}: {plan:?}");
        }
    }
    let everything = block_on(reader.plan(&any()));
    assert_eq!(everything, ["SCAN requests USING INDEX requests_by_time"], "read backwards until the page is full");
}

#[test]
fn a_row_left_alone_leaves_no_labels() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let again = Finished { tags: vec![tag("team", "green")], ..finished(started(1)) };
    ledger.finish(&again).unwrap();
    ledger.flushed();
    let filter = RecordFilter { tags: vec![tag("team", "green")], ..any() };
    assert_eq!(ledger.rows(filter), []);
}
