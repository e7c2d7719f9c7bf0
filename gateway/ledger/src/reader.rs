//! Reading rows: lists, tails, counts and sums, on read-only connections that never hold up the drain.

mod select;

use std::path::Path;
use std::time::Duration;

use domain::clock::Timestamp;
use domain::record::{RecordError, RecordFuture};
use domain::{
    Finished, InvalidId, KeyId, ModelId, Money, OrganisationId, Outcome, PolicyId, ProjectId, RecordFilter,
    RecordReader, RequestId, RequestRecord, Started, Usage,
};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};

use crate::codec::Detail;
use crate::database::FILE;
use crate::error::LedgerError;

const CONNECTIONS: u32 = 4;
const ACQUIRE_DEADLINE: Duration = Duration::from_secs(5);
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

const SELECT: &str = "SELECT requests.seq, requests.request, requests.at, requests.organisation, requests.key, \
                      requests.project, requests.model, requests.policy, requests.outcome, requests.status, \
                      requests.prompt_tokens, requests.completion_tokens, requests.cost, requests.saved, \
                      requests.total_micros, requests.first_token_micros, requests.detail";
// Amounts are summed in two halves: a sum of i64 pico-dollars overflows at 9.2 million dollars.
const SUMS: &str = "SELECT count(*), count(cost), \
                    coalesce(sum(cost / 1000000), 0), coalesce(sum(cost % 1000000), 0), \
                    coalesce(sum(saved / 1000000), 0), coalesce(sum(saved % 1000000), 0), \
                    coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0)";

/// Sums over rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows.
    pub rows: u64,
    /// How many of them have a cost.
    pub priced_rows: u64,
    /// What they cost.
    pub cost: Money,
    /// What they saved.
    pub saved: Money,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
}

/// The rows of a ledger, read-only.
pub struct LedgerReader {
    pool: SqlitePool,
}

impl LedgerReader {
    /// Opens the database of a folder. Connections are made when first needed, on whichever runtime asks.
    pub(crate) fn open(dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join(FILE);
        if !path.is_file() {
            return Err(LedgerError::Missing { path });
        }
        let connect = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_DEADLINE)
            // No upkeep tasks: the pool must not depend on the runtime that happened to make it.
            .max_lifetime(None)
            .idle_timeout(None)
            .test_before_acquire(false)
            .connect_lazy_with(connect);
        Ok(Self { pool })
    }

    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Sums over the rows that fit a filter (its limit and paging are ignored).
    pub async fn totals(&self, filter: &RecordFilter) -> Result<Totals, RecordError> {
        let row = select::sums(SUMS, filter).build().fetch_one(&self.pool).await.map_err(failed)?;
        totals_of(&row).map_err(failed)
    }

    async fn rows(&self, filter: RecordFilter) -> Result<Vec<RequestRecord>, RecordError> {
        let rows = select::page(SELECT, &filter).build().fetch_all(&self.pool).await.map_err(failed)?;
        rows.iter().map(record).collect()
    }

    async fn row_count(&self) -> Result<u64, RecordError> {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM requests").fetch_one(&self.pool).await.map_err(failed)?;
        Ok(count.cast_unsigned())
    }

    async fn newest(&self) -> Result<u64, RecordError> {
        let sequence: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM requests")
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        Ok(sequence.cast_unsigned())
    }

    /// How `SQLite` means to read a page.
    #[cfg(test)]
    pub(crate) async fn plan(&self, filter: &RecordFilter) -> Vec<String> {
        let mut query = select::page(&format!("EXPLAIN QUERY PLAN {SELECT}"), filter);
        let rows = query.build().fetch_all(&self.pool).await.expect("the plan of a page");
        rows.iter().map(|row| row.get::<String, _>(3)).collect()
    }
}

impl RecordReader for LedgerReader {
    fn list(&self, filter: RecordFilter) -> RecordFuture<'_, Vec<RequestRecord>> {
        Box::pin(self.rows(filter))
    }

    fn count(&self) -> RecordFuture<'_, u64> {
        Box::pin(self.row_count())
    }

    fn last_sequence(&self) -> RecordFuture<'_, u64> {
        Box::pin(self.newest())
    }
}

fn totals_of(row: &SqliteRow) -> Result<Totals, sqlx::Error> {
    let number = |column: usize| row.try_get::<i64, _>(column);
    let money = |column: usize| -> Result<Money, sqlx::Error> {
        Ok(Money::from_pico(i128::from(number(column)?) * 1_000_000 + i128::from(number(column + 1)?)))
    };
    Ok(Totals {
        rows: number(0)?.cast_unsigned(),
        priced_rows: number(1)?.cast_unsigned(),
        cost: money(2)?,
        saved: money(4)?,
        prompt_tokens: number(6)?.cast_unsigned(),
        completion_tokens: number(7)?.cast_unsigned(),
    })
}

