//! The sealing keys of a data folder, and the steps of a rotation on disk.
//!
//! ```text
//! sealing.key            the key; the previous one while a rotation is under way
//! sealing.next.key       there while a rotation is under way: the key that seals
//! sealing.previous.key   the key before the last rotation, for backups; may be deleted once none needs it
//! ```
//!
//! Each step is one rename or link, so whoever is killed between any two of them finds a folder that says where it was.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::key_file::KeyFileError;
use crate::keyring::{Keyring, SealingKey};

/// Where the sealing keys of an installation lie.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    folder: PathBuf,
}

impl KeyFiles {
    /// Those of a data folder.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The key's file.
    pub fn current(&self) -> PathBuf {
        self.folder.join("sealing.key")
    }

    /// The file of the key that a rotation moves to.
    pub fn next(&self) -> PathBuf {
        self.folder.join("sealing.next.key")
    }

    /// The file of the key before the last rotation.
    pub fn previous(&self) -> PathBuf {
        self.folder.join("sealing.previous.key")
    }

    /// Reads the keys; makes the first one where there is none.
    pub fn load_or_create(&self) -> Result<Keyring, KeyFileError> {
        let current = SealingKey::load_or_create(&self.current())?;
        self.with_others(current)
    }

    /// Reads the keys.
    pub fn load(&self) -> Result<Keyring, KeyFileError> {
        let current = SealingKey::load(&self.current())?;
        self.with_others(current)
    }

    fn with_others(&self, current: SealingKey) -> Result<Keyring, KeyFileError> {
        let keyring = match (optional(&self.next())?, optional(&self.previous())?) {
            (Some(next), _) => Keyring::new(next).with_previous(current),
            (None, Some(previous)) => Keyring::new(current).with_previous(previous),
            (None, None) => Keyring::new(current),
        };
        Ok(keyring.kept_in(self.clone()))
    }

    /// Whether a rotation is under way.
    pub(crate) fn is_rotating(&self) -> bool {
        self.next().exists()
    }

    /// Makes the key that a rotation moves to, or reads the one that is there.
    pub(crate) fn begin(&self) -> Result<SealingKey, KeyFileError> {
        SealingKey::load_or_create(&self.next())
    }

    /// Puts the next key in the place of the current one, which stays beside it.
    pub(crate) fn finish(&self) -> Result<(), KeyFileError> {
        let step = |path: &Path, done: io::Result<()>| {
            done.map_err(|source| KeyFileError::Create { path: path.to_owned(), source })
        };
        let (current, previous) = (self.current(), self.previous());
        let aside = self.folder.join("sealing.previous.key.new");
        let _ = fs::remove_file(&aside);
        step(&aside, fs::hard_link(&current, &aside))?;
        step(&previous, fs::rename(&aside, &previous))?;
        // Renaming one of two names of the same file does nothing and leaves both.
        let _ = fs::remove_file(&aside);
        step(&current, fs::rename(self.next(), &current))?;
        step(&self.folder, File::open(&self.folder).and_then(|folder| folder.sync_all()))
    }
}

fn optional(path: &Path) -> Result<Option<SealingKey>, KeyFileError> {
    match SealingKey::load(path) {
        Ok(key) => Ok(Some(key)),
        Err(KeyFileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::keyring::Aad;

    fn ids(keyring: &Keyring) -> (String, Option<String>) {
        (keyring.current_id().to_string(), keyring.previous_id().map(|id| id.to_string()))
    }

    #[test]
    fn a_rotation_is_seen_by_every_handle_and_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let files = KeyFiles::of(folder.path());
        let keyring = files.load_or_create().unwrap();
        let (handle, aad) = (keyring.clone(), Aad::installation("x"));
        let (first, sealed) = (keyring.current_id(), keyring.seal(&aad, b"secret"));

        assert!(keyring.begin_rotation().unwrap());
        assert!(keyring.is_rotating() && handle.current_id() != first);
        assert_eq!(ids(&files.load().unwrap()), ids(&handle), "killed now, a start would go on");
        assert!(!keyring.begin_rotation().unwrap(), "it is under way already");
        assert!(handle.open(&aad, &sealed).unwrap().matches(b"secret"));

        keyring.finish_rotation().unwrap();
        assert!(!keyring.is_rotating());
        assert_eq!(ids(&files.load().unwrap()), ids(&handle));
        assert_eq!(handle.previous_id(), Some(first));
        for turn in 0..2 {
            assert!(keyring.begin_rotation().unwrap(), "{turn}");
            keyring.finish_rotation().unwrap();
        }
        assert!(handle.open(&aad, &sealed).is_err(), "two keys are kept, not more");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn killed_between_the_two_renames_of_the_end_it_is_still_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let files = KeyFiles::of(folder.path());
        let keyring = files.load_or_create().unwrap();
        keyring.begin_rotation().unwrap();
        fs::hard_link(files.current(), files.previous()).unwrap();
        let again = files.load().unwrap();
        assert_eq!(ids(&again), ids(&keyring));
        again.finish_rotation().unwrap();
        assert_eq!(ids(&files.load().unwrap()), ids(&keyring));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
