//! Whether the files of a kept scorer are those that its manifest vouches for, every length and hash compared.
//!
//! A hash is remembered for as long as its file is the same by length, times and place on disk, so that a list that is
//! asked for again and again costs a few looks at the disk.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scorer::ArtifactError;
use scorer::artifact::{FileEntry, MANIFEST};
use serde::Deserialize;

/// A file that changed this lately may change again without another time: its hash is not remembered yet.
const SETTLED: Duration = Duration::from_secs(2);

/// As much of a manifest as counts here, whatever else this or another release writes there.
#[derive(Deserialize)]
struct Outline {
    version: String,
    files: BTreeMap<String, FileEntry>,
}

/// By what a file is taken for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

/// Hashes of files that have been read.
#[derive(Debug, Default)]
pub(crate) struct Hashes(Mutex<HashMap<PathBuf, (Stamp, FileEntry)>>);

impl Hashes {
    /// Compares a scorer's folder with its manifest; says how many bytes it has, or what is wrong.
    pub(crate) fn check(&self, folder: &Path, version: &str) -> Result<u64, String> {
        let bytes = fs::read(folder.join(MANIFEST)).map_err(|error| format!("{MANIFEST}: {error}"))?;
        let outline: Outline = serde_json::from_slice(&bytes).map_err(|error| format!("{MANIFEST}: {error}"))?;
        if outline.version != version {
            return Err(format!("{MANIFEST} says version `{}`", outline.version));
        }
        let mut total = bytes.len() as u64;
        for (name, stated) in outline.files {
            if name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(format!("{MANIFEST}: `{name}` is not the name of a file in this folder"));
            }
            self.check_file(folder, &name, &stated)?;
            total += stated.bytes;
        }
        Ok(total)
    }

    /// Forgets the files of a folder that is going away.
    pub(crate) fn forget(&self, folder: &Path) {
        self.lock().retain(|path, _| !path.starts_with(folder));
    }

    fn check_file(&self, folder: &Path, name: &str, stated: &FileEntry) -> Result<(), String> {
        let path = folder.join(name);
        let failed = |error: io::Error| format!("{name}: {error}");
        let data = fs::metadata(&path).map_err(failed)?;
        let file = name.to_owned();
        if data.len() != stated.bytes {
            let fault = ArtifactError::Length { file, expected: stated.bytes, found: data.len() };
            return Err(fault.to_string());
        }
        let stamp = Stamp::of(&data);
        let known = self.lock().get(&path).filter(|(of, _)| *of == stamp).map(|(_, entry)| entry.clone());
        let found = match known {
            Some(found) => found,
            None => self.hash(path, stamp).map_err(failed)?,
        };
        if found == *stated {
            return Ok(());
        }
        Err(ArtifactError::Hash { file, expected: stated.blake3.clone(), found: found.blake3 }.to_string())
    }

    /// Reads a file, and remembers its hash if that can be relied on.
    fn hash(&self, path: PathBuf, stamp: Stamp) -> io::Result<FileEntry> {
        let found = FileEntry::of(&fs::read(&path)?);
        if stamp.is_settled() {
            self.lock().insert(path, (stamp, found.clone()));
        }
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, (Stamp, FileEntry)>> {
        // Nothing panics while the lock is held; if it did, the hashes would still be those of their files.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stamp {
    fn of(data: &Metadata) -> Self {
        Self {
            bytes: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
            inode: data.ino(),
        }
    }

    fn is_settled(&self) -> bool {
        let changed = UNIX_EPOCH + Duration::from_secs(u64::try_from(self.changed.0).unwrap_or_default());
        SystemTime::now().duration_since(changed).is_ok_and(|age| age > SETTLED)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn folder(content: &[u8], stated: &FileEntry) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("weights"), content).unwrap();
        let manifest = serde_json::json!({ "version": "9.1", "files": { "weights": stated } });
        fs::write(folder.path().join(MANIFEST), manifest.to_string()).unwrap();
        folder
    }

    #[test]
    fn a_file_that_changed_without_changing_its_length_is_found_out() {
        let stated = FileEntry::of(b"abc");
        let hashes = Hashes::default();
        let kept = folder(b"abc", &stated);
        assert!(hashes.check(kept.path(), "9.1").unwrap() > 3);
        fs::write(kept.path().join("weights"), b"abd").unwrap();
        let fault = hashes.check(kept.path(), "9.1").unwrap_err();
        assert!(fault.contains("weights") && fault.contains("BLAKE3"), "{fault}");
        assert!(hashes.check(kept.path(), "9.2").unwrap_err().contains("says version `9.1`"));
    }

    #[test]
    fn a_hash_is_remembered_only_of_a_file_that_has_not_changed_lately() {
        let hashes = Hashes::default();
        let kept = folder(b"abc", &FileEntry::of(b"abc"));
        hashes.check(kept.path(), "9.1").unwrap();
        assert!(hashes.lock().is_empty(), "it may change again within the same tick");
        let path = kept.path().join("weights");
        let stamp = Stamp { changed: (1, 0), ..Stamp::of(&fs::metadata(&path).unwrap()) };
        assert!(stamp.is_settled());
        hashes
            .lock()
            .insert(path, (Stamp::of(&fs::metadata(kept.path().join("weights")).unwrap()), FileEntry::of(b"x")));
        assert!(hashes.check(kept.path(), "9.1").is_err(), "what is remembered is taken");
        hashes.forget(kept.path());
        assert!(hashes.check(kept.path(), "9.1").is_ok());
    }

    #[test]
    fn a_manifest_that_names_files_elsewhere_is_refused() {
        let kept = folder(b"abc", &FileEntry::of(b"abc"));
        let manifest = r#"{"version": "9.1", "files": {"../weights": {"bytes": 3, "blake3": ""}}}"#;
        fs::write(kept.path().join(MANIFEST), manifest).unwrap();
        assert!(Hashes::default().check(kept.path(), "9.1").unwrap_err().contains("not the name of a file"));
    }
}
