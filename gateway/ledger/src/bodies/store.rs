//! `bodies.db`: writing, reading and listing kept bodies.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::RequestId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};

use super::MAX_BODY;
use super::erase::{self, EraseError, Erased, Which};
use super::recorder::{Captured, Entry};
use crate::error::LedgerError;

/// The name of the file in the ledger's folder.
pub(super) const FILE: &str = "bodies.db";
const SCHEMA: &str = include_str!("../../migrations/bodies_0001.sql");
const VERSION: i64 = 1;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Text shrinks to a fourth at this level; higher ones cost more than they save.
const ZSTD_LEVEL: i32 = 3;

/// An open file of bodies.
pub struct BodyStore {
    pub(super) dir: PathBuf,
    pub(super) connection: SqliteConnection,
}

/// The bodies of one request.
pub struct KeptBodies {
    /// What the caller sent.
    pub request: KeptBody,
    /// What the caller was given; of a stream the bytes of its events.
    pub answer: KeptBody,
}

/// A body, or its begin. No `Debug`: it must not reach a log.
pub struct KeptBody {
    /// What was kept.
    pub begin: Vec<u8>,
    /// How long all of it was.
    pub bytes: u64,
}

impl KeptBody {
    /// Whether some of it was not kept.
    pub fn is_cut(&self) -> bool {
        self.bytes > self.begin.len() as u64
    }
}

impl BodyStore {
    /// Opens the bodies of a ledger's folder, if any were ever kept there.
    pub async fn open(dir: &Path) -> Result<Option<Self>, LedgerError> {
        if !dir.join(FILE).is_file() {
            return Ok(None);
        }
        Self::create(dir).await.map(Some)
    }

    /// Opens the file and makes it if it is not there.
    pub(super) async fn create(dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join(FILE);
        let failed = |source| LedgerError::Database { path: path.clone(), source };
        let mut connection = connect_options(&path).connect().await.map_err(failed)?;
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.map_err(failed)?;
        if found > VERSION {
            return Err(LedgerError::NewerSchema { path, found, known: VERSION });
        }
        if found == 0 {
            migrate(&mut connection).await.map_err(failed)?;
        }
        Ok(Self { dir: dir.to_owned(), connection })
    }

    /// The bodies of a request, if they are kept.
    pub async fn get(&mut self, request: RequestId) -> Result<Option<KeptBodies>, LedgerError> {
        let sql = "SELECT request_body, request_bytes, answer_body, answer_bytes FROM bodies WHERE request = ?";
        let key = request.value().to_be_bytes().to_vec();
        let row = sqlx::query(sql).bind(key).fetch_optional(&mut self.connection).await;
        let path = self.dir.join(FILE);
        let row = row.map_err(|source| LedgerError::Database { path: path.clone(), source })?;
        let Some(row) = row else { return Ok(None) };
        let body = |column: usize| -> Result<KeptBody, LedgerError> {
            let failed = |source| LedgerError::Database { path: path.clone(), source };
            let (packed, bytes): (&[u8], i64) =
                (row.try_get(column).map_err(failed)?, row.try_get(column + 1).map_err(failed)?);
            let begin = unpack(packed).map_err(|source| LedgerError::File {
                action: "unpack a body of",
                path: path.clone(),
                source,
            })?;
            Ok(KeptBody { begin, bytes: bytes.cast_unsigned() })
        };
        Ok(Some(KeptBodies { request: body(0)?, answer: body(2)? }))
    }

    /// Deletes bodies and checks that they are gone from the file.
    pub async fn erase(&mut self, which: &Which) -> Result<Erased, EraseError> {
        erase::erase(self, which).await
    }

    #[cfg(test)]
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Closes the file.
    pub async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the file of bodies was not closed cleanly");
        }
    }

    /// Writes the bodies of ended requests, all or none.
    pub(super) async fn keep(&mut self, entries: &[Box<Entry>]) -> Result<(), sqlx::Error> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        for entry in entries {
            let owner = &entry.owner;
            sqlx::query("INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(owner.request.value().to_be_bytes().to_vec())
                .bind(owner.at.unix_micros())
                .bind(entry.expires.unix_micros())
                .bind(owner.organisation.as_str().to_owned())
                .bind(owner.key.as_str().to_owned())
                .bind(entry.request.bytes.cast_signed())
                .bind((entry.request.begin.len() as u64).cast_signed())
                .bind(pack(&entry.request).map_err(sqlx::Error::Io)?)
                .bind(entry.answer.bytes.cast_signed())
                .bind((entry.answer.begin.len() as u64).cast_signed())
                .bind(pack(&entry.answer).map_err(sqlx::Error::Io)?)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    // Somebody else may have been faster.
    if found == 0 {
        sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
        sqlx::raw_sql("PRAGMA user_version = 1").execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        // What is deleted is overwritten with zeros.
        .pragma("secure_delete", "ON")
}

fn pack(body: &Captured) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(&body.begin, ZSTD_LEVEL)
}

fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::decompress(packed, MAX_BODY)
}