/// Makes a record of a row of `SELECT`.
fn record(row: &SqliteRow) -> Result<RequestRecord, RecordError> {
    let sequence = integer(row, 0)?.cast_unsigned();
    let detail = Detail::read(row.try_get::<&[u8], _>(16).map_err(failed)?).unwrap_or_else(|error| {
        // The columns hold what is billed: one bad detail must not hide the row, and its whole page with it.
        tracing::error!(sequence, %error, "the detail of a ledger row cannot be read and is left out");
        Detail::default()
    });
    let started = Started {
        id: request_id(row)?,
        at: Timestamp(integer(row, 2)?),
        organisation: id(row, 3, OrganisationId::parse)?.ok_or_else(|| missing("organisation", sequence))?,
        key: id(row, 4, KeyId::parse)?.ok_or_else(|| missing("key", sequence))?,
        project: id(row, 5, ProjectId::parse)?,
        requested_model: detail.requested_model.clone(),
        stream: detail.stream,
        user: detail.user.clone(),
        endpoint: detail.endpoint,
    };
    let finished = Finished {
        started,
        outcome: outcome(integer(row, 8)?)?,
        status: u16::try_from(integer(row, 9)?).unwrap_or(0),
        model: id(row, 6, ModelId::parse)?,
        served_model: detail.served_model.clone(),
        served_mismatch: detail.served_mismatch,
        policy: id(row, 7, PolicyId::parse)?,
        usage: usage(row, &detail)?,
        cost: detail.cost.or(money(row, 12)?),
        saved: detail.saved.or(money(row, 13)?),
        total_micros: integer(row, 14)?.cast_unsigned(),
        first_token_micros: optional(row, 15)?.map(i64::cast_unsigned),
        decision_micros: detail.decision_micros,
        upstream_micros: detail.upstream_micros,
        queue_micros: detail.queue_micros,
        overhead_micros: detail.overhead_micros,
        tags: detail.tags.clone(),
        loss: detail.loss.clone(),
        attempts: detail.attempts(),
        decision: detail.decision(),
        arguments: detail.arguments(),
        error: detail.error.clone(),
    };
    Ok(RequestRecord { sequence, finished })
}

fn usage(row: &SqliteRow, detail: &Detail) -> Result<Option<Usage>, RecordError> {
    let (prompt, completion) = (optional(row, 10)?, optional(row, 11)?);
    let plain = prompt.zip(completion).map(|(prompt, completion)| Usage {
        prompt_tokens: prompt.cast_unsigned(),
        completion_tokens: completion.cast_unsigned(),
        ..Usage::default()
    });
    Ok(detail.usage.or(plain))
}

fn outcome(code: i64) -> Result<Outcome, RecordError> {
    let known = usize::try_from(code).ok().and_then(|code| Outcome::ALL.get(code).copied());
    known.ok_or_else(|| RecordError(format!("outcome {code} is unknown; a newer program wrote it")))
}

fn request_id(row: &SqliteRow) -> Result<RequestId, RecordError> {
    let bytes: &[u8] = row.try_get(1).map_err(failed)?;
    let value = bytes.try_into().map_err(|_| RecordError("a request id does not have 16 bytes".to_owned()))?;
    Ok(RequestId::from_value(u128::from_be_bytes(value)))
}

fn id<T>(row: &SqliteRow, column: usize, parse: fn(&str) -> Result<T, InvalidId>) -> Result<Option<T>, RecordError> {
    let text: Option<&str> = row.try_get(column).map_err(failed)?;
    text.map(parse).transpose().map_err(|error| RecordError(error.to_string()))
}

fn integer(row: &SqliteRow, column: usize) -> Result<i64, RecordError> {
    row.try_get(column).map_err(failed)
}

fn optional(row: &SqliteRow, column: usize) -> Result<Option<i64>, RecordError> {
    row.try_get(column).map_err(failed)
}

fn money(row: &SqliteRow, column: usize) -> Result<Option<Money>, RecordError> {
    Ok(optional(row, column)?.map(|pico| Money::from_pico(i128::from(pico))))
}

fn missing(what: &str, sequence: u64) -> RecordError {
    RecordError(format!("row {sequence} has no {what}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it is used as a function of the error")]
pub(crate) fn failed(error: sqlx::Error) -> RecordError {
    RecordError(error.to_string())
}
