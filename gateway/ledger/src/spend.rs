//! What was spent and consumed since a moment: with this, limits and budgets go on after a restart.
//!
//! Ids of requests begin with their time and have an index, so that only the rows of the period are read.

use domain::record::RecordError;
use domain::{KeyId, Money, OrganisationId, ProjectId, RequestId, Timestamp};
use sqlx::{QueryBuilder, Row, Sqlite};

use crate::ledger::Ledger;
use crate::reader::{LedgerReader, failed};

/// Whose spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpentBy {
    /// A key's.
    Key(KeyId),
    /// A project's.
    Project(ProjectId),
    /// An organisation's.
    Organisation(OrganisationId),
}

/// What the requests of a key consumed that ended in one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumedInMinute {
    /// The key.
    pub key: KeyId,
    /// The begin of the minute.
    pub minute: Timestamp,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
}

impl Ledger {
    /// What the requests cost that came since a moment. What is still in the spool is not seen: flush first.
    pub async fn spent(&self, by: &SpentBy, since: Timestamp) -> Result<Money, RecordError> {
        self.database().spent(by, since).await
    }

    /// What the requests of each key consumed that came from one moment until before another, by the minute of their end.
    pub async fn consumed(&self, since: Timestamp, until: Timestamp) -> Result<Vec<ConsumedInMinute>, RecordError> {
        self.database().consumed(since, until).await
    }
}

impl LedgerReader {
    async fn spent(&self, by: &SpentBy, since: Timestamp) -> Result<Money, RecordError> {
        // In two halves, since a sum of i64 pico-dollars overflows at 9.2 million dollars.
        let sums = "SELECT coalesce(sum(cost / 1000000), 0), coalesce(sum(cost % 1000000), 0) FROM requests \
                    WHERE request >= ";
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(sums);
        query.push_bind(first_id(since));
        let (column, id) = match by {
            SpentBy::Key(id) => (" AND key = ", id.as_str()),
            SpentBy::Project(id) => (" AND project = ", id.as_str()),
            SpentBy::Organisation(id) => (" AND organisation = ", id.as_str()),
        };
        query.push(column).push_bind(id.to_owned());
        let row = query.build().fetch_one(self.pool()).await.map_err(failed)?;
        let half = |column: usize| row.try_get::<i64, _>(column).map(i128::from).map_err(failed);
        Ok(Money::from_pico(half(0)? * 1_000_000 + half(1)?))
    }

    async fn consumed(&self, since: Timestamp, until: Timestamp) -> Result<Vec<ConsumedInMinute>, RecordError> {
        let sums = "SELECT key, (at + total_micros) / 60000000 AS minute, \
                    sum(prompt_tokens), sum(completion_tokens) FROM requests \
                    WHERE request >= ? AND request < ? AND prompt_tokens IS NOT NULL GROUP BY key, minute";
        let query = sqlx::query(sums).bind(first_id(since)).bind(first_id(until));
        let rows = query.fetch_all(self.pool()).await.map_err(failed)?;
        rows.iter()
            .map(|row| {
                let number = |column: usize| row.try_get::<i64, _>(column).map_err(failed);
                let key: &str = row.try_get(0).map_err(failed)?;
                Ok(ConsumedInMinute {
                    key: KeyId::parse(key).map_err(|error| RecordError(error.to_string()))?,
                    minute: Timestamp(number(1)?.saturating_mul(60_000_000)),
                    prompt_tokens: number(2)?.cast_unsigned(),
                    completion_tokens: number(3)?.cast_unsigned(),
                })
            })
            .collect()
    }
}

/// The least id that a request of a moment can have, as a column.
fn first_id(at: Timestamp) -> Vec<u8> {
    RequestId::from_parts(at.unix_millis(), 0).value().to_be_bytes().to_vec()
}
