//! The operator's end of `signalbox.scorer.v1.Scorers`: reads a scorer's folder, sends it, and asks for changes.
//!
//! Shared by the command lines that do so. Nothing is judged here but what makes a folder a scorer's; the engine checks
//! the rest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio_stream::iter;

use crate::gate::GATE;
use crate::operator::{OperatorChannel, OperatorError};
use crate::pb::scorer::v1 as pb;
use crate::pb::scorer::v1::scorers_client::ScorersClient;
use crate::pb::scorer::v1::upload_request::Part;

/// The file that names all others.
pub const MANIFEST: &str = "manifest.json";
const CHUNK: usize = 512 << 10;
/// What an engine takes in all.
const MOST_BYTES: u64 = 64 << 20;
/// A file beside those of the manifest that is larger is not for the engine.
const LARGEST_BESIDE: u64 = 4 << 20;

/// Why a folder is not that of a scorer.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no manifest.
    #[error("{} is not the folder of a scorer: it has no {MANIFEST}", .0.display())]
    NoManifest(PathBuf),
    /// The manifest says something else.
    #[error("{} cannot be understood: {reason}", path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It weighs too much.
    #[error("{} holds more than {} MiB, which no engine takes", .0.display(), MOST_BYTES >> 20)]
    TooLarge(PathBuf),
}

/// A scorer's folder, read.
#[derive(Clone, Debug)]
pub struct ScorerFolder {
    /// The version that its manifest states.
    pub version: String,
    /// What its gate said, if it has been through one.
    pub gate: Option<Vec<u8>>,
    files: Vec<(String, Vec<u8>)>,
}

impl ScorerFolder {
    /// Reads the manifest, the files that it names, and the small documents beside them.
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FolderError::NoManifest(folder.to_owned()));
            }
            read => read.map_err(|source| FolderError::Read { path: path.clone(), source })?,
        };
        let malformed = |reason: String| FolderError::Manifest { path: path.clone(), reason };
        let manifest: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        let version = manifest["version"].as_str().ok_or_else(|| malformed("it states no version".to_owned()))?;
        let named = manifest["files"].as_object().ok_or_else(|| malformed("it names no files".to_owned()))?;
        let mut names: Vec<String> = named.keys().cloned().collect();
        if let Some(name) = names.iter().find(|name| name.contains(['/', '\\']) || name.starts_with('.')) {
            return Err(malformed(format!("`{name}` is not the name of a file in this folder")));
        }
        names.extend(beside(folder, &names)?);
        let mut total = bytes.len() as u64;
        let mut files = vec![(MANIFEST.to_owned(), bytes)];
        for name in names {
            let path = folder.join(&name);
            let failed = |source| FolderError::Read { path: path.clone(), source };
            total += fs::metadata(&path).map_err(failed)?.len();
            if total > MOST_BYTES {
                return Err(FolderError::TooLarge(folder.to_owned()));
            }
            files.push((name, fs::read(&path).map_err(failed)?));
        }
        let gate = files.iter().find(|(name, _)| name == GATE).map(|(_, content)| content.clone());
        Ok(Self { version: version.to_owned(), gate, files })
    }

    fn parts(self, reason: Option<String>) -> impl Iterator<Item = pb::UploadRequest> + Send + 'static {
        let files = self.files.into_iter().flat_map(|(name, content)| {
            let start = Part::File(pb::FileStart { name, bytes: content.len() as u64 });
            let chunks: Vec<_> = content.chunks(CHUNK).map(|chunk| Part::Chunk(chunk.to_vec())).collect();
            std::iter::once(start).chain(chunks)
        });
        let parts = std::iter::once(Part::Start(pb::UploadStart { reason })).chain(files);
        parts.map(|part| pb::UploadRequest { part: Some(part) })
    }
}

