//! The terms of a change: who asks for it, on top of which state, and whether it may have been asked for before.

use std::fmt;
use std::str::FromStr;

use domain::KeyId;
use serde::{Deserialize, Serialize};

/// The longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES: usize = 200;

/// Who changes the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Whoever may use the engine's own socket, or start it.
    Operator,
    /// The holder of an API key.
    Key(KeyId),
    /// The engine itself: its first configuration, its upkeep.
    Engine,
}

/// The state of one object, as an opaque text: another state has another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(String);

/// Marks a request that its sender may repeat without knowing whether it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Chosen by the sender, unique in its organisation: 1 to 200 bytes.
    pub key: String,
    /// Hash of everything else in the request: the same key with another request is refused.
    pub fingerprint: [u8; 32],
}

/// The terms of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Who asks for it.
    pub actor: Actor,
    /// The state that is to be changed; absent = whichever it is.
    pub if_match: Option<Etag>,
    /// Set when the request may be repeated.
    pub idempotency: Option<Idempotency>,
}

// === impl Actor ===

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Key(id) => write!(f, "{id}"),
            Self::Engine => f.write_str("engine"),
        }
    }
}

impl FromStr for Actor {
    type Err = domain::InvalidId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "operator" => Ok(Self::Operator),
            "engine" => Ok(Self::Engine),
            id => KeyId::parse(id).map(Self::Key),
        }
    }
}

// === impl Etag ===

impl Etag {
    /// Takes an etag as a caller sent it. Any text is one; most match nothing.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The state of an object that is not there: a change on top of it makes the object, or does not happen.
    pub fn absent() -> Self {
        Self("absent".to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// That of a live object which changed last at this revision.
    pub(crate) fn of_revision(revision: u64) -> Self {
        Self(format!("r{revision}"))
    }

    /// That of a draft which was saved at this time.
    pub(crate) fn of_draft(at: domain::Timestamp) -> Self {
        Self(format!("d{}", at.unix_micros()))
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Terms ===

impl Terms {
    /// Those of an actor, with no further conditions.
    pub fn of(actor: Actor) -> Self {
        Self { actor, if_match: None, idempotency: None }
    }

    /// Those of the operator, with no further conditions.
    pub fn operator() -> Self {
        Self::of(Actor::Operator)
    }

    /// Those of the engine itself.
    pub fn engine() -> Self {
        Self::of(Actor::Engine)
    }
}
