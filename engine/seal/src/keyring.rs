//! The sealing keys of an installation, and sealing and opening with them.
//!
//! New secrets are sealed with the current key; the previous one is only read, so that a rotation can take its time.
//! How the bytes lie is `envelope`'s business, where a key lives on disk `key_file`'s.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use domain::{OrganisationId, SealedBytes};
use zeroize::Zeroizing;

use crate::envelope::{self, Envelope};
use crate::key_file::KeyFileError;
use crate::key_files::KeyFiles;
use crate::secret::Secret;

const KEK_ID_CONTEXT: &str = "signalbox 2026 sealing key id v1";

/// Names a sealing key without giving it away: the first eight bytes of a hash of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KekId(pub(crate) [u8; 8]);

impl KekId {
    /// Its bytes, as they stand in a seal.
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekId({self})")
    }
}

/// The key under which data keys are wrapped.
#[derive(Clone)]
pub struct SealingKey {
    bytes: Zeroizing<[u8; 32]>,
    id: KekId,
}

impl SealingKey {
    /// Makes a key from 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let digest = blake3::derive_key(KEK_ID_CONTEXT, &bytes);
        let mut id = [0_u8; 8];
        id.copy_from_slice(&digest[..8]);
        Self { bytes: Zeroizing::new(bytes), id: KekId(id) }
    }

    /// Makes a new key.
    pub fn generate() -> Self {
        Self::from_bytes(crate::random())
    }

    /// The key's name.
    pub fn id(&self) -> KekId {
        self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({}, ***)", self.id)
    }
}

/// Why a seal does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was made with a key that is not at hand.
    #[error(
        "the secret was sealed with sealing key {needed}, but the sealing key at hand is {}: put back the sealing key \
         file that belongs to this data folder", list(.have)
    )]
    UnknownKey {
        /// The key that sealed it.
        needed: KekId,
        /// The keys at hand.
        have: Vec<KekId>,
    },
    /// It was changed, or belongs to another record.
    #[error(
        "the sealed secret was altered or belongs to another record (key {key}): restore it from a backup, or enter \
         the secret again"
    )]
    Tampered {
        /// The key that sealed it.
        key: KekId,
    },
    /// These bytes are no seal of ours.
    #[error("the sealed secret is damaged ({what}): restore it from a backup, or enter the secret again")]
    Malformed {
        /// What is wrong with the bytes.
        what: &'static str,
    },
    /// A newer release made it.
    #[error("the sealed secret has format {found}, this release reads format 1: run the release that wrote it")]
    Version {
        /// The format found.
        found: u8,
    },
}

fn list(keys: &[KekId]) -> String {
    keys.iter().map(KekId::to_string).collect::<Vec<_>>().join(" and ")
}

/// What a seal belongs to. All of it is authenticated, so a sealed secret opens in its own row only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aad<'a> {
    /// Whose it is; empty for what belongs to the installation.
    pub organisation: &'a str,
    /// The record that holds it.
    pub record: &'a str,
    /// The provider that it opens; empty for none.
    pub provider: &'a str,
    /// Counts the secrets that the record has held.
    pub version: u32,
}

impl<'a> Aad<'a> {
    /// What the seal of a provider secret belongs to.
    pub fn credential(credential: &'a domain::Credential) -> Self {
        Self {
            organisation: credential.organisation.as_str(),
            record: credential.id.as_str(),
            provider: credential.provider.as_str(),
            version: credential.version,
        }
    }

    /// What the seal of a secret belongs to that no organisation owns.
    pub fn installation(record: &'a str) -> Self {
        Self { organisation: "", record, provider: "", version: 1 }
    }

    /// What the seal of a record belongs to that has nothing to do with a provider.
    pub fn record(organisation: &'a OrganisationId, record: &'a str, version: u32) -> Self {
        Self { organisation: organisation.as_str(), record, provider: "", version }
    }

    /// Each text after its length, so that no two belongings read the same.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        for text in [self.organisation, self.record, self.provider] {
            to.extend_from_slice(&(text.len() as u64).to_be_bytes());
            to.extend_from_slice(text.as_bytes());
        }
        to.extend_from_slice(&self.version.to_be_bytes());
    }
}

/// The sealing keys at hand. All clones are the same keyring: a rotation is seen by everyone who holds one.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Arc<RwLock<Keys>>,
    /// Where they are kept, if this process may rotate them.
    files: Option<KeyFiles>,
}

