//! Where scores go: a file that has its name only once it is whole, or a stream.
//!
//! A file is written as `NAME.part`, flushed after every batch so that an interrupted run leaves complete rows, and is
//! given its name at the end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// An open output.
#[derive(Debug)]
pub struct Sink {
    writer: Packed,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A stream or a device: no name to give.
    Stream(String),
    File {
        target: PathBuf,
        part: PathBuf,
        /// Where it is written until earlier rows have been taken over.
        written: PathBuf,
    },
}

enum Packed {
    Plain(BufWriter<Box<dyn Write>>),
    Zstd(zstd::Encoder<'static, BufWriter<Box<dyn Write>>>),
    Gzip(flate2::write::GzEncoder<BufWriter<Box<dyn Write>>>),
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Zstd(_) => "Zstd",
            Self::Gzip(_) => "Gzip",
        })
    }
}

/// Whether a path is standard output.
pub fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// The name that an unfinished output has.
pub fn part_of(target: &Path) -> PathBuf {
    with_suffix(target, ".part")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Sink {
    /// Opens the output. `beside_earlier` leaves a part file of an earlier run in place until [`Self::replace_earlier`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(target: &Path, beside_earlier: bool) -> io::Result<Self> {
        if is_standard(target) {
            let writer = Packed::over(Box::new(io::stdout()), Path::new(""))?;
            return Ok(Self { writer, place: Place::Stream("standard output".to_owned()) });
        }
        // A device or a pipe cannot be renamed over.
        if fs::metadata(target).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            let file = OpenOptions::new().write(true).open(target)?;
            let writer = Packed::over(Box::new(file), target)?;
            return Ok(Self { writer, place: Place::Stream(target.display().to_string()) });
        }
        if target.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; name a file in it"));
        }
        let part = part_of(target);
        let written = if beside_earlier { with_suffix(&part, ".new") } else { part.clone() };
        let writer = Packed::over(Box::new(File::create(&written)?), target)?;
        Ok(Self { writer, place: Place::File { target: target.to_owned(), part, written } })
    }

    /// What the output is called in messages: where rows are now.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Stream(name) => name.clone(),
            Place::File { written, .. } => written.display().to_string(),
        }
    }

    /// Whether an interrupted run leaves rows that another can take over.
    pub fn is_file(&self) -> bool {
        matches!(self.place, Place::File { .. })
    }

    /// Writes lines and passes them on to the system.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.writer.write_all(lines)?;
        self.writer.flush()
    }

    /// Takes the place of the part file that an earlier run left.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn replace_earlier(&mut self) -> io::Result<()> {
        if let Place::File { part, written, .. } = &mut self.place
            && part != written
        {
            fs::rename(&*written, &*part)?;
            written.clone_from(part);
        }
        Ok(())
    }

    /// Ends the output and gives it its name.
    ///
    /// # Errors
    /// When the rest cannot be written, or the file cannot be renamed.
    pub fn finish(mut self) -> io::Result<()> {
        self.replace_earlier()?;
        self.writer.finish()?;
        if let Place::File { target, part, .. } = &self.place {
            // On disk before it has its name: after a power cut there is no empty file that looks whole.
            File::open(part)?.sync_all()?;
            fs::rename(part, target)?;
        }
        Ok(())
    }
}

impl Packed {
    /// Packs by the name.
    fn over(writer: Box<dyn Write>, target: &Path) -> io::Result<Self> {
        let writer = BufWriter::with_capacity(256 << 10, writer);
        Ok(match target.extension().and_then(|extension| extension.to_str()) {
            Some("zst") => Self::Zstd(zstd::Encoder::new(writer, 3)?),
            Some("gz") => Self::Gzip(flate2::write::GzEncoder::new(writer, flate2::Compression::default())),
            _ => Self::Plain(writer),
        })
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut writer) => writer.flush(),
            Self::Zstd(writer) => writer.finish()?.flush(),
            Self::Gzip(writer) => writer.finish()?.flush(),
        }
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            Self::Zstd(writer) => writer.write(bytes),
            Self::Gzip(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Zstd(writer) => writer.flush(),
            Self::Gzip(writer) => writer.flush(),
        }
    }
}
