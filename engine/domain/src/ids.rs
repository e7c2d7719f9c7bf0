//! Identifiers: what names a thing, and the proof that the name is well formed.
//!
//! Objects are `prefix_` and 20 lower-case letters or digits; requests are `req_` and 26 base-32 digits of a
//! time-ordered 128-bit value. Randomness is an argument, so this file stays pure.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

/// A text that is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: expected {expected}")]
pub struct InvalidId {
    /// What was being read, for example `model id`.
    pub what: &'static str,
    /// The rule, in words.
    pub expected: &'static str,
    /// The refused text, cut to 80 characters.
    pub text: String,
}

impl InvalidId {
    fn new(what: &'static str, expected: &'static str, text: &str) -> Self {
        Self { what, expected, text: text.chars().take(80).collect() }
    }
}

macro_rules! string_id {
    ($name:ident) => {
        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

/// How many random characters follow the prefix of an object id.
const RANDOM_CHARS: usize = 20;
const LOWER_ALNUM: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id of 20 random bytes.
            pub fn from_random(random: [u8; RANDOM_CHARS]) -> Self {
                let mut text = String::with_capacity($prefix.len() + RANDOM_CHARS);
                text.push_str($prefix);
                text.extend(random.iter().map(|byte| char::from(LOWER_ALNUM[usize::from(*byte) % LOWER_ALNUM.len()])));
                Self(text.into())
            }

            /// Accepts the prefix and 20 lower-case letters or digits.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let rest = text.strip_prefix($prefix).unwrap_or("");
                let well_formed = rest.len() == RANDOM_CHARS && rest.bytes().all(|byte| LOWER_ALNUM.contains(&byte));
                if !well_formed {
                    return Err(InvalidId::new($what, concat!("`", $prefix, "` and 20 lower-case letters or digits"), text));
                }
                Ok(Self(text.into()))
            }
        }

        string_id!($name);
    };
}

object_id!(
    /// A tenant.
    OrganisationId, "org_", "organisation id");
object_id!(
    /// A project of an organisation.
    ProjectId, "prj_", "project id");
object_id!(
    /// A provider secret.
    CredentialId, "cred_", "credential id");
object_id!(
    /// A routing policy.
    PolicyId, "pol_", "policy id");
object_id!(
    /// A router: an endpoint of its own.
    RouterId, "rtr_", "router id");
object_id!(
    /// A scorecard: one benchmark's scores per model.
    ScorecardId, "evl_", "scorecard id");
object_id!(
    /// A blend of benchmarks.
    BlendId, "bld_", "blend id");
object_id!(
    /// An API key's record (never the key itself).
    KeyId, "key_", "key id");

/// A provider's name and the prefix of its models: `openai`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ProviderSlug(Arc<str>);

impl ProviderSlug {
    /// Slugs that are paths of the gateway and so can name no provider.
    pub const RESERVED: [&'static str; 8] = ["v1", "v1beta", "api", "admin", "console", "healthz", "readyz", "metrics"];

    /// Accepts 1 to 40 of `[a-z0-9-]`, starting with a letter or digit, that is not a path of the gateway.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let well_formed = (1..=40).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
            && !text.starts_with(['-', '_']);
        if !well_formed {
            return Err(InvalidId::new(
                "provider slug",
                "1 to 40 of a-z, 0-9, - and _, not starting with - or _",
                text,
            ));
        }
        if Self::RESERVED.contains(&text) || text == "mcp" || text.starts_with(RouterId::PREFIX) {
            return Err(InvalidId::new(
                "provider slug",
                "a name that is not reserved for the gateway's own paths",
                text,
            ));
        }
        Ok(Self(text.into()))
    }
}

string_id!(ProviderSlug);

/// A model's name in the catalogue: `provider/native-name`, split at the first `/`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ModelId(Arc<str>);

