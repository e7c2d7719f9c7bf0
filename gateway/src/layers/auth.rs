//! Who is calling: finds the key's record by the keyed hash of what the caller shows.
//!
//! A key of our own format with a wrong checksum is refused before any look-up. Every other text costs one hash and one
//! look-up whether it is known or not, and the hashes are compared in constant time.

use std::sync::Arc;

use domain::{ApiKey, KeyText, Timestamp};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::revocation;
use crate::snapshots::Live;

/// Why a caller is not let in. Shown with status 401, or 403 for a key that may not do this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyFault {
    #[error("no API key was given: send it as `Authorization: Bearer sk-…`")]
    Missing,
    #[error(
        "the API key is malformed: it starts like one of ours but its length or checksum is wrong; check that it was copied whole"
    )]
    Malformed,
    #[error(
        "the API key is not known: check that it belongs to this installation, or make one with `signalbox keys create`"
    )]
    Unknown,
    #[error("the API key has expired: make a new one with `signalbox keys create`")]
    Expired,
    #[error("the API key was revoked: make a new one with `signalbox keys create`")]
    Revoked,
    #[error("the API key may not send requests: it lacks the scope `routing`")]
    Scope,
}

impl KeyFault {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing_api_key",
            Self::Malformed => "malformed_api_key",
            Self::Unknown => "invalid_api_key",
            Self::Expired => "expired_api_key",
            Self::Revoked => "revoked_api_key",
            Self::Scope => "missing_scope",
        }
    }
}

/// Returns the record of the key that the headers show.
pub(crate) fn authenticate(
    live: &Live,
    headers: &HeaderMap,
    query: Option<&str>,
    now: Timestamp,
) -> Result<Arc<ApiKey>, KeyFault> {
    let text = shown_key(headers, query).ok_or(KeyFault::Missing)?;
    if KeyText::is_malformed(text) {
        return Err(KeyFault::Malformed);
    }
    let hash = live.pepper.hash_key(text);
    let key =
        live.snapshot.keys.get(&hash).filter(|key| seal::Pepper::verify(&key.hash, &hash)).ok_or(KeyFault::Unknown)?;
    match revocation::fault_of(key, now) {
        None => Ok(key.clone()),
        Some(fault) => Err(fault),
    }
}

/// The first key shown, wherever the vendors' clients put it.
fn shown_key<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Option<&'a str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let in_query = || query?.split('&').find_map(|pair| pair.strip_prefix("key="));
    // OpenAI's and most others; Anthropic's; Gemini's; Azure's.
    let in_header = ["x-api-key", "x-goog-api-key", "api-key"].into_iter().find_map(header);
    bearer.or(in_header).or_else(in_query).filter(|key| !key.is_empty())
}
