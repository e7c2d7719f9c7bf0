//! Deleting bodies so that they are gone, and checking that they are.
//!
//! `SQLite` overwrites deleted content with zeros (`secure_delete`), but the write-ahead log still holds it: the log is
//! emptied into the file and cut to nothing. Then the files are searched for pieces of what was deleted. A piece that
//! is found all the same is an error, unless a body that stays holds it too. What a disk keeps in blocks that no file
//! owns any more is beyond a program's reach.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use domain::{KeyId, RequestId, Timestamp};
use sqlx::{Connection, Row, Sqlite};

use super::store::{BodyStore, FILE};

/// Requests per transaction: the writer waits no longer than this takes.
const BATCH: i64 = 100;
/// Pieces that are searched for; more would not make one pass over the file more telling.
const MAX_PIECES: usize = 64;
/// Long enough not to occur by chance.
const PIECE: usize = 24;
/// The begin of a compressed body says how it is compressed, which bodies have in common.
const HEAD: usize = 12;
/// Others may be reading, which keeps the log from being emptied.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
const CHUNK: usize = 1 << 20;

/// Which bodies are to go.
#[derive(Clone, Debug)]
pub enum Which {
    /// Those of one request.
    Request(RequestId),
    /// Those of all requests of a key.
    Key(KeyId),
    /// All.
    All,
    /// Those whose time is over.
    ExpiredBy(Timestamp),
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Requests whose bodies are gone.
    pub requests: u64,
    /// Pieces of them that were searched for and not found.
    pub pieces_checked: usize,
}

