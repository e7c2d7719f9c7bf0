//! How sealed bytes lie: format 1 of the envelope.
//!
//! ```text
//! 1 | key id 8 | nonce 24 | wrapped data key 32 + 16 | nonce 24 | ciphertext n + 16
//! ```
//!
//! Both layers are XChaCha20-Poly1305 with random 192-bit nonces. The format, and what the seal belongs to, are
//! authenticated in both; the key id in the wrapping, so that a rotation leaves the inner layer as it is.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::keyring::{Aad, KekId, SealError, SealingKey};

const FORMAT: u8 = 1;
const KEK: usize = 8;
const NONCE: usize = 24;
const TAG: usize = 16;
const WRAPPED: usize = 32 + TAG;
const SHORTEST: usize = 1 + KEK + NONCE + WRAPPED + NONCE + TAG;

/// A sealed secret, taken apart.
pub(crate) struct Envelope {
    pub(crate) kek: KekId,
    wrap_nonce: [u8; NONCE],
    wrapped: Vec<u8>,
    nonce: [u8; NONCE],
    ciphertext: Vec<u8>,
}

/// The key that made a seal, read without taking it apart.
pub(crate) fn kek_of(bytes: &[u8]) -> Option<KekId> {
    let (format, rest) = bytes.split_first()?;
    (*format == FORMAT).then(|| rest.first_chunk::<KEK>().copied().map(KekId))?
}

/// Seals a secret under a fresh data key.
pub(crate) fn seal(key: &SealingKey, aad: &Aad<'_>, plaintext: &[u8]) -> Envelope {
    let data_key = Zeroizing::new(crate::random::<32>());
    let nonce = crate::random();
    let ciphertext = encrypt(&data_key, &nonce, plaintext, &secret_aad(aad));
    let (wrap_nonce, wrapped) = wrap(key, &data_key, aad);
    Envelope { kek: key.id(), wrap_nonce, wrapped, nonce, ciphertext }
}

impl Envelope {
    /// Opens the secret; the key must be the one named by `kek`.
    pub(crate) fn open(&self, key: &SealingKey, aad: &Aad<'_>) -> Result<Vec<u8>, SealError> {
        let data_key = self.unwrap(key, aad)?;
        decrypt(&data_key, &self.nonce, &self.ciphertext, &secret_aad(aad)).ok_or(SealError::Tampered { key: self.kek })
    }

    /// The same secret, its data key wrapped by another key.
    pub(crate) fn rewrap(self, from: &SealingKey, to: &SealingKey, aad: &Aad<'_>) -> Result<Self, SealError> {
        let data_key = self.unwrap(from, aad)?;
        let (wrap_nonce, wrapped) = wrap(to, &data_key, aad);
        Ok(Self { kek: to.id(), wrap_nonce, wrapped, ..self })
    }

    fn unwrap(&self, key: &SealingKey, aad: &Aad<'_>) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let tampered = SealError::Tampered { key: self.kek };
        let bytes = decrypt(key.bytes(), &self.wrap_nonce, &self.wrapped, &wrap_aad(self.kek, aad)).map(Zeroizing::new);
        let bytes = bytes.ok_or(tampered)?;
        let mut data_key = Zeroizing::new([0_u8; 32]);
        // The length is that of `wrapped` less its tag, which `decode` fixed.
        data_key.copy_from_slice(&bytes);
        Ok(data_key)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SHORTEST + self.ciphertext.len() - TAG);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.kek.0);
        bytes.extend_from_slice(&self.wrap_nonce);
        bytes.extend_from_slice(&self.wrapped);
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.ciphertext);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, SealError> {
        let (format, rest) = bytes.split_first().ok_or(SealError::Malformed { what: "it is empty" })?;
        if *format != FORMAT {
            return Err(SealError::Version { found: *format });
        }
        if bytes.len() < SHORTEST {
            return Err(SealError::Malformed { what: "it is cut short" });
        }
        let (kek, rest) = take::<KEK>(rest)?;
        let (wrap_nonce, rest) = take::<NONCE>(rest)?;
        let (wrapped, rest) = take::<WRAPPED>(rest)?;
        let (nonce, ciphertext) = take::<NONCE>(rest)?;
        Ok(Self { kek: KekId(kek), wrap_nonce, wrapped: wrapped.to_vec(), nonce, ciphertext: ciphertext.to_vec() })
    }
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), SealError> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or(SealError::Malformed { what: "it is cut short" })?;
    Ok((*head, rest))
}

fn wrap(key: &SealingKey, data_key: &[u8; 32], aad: &Aad<'_>) -> ([u8; NONCE], Vec<u8>) {
    let nonce = crate::random();
    let wrapped = encrypt(key.bytes(), &nonce, data_key, &wrap_aad(key.id(), aad));
    (nonce, wrapped)
}

fn wrap_aad(kek: KekId, aad: &Aad<'_>) -> Vec<u8> {
    let mut bytes = vec![FORMAT, b'k'];
    bytes.extend_from_slice(&kek.0);
    aad.write(&mut bytes);
    bytes
}

fn secret_aad(aad: &Aad<'_>) -> Vec<u8> {
    let mut bytes = vec![FORMAT, b's'];
    aad.write(&mut bytes);
    bytes
}

fn encrypt(key: &[u8; 32], nonce: &[u8; NONCE], message: &[u8], aad: &[u8]) -> Vec<u8> {
    XChaCha20Poly1305::new(&Key::from(*key))
        .encrypt(&XNonce::from(*nonce), Payload { msg: message, aad })
        .expect("a secret is far shorter than the cipher's limit of 256 GiB")
}

fn decrypt(key: &[u8; 32], nonce: &[u8; NONCE], ciphertext: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    XChaCha20Poly1305::new(&Key::from(*key)).decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad }).ok()
}

/// Fuzz entry: any bytes are taken apart or refused, and what is taken apart is written back as it was.
///
/// # Panics
/// When the envelope does not keep its bytes, which would be a bug.
#[doc(hidden)]
pub fn fuzz_envelope(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::decode(bytes) {
        assert_eq!(envelope.encode(), bytes, "an envelope must keep its bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_are_taken_apart_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..400), known: bool) {
            if let Some(first) = bytes.first_mut().filter(|_| known) {
                *first = FORMAT;
            }
            fuzz_envelope(&bytes);
        }
    }

    #[test]
    fn second_to_ninth_bytes_name_the_key() {
        let key = SealingKey::from_bytes([1; 32]);
        let envelope = seal(&key, &Aad::installation("x"), b"secret").encode();
        assert_eq!(envelope[1..9], key.id().bytes(), "databases look for it there");
        assert_eq!(kek_of(&envelope), Some(key.id()));
        assert_eq!((kek_of(&[]), kek_of(&envelope[..5]), kek_of(&[9; 40])), (None, None, None));
    }

    #[test]
    fn shortest_envelope_holds_an_empty_secret() {
        let key = SealingKey::from_bytes([1; 32]);
        let envelope = seal(&key, &Aad::installation("x"), b"").encode();
        assert_eq!(envelope.len(), SHORTEST);
        assert!(Envelope::decode(&envelope[..SHORTEST - 1]).is_err());
    }
}