#[derive(Debug)]
struct Keys {
    /// Seals, and opens what it sealed.
    current: SealingKey,
    /// Only opens: the key before a rotation.
    previous: Option<SealingKey>,
}

/// Why a rotation of the sealing key cannot take a step.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The keys were given from outside.
    #[error(
        "the sealing keys are not kept in the data folder: start with the new key as `--sealing-key` and the old one \
         as `--previous-sealing-key`, then move the seals with `signalbox seal rotate`"
    )]
    Foreign,
    /// The files do not allow it.
    #[error(transparent)]
    Files(#[from] KeyFileError),
}

impl Keyring {
    /// A keyring of one key.
    pub fn new(current: SealingKey) -> Self {
        Self { keys: Arc::new(RwLock::new(Keys { current, previous: None })), files: None }
    }

    /// Adds the key that was current before, to every clone.
    #[must_use]
    pub fn with_previous(self, previous: SealingKey) -> Self {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).previous = Some(previous);
        self
    }

    pub(crate) fn kept_in(self, files: KeyFiles) -> Self {
        Self { files: Some(files), ..self }
    }

    /// The name of the key that seals.
    pub fn current_id(&self) -> KekId {
        self.keys().current.id()
    }

    /// The name of the key that only opens.
    pub fn previous_id(&self) -> Option<KekId> {
        self.keys().previous.as_ref().map(SealingKey::id)
    }

    /// Whether a rotation was begun and not finished.
    pub fn is_rotating(&self) -> bool {
        self.files.as_ref().is_some_and(KeyFiles::is_rotating)
    }

    /// Whether the keys are kept where this process may rotate them.
    pub fn can_rotate(&self) -> bool {
        self.files.is_some()
    }

    /// Makes a new key and seals with it from now on; the one before goes on opening. Says whether it was begun now;
    /// no, if one is under way. What the key before that has sealed must have been moved.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn begin_rotation(&self) -> Result<bool, RotationError> {
        let files = self.files.as_ref().ok_or(RotationError::Foreign)?;
        if files.is_rotating() {
            return Ok(false);
        }
        // On disk first: what is sealed with a key that is lost is lost with it.
        let next = files.begin()?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut keys.current, next);
        keys.previous = Some(before);
        Ok(true)
    }

    /// Ends a rotation, when nothing is left under the key before.
    pub fn finish_rotation(&self) -> Result<(), RotationError> {
        let files = self.files.as_ref().ok_or(RotationError::Foreign)?;
        if files.is_rotating() {
            files.finish()?;
        }
        Ok(())
    }

    /// Whether something is sealed with the current key.
    pub fn is_current(&self, sealed: &SealedBytes) -> bool {
        envelope::kek_of(&sealed.0) == Some(self.current_id())
    }

    /// Seals a secret for its place, with the current key.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn seal(&self, aad: &Aad<'_>, plaintext: &[u8]) -> SealedBytes {
        SealedBytes(envelope::seal(&self.keys().current, aad, plaintext).encode())
    }

    /// Opens a seal in its place, with the key that made it.
    pub fn open(&self, aad: &Aad<'_>, sealed: &SealedBytes) -> Result<Secret, SealError> {
        let envelope = Envelope::decode(&sealed.0)?;
        envelope.open(self.keys().with_id(envelope.kek)?, aad).map(Secret::new)
    }

    /// Moves a seal under the current key without touching the secret itself; `None` when it is there already.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn rewrap(&self, aad: &Aad<'_>, sealed: &SealedBytes) -> Result<Option<SealedBytes>, SealError> {
        let envelope = Envelope::decode(&sealed.0)?;
        let keys = self.keys();
        if envelope.kek == keys.current.id() {
            return Ok(None);
        }
        let from = keys.with_id(envelope.kek)?;
        let rewrapped = envelope.rewrap(from, &keys.current, aad)?;
        Ok(Some(SealedBytes(rewrapped.encode())))
    }

    fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn with_id(&self, id: KekId) -> Result<&SealingKey, SealError> {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        keys.find(|key| key.id() == id).ok_or_else(|| SealError::UnknownKey {
            needed: id,
            have: std::iter::once(&self.current).chain(&self.previous).map(SealingKey::id).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::from_bytes([byte; 32])
    }

    fn aad() -> Aad<'static> {
        Aad { organisation: "org_a", record: "cred_b", provider: "openai", version: 3 }
    }

    #[test]
    fn wrong_sealing_key_is_named_with_the_cure() {
        let sealed = Keyring::new(key(1)).seal(&aad(), b"secret");
        let refused = Keyring::new(key(2)).open(&aad(), &sealed).unwrap_err();
        assert_eq!(refused, SealError::UnknownKey { needed: key(1).id(), have: vec![key(2).id()] });
        let message = refused.to_string();
        for part in [key(1).id().to_string(), key(2).id().to_string(), "put back the sealing key".to_owned()] {
            assert!(message.contains(&part), "{message}");
        }
    }

    #[test]
    fn two_sealing_keys_are_readable_and_the_current_one_seals() {
        let old = Keyring::new(key(1)).seal(&aad(), b"old");
        let both = Keyring::new(key(2)).with_previous(key(1));
        assert!(both.open(&aad(), &old).unwrap().matches(b"old"));
        let new = both.seal(&aad(), b"new");
        assert!(Keyring::new(key(2)).open(&aad(), &new).unwrap().matches(b"new"));
    }

    #[test]
    fn rewrapped_seal_opens_with_the_current_key_alone() {
        let old = Keyring::new(key(1)).seal(&aad(), b"secret");
        let both = Keyring::new(key(2)).with_previous(key(1));
        let moved = both.rewrap(&aad(), &old).unwrap().unwrap();
        assert!(Keyring::new(key(2)).open(&aad(), &moved).unwrap().matches(b"secret"));
        assert_eq!(both.rewrap(&aad(), &moved), Ok(None));
    }

    #[test]
    fn same_secret_sealed_twice_differs_throughout() {
        let ring = Keyring::new(key(1));
        let (first, second) = (ring.seal(&aad(), b"secret"), ring.seal(&aad(), b"secret"));
        let equal = first.0.iter().zip(&second.0).skip(9).filter(|(a, b)| a == b).count();
        assert!(equal < 10, "{equal} bytes are equal");
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key(7)), format!("SealingKey({}, ***)", key(7).id()));
    }

    #[test]
    fn newer_format_is_refused_by_its_number() {
        let mut sealed = Keyring::new(key(1)).seal(&aad(), b"secret");
        sealed.0[0] = 2;
        assert_eq!(Keyring::new(key(1)).open(&aad(), &sealed), Err(SealError::Version { found: 2 }));
    }

    proptest! {
        #[test]
        fn sealed_secret_opens_in_its_place(secret in prop::collection::vec(any::<u8>(), 0..300), seed: [u8; 32]) {
            let ring = Keyring::new(SealingKey::from_bytes(seed));
            let opened = ring.open(&aad(), &ring.seal(&aad(), &secret)).unwrap();
            prop_assert_eq!(opened.expose(), &secret[..]);
        }

        #[test]
        fn any_flipped_bit_is_refused(secret in prop::collection::vec(any::<u8>(), 0..64), place: prop::sample::Index, bit in 0_u8..8) {
            let ring = Keyring::new(key(1));
            let mut sealed = ring.seal(&aad(), &secret);
            let place = place.index(sealed.0.len());
            sealed.0[place] ^= 1_u8 << bit;
            prop_assert!(ring.open(&aad(), &sealed).is_err());
        }

        #[test]
        fn any_cut_is_refused(place: prop::sample::Index) {
            let ring = Keyring::new(key(1));
            let mut sealed = ring.seal(&aad(), b"a secret of some length");
            sealed.0.truncate(place.index(sealed.0.len()));
            prop_assert!(ring.open(&aad(), &sealed).is_err());
        }

        #[test]
        fn seal_of_another_place_is_refused(
            here in ("[a-z_]{0,6}", "[a-z_]{0,6}", "[a-z]{0,6}", 0_u32..4),
            there in ("[a-z_]{0,6}", "[a-z_]{0,6}", "[a-z]{0,6}", 0_u32..4),
        ) {
            prop_assume!(here != there);
            let place = |it: &'_ (String, String, String, u32)| (it.0.clone(), it.1.clone(), it.2.clone(), it.3);
            let (a, b) = (place(&here), place(&there));
            let ring = Keyring::new(key(1));
            let sealed = ring.seal(&Aad { organisation: &a.0, record: &a.1, provider: &a.2, version: a.3 }, b"secret");
            let opened = ring.open(&Aad { organisation: &b.0, record: &b.1, provider: &b.2, version: b.3 }, &sealed);
            prop_assert_eq!(opened, Err(SealError::Tampered { key: key(1).id() }));
        }
    }
}
