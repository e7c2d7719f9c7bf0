//! The scorer that is measured.

use std::path::{Path, PathBuf};

use domain::{Score, ScorerInput};
use scorer::{LearnedScorer, Scorer};

use super::ReportError;

/// A scorer and where it came from.
pub struct Subject {
    /// The scorer.
    pub scorer: LearnedScorer,
    /// Its folder; none for the built-in one.
    pub folder: Option<PathBuf>,
}

impl Subject {
    /// Loads a folder.
    ///
    /// # Errors
    /// When the artefact is refused.
    pub fn load(folder: &Path) -> Result<Self, ReportError> {
        let refused = |source| ReportError::Model { folder: folder.to_owned(), source };
        Ok(Self { scorer: LearnedScorer::load(folder).map_err(refused)?, folder: Some(folder.to_owned()) })
    }

    /// The scorer inside this program.
    ///
    /// # Errors
    /// When this program was built from a broken artefact.
    pub fn builtin() -> Result<Self, ReportError> {
        let refused = |source| ReportError::Model { folder: PathBuf::from("builtin"), source };
        Ok(Self { scorer: scorer::builtin::load().map_err(refused)?, folder: None })
    }

    /// A folder, or `builtin`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn named(name: &Path) -> Result<Self, ReportError> {
        if name == Path::new("builtin") { Self::builtin() } else { Self::load(name) }
    }

    /// Its version.
    pub fn version(&self) -> String {
        self.scorer.version().to_string()
    }

    /// Scores texts, in order.
    ///
    /// # Errors
    /// When one cannot be scored.
    pub fn say<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Score>, ReportError> {
        let mut scores = Vec::new();
        for text in texts {
            scores.extend(self.scorer.score(&[plain(text)])?);
        }
        Ok(scores)
    }
}

/// A text with nothing beside it.
pub fn plain(text: &str) -> ScorerInput {
    ScorerInput { text: text.to_owned(), ..ScorerInput::default() }
}
