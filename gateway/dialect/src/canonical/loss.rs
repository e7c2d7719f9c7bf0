//! What a translation had to leave out.

use serde::Serialize;

/// One thing left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Lost {
    /// Where it stood in what came in: `messages[2].audio`.
    pub path: String,
    /// Why it could not be carried.
    pub reason: &'static str,
}

/// Everything that a translation left out, each path once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Loss(Vec<Lost>);

impl Loss {
    /// The most that is told; a hostile body must not make the report larger than itself.
    const MOST: usize = 64;

    /// Notes something left out.
    pub fn note(&mut self, path: impl Into<String>, reason: &'static str) {
        let path = path.into();
        if self.0.len() < Self::MOST && !self.0.iter().any(|lost| lost.path == path) {
            self.0.push(Lost { path, reason });
        }
    }

    /// Notes things left out.
    pub(crate) fn note_all(&mut self, lost: impl IntoIterator<Item = Lost>) {
        lost.into_iter().for_each(|lost| self.note(lost.path, lost.reason));
    }

    /// Adds what another step left out.
    pub fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|lost| self.note(lost.path.clone(), lost.reason));
    }

    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was left out.
    pub fn iter(&self) -> impl Iterator<Item = &Lost> {
        self.0.iter()
    }
}
