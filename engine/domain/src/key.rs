//! API keys: the text a caller shows, and the record we keep of it.
//!
//! Our keys are `sk-sb-`, 30 random base-62 characters (178 bits) and 6 base-62 characters of their CRC-32, so that a
//! typing error is refused without a look-up. Only a keyed hash is stored; the hash itself is made in `seal`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{KeyId, ModelId, OrganisationId, PolicyId, ProjectId};
use crate::limits::{BodyLogging, Budget, Limits};

const PREFIX: &str = "sk-sb-";
const RANDOM_CHARS: usize = 30;
const CHECK_CHARS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The keyed hash under which a key is found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(pub [u8; 32]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// Makes and checks the text of our own keys.
pub struct KeyText;

impl KeyText {
    /// Writes the key of 30 random bytes. Bytes of 248 and above would bias the draw; the caller draws again instead.
    ///
    /// # Errors
    /// `None` when a byte is 248 or above.
    pub fn from_random(random: [u8; RANDOM_CHARS]) -> Option<String> {
        if random.iter().any(|byte| *byte >= 248) {
            return None;
        }
        let mut key = String::from(PREFIX);
        key.extend(random.iter().map(|byte| char::from(BASE62[usize::from(*byte) % 62])));
        let check = Self::check_digits(&key[PREFIX.len()..]);
        key.push_str(&check);
        Some(key)
    }

    /// Whether a text claims to be a key of ours (`sk-sb-…`) but has the wrong length, alphabet or checksum.
    pub fn is_malformed(text: &str) -> bool {
        let Some(rest) = text.strip_prefix(PREFIX) else {
            return false;
        };
        if rest.len() != RANDOM_CHARS + CHECK_CHARS || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return true;
        }
        let (random, check) = rest.split_at(RANDOM_CHARS);
        Self::check_digits(random) != check
    }

    /// The display form of a key: its prefix and last four characters.
    pub fn hint(text: &str) -> String {
        let tail: Vec<char> = text.chars().rev().take(4).collect();
        let prefix = if text.starts_with(PREFIX) { PREFIX } else { "" };
        format!("{prefix}…{}", tail.into_iter().rev().collect::<String>())
    }

    fn check_digits(random: &str) -> String {
        let mut checksum = crc32fast::hash(random.as_bytes());
        let mut digits = [0_u8; CHECK_CHARS];
        for digit in digits.iter_mut().rev() {
            *digit = BASE62[checksum as usize % 62];
            checksum /= 62;
        }
        digits.iter().map(|digit| char::from(*digit)).collect()
    }
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Send requests to the gateway.
    Routing,
    /// Administer the platform.
    Platform,
}

/// Which policy a key's requests use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRouting {
    /// The policy.
    pub policy: PolicyId,
    /// Kept but not enforced when false.
    pub active: bool,
}

/// The record of an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The project its requests belong to.
    #[serde(default)]
    pub project: Option<ProjectId>,
    /// Its name, unique in the organisation.
    pub name: String,
    /// The keyed hash under which it is found.
    pub hash: KeyHash,
    /// Prefix and last four characters, for people to recognise it.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Models it may use; empty = all.
    #[serde(default)]
    pub allowed_models: Vec<ModelId>,
    /// Its routing configuration.
    #[serde(default)]
    pub routing: Option<KeyRouting>,
    /// The user it belongs to: it may use that user's provider secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What it may consume.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// What each of its users, named by the request's `user`, may consume.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub per_user: Limits,
    /// What it may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Bodies of its requests are kept, or with [`BodyLogging::OFF`] are not; absent = as the organisation says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_logging: Option<BodyLogging>,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_key_passes_its_checksum_and_a_changed_one_does_not() {
        let key = KeyText::from_random([41; RANDOM_CHARS]).expect("bytes below 248");
        assert_eq!(key.len(), 42);
        assert!(!KeyText::is_malformed(&key));
        assert!(KeyText::is_malformed(&key.replacen('f', "g", 1)));
        assert!(KeyText::is_malformed(&key[..41]));
    }

    #[test]
    fn foreign_keys_carry_no_checksum() {
        assert!(!KeyText::is_malformed("an-operators-own-key-of-32-characters"));
    }
}
