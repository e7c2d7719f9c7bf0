//! JSON Lines, plain or packed: each row parsed and checked, each fault kept with its line.
//!
//! A line is read into memory up to a bound and no further, however long it is.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::DatasetError;

/// Longest row that is read; a longer one is a fault, not a reason to run out of memory.
pub const MAX_ROW_BYTES: usize = 64 << 20;

/// What is wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Line, from 1; in a Parquet file the row, from 1.
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
pub(crate) fn list(path: &Path, faults: &[RowFault]) -> String {
    let unit = if path.extension().is_some_and(|it| it == "parquet") { "row" } else { "line" };
    let shown: Vec<_> = faults.iter().take(5).map(|it| format!("{unit} {}: {}", it.line, it.reason)).collect();
    let more = faults.len().saturating_sub(shown.len());
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}

/// Opens a file, unpacking what is packed with zstd or gzip, whatever its name.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, DatasetError> {
    let fail = |source| DatasetError::Read { path: path.to_owned(), source };
    unpacked(File::open(path).map_err(fail)?).map_err(fail)
}

/// What a stream holds once it is unpacked: zstd and gzip are told by their first bytes, anything else is passed on.
///
/// # Errors
/// When the first bytes cannot be read.
pub fn unpacked(source: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut source = BufReader::with_capacity(256 << 10, source);
    let start = source.fill_buf()?;
    if start.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
        return Ok(Box::new(zstd::Decoder::with_buffer(source)?));
    }
    if start.starts_with(&[0x1F, 0x8B]) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(source)));
    }
    Ok(Box::new(source))
}

/// A stream cut into lines, none of which is held in memory beyond a bound.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    bound: usize,
    number: usize,
}

/// How much of a line was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    Whole,
    /// Nothing: it has so many bytes.
    TooLong(u64),
}

impl<R: BufRead> Lines<R> {
    /// Lines of up to `bound` bytes.
    pub fn new(source: R, bound: usize) -> Self {
        Self { source, bound, number: 0 }
    }

    /// The number of the line last read, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Reads the next line into `bytes`, without its end; nothing at the end of the stream.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub fn next_into(&mut self, bytes: &mut Vec<u8>) -> io::Result<Option<Kept>> {
        bytes.clear();
        let mut length = 0_u64;
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let at_end = available.is_empty();
            if at_end && length == 0 {
                return Ok(None);
            }
            let found = memchr::memchr(b'\n', available);
            let piece = &available[..found.unwrap_or(available.len())];
            length += piece.len() as u64;
            if length <= self.bound as u64 {
                bytes.extend_from_slice(piece);
            } else if bytes.capacity() > 0 {
                // Given back at once: there may be gigabytes to come.
                *bytes = Vec::new();
            }
            let used = piece.len() + usize::from(found.is_some());
            self.source.consume(used);
            if found.is_some() || at_end {
                self.number += 1;
                return Ok(Some(if length > self.bound as u64 { Kept::TooLong(length) } else { Kept::Whole }));
            }
        }
    }
}

/// Reads rows one by one: the line and the row, or what is wrong with it. Blank lines are passed over.
///
/// # Errors
/// The iterator's items: a fault is one row's, an error of reading ends the iteration.
pub fn read<T: DeserializeOwned>(source: impl Read) -> impl Iterator<Item = io::Result<Result<(usize, T), RowFault>>> {
    let mut lines = Lines::new(BufReader::new(source), MAX_ROW_BYTES);
    let mut bytes = Vec::new();
    let mut ended = false;
    std::iter::from_fn(move || {
        while !ended {
            let kept = match lines.next_into(&mut bytes) {
                Ok(Some(kept)) => kept,
                Ok(None) => return None,
                Err(error) => {
                    ended = true;
                    return Some(Err(error));
                }
            };
            let line = lines.number();
            match kept {
                Kept::TooLong(length) => return Some(Ok(Err(RowFault { line, reason: too_long(length) }))),
                Kept::Whole if bytes.trim_ascii().is_empty() => {}
                Kept::Whole => {
                    let row = serde_json::from_slice(&bytes).map(|row| (line, row));
                    return Some(Ok(row.map_err(|error| RowFault { line, reason: error.to_string() })));
                }
            }
        }
        None
    })
}

/// What is wrong with a line of so many bytes.
pub fn too_long(length: u64) -> String {
    format!("the line has {length} bytes, at most {MAX_ROW_BYTES} are read; is the file JSON Lines, one row a line?")
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
    fn line_beyond_the_bound_is_told_and_not_kept() {
        let mut lines = Lines::new(&b"short\nmuch too long\nlast"[..], 6);
        let mut bytes = Vec::new();
        let mut taken = Vec::new();
        while let Some(kept) = lines.next_into(&mut bytes).unwrap() {
            taken.push((lines.number(), kept, bytes.clone()));
        }
        let expected =
            [(1, Kept::Whole, b"short".to_vec()), (2, Kept::TooLong(13), vec![]), (3, Kept::Whole, b"last".to_vec())];
        assert_eq!(taken, expected);
    }

    #[test]
    fn empty_lines_are_counted() {
        let mut lines = Lines::new(&b"\n\nx\n"[..], 6);
        let mut bytes = Vec::new();
        while lines.next_into(&mut bytes).unwrap().is_some() {}
        assert_eq!(lines.number(), 3);
    }

    #[test]
    fn packed_files_are_unpacked_whatever_their_name() {
        let gzip = {
            use std::io::Write;
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(b"row").unwrap();
            encoder.finish().unwrap()
        };
        for packed in [b"row".to_vec(), gzip, zstd::encode_all(&b"row"[..], 1).unwrap()] {
            let mut text = String::new();
            unpacked(io::Cursor::new(packed)).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "row");
        }
    }

    #[test]
    fn line_that_is_not_utf8_is_a_fault() {
        let rows: Vec<_> = read::<String>(&b"\"\xff\"\n"[..]).map(Result::unwrap).collect();
        assert_eq!(rows[0].as_ref().unwrap_err().line, 1);
    }
}
