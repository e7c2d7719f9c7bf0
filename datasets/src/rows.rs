//! JSON Lines, plain or zstd: each row parsed and checked, each fault kept with its line.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::DatasetError;

/// Longest row that is read; a longer one is a fault, not a reason to run out of memory.
const MAX_ROW_BYTES: u64 = 64 << 20;

/// What is wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// The first few faults in one line.
pub(crate) fn list(faults: &[RowFault]) -> String {
    let shown: Vec<_> = faults.iter().take(5).map(ToString::to_string).collect();
    let more = faults.len().saturating_sub(shown.len());
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}

/// Opens a file, through zstd if its name ends in `.zst`.
pub fn open(path: &Path) -> Result<Box<dyn Read>, DatasetError> {
    let fail = |source| DatasetError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    if path.extension().is_some_and(|extension| extension == "zst") {
        return Ok(Box::new(zstd::Decoder::new(file).map_err(fail)?));
    }
    Ok(Box::new(file))
}

/// Reads rows one by one: the line and the row, or what is wrong with it. Blank lines are passed over.
///
/// # Errors
/// The iterator's items: a fault is one row's, an error of reading ends the iteration.
pub fn read<T: DeserializeOwned>(
    source: impl Read,
) -> impl Iterator<Item = std::io::Result<Result<(usize, T), RowFault>>> {
    let mut source = BufReader::new(source);
    let mut line = 0;
    let mut bytes = Vec::new();
    std::iter::from_fn(move || {
        loop {
            bytes.clear();
            line += 1;
            match source.by_ref().take(MAX_ROW_BYTES).read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(_) if bytes.trim_ascii().is_empty() => {}
                Ok(_) => {
                    let row = serde_json::from_slice(&bytes).map(|row| (line, row));
                    return Some(Ok(row.map_err(|error| RowFault { line, reason: error.to_string() })));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

/// Reads a whole file; all its faults are reported together. `check` looks at each row.
pub(crate) fn read_all<T: DeserializeOwned>(
    path: &Path,
    mut check: impl FnMut(usize, &T) -> Result<(), String>,
) -> Result<Vec<T>, DatasetError> {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for item in read::<T>(open(path)?) {
        match item.map_err(|source| DatasetError::Read { path: path.to_owned(), source })? {
            Ok((line, row)) => match check(line, &row) {
                Ok(()) => rows.push(row),
                Err(reason) => faults.push(RowFault { line, reason }),
            },
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(DatasetError::Rows { path: path.to_owned(), faults }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn bad_row_is_reported_by_line_and_the_rest_is_read() {
        let text = "{\"a\":1}\n\nnot json\n{\"a\":2}";
        let rows: Vec<_> =
            read::<std::collections::BTreeMap<String, u8>>(text.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].as_ref().map(|row| row.0), Ok(1));
        assert_eq!(rows[1].as_ref().unwrap_err().line, 3);
        assert_eq!(rows[2].as_ref().map(|row| row.0), Ok(4));
    }

    #[test]
    fn line_that_is_not_utf8_is_a_fault() {
        let rows: Vec<_> = read::<String>(&b"\"\xff\"\n"[..]).map(Result::unwrap).collect();
        assert_eq!(rows[0].as_ref().unwrap_err().line, 1);
    }
}
