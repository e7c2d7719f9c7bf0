//! The folder where everything is kept: made 0700 at the first start, used by one server at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use seal::KeyFiles;

/// A data folder that this process may use.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held as long as the server runs.
    _lock: File,
}

impl DataDir {
    /// Makes the folder if it is not there, checks that it is private and writable, and takes it for this process.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        make(path)?;
        let path = path.canonicalize().with_context(|| format!("cannot use the data folder {}", path.display()))?;
        check_private(&path)?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Refuses a folder that others may enter: it holds the sealing key.
pub(crate) fn check_private(folder: &Path) -> anyhow::Result<()> {
    const OTHERS: u32 = 0o077;
    let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
    if mode & OTHERS > 0 {
        let folder = folder.display();
        bail!(
            "the data folder {folder} is open to others (mode {mode:o}) but holds the sealing key: run `chmod 700 {folder}`"
        );
    }
    Ok(())
}

/// Where the parts of a data folder lie.
pub(crate) fn registry(folder: &Path) -> PathBuf {
    folder.join("registry.sqlite")
}

pub(crate) fn sealing_keys(folder: &Path) -> KeyFiles {
    KeyFiles::of(folder)
}

pub(crate) fn ledger(folder: &Path) -> PathBuf {
    folder.join("ledger")
}

pub(crate) fn scorers(folder: &Path) -> PathBuf {
    folder.join("scorers")
}

pub(crate) fn admin_socket(folder: &Path) -> PathBuf {
    proto::operator::socket(folder)
}

fn make(path: &Path) -> anyhow::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
            bail!("the data folder {} is a file: choose another with --data-dir", path.display())
        }
        Err(fault) => Err(fault).with_context(|| {
            format!("cannot make the data folder {}: choose a writable place with --data-dir", path.display())
        }),
    }
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("signalbox.lock");
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let mut file = opened.with_context(|| {
        format!(
            "cannot write into the data folder {}: check its owner and that the disk is not read-only",
            folder.display()
        )
    })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            bail!(
                "the data folder {} is in use by another signalbox (process {}): stop it, or choose another with --data-dir",
                folder.display(),
                holder.trim()
            );
        }
        Err(TryLockError::Error(fault)) => return Err(fault).context("cannot lock the data folder"),
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}