/// Documents beside the files of the manifest: the card, the measured quality, what the gate said.
fn beside(folder: &Path, named: &[String]) -> Result<Vec<String>, FolderError> {
    let failed = |source| FolderError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (Ok(name), Ok(data)) = (entry.file_name().into_string(), fs::metadata(entry.path())) else { continue };
        let is_document = [".json", ".md"].iter().any(|ending| name.ends_with(ending)) && !name.starts_with('.');
        let is_known = name == MANIFEST || named.contains(&name);
        if is_document && !is_known && data.is_file() && data.len() <= LARGEST_BESIDE {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

/// The scorers of an engine, as its operator sees them.
#[derive(Clone)]
pub struct ScorersLink(ScorersClient<OperatorChannel>);

impl ScorersLink {
    /// Over a connection.
    pub fn new(channel: OperatorChannel) -> Self {
        Self(ScorersClient::new(channel))
    }

    /// All scorers, and which serves.
    pub async fn list(&mut self) -> Result<pb::ListScorersResponse, OperatorError> {
        Ok(self.0.list(pb::ListScorersRequest {}).await?.into_inner())
    }

    /// Brings a scorer; it does not serve yet.
    pub async fn upload(
        &mut self,
        folder: ScorerFolder,
        reason: Option<String>,
    ) -> Result<pb::UploadResponse, OperatorError> {
        Ok(self.0.upload(iter(folder.parts(reason))).await?.into_inner())
    }

    /// Lets a version serve; with `force` also one that has not passed its gate.
    pub async fn promote(
        &mut self,
        version: String,
        reason: Option<String>,
        force: bool,
    ) -> Result<pb::ChangeResponse, OperatorError> {
        Ok(self.0.promote(pb::PromoteRequest { version, reason, force }).await?.into_inner())
    }

    /// Lets the one before serve again, if `leave` still serves.
    pub async fn rollback(
        &mut self,
        leave: String,
        reason: Option<String>,
    ) -> Result<pb::ChangeResponse, OperatorError> {
        Ok(self.0.rollback(pb::RollbackRequest { leave: Some(leave), reason }).await?.into_inner())
    }

    /// Runs a version in shadow, or none.
    pub async fn set_shadow(
        &mut self,
        version: Option<String>,
        share: Option<f64>,
    ) -> Result<Option<pb::Shadow>, OperatorError> {
        Ok(self.0.set_shadow(pb::SetShadowRequest { version, share }).await?.into_inner().shadow)
    }

    /// How the shadow's word differs.
    pub async fn disagreement(&mut self) -> Result<pb::DisagreementResponse, OperatorError> {
        Ok(self.0.disagreement(pb::DisagreementRequest {}).await?.into_inner())
    }

    /// Deletes a version that does not serve; says whether there was one.
    pub async fn remove(&mut self, version: String) -> Result<bool, OperatorError> {
        Ok(self.0.remove(pb::RemoveRequest { version }).await?.into_inner().removed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    const NAMES_WEIGHTS: &str = r#"{"version": "9.1", "files": {"weights.bin": {}}}"#;

    #[test]
    fn a_folder_goes_out_with_its_documents_and_nothing_else() {
        let long = "x".repeat(CHUNK + 1);
        let files = [
            (MANIFEST, NAMES_WEIGHTS),
            ("weights.bin", &long),
            ("card.md", "#"),
            (GATE, "{}"),
            (".hidden.json", "{}"),
            ("run.log", "secret"),
        ];
        let read = ScorerFolder::read(folder(&files).path()).unwrap();
        assert_eq!((read.version.as_str(), read.gate.as_deref()), ("9.1", Some(&b"{}"[..])));
        let (mut names, mut chunks) = (Vec::new(), 0);
        for request in read.parts(None).skip(1) {
            match request.part.unwrap() {
                Part::File(file) => names.push(file.name),
                Part::Chunk(bytes) => {
                    assert!(bytes.len() <= CHUNK);
                    chunks += 1;
                }
                Part::Start(_) => panic!("it starts once"),
            }
        }
        assert_eq!(names, [MANIFEST, "weights.bin", "card.md", GATE]);
        assert_eq!(chunks, 5, "the weights take two");
    }

    #[track_caller]
    fn refused(files: &[(&str, &str)], why: &str) {
        let fault = ScorerFolder::read(folder(files).path()).unwrap_err().to_string();
        assert!(fault.contains(why), "{fault}");
    }

    #[test]
    fn a_folder_that_is_no_scorers_is_refused_with_the_reason() {
        refused(&[], "has no manifest.json");
        refused(&[(MANIFEST, "{")], "cannot be understood");
        refused(&[(MANIFEST, "{}")], "states no version");
        refused(&[(MANIFEST, r#"{"version": "1"}"#)], "names no files");
        refused(&[(MANIFEST, r#"{"version": "1", "files": {"../../etc/passwd": {}}}"#)], "../../etc/passwd");
        refused(&[(MANIFEST, NAMES_WEIGHTS)], "weights.bin");
    }
}
