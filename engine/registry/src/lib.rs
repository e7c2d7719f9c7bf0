//! The configuration store: organisations, projects, providers, sealed credentials, models, policies, routers and keys.
//!
//! One [`Registry`] owns one `SQLite` file. Every change is one transaction that bumps the revision; what was committed
//! is at once in the in-memory [`domain::Snapshot`], which all readers share. Gateways follow with
//! [`Registry::changes_since`]. How a snapshot travels is the business of `engine`, where a file is parsed that of
//! `config`, and what a policy decides that of `policy`.

pub mod catalogue;
mod change_log;
mod diff;
mod error;
pub mod import;
mod journal;
mod kept;
mod keys;
mod names;
mod plan;
mod registry;
mod rows;
mod store;
mod terms;
mod validate;

pub use catalogue::{Seed, SeedProvider};
pub use error::{ApplyError, RegistryError, UnknownObject};
pub use import::{ImportFilter, ImportReport, Skipped, import_catalogue};
pub use kept::{AuditAction, AuditEntry, AuditFilter, Draft, Page, Saved, Version};
pub use registry::{FirstStart, Registry, SealStatus};
pub use terms::{Actor, Etag, IDEMPOTENCY_KEY_BYTES, Idempotency, Terms};

/// Fills an array from the operating system's random source.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// The wall clock, for records and expiry.
pub(crate) fn now() -> domain::Timestamp {
    let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    domain::Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
