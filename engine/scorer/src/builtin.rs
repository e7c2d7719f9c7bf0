//! The scorer that comes inside the binary: the artefact named by `scorer-models/default` when this was built.
//!
//! Another artefact is loaded from a folder with [`LearnedScorer::load`].

use crate::artifact::ArtifactError;
use crate::learned::LearnedScorer;

include!(concat!(env!("OUT_DIR"), "/builtin_files.rs"));

/// Loads the embedded scorer; its hashes are checked like those of any other.
///
/// # Errors
/// When the binary was built from a broken artefact.
pub fn load() -> Result<LearnedScorer, ArtifactError> {
    LearnedScorer::from_files(FILES)
}