impl ModelId {
    /// Accepts a provider slug, `/`, and 1 to 128 of `[A-Za-z0-9._:/@+-]`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        const EXPECTED: &str = "`provider/name`, the name 1 to 128 of letters, digits and . _ : / @ + -";
        let invalid = || InvalidId::new("model id", EXPECTED, text);
        let (provider, name) = text.split_once('/').ok_or_else(invalid)?;
        ProviderSlug::parse(provider)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@+-".contains(&byte);
        if !(1..=128).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(invalid());
        }
        Ok(Self(text.into()))
    }

    /// The part before the first `/`.
    pub fn provider(&self) -> &str {
        self.0.split_once('/').map_or("", |(provider, _)| provider)
    }

    /// The part after the first `/`: what the provider calls the model unless the catalogue says otherwise.
    pub fn native(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, native)| native)
    }
}

string_id!(ModelId);

/// A request's id: `req_` and 26 base-32 digits of a 128-bit value, time-ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct RequestId(u128);

const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RequestId {
    /// What every request id starts with.
    pub const PREFIX: &'static str = "req_";

    /// Puts 48 bits of milliseconds before 80 bits of entropy; later milliseconds sort later.
    pub fn from_parts(unix_millis: u64, entropy: u128) -> Self {
        Self((u128::from(unix_millis) << 80) | (entropy & ((1 << 80) - 1)))
    }

    /// The next id: keeps ids of one process strictly increasing when the clock stands still or goes back.
    #[must_use]
    pub fn successor(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// The value itself, big-endian order is time order.
    pub fn value(self) -> u128 {
        self.0
    }

    /// The id with this value.
    pub fn from_value(value: u128) -> Self {
        Self(value)
    }

    /// Accepts `req_` and 26 digits of Crockford's base 32, lower case.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new("request id", "`req_` and 26 base-32 digits", text);
        let digits = text.strip_prefix(Self::PREFIX).filter(|digits| digits.len() == 26).ok_or_else(invalid)?;
        let mut value: u128 = 0;
        for (position, digit) in digits.bytes().enumerate() {
            let digit = BASE32.iter().position(|known| *known == digit).ok_or_else(invalid)?;
            // 26 digits hold 130 bits: the first one may use only three of its five.
            if position == 0 && digit > 7 {
                return Err(invalid());
            }
            value = (value << 5) | digit as u128;
        }
        Ok(Self(value))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0_u8; 26];
        for (position, digit) in digits.iter_mut().enumerate() {
            *digit = BASE32[(self.0 >> (125 - 5 * position)) as usize & 31];
        }
        f.write_str(Self::PREFIX)?;
        f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl FromStr for RequestId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl TryFrom<String> for RequestId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl Serialize for RequestId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn model_id_splits_at_the_first_slash() {
        let id = ModelId::parse("openrouter/meta/llama-4:free").expect("valid");
        assert_eq!((id.provider(), id.native()), ("openrouter", "meta/llama-4:free"));
    }

    #[test]
    fn malformed_model_ids_are_refused_with_the_rule() {
        for text in ["", "gpt-4", "/x", "openai/", "Open AI/x", "openai/a b", "v1/x", "rtr_a/x"] {
            assert!(ModelId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn object_id_needs_its_own_prefix() {
        let id = PolicyId::from_random([7; 20]);
        assert_eq!(PolicyId::parse(id.as_str()), Ok(id.clone()));
        assert!(RouterId::parse(id.as_str()).is_err());
    }

    proptest! {
        #[test]
        fn request_ids_round_trip_and_sort_by_time(a in 0_u64..1 << 48, b in 0_u64..1 << 48, entropy: u128) {
            let (first, second) = (RequestId::from_parts(a, entropy), RequestId::from_parts(b, entropy));
            prop_assert_eq!(RequestId::parse(&first.to_string()), Ok(first));
            prop_assert_eq!(a.cmp(&b), first.to_string().cmp(&second.to_string()));
        }
    }
}
