//! Puts an upload together from its parts, within bounds, and says what is wrong with it. Nothing touches the disk here.

use proto::pb::scorer::v1 as pb;
use proto::pb::scorer::v1::upload_request::Part;

use super::store::Files;

/// What all files of a scorer may weigh.
pub(crate) const MOST_BYTES: u64 = 64 << 20;
/// How many files a scorer may have.
const MOST_FILES: usize = 32;

/// An upload that has come whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) files: Files,
    pub(crate) reason: Option<String>,
}

/// An upload that is coming.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    start: Option<pb::UploadStart>,
    files: Files,
    /// What the file begun last still lacks.
    lacking: u64,
    announced: u64,
}

impl Incoming {
    /// Takes the next part; says what is wrong with it.
    pub(crate) fn take(&mut self, request: pb::UploadRequest) -> Result<(), String> {
        let part = request.part.ok_or("part: is missing; send start, file or chunk")?;
        match part {
            Part::Start(start) if self.start.is_none() => self.start = Some(start),
            Part::Start(_) => return Err("start: was sent already; send it once, first".to_owned()),
            Part::File(_) | Part::Chunk(_) if self.start.is_none() => {
                return Err("start: has to come before files and chunks".to_owned());
            }
            Part::File(file) => self.begin(file)?,
            Part::Chunk(bytes) => self.append(&bytes)?,
        }
        Ok(())
    }

    /// The upload, if it is complete.
    pub(crate) fn finish(self) -> Result<Upload, String> {
        self.check_complete()?;
        let start = self.start.ok_or("start: is missing; nothing was sent")?;
        if self.files.is_empty() {
            return Err("file: none was sent; send manifest.json and the files it names".to_owned());
        }
        Ok(Upload { files: self.files, reason: start.reason })
    }

    fn begin(&mut self, file: pb::FileStart) -> Result<(), String> {
        self.check_complete()?;
        if let Some(fault) = fault_of_name(&file.name) {
            return Err(fault);
        }
        if self.files.iter().any(|(name, _)| *name == file.name) {
            return Err(format!("file: `{}` was sent already", file.name));
        }
        if self.files.len() >= MOST_FILES {
            return Err(format!("file: more than {MOST_FILES}; a scorer has a handful"));
        }
        self.announced = self.announced.saturating_add(file.bytes);
        if self.announced > MOST_BYTES {
            return Err(format!("file: `{}` would make more than {} MiB in all", file.name, MOST_BYTES >> 20));
        }
        self.lacking = file.bytes;
        // Grows as bytes come: an announcement alone takes no memory.
        self.files.push((file.name, Vec::new()));
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some((name, content)) = self.files.last_mut() else {
            return Err("chunk: belongs to no file; send file first".to_owned());
        };
        self.lacking = self
            .lacking
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| format!("chunk: `{name}` has more bytes than were announced"))?;
        content.extend_from_slice(bytes);
        Ok(())
    }

    fn check_complete(&self) -> Result<(), String> {
        match self.files.last() {
            Some((name, content)) if self.lacking > 0 => Err(format!(
                "chunk: `{name}` ended after {} bytes, {} more were announced; send it again",
                content.len(),
                self.lacking
            )),
            _ => Ok(()),
        }
    }
}

/// Says what is wrong with a file's name: files lie side by side in one folder.
fn fault_of_name(name: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_fine = (1..=64).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with('.');
    (!is_fine).then(|| {
        format!(
            "file: `{}` is not the name of a file beside the manifest (letters, digits, . _ -)",
            name.escape_debug()
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Part {
        Part::Start(pb::UploadStart { reason: Some("why".to_owned()) })
    }

    fn file(name: &str, bytes: u64) -> Part {
        Part::File(pb::FileStart { name: name.to_owned(), bytes })
    }

    fn chunk(bytes: &[u8]) -> Part {
        Part::Chunk(bytes.to_vec())
    }

    fn upload(parts: impl IntoIterator<Item = Part>) -> Result<Upload, String> {
        let mut incoming = Incoming::default();
        for part in parts {
            incoming.take(pb::UploadRequest { part: Some(part) })?;
        }
        incoming.finish()
    }

    #[track_caller]
    fn refused(parts: impl IntoIterator<Item = Part>, why: &str) {
        let fault = upload(parts).expect_err("is refused");
        assert!(fault.contains(why), "{fault}");
    }

    #[test]
    fn files_come_back_as_they_were_sent() {
        let parts =
            [start(), file("a.json", 4), chunk(b"ab"), chunk(b"cd"), file("empty.txt", 0), file("b", 1), chunk(b"x")];
        let found = upload(parts).expect("is whole");
        let expected = [("a.json", &b"abcd"[..]), ("empty.txt", b""), ("b", b"x")];
        let files: Vec<_> = found.files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        assert_eq!((files.as_slice(), found.reason.as_deref()), (&expected[..], Some("why")));
    }

    #[test]
    fn what_is_out_of_order_or_incomplete_is_refused() {
        refused([], "start");
        refused([start()], "none was sent");
        refused([file("a", 1)], "before files");
        refused([start(), start()], "already");
        refused([start(), chunk(b"x")], "belongs to no file");
        refused([start(), file("a", 2), chunk(b"x")], "1 more");
        refused([start(), file("a", 2), chunk(b"x"), file("b", 0)], "1 more");
        refused([start(), file("a", 2), chunk(b"xyz")], "more bytes than");
        refused([start(), file("a", 0), file("a", 0)], "already");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "../a", "a/b", "a\\b", "/etc/passwd", ".hidden", "a\0", "ä", &"x".repeat(65)] {
            refused([start(), file(name, 0)], "is not the name of a file");
        }
    }

    #[test]
    fn more_than_the_bound_is_refused_when_it_is_announced() {
        refused([start(), file("a", MOST_BYTES + 1)], "64 MiB");
        refused([start(), file("a", 0), file("b", u64::MAX), file("c", 1)], "64 MiB");
        refused(std::iter::once(start()).chain((0..40).map(|it| file(&format!("f{it}"), 0))), "more than 32");
    }

    fn part() -> impl Strategy<Value = Part> {
        prop_oneof![
            Just(start()),
            ("[a-c./]{0,3}", 0_u64..6).prop_map(|(name, bytes)| file(&name, bytes)),
            any::<u64>().prop_map(|bytes| file("large", bytes)),
            prop::collection::vec(any::<u8>(), 0..6).prop_map(Part::Chunk),
        ]
    }

    proptest! {
        #[test]
        fn whatever_comes_is_an_upload_of_what_was_announced_or_a_refusal(parts in prop::collection::vec(part(), 0..12)) {
            let announced: Vec<_> = parts
                .iter()
                .filter_map(|part| if let Part::File(it) = part { Some((it.name.clone(), it.bytes)) } else { None })
                .collect();
            if let Ok(found) = upload(parts) {
                let sizes: Vec<_> = found.files.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect();
                prop_assert_eq!(sizes, announced);
                prop_assert!(found.files.iter().all(|(name, _)| !name.contains('/') && !name.starts_with('.')));
            }
        }
    }
}
