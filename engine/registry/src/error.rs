//! What can go wrong in the registry, each with its cure.

use std::path::PathBuf;

use domain::ObjectKind;
use domain::desired::DesiredFault;
use seal::SealError;

use crate::terms::Etag;

/// The registry cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file cannot be opened or made.
    #[error("cannot open the registry {}: {source}; the folder must exist and be writable", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The file was written by a newer release.
    #[error(
        "the registry {} has schema {found}, this release knows {known}: run the release that wrote it or a newer one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema found.
        found: i64,
        /// The newest schema known.
        known: i64,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot bring the registry {} up to date: {source}; restore it from a backup", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
    /// The sealing key does not open what is sealed.
    #[error("cannot unseal {what}: {source}")]
    Seal {
        /// What was to be opened.
        what: String,
        /// Why.
        source: SealError,
    },
    /// A statement failed.
    #[error("the registry could not {what}: {source}")]
    Database {
        /// What was being done.
        what: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// A row does not hold what it should.
    #[error("the registry holds a damaged {kind} `{id}`: {source}; restore the registry from a backup")]
    Row {
        /// The kind of object.
        kind: &'static str,
        /// Its id.
        id: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The file lacks what every registry has.
    #[error("the registry is incomplete: {what} is missing; restore it from a backup")]
    Incomplete {
        /// What is missing.
        what: &'static str,
    },
    /// Another process wrote to the file.
    #[error("the registry was changed by another process: only one engine may use a SQLite registry; try again")]
    ChangedElsewhere,
    /// Other changes took too long.
    #[error("the registry is busy: other changes did not finish within {seconds} s; try again")]
    Busy {
        /// How long this one waited.
        seconds: u64,
    },
    /// A rotation of the sealing key cannot take a step.
    #[error("the sealing key cannot be rotated")]
    Rotation(#[from] seal::RotationError),
    /// Not everything could be moved under the new sealing key.
    #[error("{count} secret(s) are not under the new sealing key yet: run the rotation again")]
    LeftBehind {
        /// How many.
        count: u64,
    },
    /// The task that wrote was ended.
    #[error("the change was interrupted; read the configuration again to see whether it was made")]
    Interrupted,
}

/// There is no such object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what}{kind} `{name}`{hint}")]
pub struct UnknownObject {
    /// `draft of the `, `version 3 of the `, or nothing.
    pub what: String,
    /// The kind of object.
    pub kind: ObjectKind,
    /// What was asked for.
    pub name: String,
    /// The nearest known name, or nothing.
    pub hint: String,
}

/// A change did not happen; nothing is different.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The desired configuration is wrong; nothing was changed.
    #[error("{}", list(.faults))]
    Refused {
        /// Everything wrong with it.
        faults: Vec<DesiredFault>,
    },
    /// There is no such object.
    #[error(transparent)]
    Unknown(#[from] UnknownObject),
    /// The object is no longer as the caller saw it.
    #[error("the {kind} `{name}` {}: read it again and repeat the change", now_at(.current.as_ref()))]
    Conflict {
        /// The kind of object.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Its state; absent = it does not exist.
        current: Option<Etag>,
    },
    /// The idempotency key belongs to another request.
    #[error("the idempotency key `{key}` was used for another request: send a new key with a new request")]
    Reused {
        /// That key.
        key: String,
    },
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl ApplyError {
    /// What is wrong with the desired configuration; empty when the registry failed.
    pub fn faults(&self) -> &[DesiredFault] {
        match self {
            Self::Refused { faults } => faults,
            Self::Unknown(_) | Self::Conflict { .. } | Self::Reused { .. } | Self::Registry(_) => &[],
        }
    }
}

fn now_at(current: Option<&Etag>) -> String {
    current.map_or_else(
        || "does not exist any more".to_owned(),
        |etag| format!("was changed meanwhile, its etag is now `{etag}`"),
    )
}

fn list(faults: &[DesiredFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
