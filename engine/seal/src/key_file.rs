//! The sealing key on disk: made once, readable by its owner alone, never overwritten.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::keyring::SealingKey;

const PREFIX: &str = "signalbox-sealing-key-1:";

/// Why a sealing key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the sealing key {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be made.
    #[error("cannot create the sealing key {}: {source}; the folder must exist and be writable", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read it.
    #[error(
        "the sealing key {} can be read by others (mode {mode:03o}): run `chmod 600 {}`", path.display(), path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds no key.
    #[error(
        "{} is not a sealing key: expected one line `{PREFIX}` and 64 hexadecimal digits; restore the file from a \
         backup (a new key cannot open what the old one sealed)", path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl SealingKey {
    /// Reads the key of a file, or makes the file (mode 0600) with a new key when there is none.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
        match create(path, &Self::generate()) {
            Ok(()) => {}
            // Another process was faster: its key is the key.
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(KeyFileError::Create { path: path.to_owned(), source }),
        }
        Self::load(path)
    }

    /// Reads the key of a file.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let unreadable = |source| KeyFileError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        // The permissions of the opened file, not of whatever has the name by now.
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Permissions { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(Vec::with_capacity(256));
        file.take(256).read_to_end(&mut text).map_err(unreadable)?;
        parse(&text).ok_or_else(|| KeyFileError::Malformed { path: path.to_owned() })
    }
}

fn parse(text: &[u8]) -> Option<SealingKey> {
    let digits = text.trim_ascii().strip_prefix(PREFIX.as_bytes())?;
    let mut bytes = Zeroizing::new([0_u8; 32]);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(SealingKey::from_bytes(*bytes))
}

/// Writes the key aside and links it into place: the name shows a whole key or nothing, and an existing file wins.
fn create(path: &Path, key: &SealingKey) -> io::Result<()> {
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 65));
    text.push_str(PREFIX);
    for byte in key.bytes() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    let aside = aside(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&aside, path));
    fs::remove_file(&aside)?;
    linked?;
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn aside(path: &Path) -> PathBuf {
    let suffix = u64::from_be_bytes(crate::random());
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{suffix:016x}.new"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn scratch() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealing.key");
        (folder, path)
    }

    #[test]
    fn first_start_makes_the_key_and_the_second_reads_it() {
        let (folder, path) = scratch();
        let made = SealingKey::load_or_create(&path).unwrap();
        assert_eq!(SealingKey::load_or_create(&path).unwrap().id(), made.id());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn key_that_others_can_read_is_refused_with_the_cure() {
        let (_folder, path) = scratch();
        SealingKey::load_or_create(&path).unwrap();
        for mode in [0o640, 0o604] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let message = SealingKey::load_or_create(&path).unwrap_err().to_string();
            assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
        }
    }

    #[test]
    fn file_that_is_no_key_is_refused_and_kept() {
        let (_folder, path) = scratch();
        for text in ["", "hello", "signalbox-sealing-key-1:abc", &format!("{PREFIX}{}", "g".repeat(64))] {
            let _ = fs::remove_file(&path);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let refused = SealingKey::load_or_create(&path).unwrap_err();
            assert!(matches!(refused, KeyFileError::Malformed { .. }), "{text}: {refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn missing_folder_is_an_error_that_names_the_file() {
        let (_folder, path) = scratch();
        let message = SealingKey::load_or_create(&path.join("sub/key")).unwrap_err().to_string();
        assert!(message.contains("sub/key") && message.contains("folder must exist"), "{message}");
    }

    #[test]
    fn starters_at_the_same_time_agree_on_one_key() {
        let (_folder, path) = scratch();
        let ids: Vec<_> = std::thread::scope(|scope| {
            let starters: Vec<_> =
                (0..8).map(|_| scope.spawn(|| SealingKey::load_or_create(&path).unwrap().id())).collect();
            starters.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
