//! The keyed hash under which API keys are stored and found.
//!
//! The pepper is a sealed value of its own, so a new sealing key leaves every API key valid. Keys are random and long:
//! one fast hash is right for them, a slow one would only cost the caller.

use domain::{KeyHash, SealedBytes};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::keyring::{Aad, Keyring, SealError};

const RECORD: &str = "pepper";

/// The secret that turns an API key into its hash.
#[derive(Clone)]
pub struct Pepper(Zeroizing<[u8; 32]>);

impl Pepper {
    /// Makes a new pepper.
    pub fn generate() -> Self {
        Self::from_bytes(crate::random())
    }

    /// Makes a pepper of 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Seals the pepper for the registry.
    pub fn seal(&self, keyring: &Keyring) -> SealedBytes {
        keyring.seal(&Aad::installation(RECORD), self.0.as_slice())
    }

    /// Opens a sealed pepper.
    pub fn open(keyring: &Keyring, sealed: &SealedBytes) -> Result<Self, SealError> {
        let secret = keyring.open(&Aad::installation(RECORD), sealed)?;
        let bytes = secret.expose().try_into().map_err(|_| SealError::Malformed { what: "it is no pepper" })?;
        Ok(Self::from_bytes(bytes))
    }

    /// Moves a sealed pepper under the current sealing key; `None` when it is there already.
    pub fn rewrap(keyring: &Keyring, sealed: &SealedBytes) -> Result<Option<SealedBytes>, SealError> {
        keyring.rewrap(&Aad::installation(RECORD), sealed)
    }

    /// Returns the hash under which a key is found: HMAC-SHA-256.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length.
    pub fn hash_key(&self, text: &str) -> KeyHash {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        KeyHash(mac.finalize().into_bytes().into())
    }

    /// Compares two hashes in constant time.
    pub fn verify(expected: &KeyHash, found: &KeyHash) -> bool {
        expected.0.ct_eq(&found.0).into()
    }
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::keyring::SealingKey;

    #[test]
    fn hash_is_hmac_sha_256() {
        // The expected value was made with `openssl dgst -sha256 -mac HMAC`.
        let hash = Pepper::from_bytes([0x0b; 32]).hash_key("Hi There");
        assert_eq!(
            hash.0,
            [
                0x19, 0x8a, 0x60, 0x7e, 0xb4, 0x4b, 0xfb, 0xc6, 0x99, 0x03, 0xa0, 0xf1, 0xcf, 0x2b, 0xbd, 0xc5, 0xba,
                0x0a, 0xa3, 0xf3, 0xd9, 0xae, 0x3c, 0x1c, 0x7a, 0x3b, 0x16, 0x96, 0xa0, 0xb6, 0x8c, 0xf7
            ]
        );
    }

    #[test]
    fn another_pepper_gives_another_hash() {
        let (first, second) =
            (Pepper::from_bytes([1; 32]).hash_key("key"), Pepper::from_bytes([2; 32]).hash_key("key"));
        assert!(!Pepper::verify(&first, &second));
        assert!(Pepper::verify(&first, &Pepper::from_bytes([1; 32]).hash_key("key")));
    }

    #[test]
    fn pepper_survives_a_rotation_of_the_sealing_key() {
        let (old, new) = (SealingKey::generate(), SealingKey::generate());
        let pepper = Pepper::generate();
        let sealed = pepper.seal(&Keyring::new(old.clone()));
        let moved = Pepper::rewrap(&Keyring::new(new.clone()).with_previous(old), &sealed).unwrap().unwrap();
        let opened = Pepper::open(&Keyring::new(new), &moved).unwrap();
        assert_eq!(opened.hash_key("key"), pepper.hash_key("key"));
    }
}
