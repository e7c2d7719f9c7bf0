//! The last good snapshot on disk: what a gateway starts from when the engine is away.
//!
//! The messages of a full `Watch` copy, length-delimited, with a BLAKE3 trailer. Written to a temporary file, synced,
//! renamed; one previous copy is kept and used when the newest does not match its trailer.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::Snapshot;
use prost::Message;
use proto::pb::snapshot::v1::WatchMessage;
use proto::watch::{Assembler, full_messages};

const MAGIC: &[u8; 8] = b"SBSNAP01";
const TRAILER: usize = blake3::OUT_LEN;

/// Why a stored snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFileError {
    /// It cannot be read or written.
    #[error("cannot use the snapshot file {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what was written.
    #[error(
        "the snapshot file {path} is corrupt ({what}); it is ignored and replaced at the next change of configuration"
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
}

/// Keeps snapshots in a folder.
#[derive(Clone, Debug)]
pub struct SnapshotStore {
    current: PathBuf,
    previous: PathBuf,
}

impl SnapshotStore {
    /// A store in this folder, which must exist.
    pub fn new(folder: &Path) -> Self {
        Self { current: folder.join("gateway.snapshot"), previous: folder.join("gateway.snapshot.previous") }
    }

    /// Returns the newest stored snapshot that is whole, and what was wrong with a newer one.
    pub fn load(&self) -> (Option<Arc<Snapshot>>, Vec<SnapshotFileError>) {
        let mut faults = Vec::new();
        for path in [&self.current, &self.previous] {
            match read(path) {
                Ok(Some(snapshot)) => return (Some(snapshot), faults),
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
        (None, faults)
    }

    /// Stores a snapshot, keeping the one before.
    ///
    /// # Errors
    /// When a file cannot be written; what was stored before stays usable.
    pub fn save(&self, snapshot: &Snapshot) -> Result<(), SnapshotFileError> {
        let temporary = self.current.with_extension("snapshot.new");
        write(&temporary, snapshot).map_err(|source| SnapshotFileError::Io { path: temporary.clone(), source })?;
        let renamed = match fs::rename(&self.current, &self.previous) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
            _ => fs::rename(&temporary, &self.current),
        };
        renamed.map_err(|source| SnapshotFileError::Io { path: self.current.clone(), source })
    }
}

/// Writes message by message: a large copy is not held in memory as well.
fn write(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut hasher = blake3::Hasher::new();
    let head = std::iter::once(MAGIC.to_vec());
    for bytes in head.chain(full_messages(snapshot).map(|message| message.encode_length_delimited_to_vec())) {
        hasher.update(&bytes);
        file.write_all(&bytes)?;
    }
    file.write_all(hasher.finalize().as_bytes())?;
    file.sync_all()
}

fn read(path: &Path) -> Result<Option<Arc<Snapshot>>, SnapshotFileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SnapshotFileError::Io { path: path.to_owned(), source }),
    };
    decode(&bytes).map(Some).map_err(|what| SnapshotFileError::Corrupt { path: path.to_owned(), what })
}

fn decode(bytes: &[u8]) -> Result<Arc<Snapshot>, String> {
    let (content, trailer) = bytes.split_at_checked(bytes.len().saturating_sub(TRAILER)).ok_or("it is too short")?;
    if blake3::hash(content).as_bytes() != trailer {
        return Err("its checksum does not match".to_owned());
    }
    let mut rest = content.strip_prefix(MAGIC).ok_or("it was written by another version")?;
    let mut assembler = Assembler::new(None);
    while !rest.is_empty() {
        let message = WatchMessage::decode_length_delimited(&mut rest).map_err(|fault| fault.to_string())?;
        assembler.take(message).map_err(|fault| fault.to_string())?;
    }
    assembler.held().cloned().ok_or_else(|| "it has no end".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use domain::SnapshotVersion;

    use super::*;

    fn at_revision(revision: u64) -> Snapshot {
        Snapshot::full(SnapshotVersion { epoch: 7, revision }, [])
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::new(folder.path());
        assert!(store.load().0.is_none());
        store.save(&at_revision(3)).unwrap();
        assert_eq!(store.load().0.unwrap().version.revision, 3);
    }

    #[test]
    fn corrupt_file_is_reported_and_the_previous_one_used() {
        let folder = tempfile::tempdir().unwrap();
        let store = SnapshotStore::new(folder.path());
        store.save(&at_revision(1)).unwrap();
        store.save(&at_revision(2)).unwrap();
        let whole = fs::read(&store.current).unwrap();
        for cut in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[cut] ^= 0x40;
            fs::write(&store.current, &damaged).unwrap();
            let (loaded, faults) = store.load();
            assert_eq!((loaded.unwrap().version.revision, faults.len()), (1, 1), "byte {cut} flipped");
            fs::write(&store.current, &whole[..cut]).unwrap();
            assert_eq!(store.load().0.unwrap().version.revision, 1, "cut at {cut}");
        }
    }
}
