//! What the registry keeps beside the live configuration, as its readers see it: drafts, versions and the audit log.

use domain::desired::{Action, Diff};
use domain::{Object, ObjectKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::terms::{Actor, Etag};

/// An object that was saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// As it is now.
    pub object: Object,
    /// Its state.
    pub etag: Etag,
    /// What the change did.
    pub diff: Diff,
}

/// A change of a policy or blend that does not route yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// As it would be. Its version is that which it would get.
    pub object: Object,
    /// The live version from which it was made; absent = there was none.
    pub base: Option<u32>,
    /// When it was saved last.
    pub at: Timestamp,
    /// Who saved it last.
    #[serde(with = "as_text")]
    pub actor: Actor,
    /// Its state.
    pub etag: Etag,
}

/// A saved state of a policy or blend.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Counts from 1.
    pub number: u32,
    /// When it was saved.
    pub at: Timestamp,
    /// Who saved it.
    pub actor: Actor,
    /// As it was.
    pub object: Object,
    /// How it came to be: `promoted from a draft`; empty = it was saved.
    pub note: String,
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// It was made.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
    /// The API key was revoked.
    Revoke,
    /// A draft of it was saved.
    Draft,
    /// The draft of it was thrown away.
    Discard,
    /// The draft of it became live.
    Promote,
    /// An earlier version of it became live again.
    Rollback,
}

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Counts the lines of all organisations; later ones are greater.
    pub number: u64,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: AuditAction,
    /// To which kind of object.
    pub kind: ObjectKind,
    /// To which of them.
    pub id: String,
    /// What it was called.
    pub name: String,
    /// Field by field, `field: before -> after`; secrets show as `***`.
    pub changes: Vec<String>,
    /// The revision of the configuration that it made, or found.
    pub revision: u64,
}

/// Which lines of the audit log; everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditFilter {
    /// Of one kind of object.
    pub kind: Option<ObjectKind>,
    /// Of one object, by id.
    pub id: Option<String>,
    /// Of one actor.
    pub actor: Option<Actor>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
}

/// Part of a list that runs from the newest to the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only what is older than this number: the last one of the page before; absent = from the newest.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { before: None, limit: 100 }
    }
}

// === impl AuditAction ===

impl AuditAction {
    /// Every action.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Revoke,
        Self::Draft,
        Self::Discard,
        Self::Promote,
        Self::Rollback,
    ];

    /// The action's name: `promote`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Revoke => "revoke",
            Self::Draft => "draft",
            Self::Discard => "discard",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
        }
    }

    /// The action of a name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }

    /// What a diff says was done; `None` when that is nothing.
    pub(crate) fn of(action: Action) -> Option<Self> {
        match action {
            Action::Create => Some(Self::Create),
            Action::Update => Some(Self::Update),
            Action::Delete => Some(Self::Delete),
            Action::Unchanged => None,
        }
    }
}

/// An actor as its text.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::terms::Actor;

    pub(super) fn serialize<S: Serializer>(actor: &Actor, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(actor)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Actor, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
