//! The segment being written.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use super::segment::{self, Segment};

/// An open segment and how much of it is sound.
pub(super) struct Active {
    file: Arc<File>,
    segment: Segment,
    salt: u32,
    /// A failed write left bytes behind that could not be cut off yet.
    dirty: bool,
}

impl Active {
    /// Creates the segment whose first record will have this sequence.
    pub(super) fn create(dir: &Path, first_sequence: u64) -> io::Result<Self> {
        let path = dir.join(segment::file_name(first_sequence));
        let salt = RandomState::new().hash_one(first_sequence) as u32;
        // Truncating is safe: a file of this name can only be an empty one whose header could not be written.
        let mut options = OpenOptions::new();
        let file = options.create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        (&file).write_all(&segment::header(first_sequence, salt))?;
        let segment = Segment { first_sequence, path, bytes: segment::HEADER as u64 };
        Ok(Self { file: Arc::new(file), segment, salt, dirty: false })
    }

    /// Appends a record, or nothing: what a failed write left behind is cut off before the next one.
    pub(super) fn write(&mut self, record: &[u8]) -> io::Result<()> {
        if self.dirty {
            self.cut()?;
        }
        // One write(2) unless the disk takes only a part.
        if let Err(error) = (&*self.file).write_all(record) {
            self.dirty = true;
            // If cutting fails too, the next append tries again and the first error is the one to report.
            let _ = self.cut();
            return Err(error);
        }
        self.segment.bytes += record.len() as u64;
        Ok(())
    }

    pub(super) fn salt(&self) -> u32 {
        self.salt
    }

    pub(super) fn segment(&self) -> &Segment {
        &self.segment
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    pub(super) fn into_segment(self) -> Segment {
        self.segment
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.segment.bytes)?;
        (&*self.file).seek(SeekFrom::Start(self.segment.bytes))?;
        self.dirty = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::*;

    #[test]
    fn what_a_failed_write_left_behind_is_cut_off_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let mut active = Active::create(dir.path(), 1).unwrap();
        active.write(b"first").unwrap();
        let path = active.segment().path.clone();
        let writable = std::mem::replace(&mut active.file, Arc::new(File::open(&path).unwrap()));
        active.write(b"refused").unwrap_err();
        assert_eq!(active.segment().bytes, 25, "a refused record does not count");
        // As if the disk had taken a part of it before it was full.
        (&*writable).write_all(b"ref").unwrap();
        active.file = writable;
        active.write(b"second").unwrap();
        assert_eq!(&fs::read(&path).unwrap()[segment::HEADER..], b"firstsecond");
    }
}
