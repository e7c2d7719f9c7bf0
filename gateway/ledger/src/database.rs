//! The `SQLite` side of the drain: opening, migrating, and committing batches together with the watermark.
//!
//! One connection writes. Rows, closed starts and the watermark share a transaction, so replay is exact: what the
//! watermark covers is in, what it does not cover is not.

pub(crate) mod batch;
mod retain;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, Sqlite, Transaction};

use crate::error::LedgerError;
use crate::spool::recover::{OpenStart, OpenStarts};
use crate::yielding::Yielding;
use batch::{Batch, insert_rows};

/// The name of the database in the ledger's folder.
pub(crate) const FILE: &str = "ledger.sqlite";

/// Every migration, oldest first. Append only.
const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/0001_requests.sql"), include_str!("../migrations/0002_filters.sql")];
/// Pages in the write-ahead log before `SQLite` moves them into the database: 16 MiB instead of 4 saves syncs.
const CHECKPOINT_PAGES: &str = "1000";

/// Instructions of its virtual machine that `SQLite` works off in a step: about four rows, some 40 µs.
const STEP_INSTRUCTIONS: i32 = 500;

/// How long a start waits for somebody else who holds the database.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);
const OPEN_PAUSE: Duration = Duration::from_millis(20);
/// Bytes per page. A row is one to three KiB, mostly its decision: on pages of 4 KiB half the space would be waste.
const PAGE_BYTES: u32 = 16 << 10;

/// The writing connection, made anew after errors that may have broken it.
pub(crate) struct Database {
    path: PathBuf,
    busy_timeout: Duration,
    yielding: Yielding,
    connection: Option<SqliteConnection>,
}

/// What the database knows of the spool.
pub(crate) struct SpoolState {
    /// The last record that is in the database.
    pub(crate) watermark: u64,
    /// Open starts whose segment is gone.
    pub(crate) carried: OpenStarts,
}

impl Database {
    /// Opens or creates the database and brings its schema up to date.
    pub(crate) async fn open(dir: &Path, busy_timeout: Duration, yielding: Yielding) -> Result<Self, LedgerError> {
        let path = dir.join(FILE);
        let mut database = Self { path, busy_timeout, yielding, connection: None };
        let found = database.patient_version().await;
        let found: i64 = found.map_err(|source| LedgerError::Database { path: database.path.clone(), source })?;
        let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        if found > known {
            return Err(LedgerError::NewerSchema { path: database.path, found, known });
        }
        Ok(database)
    }

    /// The database file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the watermark and the open starts that the spool does not hold any more.
    pub(crate) async fn spool_state(&mut self) -> Result<SpoolState, sqlx::Error> {
        let connection = self.connection().await?;
        // A spool file of an older backup must not hand out sequences that rows have.
        let watermark: i64 =
            sqlx::query_scalar("SELECT max(watermark, coalesce((SELECT max(seq) FROM requests), 0)) FROM spool_state")
                .fetch_one(&mut *connection)
                .await?;
        let rows = sqlx::query("SELECT request, seq, payload FROM open_starts").fetch_all(connection).await?;
        let mut carried = OpenStarts::new();
        for row in rows {
            let request: Vec<u8> = row.try_get(0)?;
            let (sequence, payload): (i64, Vec<u8>) = (row.try_get(1)?, row.try_get(2)?);
            if let Ok(request) = <[u8; 16]>::try_from(request) {
                let start = OpenStart { sequence: sequence.cast_unsigned(), payload: payload.into(), carried: true };
                carried.insert(request, start);
            }
        }
        Ok(SpoolState { watermark: watermark.cast_unsigned(), carried })
    }

