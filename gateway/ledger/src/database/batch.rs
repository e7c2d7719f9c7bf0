//! What one transaction of the drain writes, and the insert of many rows in few statements.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr, Sqlite, Transaction};

use crate::codec::{self, EndView};
use crate::spool::frame::{Kind, Record};

/// Statement sizes: a batch is cut greedily, so few distinct statements are prepared and then cached.
const CHUNKS: [usize; 3] = [50, 10, 1];
const COLUMNS: &str = "seq, request, at, organisation, key, project, model, policy, outcome, status, prompt_tokens, \
                       completion_tokens, cost, saved, total_micros, first_token_micros, detail";
const PLACES: &str = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/// The statement of each size, made once.
static STATEMENTS: LazyLock<[SqlStr; CHUNKS.len()]> = LazyLock::new(|| {
    CHUNKS.map(|rows| {
        let places = [PLACES].repeat(rows).join(",");
        // Not OR IGNORE: that would also swallow rows that break another rule.
        let sql = format!("INSERT INTO requests ({COLUMNS}) VALUES {places} ON CONFLICT DO NOTHING");
        AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str()
    })
});

/// Records taken from the spool, with their bytes, so that a failed transaction can be repeated.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    rows: Vec<(u64, Range<usize>)>,
    unreadable: Vec<(u64, Kind, Range<usize>)>,
    ended_carried: Vec<[u8; 16]>,
    last_sequence: u64,
    records: u64,
}

impl Batch {
    /// Makes room for the next records.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.unreadable.clear();
        self.ended_carried.clear();
        self.records = 0;
    }

    /// Adds an end record.
    pub(crate) fn push_row(&mut self, record: Record<'_>) {
        let range = self.keep(record);
        self.rows.push((record.sequence, range));
    }

    /// Adds a record that could not be understood.
    pub(crate) fn push_unreadable(&mut self, record: Record<'_>) {
        let range = self.keep(record);
        self.unreadable.push((record.sequence, record.kind, range));
    }

    /// Notes that a request has ended whose start stands in the database.
    pub(crate) fn push_ended_carried(&mut self, request: [u8; 16]) {
        self.ended_carried.push(request);
    }

    /// Notes that a record has been looked at.
    pub(crate) fn reached(&mut self, sequence: u64) {
        self.last_sequence = sequence;
        self.records += 1;
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(crate) fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    pub(crate) fn unreadable_count(&self) -> usize {
        self.unreadable.len()
    }

    pub(super) fn unreadable(&self) -> impl Iterator<Item = (u64, u8, &[u8])> {
        self.unreadable.iter().map(|(sequence, kind, range)| (*sequence, *kind as u8, &self.bytes[range.clone()]))
    }

    pub(super) fn ended_carried(&self) -> &[[u8; 16]] {
        &self.ended_carried
    }

    fn keep(&mut self, record: Record<'_>) -> Range<usize> {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(record.payload);
        begin..self.bytes.len()
    }
}

/// Inserts a batch's rows; those whose request has one already are left alone. Returns how many were new.
pub(super) async fn insert_rows(transaction: &mut Transaction<'_, Sqlite>, batch: &Batch) -> Result<u64, sqlx::Error> {
    let mut inserted = 0;
    let mut rest = batch.rows.as_slice();
    while let Some(choice) = CHUNKS.iter().position(|size| *size <= rest.len()) {
        let (chunk, later) = rest.split_at(CHUNKS[choice]);
        rest = later;
        let mut query = sqlx::query(STATEMENTS[choice].clone());
        for (sequence, range) in chunk {
            let Ok(row) = codec::decode_end(&batch.bytes[range.clone()]) else { continue };
            query = bind(query, *sequence, &row);
        }
        inserted += query.execute(&mut **transaction).await?.rows_affected();
    }
    insert_tags(transaction, batch).await?;
    Ok(inserted)
}

/// Indexes the labels of rows that are in.
async fn insert_tags(transaction: &mut Transaction<'_, Sqlite>, batch: &Batch) -> Result<(), sqlx::Error> {
    for (sequence, range) in &batch.rows {
        let Ok(row) = codec::decode_end(&batch.bytes[range.clone()]) else { continue };
        for (key, value) in &row.tags {
            // A row that was left alone, since its request has one, must leave no labels either.
            sqlx::query(
                "INSERT OR IGNORE INTO tags (key, value, at, seq) SELECT ?1, ?2, at, seq FROM requests WHERE seq = ?3",
            )
            .bind((*key).to_owned())
            .bind((*value).to_owned())
            .bind(sequence.cast_signed())
            .execute(&mut **transaction)
            .await?;
        }
    }
    Ok(())
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

fn bind<'q>(query: Query<'q>, sequence: u64, row: &EndView<'_>) -> Query<'q> {
    query
        .bind(sequence.cast_signed())
        .bind(row.request.to_vec())
        .bind(row.at)
        .bind(row.organisation.to_owned())
        .bind(row.key.to_owned())
        .bind(row.project.map(str::to_owned))
        .bind(row.model.map(str::to_owned))
        .bind(row.policy.map(str::to_owned))
        .bind(i64::from(row.outcome))
        .bind(i64::from(row.status))
        .bind(row.prompt_tokens)
        .bind(row.completion_tokens)
        .bind(row.cost)
        .bind(row.saved)
        .bind(row.total_micros)
        .bind(row.first_token_micros)
        .bind(row.detail.to_vec())
}
