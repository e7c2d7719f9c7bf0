//! Request records: the row that every request leaves, and how rows are read back.

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::clock::Timestamp;
use crate::decision::{Attempt, Decision};
use crate::ids::{KeyId, ModelId, OrganisationId, PolicyId, ProjectId, RequestId};
use crate::money::Money;
use crate::usage::Usage;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A whole answer was delivered.
    Completed,
    /// An error was delivered instead of an answer.
    Failed,
    /// The upstream broke off after content had been delivered; the caller was told.
    Interrupted,
    /// The caller left.
    ClientCancelled,
    /// The process ended between start and end: found at replay.
    UnknownOutcome,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Completed, Self::Failed, Self::Interrupted, Self::ClientCancelled, Self::UnknownOutcome];

    /// The outcome's name: `client_cancelled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::ClientCancelled => "client_cancelled",
            Self::UnknownOutcome => "unknown_outcome",
        }
    }
}

/// Written to the spool before the first upstream call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The request.
    pub id: RequestId,
    /// When it came.
    pub at: Timestamp,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The key it came with.
    pub key: KeyId,
    /// The project it is attributed to.
    #[serde(default)]
    pub project: Option<ProjectId>,
    /// The `model` of its body.
    #[serde(default)]
    pub requested_model: Option<String>,
    /// It asked for a stream.
    #[serde(default)]
    pub stream: bool,
}

/// Written to the spool before the last byte goes to the caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// What was known at the start; repeated so that an end record alone makes a row.
    #[serde(flatten)]
    pub started: Started,
    /// How it ended.
    pub outcome: Outcome,
    /// The status delivered; 499 when the caller left before one.
    pub status: u16,
    /// The model that answered.
    #[serde(default)]
    pub model: Option<ModelId>,
    /// What the upstream said it served.
    #[serde(default)]
    pub served_model: Option<String>,
    /// The policy that decided.
    #[serde(default)]
    pub policy: Option<PolicyId>,
    /// What was consumed; absent when nothing was sent upstream.
    #[serde(default)]
    pub usage: Option<Usage>,
    /// What it cost; absent when a price is unknown or nothing was consumed.
    #[serde(default)]
    pub cost: Option<Money>,
    /// What was saved against the most capable alternative.
    #[serde(default)]
    pub saved: Option<Money>,
    /// Microseconds from the request's head to the end of the answer.
    pub total_micros: u64,
    /// Microseconds to the first content event passed on.
    #[serde(default)]
    pub first_token_micros: Option<u64>,
    /// Microseconds the decision took.
    #[serde(default)]
    pub decision_micros: Option<u64>,
    /// Microseconds spent waiting for upstreams.
    #[serde(default)]
    pub upstream_micros: Option<u64>,
    /// Every attempt, in order.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// The decision, if one was made.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// What it was made of; rows of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Box<Arguments>>,
    /// The error's code, if one was delivered.
    #[serde(default)]
    pub error: Option<String>,
}

/// A row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Its place in the spool and its primary key.
    pub sequence: u64,
    /// Everything else.
    #[serde(flatten)]
    pub finished: Finished,
}

/// Which rows to read, newest first unless `after` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordFilter {
    /// Only this organisation; `None` = all (operators).
    pub organisation: Option<OrganisationId>,
    /// Only this key.
    pub key: Option<KeyId>,
    /// Only this model.
    pub model: Option<ModelId>,
    /// Only since this moment.
    pub since: Option<Timestamp>,
    /// Only this request.
    pub request: Option<RequestId>,
    /// Only rows with a greater sequence, oldest first: for tailing.
    pub after_sequence: Option<u64>,
    /// Only rows with a smaller sequence, newest first: for paging.
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
}