    /// Commits a batch and moves the watermark to its end. Returns how many rows were new.
    pub(crate) async fn commit(&mut self, batch: &Batch) -> Result<u64, sqlx::Error> {
        let mut transaction = self.connection().await?.begin_with("BEGIN IMMEDIATE").await?;
        let inserted = insert_rows(&mut transaction, batch).await?;
        for (sequence, kind, payload) in batch.unreadable() {
            sqlx::query("INSERT OR IGNORE INTO unreadable (seq, kind, payload) VALUES (?, ?, ?)")
                .bind(sequence.cast_signed())
                .bind(i64::from(kind))
                .bind(payload.to_vec())
                .execute(&mut *transaction)
                .await?;
        }
        for request in batch.ended_carried() {
            sqlx::query("DELETE FROM open_starts WHERE request = ?")
                .bind(request.to_vec())
                .execute(&mut *transaction)
                .await?;
        }
        set_watermark(&mut transaction, batch.last_sequence()).await?;
        transaction.commit().await?;
        Ok(inserted)
    }

    /// Writes open starts, and makes everything committed so far survive a power cut: only then may segments go.
    pub(crate) async fn carry(&mut self, starts: &[([u8; 16], OpenStart)]) -> Result<(), sqlx::Error> {
        let connection = self.connection().await?;
        // Commits under NORMAL are not synced; one under FULL syncs the log, and with it all that was written before.
        sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        for (request, start) in starts {
            sqlx::query("INSERT OR REPLACE INTO open_starts (request, seq, payload) VALUES (?, ?, ?)")
                .bind(request.to_vec())
                .bind(start.sequence.cast_signed())
                .bind(start.payload.to_vec())
                .execute(&mut *transaction)
                .await?;
        }
        // A commit that changes nothing would write, and so sync, nothing.
        sqlx::query("UPDATE spool_state SET retired = retired + 1").execute(&mut *transaction).await?;
        transaction.commit().await?;
        sqlx::query("PRAGMA synchronous = NORMAL").execute(self.connection().await?).await?;
        Ok(())
    }

    /// Decides after an error whether the connection may be used again.
    pub(crate) fn recover_from(&mut self, error: &sqlx::Error) {
        if !is_contention(error) {
            self.connection = None;
        }
    }

    /// Closes the connection; `SQLite` then empties its log into the database if nobody else has it open.
    pub(crate) async fn close(mut self) -> Result<(), sqlx::Error> {
        match self.connection.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }

    /// Whoever closes or checkpoints the database holds it for a moment, and not every statement of a fresh connection
    /// waits by itself: a start tries for a while before it fails.
    async fn patient_version(&mut self) -> Result<i64, sqlx::Error> {
        let begin = Instant::now();
        loop {
            match self.version().await {
                Err(error) if is_contention(&error) && begin.elapsed() < OPEN_PATIENCE => {
                    tokio::time::sleep(OPEN_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    async fn version(&mut self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("PRAGMA user_version").fetch_one(self.connection().await?).await
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut connection = connect(&self.path, self.busy_timeout).await?;
        let yielding = self.yielding.clone();
        let carry_on = move || {
            yielding.step();
            true
        };
        connection.lock_handle().await?.set_progress_handler(STEP_INSTRUCTIONS, carry_on);
        Ok(connection)
    }
}

/// Connects and applies the migrations that the database lacks.
async fn connect(path: &Path, busy_timeout: Duration) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = connect_options(path, busy_timeout).connect().await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await?;
    let done = usize::try_from(version).unwrap_or(0);
    for (number, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(*sql).execute(&mut *transaction).await?;
        let version = format!("PRAGMA user_version = {}", number + 1);
        sqlx::raw_sql(AssertSqlSafe(version)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(connection)
}

/// Moves the watermark forward.
async fn set_watermark(transaction: &mut Transaction<'_, Sqlite>, sequence: u64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE spool_state SET watermark = ? WHERE id = 1")
        .bind(sequence.cast_signed())
        .execute(&mut **transaction)
        .await
        .map(|_| ())
}

fn connect_options(path: &Path, busy_timeout: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(busy_timeout)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
}

/// Whether an error only says that somebody else holds the database, or that there is no space: primary codes
/// BUSY, LOCKED and FULL.
fn is_contention(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let primary = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(primary, Some(5 | 6 | 13))
}