/// Why bodies may not be gone.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// They could not be deleted.
    #[error("the bodies cannot be deleted: {0}")]
    Database(#[from] sqlx::Error),
    /// They are deleted, but the log of the file still holds them.
    #[error("the bodies are deleted, but somebody reads the file and its log could not be emptied within {} s: try again", PATIENCE.as_secs())]
    LogInUse,
    /// A file could not be searched.
    #[error("the bodies are deleted, but {} cannot be checked: {source}", path.display())]
    Check {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A piece of them was found.
    #[error("the bodies are deleted, but {} still holds a piece of them", path.display())]
    StillThere {
        /// In which file.
        path: PathBuf,
    },
}

/// Deletes and checks.
pub(super) async fn erase(store: &mut BodyStore, which: &Which) -> Result<Erased, EraseError> {
    let (mut erased, mut pieces) = (Erased::default(), Vec::new());
    loop {
        let gone = delete_batch(store, which, &mut pieces).await?;
        if gone == 0 {
            break;
        }
        erased.requests += gone;
    }
    if erased.requests == 0 {
        return Ok(erased);
    }
    empty_log(store).await?;
    erased.pieces_checked = pieces.len();
    check(store, pieces).await?;
    Ok(erased)
}

async fn delete_batch(store: &mut BodyStore, which: &Which, pieces: &mut Vec<Vec<u8>>) -> Result<u64, sqlx::Error> {
    let rows = sqlx::query(match which {
        Which::Request(_) => "SELECT rowid, request_body, answer_body FROM bodies WHERE request = ?1 LIMIT ?2",
        Which::Key(_) => "SELECT rowid, request_body, answer_body FROM bodies WHERE key = ?1 LIMIT ?2",
        Which::All => "SELECT rowid, request_body, answer_body FROM bodies WHERE ?1 IS NULL LIMIT ?2",
        Which::ExpiredBy(_) => "SELECT rowid, request_body, answer_body FROM bodies WHERE expires <= ?1 LIMIT ?2",
    });
    let mut transaction = store.connection.begin_with("BEGIN IMMEDIATE").await?;
    let rows = bind(rows, which).bind(BATCH).fetch_all(&mut *transaction).await?;
    for row in &rows {
        let (number, request, answer): (i64, &[u8], &[u8]) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if pieces.len() < MAX_PIECES {
            pieces.extend([request, answer].into_iter().flat_map(pieces_of));
        }
        sqlx::query("DELETE FROM bodies WHERE rowid = ?").bind(number).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(rows.len() as u64)
}

type Query = sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>;

fn bind(query: Query, which: &Which) -> Query {
    match which {
        Which::Request(request) => query.bind(request.value().to_be_bytes().to_vec()),
        Which::Key(key) => query.bind(key.as_str().to_owned()),
        Which::All => query.bind(None::<i64>),
        Which::ExpiredBy(moment) => query.bind(moment.unix_micros()),
    }
}

/// Begin, middle and end of a stored body.
fn pieces_of(body: &[u8]) -> Vec<Vec<u8>> {
    let Some(last) = body.len().checked_sub(PIECE).filter(|last| *last >= HEAD) else { return Vec::new() };
    let mut places = vec![HEAD, HEAD.midpoint(last), last];
    places.dedup();
    places.into_iter().map(|place| body[place..place + PIECE].to_vec()).collect()
}

/// Moves the log into the file and cuts it to nothing.
async fn empty_log(store: &mut BodyStore) -> Result<(), EraseError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut store.connection).await?;
        if row.try_get::<i64, _>(0)? == 0 {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(EraseError::LogInUse);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Searches the file and what lies beside it.
async fn check(store: &mut BodyStore, pieces: Vec<Vec<u8>>) -> Result<(), EraseError> {
    let base = store.dir.join(FILE);
    let failed = |error| EraseError::Check { path: base.clone(), source: io::Error::other(error) };
    let finder = AhoCorasick::new(&pieces).map_err(failed)?;
    for ending in ["", "-wal", "-shm", "-journal"] {
        let path = store.dir.join(format!("{FILE}{ending}"));
        let found = match search(&path, &finder) {
            Ok(found) => found,
            Err(source) if source.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(EraseError::Check { path, source }),
        };
        for piece in found {
            // Two requests may have had the same body, of which one is to stay.
            if !stays(store, &pieces[piece]).await? {
                return Err(EraseError::StillThere { path });
            }
        }
    }
    Ok(())
}

async fn stays(store: &mut BodyStore, piece: &[u8]) -> Result<bool, sqlx::Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM bodies WHERE instr(request_body, ?1) OR instr(answer_body, ?1))";
    let stays: i64 = sqlx::query_scalar(sql).bind(piece.to_vec()).fetch_one(&mut store.connection).await?;
    Ok(stays == 1)
}

/// The pieces that a file holds.
fn search(path: &Path, finder: &AhoCorasick) -> io::Result<BTreeSet<usize>> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; CHUNK + PIECE];
    let (mut kept, mut found) = (0, BTreeSet::new());
    loop {
        let read = file.read(&mut buffer[kept..])?;
        if read == 0 {
            return Ok(found);
        }
        let filled = kept + read;
        found.extend(finder.find_overlapping_iter(&buffer[..filled]).map(|piece| piece.pattern().as_usize()));
        // A piece may lie across two reads.
        kept = filled.min(PIECE - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_piece_is_found_wherever_it_lies() {
        let dir = tempfile::tempdir().unwrap();
        let (path, piece) = (dir.path().join("file"), [7_u8; PIECE]);
        let finder = AhoCorasick::new([piece]).unwrap();
        for place in [0, CHUNK - PIECE / 2, CHUNK + PIECE - 1, 2 * CHUNK, 3 * CHUNK - PIECE] {
            let mut content = vec![1_u8; 3 * CHUNK];
            content[place..place + PIECE].copy_from_slice(&piece);
            std::fs::write(&path, content).unwrap();
            assert_eq!(search(&path, &finder).unwrap(), BTreeSet::from([0]), "{place}");
        }
        std::fs::write(&path, vec![7_u8; PIECE - 1]).unwrap();
        assert_eq!(search(&path, &finder).unwrap(), BTreeSet::new());
    }
}
