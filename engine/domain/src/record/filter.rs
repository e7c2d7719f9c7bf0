//! Which records are read, and the trait of whoever can read them.

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use super::{Outcome, RequestRecord, Tag};
use crate::clock::Timestamp;
use crate::ids::{KeyId, ModelId, OrganisationId, PolicyId, ProjectId, ProviderSlug, RequestId};

/// Which rows to read: newest first by the time they came, or in the order of the spool if `after_sequence` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordFilter {
    /// Only this organisation; `None` = all (operators).
    pub organisation: Option<OrganisationId>,
    /// Only this key.
    pub key: Option<KeyId>,
    /// Only this model.
    pub model: Option<ModelId>,
    /// Only models of this provider.
    pub provider: Option<ProviderSlug>,
    /// Only with this status.
    pub status: Option<u16>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only decided by this policy.
    pub policy: Option<PolicyId>,
    /// Only of this project.
    pub project: Option<ProjectId>,
    /// Only with all of these labels.
    pub tags: Vec<Tag>,
    /// Only since this moment.
    pub since: Option<Timestamp>,
    /// Only before this moment.
    pub until: Option<Timestamp>,
    /// Only those that took at least so many microseconds.
    pub min_micros: Option<u64>,
    /// Only those that took at most so many microseconds.
    pub max_micros: Option<u64>,
    /// Only this request.
    pub request: Option<RequestId>,
    /// Only rows with a greater sequence, oldest first: for tailing.
    pub after_sequence: Option<u64>,
    /// Only rows that come after this one in a list that begins with the newest: for paging. Nothing if it is gone.
    pub before_sequence: Option<u64>,
    /// At most this many rows.
    pub limit: u32,
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the ledger: {0}")]
pub struct RecordError(pub String);

/// What a `RecordReader` answers with.
pub type RecordFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, RecordError>> + Send + 'a>>;

/// Whoever can read the ledger.
pub trait RecordReader: Send + Sync {
    /// Returns the rows that fit a filter.
    fn list(&self, filter: RecordFilter) -> RecordFuture<'_, Vec<RequestRecord>>;
    /// Returns how many rows there are.
    fn count(&self) -> RecordFuture<'_, u64>;
    /// Returns the greatest sequence, 0 where there is no row: where a tail begins that wants only what is new.
    fn last_sequence(&self) -> RecordFuture<'_, u64>;
}
