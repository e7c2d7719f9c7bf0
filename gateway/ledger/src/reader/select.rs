//! A filter as SQL that reads one range of one index, newest first, and stops when the page is full.
//!
//! The filter's rarest condition drives; the others carry a `+`, which keeps `SQLite` from choosing their index and
//! sorting afterwards. A tail walks the rows themselves.

use domain::{Outcome, RecordFilter};
use sqlx::{QueryBuilder, Sqlite};

use crate::codec::clip;

/// A filter without a limit gets this many rows.
const DEFAULT_ROWS: u32 = 100;
/// No filter gets more rows at a time than this; page on with `before_sequence` or `after_sequence`.
const MAX_ROWS: u32 = 10_000;

/// The status that nearly all rows have, and that has no index of its own.
const USUAL_STATUS: u16 = 200;

/// The condition whose index is walked, the rarest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    /// The row's own place: tails.
    Sequence,
    Request,
    Tag,
    Outcome,
    Status,
    Key,
    Project,
    Policy,
    Model,
    Provider,
    Organisation,
    Time,
}

impl Driver {
    fn of(filter: &RecordFilter) -> Self {
        let unusual = |status| status != USUAL_STATUS;
        let choices = [
            (filter.after_sequence.is_some(), Self::Sequence),
            (filter.request.is_some(), Self::Request),
            (!filter.tags.is_empty(), Self::Tag),
            (filter.outcome.is_some_and(|it| it != Outcome::Completed), Self::Outcome),
            (filter.status.is_some_and(unusual), Self::Status),
            (filter.key.is_some(), Self::Key),
            (filter.project.is_some(), Self::Project),
            (filter.policy.is_some(), Self::Policy),
            (filter.model.is_some(), Self::Model),
            (filter.provider.is_some(), Self::Provider),
            (filter.organisation.is_some(), Self::Organisation),
        ];
        choices.iter().find(|(applies, _)| *applies).map_or(Self::Time, |(_, driver)| *driver)
    }

    /// The table whose index gives the order.
    fn ordering_table(self) -> &'static str {
        if self == Self::Tag { "label" } else { "requests" }
    }
}

/// A page of rows.
pub(super) fn page(columns: &str, filter: &RecordFilter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(columns);
    let driver = push_rows(&mut query, filter);
    let table = driver.ordering_table();
    let order = match driver {
        Driver::Sequence => " ORDER BY requests.seq".to_owned(),
        _ => format!(" ORDER BY {table}.at DESC, {table}.seq DESC"),
    };
    query.push(order);
    let limit = if filter.limit == 0 { DEFAULT_ROWS } else { filter.limit.min(MAX_ROWS) };
    query.push(" LIMIT ").push_bind(i64::from(limit));
    query
}

/// Sums over all rows of a filter; its limit and paging are ignored.
pub(super) fn sums(columns: &str, filter: &RecordFilter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(columns);
    push_rows(&mut query, &RecordFilter { after_sequence: None, before_sequence: None, ..filter.clone() });
    query
}

fn push_rows(query: &mut QueryBuilder<Sqlite>, filter: &RecordFilter) -> Driver {
    let driver = Driver::of(filter);
    if driver == Driver::Tag {
        query.push(" FROM tags AS label CROSS JOIN requests ON requests.seq = label.seq");
    } else {
        query.push(" FROM requests");
    }
    query.push(" WHERE 1");
    push_equalities(query, filter, driver);
    push_tags(query, filter, driver);
    push_ranges(query, filter, driver);
    driver
}

/// Every field of the filter is named here or in `push_ranges`, so that a new one cannot be forgotten.
fn push_equalities(query: &mut QueryBuilder<Sqlite>, filter: &RecordFilter, driver: Driver) {
    let RecordFilter {
        organisation,
        key,
        model,
        provider,
        status,
        outcome,
        policy,
        project,
        request,
        tags: _,
        since: _,
        until: _,
        min_micros: _,
        max_micros: _,
        after_sequence: _,
        before_sequence: _,
        limit: _,
    } = filter;
    let mut text = |column: &str, drives: Driver, value: Option<&str>| {
        if let Some(value) = value {
            let plus = if driver == drives { "" } else { "+" };
            query.push(format!(" AND {plus}requests.{column} = ")).push_bind(value.to_owned());
        }
    };
    text("organisation", Driver::Organisation, organisation.as_ref().map(AsRef::as_ref));
    text("key", Driver::Key, key.as_ref().map(AsRef::as_ref));
    text("model", Driver::Model, model.as_ref().map(AsRef::as_ref));
    text("provider", Driver::Provider, provider.as_ref().map(AsRef::as_ref));
    text("policy", Driver::Policy, policy.as_ref().map(AsRef::as_ref));
    text("project", Driver::Project, project.as_ref().map(AsRef::as_ref));
    // The partial indexes are used only by queries that repeat their condition.
    if let Some(status) = status {
        let column = if driver == Driver::Status { "requests.status <> 200 AND requests" } else { "+requests" };
        query.push(format!(" AND {column}.status = ")).push_bind(i64::from(*status));
    }
    if let Some(outcome) = outcome {
        let column = if driver == Driver::Outcome { "requests.outcome <> 0 AND requests" } else { "+requests" };
        query.push(format!(" AND {column}.outcome = ")).push_bind(*outcome as i64);
    }
    if let Some(request) = request {
        query.push(" AND requests.request = ").push_bind(request.value().to_be_bytes().to_vec());
    }
}

fn push_tags(query: &mut QueryBuilder<Sqlite>, filter: &RecordFilter, driver: Driver) {
    for (place, tag) in filter.tags.iter().enumerate() {
        let drives = driver == Driver::Tag && place == 0;
        // Indexed labels are cut like every text that a caller chose.
        let (key, value) = (clip(&tag.key).to_owned(), clip(&tag.value).to_owned());
        query.push(if drives { " AND label.key = " } else { " AND EXISTS (SELECT 1 FROM tags WHERE tags.key = " });
        query.push_bind(key).push(if drives { " AND label.value = " } else { " AND tags.value = " });
        query.push_bind(value);
        if !drives {
            query.push(" AND tags.at = requests.at AND tags.seq = requests.seq)");
        }
    }
}

fn push_ranges(query: &mut QueryBuilder<Sqlite>, filter: &RecordFilter, driver: Driver) {
    let at = match driver {
        Driver::Sequence | Driver::Request => "+requests.at".to_owned(),
        _ => format!("{}.at", driver.ordering_table()),
    };
    if let Some(since) = filter.since {
        query.push(format!(" AND {at} >= ")).push_bind(since.unix_micros());
    }
    if let Some(until) = filter.until {
        query.push(format!(" AND {at} < ")).push_bind(until.unix_micros());
    }
    if let Some(micros) = filter.min_micros {
        query.push(" AND requests.total_micros >= ").push_bind(column(micros));
    }
    if let Some(micros) = filter.max_micros {
        query.push(" AND requests.total_micros <= ").push_bind(column(micros));
    }
    if let Some(after) = filter.after_sequence {
        query.push(" AND requests.seq > ").push_bind(column(after));
    }
    if let Some(before) = filter.before_sequence {
        let table = driver.ordering_table();
        if driver == Driver::Sequence {
            query.push(" AND requests.seq < ").push_bind(column(before));
        } else {
            query.push(format!(" AND ({table}.at, {table}.seq) < (SELECT at, seq FROM requests WHERE seq = "));
            query.push_bind(column(before)).push(")");
        }
    }
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
