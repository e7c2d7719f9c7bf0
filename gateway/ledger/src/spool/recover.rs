//! Reads the spool that an earlier process left: mends what a crash tore, and finds out what is still to be drained.
//!
//! A torn tail is cut off. Damage with sound records behind it is cut out: the original is kept aside as `*.corrupt`,
//! counted and logged, and the later records are drained as if nothing had happened.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::frame::{Kind, Record};
use super::segment::{self, Item, Segment, SegmentReader};
use crate::codec;
use crate::error::LedgerError;
use crate::stats::{Counters, add};

/// A start whose end has not been seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenStart {
    pub(crate) sequence: u64,
    pub(crate) payload: Box<[u8]>,
    /// It stands in the database because its segment has been deleted.
    pub(crate) carried: bool,
}

/// Open starts by request.
pub(crate) type OpenStarts = HashMap<[u8; 16], OpenStart>;

/// What was found.
pub(crate) struct Recovered {
    /// Every segment, oldest first.
    pub(crate) sealed: VecDeque<Segment>,
    /// The last record's sequence, or the watermark if that is greater.
    pub(crate) last_sequence: u64,
    /// Where the first record that is not in the database stands: segment and offset.
    pub(crate) resume: Option<(Segment, u64)>,
    /// Requests that were open where the drain resumes.
    pub(crate) open_at_resume: OpenStarts,
    /// Requests that never ended.
    pub(crate) open_at_end: OpenStarts,
}

/// Reads and mends every segment of a folder. `watermark` is the last record in the database.
pub(crate) fn recover(
    dir: &Path,
    watermark: u64,
    carried: OpenStarts,
    counters: &Counters,
) -> Result<Recovered, LedgerError> {
    let mut scan = Scan {
        counters,
        watermark,
        found: Recovered {
            sealed: VecDeque::new(),
            last_sequence: watermark,
            resume: None,
            open_at_resume: OpenStarts::new(),
            open_at_end: carried,
        },
    };
    for path in
        segment_files(dir).map_err(|source| LedgerError::File { action: "list", path: dir.to_owned(), source })?
    {
        scan.segment(&path).map_err(|source| LedgerError::File { action: "recover", path, source })?;
    }
    let mut found = scan.found;
    if found.resume.is_none() {
        found.open_at_resume.clone_from(&found.open_at_end);
    }
    Ok(found)
}

/// The segments of a folder in order of their sequences.
fn segment_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        files.extend(segment::sequence_of(&path).map(|sequence| (sequence, path)));
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

struct Scan<'a> {
    counters: &'a Counters,
    watermark: u64,
    found: Recovered,
}

impl Scan<'_> {
    fn segment(&mut self, path: &Path) -> io::Result<()> {
        let mut length = fs::metadata(path)?.len();
        let mut reader = match SegmentReader::open(path) {
            Ok(reader) => reader,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return self.set_aside(path, length),
            Err(error) => return Err(error),
        };
        let first_sequence = segment::sequence_of(path).unwrap_or(0);
        loop {
            let offset = reader.offset();
            match reader.next(length)? {
                Item::Record(record) => self.record(record, path, first_sequence, offset),
                Item::End => break,
                Item::Damaged => {
                    length = self.mend(path, offset, length)?;
                    reader = SegmentReader::open(path)?;
                    reader.seek(offset);
                }
            }
        }
        if length <= segment::HEADER as u64 {
            return fs::remove_file(path);
        }
        // The process that wrote it may have died between two syncs.
        File::open(path)?.sync_data()?;
        self.found.sealed.push_back(Segment { first_sequence, path: path.to_owned(), bytes: length });
        if let Some((resume, _)) = &mut self.found.resume
            && resume.first_sequence == first_sequence
        {
            resume.bytes = length;
        }
        Ok(())
    }

    fn record(&mut self, record: Record<'_>, path: &Path, first_sequence: u64, offset: u64) {
        let found = &mut self.found;
        found.last_sequence = found.last_sequence.max(record.sequence);
        let new = record.sequence > self.watermark;
        if new && found.resume.is_none() {
            found.open_at_resume.clone_from(&found.open_at_end);
            found.resume = Some((Segment { first_sequence, path: path.to_owned(), bytes: 0 }, offset));
        }
        let Ok(request) = codec::request_of(record.payload) else { return };
        match record.kind {
            Kind::Start => {
                let payload = record.payload.into();
                // One that is carried already stays so, else nobody would take it out of the database again.
                let start = OpenStart { sequence: record.sequence, payload, carried: false };
                found.open_at_end.entry(request).or_insert(start);
            }
            Kind::End => {
                found.open_at_end.remove(&request);
                if new {
                    add(&self.counters.replayed, 1);
                }
            }
        }
    }

    /// Removes the damage at an offset and returns the new length. What is before the offset stays where it is.
    fn mend(&mut self, path: &Path, offset: u64, length: u64) -> io::Result<u64> {
        let mut reader = SegmentReader::open(path)?;
        reader.seek(offset);
        if reader.resync(length, self.found.last_sequence)?.is_none() {
            add(&self.counters.truncated_tails, 1);
            tracing::warn!(file = %path.display(), offset, bytes = length - offset, "cut off the torn end of a spool file");
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(offset)?;
            file.sync_data()?;
            return Ok(offset);
        }
        self.cut_out(path, reader, offset, length)
    }

    /// Rewrites a segment with its sound records alone; the original stays aside.
    fn cut_out(&mut self, path: &Path, mut reader: SegmentReader, offset: u64, length: u64) -> io::Result<u64> {
        let original = fs::read(path)?;
        let prefix = original.get(..usize::try_from(offset).unwrap_or(usize::MAX)).unwrap_or(&original);
        let mut sound = prefix.to_vec();
        let mut last = self.found.last_sequence;
        loop {
            let begin = reader.offset();
            match reader.next(length)? {
                Item::Record(record) => last = record.sequence,
                Item::End => break,
                Item::Damaged => {
                    if reader.resync(length, last)?.is_none() {
                        break;
                    }
                    continue;
                }
            }
            let range = usize::try_from(begin).unwrap_or(0)..usize::try_from(reader.offset()).unwrap_or(0);
            sound.extend_from_slice(original.get(range).unwrap_or_default());
        }
        add(&self.counters.corrupt_segments, 1);
        let lost = original.len() - sound.len();
        tracing::error!(file = %path.display(), offset, lost, "a spool file is damaged; the original is kept beside it as *.corrupt");
        replace(path, &sound)?;
        Ok(sound.len() as u64)
    }

    fn set_aside(&mut self, path: &Path, length: u64) -> io::Result<()> {
        if length < segment::HEADER as u64 {
            // Its writer died before the first record.
            add(&self.counters.truncated_tails, 1);
            return fs::remove_file(path);
        }
        add(&self.counters.corrupt_segments, 1);
        tracing::error!(file = %path.display(), "not a spool file; kept beside the others as *.corrupt");
        fs::rename(path, segment::aside(path))
    }
}

/// Puts new content in a file's place and keeps the old file aside; a crash leaves the one or the other.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("mended");
    let mut options = OpenOptions::new();
    let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    let aside = segment::aside(path);
    match fs::hard_link(path, &aside) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
