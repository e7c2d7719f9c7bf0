//! The folder where scorers are kept, one folder a version: brought in whole, loaded with every hash checked, removed.
//!
//! A scorer is written beside under a name that is no version, synced, and renamed: a kill leaves all of it or nothing.
//! Which one serves is the business of `state`.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto::gate::{self, GATE};
use scorer::artifact::MANIFEST;
use scorer::{ArtifactError, LearnedScorer, Scorer};

use super::state::{sync_folder, write_synced};
use super::whole::Hashes;

/// Scorers that are kept at a time.
pub(crate) const MOST: usize = 16;
const INCOMING: &str = ".incoming";
const REMOVED: &str = ".removed";

/// Files of a scorer, by name.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    hashes: Arc<Hashes>,
}

/// A scorer that is kept, as far as it is told without loading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) version: String,
    pub(crate) bytes: u64,
    pub(crate) fault: Option<String>,
    pub(crate) gate: Option<String>,
}

impl Store {
    /// Makes the folder if it is not there, and clears away what a kill left half done.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            made => made?,
        }
        let store = Self::at(folder);
        for name in store.names()? {
            if name.starts_with(INCOMING) || name.starts_with(REMOVED) {
                fs::remove_dir_all(store.folder.join(name))?;
            }
        }
        Ok(store)
    }

    /// The folder as it is, for looking only.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), hashes: Arc::default() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every version, sorted.
    pub(crate) fn versions(&self) -> io::Result<Vec<String>> {
        let names = self.names()?.into_iter();
        let mut versions: Vec<_> =
            names.filter(|name| fault_of_version(name).is_none() && self.folder.join(name).is_dir()).collect();
        versions.sort();
        Ok(versions)
    }

    pub(crate) fn has(&self, version: &str) -> bool {
        fault_of_version(version).is_none() && self.folder.join(version).is_dir()
    }

    /// Compares a scorer's files with its manifest, hashes included, without loading it.
    pub(crate) fn look_at(&self, version: &str) -> Kept {
        let folder = self.folder.join(version);
        let (bytes, fault) = match self.hashes.check(&folder, version) {
            Ok(bytes) => (bytes, None),
            Err(reason) => (0, Some(reason)),
        };
        let gate = fs::read(folder.join(GATE)).ok().map(|bytes| gate::in_short(&bytes));
        Kept { version: version.to_owned(), bytes, fault, gate }
    }

    /// What the gate said of a scorer; `None` where it came without.
    pub(crate) fn gate(&self, version: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(version).join(GATE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Replaces what the gate said of a scorer.
    pub(crate) fn put_gate(&self, version: &str, gate: &[u8]) -> io::Result<()> {
        let folder = self.folder.join(version);
        let beside = folder.join(format!("{INCOMING}-{GATE}"));
        write_synced(&beside, gate)?;
        fs::rename(&beside, folder.join(GATE))?;
        sync_folder(&folder)
    }

    /// Loads a scorer, every hash checked.
    pub(crate) fn load(&self, version: &str) -> Result<LearnedScorer, String> {
        if !self.has(version) {
            return Err("it is not there".to_owned());
        }
        guarded(|| LearnedScorer::load(&self.folder.join(version)))
    }

    /// The manifest of a version that is kept whole.
    pub(crate) fn manifest(&self, version: &str) -> Option<Vec<u8>> {
        self.load(version).ok()?;
        fs::read(self.folder.join(version).join(MANIFEST)).ok()
    }

    /// Keeps a scorer, in the place of one of the same version.
    pub(crate) fn put(&self, version: &str, files: &Files) -> io::Result<()> {
        let beside = self.folder.join(format!("{INCOMING}-{version}"));
        remove_if_there(&beside)?;
        DirBuilder::new().mode(0o700).create(&beside)?;
        let written = files.iter().try_for_each(|(name, content)| write_synced(&beside.join(name), content));
        if let Err(error) = written.and_then(|()| sync_folder(&beside)) {
            // The error that matters is the first; what stays behind goes at the next start.
            let _ = fs::remove_dir_all(&beside);
            return Err(error);
        }
        self.remove(version)?;
        fs::rename(&beside, self.folder.join(version))?;
        sync_folder(&self.folder)
    }

    /// Removes a scorer; says whether there was one.
    pub(crate) fn remove(&self, version: &str) -> io::Result<bool> {
        if !self.has(version) {
            return Ok(false);
        }
        self.hashes.forget(&self.folder.join(version));
        let aside = self.folder.join(format!("{REMOVED}-{version}"));
        remove_if_there(&aside)?;
        fs::rename(self.folder.join(version), &aside)?;
        sync_folder(&self.folder)?;
        fs::remove_dir_all(&aside)?;
        Ok(true)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// Loads a scorer from memory, every hash checked.
pub(crate) fn load_files(files: &Files) -> Result<LearnedScorer, String> {
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    guarded(|| LearnedScorer::from_files(&files))
}

/// Says what is wrong with the name of a version: it becomes the name of a folder.
pub(crate) fn fault_of_version(version: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-');
    let is_fine = (1..=64).contains(&version.len())
        && version.bytes().all(is_plain)
        && version.as_bytes()[0].is_ascii_alphanumeric()
        && ![".json", ".new"].iter().any(|ending| version.ends_with(ending));
    (!is_fine).then(|| {
        format!(
            "version: `{version}` is not 1 to 64 of A-Z a-z 0-9 . _ + -, beginning with a letter or digit; name it anew"
        )
    })
}

/// Loads, taking a panic for a refusal: whatever the bytes, the engine goes on.
fn guarded(load: impl FnOnce() -> Result<LearnedScorer, ArtifactError>) -> Result<LearnedScorer, String> {
    match catch_unwind(AssertUnwindSafe(load)) {
        Ok(Ok(scorer)) => Ok(scorer),
        Ok(Err(error)) => Err(with_causes(&error)),
        Err(_) => Err("loading it panics".to_owned()),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}

fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The version of a scorer, for messages.
pub(crate) fn version_of(scorer: &dyn Scorer) -> String {
    scorer.version().to_string()
}
