//! Rows that an interrupted run has left in its part file.
//!
//! They are taken over one by one as the input is read again, so that bad rows are found again and counted, and a part
//! file of another input or another scorer is noticed. What follows the last complete row is scored anew.

use std::io::{BufReader, Read};
use std::path::Path;

use datasets::rows::{self, Kept, Lines};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The rows of a part file, from the first on.
pub struct Earlier {
    lines: Lines<BufReader<Box<dyn Read + Send>>>,
    next: Option<EarlierRow>,
}

/// A complete row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierRow {
    /// The id as it stands.
    pub id: String,
    /// Which scorer gave the score.
    pub version: String,
    /// The whole line, without its end.
    pub line: Vec<u8>,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    version: String,
}

impl std::fmt::Debug for Earlier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Earlier").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Earlier {
    /// Opens a part file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, datasets::DatasetError> {
        let source = BufReader::new(rows::open(path)?);
        let mut earlier = Self { lines: Lines::new(source, rows::MAX_ROW_BYTES), next: None };
        earlier.advance();
        Ok(earlier)
    }

    /// The next complete row.
    pub fn peek(&self) -> Option<&EarlierRow> {
        self.next.as_ref()
    }

    /// Takes the next complete row.
    pub fn take(&mut self) -> Option<EarlierRow> {
        let taken = self.next.take();
        self.advance();
        taken
    }

    /// A row that is cut off, and a packed file that is, end what was left: neither is an error here.
    fn advance(&mut self) {
        let mut line = Vec::new();
        self.next = match self.lines.next_into(&mut line) {
            Ok(Some(Kept::Whole)) => serde_json::from_slice::<Shape<'_>>(&line)
                .ok()
                .map(|shape| (shape.id.get().to_owned(), shape.version))
                .map(|(id, version)| EarlierRow { id, version, line }),
            Ok(Some(Kept::TooLong(_)) | None) | Err(_) => None,
        };
    }
}
