//! What can go wrong with a ledger, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a ledger could not be opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A file or folder could not be used.
    #[error("cannot {action} {}: {source}; check that the folder exists, is writable and has space", path.display())]
    File {
        /// What was tried: `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process has the folder open.
    #[error("{} is in use by another process; stop it or choose another data folder", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The database could not be used.
    #[error("cannot use the database {}: {source}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// There is no database to read.
    #[error("there is no ledger at {}; it appears when a gateway has run with this data folder", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The database was written by a newer version.
    #[error("the database {} has schema version {found}, this program knows up to {known}; use a newer program", path.display())]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest known one.
        known: i64,
    },
    /// The background thread ended before it was ready.
    #[error("the ledger's background thread could not be started: {0}")]
    Thread(String),
    /// The drain took too long; the rest is replayed at the next start.
    #[error("the ledger was not drained within {0:?}; {1} records stay in the spool for the next start")]
    CloseTimeout(Duration, u64),
}

/// Why a record was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The spool has reached its limit, or the disk is full.
    #[error("the spool is full ({bytes} bytes); the database is not taking records, or the disk has no space")]
    Full {
        /// Its size.
        bytes: u64,
    },
    /// The disk refused.
    #[error("cannot write to the spool: {0}")]
    Io(#[source] io::Error),
    /// The record was written, but the disk did not confirm that it is safe.
    #[error("cannot sync the spool: {0}")]
    Sync(String),
    /// The ledger has been closed.
    #[error("the ledger is closed")]
    Closed,
}

impl SpoolError {
    /// Whether space is what is missing: new paid traffic should be refused until there is some.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

/// Why a flush did not finish.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    /// Not everything is in the database yet.
    #[error("the ledger was not flushed in time: {behind} records are still on their way")]
    Timeout {
        /// How many records remain.
        behind: u64,
    },
    /// The background thread has ended.
    #[error("the ledger is closed")]
    Closed,
}
