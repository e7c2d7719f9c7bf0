//! Request records: the row that every request leaves. How rows are read back stands in `filter`.

mod filter;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::clock::Timestamp;
use crate::decision::{Attempt, Decision};
use crate::ids::{KeyId, ModelId, OrganisationId, PolicyId, ProjectId, RequestId};
use crate::money::Money;
use crate::usage::Usage;

pub use filter::{RecordError, RecordFilter, RecordFuture, RecordReader};

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

/// The surface that a request came through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// Chat completions; also every row of the versions that had nothing else.
    #[default]
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Gemini's generateContent.
    Gemini,
    /// Embeddings.
    Embeddings,
    /// A provider's own path, passed through.
    Proxy,
}

impl Surface {
    /// Every surface.
    pub const ALL: [Self; 6] =
        [Self::Chat, Self::Responses, Self::Messages, Self::Gemini, Self::Embeddings, Self::Proxy];

    /// The surface's name: `responses`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Embeddings => "embeddings",
            Self::Proxy => "proxy",
        }
    }
}

/// One of the caller's own labels of a request. Its value may be personal: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// What it says.
    pub value: String,
}

impl fmt::Debug for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tag({}=…)", self.key)
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
    /// For whom the caller asks: its own name of an end user, or the key's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The surface it came through.
    #[serde(default)]
    pub endpoint: Surface,
}

impl Started {
    /// A request of which only the caller is known yet.
    pub fn new(id: RequestId, at: Timestamp, organisation: OrganisationId, key: KeyId) -> Self {
        Self {
            id,
            at,
            organisation,
            key,
            project: None,
            requested_model: None,
            stream: false,
            user: None,
            endpoint: Surface::default(),
        }
    }
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
    /// That is another model than the one asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub served_mismatch: bool,
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
    /// Microseconds the request waited for its place and its body, before any work on it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_micros: Option<u64>,
    /// Microseconds the gateway itself took: all of it but the waits for upstreams, caller and place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead_micros: Option<u64>,
    /// The caller's labels, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Paths of the body that a translation between dialects left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loss: Vec<String>,
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

impl Finished {
    /// The record of a request that has ended before anything more was known of it.
    pub fn new(started: Started, outcome: Outcome, status: u16) -> Self {
        Self {
            started,
            outcome,
            status,
            model: None,
            served_model: None,
            served_mismatch: false,
            policy: None,
            usage: None,
            cost: None,
            saved: None,
            total_micros: 0,
            first_token_micros: None,
            decision_micros: None,
            upstream_micros: None,
            queue_micros: None,
            overhead_micros: None,
            tags: Vec::new(),
            loss: Vec::new(),
            attempts: Vec::new(),
            decision: None,
            arguments: None,
            error: None,
        }
    }
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
