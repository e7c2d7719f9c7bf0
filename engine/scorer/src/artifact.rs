//! A scorer's folder: the manifest and the files it vouches for.
//!
//! Nothing of an artefact is used before every file has the length and the BLAKE3 hash that the manifest states.
//! What the files mean is the business of `learned` and `network`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use serde::{Deserialize, Serialize};

use crate::network::Shape;

/// The manifest's schema that this build reads and writes.
pub const SCHEMA: &str = "signalbox.scorer/4";
/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
/// The weights' file name.
pub const WEIGHTS: &str = "weights.safetensors";
/// The tokenizer's file name.
pub const TOKENIZER: &str = "tokenizer.json";
/// The calibration's file name.
pub const CALIBRATION: &str = "calibration.json";

/// What a scorer's folder holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The scorer's version, equal to its folder's name.
    pub version: String,
    /// Sizes of the network.
    pub shape: Shape,
    /// Every other file, by name.
    pub files: BTreeMap<String, FileEntry>,
    /// How it came to be: seed, data hashes, code revision. For people and tools; not read when loading.
    #[serde(default)]
    pub provenance: BTreeMap<String, String>,
}

/// One file of an artefact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its length.
    pub bytes: u64,
    /// Its BLAKE3 hash, hexadecimal.
    pub blake3: String,
}

impl FileEntry {
    /// Measures a file's content.
    pub fn of(content: &[u8]) -> Self {
        Self { bytes: content.len() as u64, blake3: blake3::hash(content).to_hex().to_string() }
    }
}

/// Why an artefact was refused.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that the artefact needs is not there.
    #[error("the scorer artefact has no {file}; retrain or restore the folder")]
    Missing {
        /// Which.
        file: String,
    },
    /// A file is not of the form it should have.
    #[error("{file} cannot be understood: {reason}")]
    Malformed {
        /// Which.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest is of another schema.
    #[error("manifest.json has schema `{found}`, this build reads `{SCHEMA}`; use a scorer made for this release")]
    Schema {
        /// What it says.
        found: String,
    },
    /// The folder's name and the manifest's version differ.
    #[error(
        "the folder is named `{folder}` but its manifest says version `{version}`: rename the folder to `{version}`"
    )]
    Version {
        /// The folder's name.
        folder: String,
        /// The manifest's version.
        version: String,
    },
    /// A file has another length than the manifest states.
    #[error(
        "{file} does not match its manifest: expected {expected} bytes, found {found}; the file is truncated or was changed"
    )]
    Length {
        /// Which.
        file: String,
        /// What the manifest states.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// A file has another hash than the manifest states.
    #[error("{file} does not match its manifest: expected BLAKE3 {expected}, found {found}")]
    Hash {
        /// Which.
        file: String,
        /// What the manifest states.
        expected: String,
        /// What it has.
        found: String,
    },
    /// The weights do not fit the manifest's shape.
    #[error("weights.safetensors does not fit the network: {0}")]
    Weights(String),
}

impl ArtifactError {
    pub(crate) fn malformed(file: &str, reason: impl fmt::Display) -> Self {
        Self::Malformed { file: file.to_owned(), reason: format!("{reason:#}") }
    }
}

/// Files that have been checked against their manifest.
#[derive(Debug)]
pub struct Verified<'a> {
    /// The manifest itself.
    pub manifest: Manifest,
    files: BTreeMap<&'a str, &'a [u8]>,
}

impl<'a> Verified<'a> {
    /// Checks files, given by name, against the manifest among them.
    pub fn check(files: &[(&'a str, &'a [u8])]) -> Result<Self, ArtifactError> {
        let files: BTreeMap<&str, &[u8]> = files.iter().copied().collect();
        let manifest = read_manifest(find(&files, MANIFEST)?)?;
        for (name, entry) in &manifest.files {
            entry.check(name, find(&files, name)?)?;
        }
        Ok(Self { manifest, files })
    }

    /// A file that the manifest vouches for.
    pub fn file(&self, name: &str) -> Result<&'a [u8], ArtifactError> {
        // A file that lies in the folder without being in the manifest was never checked.
        if !self.manifest.files.contains_key(name) {
            return Err(ArtifactError::Missing { file: name.to_owned() });
        }
        find(&self.files, name)
    }
}

impl FileEntry {
    fn check(&self, file: &str, content: &[u8]) -> Result<(), ArtifactError> {
        let found = Self::of(content);
        if found.bytes != self.bytes {
            return Err(ArtifactError::Length { file: file.to_owned(), expected: self.bytes, found: found.bytes });
        }
        if found.blake3 != self.blake3 {
            return Err(ArtifactError::Hash {
                file: file.to_owned(),
                expected: self.blake3.clone(),
                found: found.blake3,
            });
        }
        Ok(())
    }
}

/// Reads a folder's files: the manifest and those it names. The folder must bear the manifest's version as its name.
pub fn read_folder(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, ArtifactError> {
    let manifest_bytes = read(folder, MANIFEST)?;
    let manifest = read_manifest(&manifest_bytes)?;
    let name = folder.canonicalize().ok();
    if let Some(name) = name.as_deref().and_then(Path::file_name).and_then(|name| name.to_str())
        && name != manifest.version
    {
        return Err(ArtifactError::Version { folder: name.to_owned(), version: manifest.version });
    }
    let mut files = vec![(MANIFEST.to_owned(), manifest_bytes)];
    for name in manifest.files.keys() {
        // A manifest names files beside itself; anything else would read where nobody looked.
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(ArtifactError::malformed(
                MANIFEST,
                format!("`{name}` is not the name of a file in this folder"),
            ));
        }
        files.push((name.clone(), read(folder, name)?));
    }
    Ok(files)
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, ArtifactError> {
    let path = folder.join(name);
    std::fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound if folder.is_dir() => ArtifactError::Missing { file: name.to_owned() },
        _ => ArtifactError::Read { path, source },
    })
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest, ArtifactError> {
    /// The schema is judged before the rest, which another schema may lay out otherwise.
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| ArtifactError::malformed(MANIFEST, error))?;
    if head.schema != SCHEMA {
        return Err(ArtifactError::Schema { found: head.schema });
    }
    serde_json::from_slice(bytes).map_err(|error| ArtifactError::malformed(MANIFEST, error))
}

fn find<'a>(files: &BTreeMap<&'a str, &'a [u8]>, name: &str) -> Result<&'a [u8], ArtifactError> {
    files.get(name).copied().ok_or_else(|| ArtifactError::Missing { file: name.to_owned() })
}
