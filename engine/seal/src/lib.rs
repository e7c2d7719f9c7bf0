//! Keeps secrets: envelope encryption at rest, the secret type that never prints, and the keyed hash of API keys.
//!
//! Every secret is sealed under a fresh data key, and the data key under the sealing key of the installation, so that
//! a new sealing key re-wraps a few bytes a secret. What a seal belongs to ([`Aad`]) is authenticated with it, so a row
//! copied to another place does not open. Where sealed bytes are stored is the business of others.

mod api_key;
mod envelope;
mod key_file;
mod key_files;
mod keyring;
mod pepper;
mod secret;

pub use api_key::generate_api_key;
pub use envelope::fuzz_envelope;
pub use key_file::KeyFileError;
pub use key_files::KeyFiles;
pub use keyring::{Aad, KekId, Keyring, RotationError, SealError, SealingKey};
pub use pepper::Pepper;
pub use secret::Secret;

/// Fills a buffer from the operating system's random source.
///
/// # Panics
/// When the operating system has no randomness to give: nothing that needs a secret may go on then.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
