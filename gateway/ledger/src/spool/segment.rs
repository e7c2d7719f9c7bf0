//! A segment file: its name, its header, and reading its records one by one with a bounded buffer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{self, Parsed, Record};

/// Bytes before the first record: magic, first sequence, salt.
pub(crate) const HEADER: usize = 20;
const MAGIC: &[u8; 8] = b"SBSPOOL1";
const SUFFIX: &str = ".spool";
const ASIDE: &str = "corrupt";
/// How much is read at a time.
const CHUNK: usize = 256 << 10;

/// A segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) first_sequence: u64,
    pub(crate) path: PathBuf,
    /// How much of it is sound.
    pub(crate) bytes: u64,
}

/// The name of the segment that begins with a record: names sort like sequences.
pub(crate) fn file_name(first_sequence: u64) -> String {
    format!("{first_sequence:020}{SUFFIX}")
}

/// The sequence in a segment's name, or `None` for any other file.
pub(crate) fn sequence_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.parse().ok()
}

/// Where a damaged segment is kept.
pub(crate) fn aside(path: &Path) -> PathBuf {
    path.with_extension(ASIDE)
}

/// What a segment begins with.
pub(crate) fn header(first_sequence: u64, salt: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&first_sequence.to_le_bytes());
    header[16..].copy_from_slice(&salt.to_le_bytes());
    header
}

/// What comes next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// A record.
    Record(Record<'a>),
    /// Nothing more.
    End,
    /// Bytes that are no record.
    Damaged,
}

/// Reads the records of one segment in order.
pub(crate) struct SegmentReader {
    file: File,
    salt: u32,
    /// Where the next record begins.
    offset: u64,
    /// Bytes from `offset - start` on.
    buffer: Vec<u8>,
    start: usize,
}

impl SegmentReader {
    /// Opens a segment at its first record; `InvalidData` if its header is not one.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut found = [0; HEADER];
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "the file does not begin like a spool segment");
        file.read_exact_at(&mut found, 0).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => invalid(),
            _ => error,
        })?;
        if found[..8] != MAGIC[..] {
            return Err(invalid());
        }
        let salt = u32::from_le_bytes([found[16], found[17], found[18], found[19]]);
        Ok(Self { file, salt, offset: HEADER as u64, buffer: Vec::new(), start: 0 })
    }

    /// Where the next record begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Continues at an offset.
    pub(crate) fn seek(&mut self, offset: u64) {
        self.offset = offset;
        self.buffer.clear();
        self.start = 0;
    }

    /// Returns the next record that ends at or before `limit`.
    pub(crate) fn next(&mut self, limit: u64) -> io::Result<Item<'_>> {
        if self.offset >= limit {
            return Ok(Item::End);
        }
        let (kind, sequence, size) = loop {
            match frame::parse(&self.buffer[self.start..], self.salt) {
                Parsed::Whole(record, size) => break (record.kind, record.sequence, size),
                Parsed::Damaged => return Ok(Item::Damaged),
                Parsed::Needs(bytes) => {
                    if self.offset + bytes as u64 > limit || !self.fill(bytes, limit)? {
                        return Ok(Item::Damaged);
                    }
                }
            }
        };
        let payload = self.start + frame::HEADER..self.start + size;
        self.start += size;
        self.offset += size as u64;
        Ok(Item::Record(Record { kind, sequence, payload: &self.buffer[payload] }))
    }

    /// Skips damaged bytes: finds the next record with a greater sequence, and returns how many bytes lie before it.
    pub(crate) fn resync(&mut self, limit: u64, after_sequence: u64) -> io::Result<Option<u64>> {
        let mut rest = vec![0; usize::try_from(limit.saturating_sub(self.offset)).unwrap_or(0)];
        self.file.read_exact_at(&mut rest, self.offset)?;
        let found = (1..rest.len()).find(|begin| {
            matches!(frame::parse(&rest[*begin..], self.salt), Parsed::Whole(record, _) if record.sequence > after_sequence)
        });
        let Some(skipped) = found.map(|begin| begin as u64) else { return Ok(None) };
        let offset = self.offset + skipped;
        self.seek(offset);
        Ok(Some(skipped))
    }

    /// Gets at least `wanted` bytes into the buffer; false if the file has fewer.
    fn fill(&mut self, wanted: usize, limit: u64) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let room = usize::try_from(limit - self.offset).unwrap_or(usize::MAX);
        let mut filled = self.buffer.len();
        self.buffer.resize(wanted.max(CHUNK).min(room).max(filled), 0);
        while filled < self.buffer.len() {
            match self.file.read_at(&mut self.buffer[filled..], self.offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.truncate(filled);
        Ok(filled >= wanted)
    }
}
