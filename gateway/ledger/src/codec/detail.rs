//! The part of an end record that has no column of its own: one JSON text, written once and never rewritten.

use domain::{Arguments, Attempt, Decision, Finished, Money, Surface, Tag, Usage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::clip;

/// What is written. Absent parts take no bytes.
#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    served_model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_micros: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_micros: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Surface>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    served_mismatch: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_micros: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overhead_micros: Option<u64>,
    #[serde(skip_serializing_if = "<[Tag]>::is_empty")]
    tags: &'a [Tag],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    loss: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Attempt]>::is_empty")]
    attempts: &'a [Attempt],
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a Arguments>,
    /// Decision, arguments, attempts, labels and losses were too large to keep.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trimmed: bool,
}

/// What is read. Decision, arguments and attempts stay text, so that one that a later version cannot read costs only itself.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Detail {
    pub(crate) stream: bool,
    pub(crate) requested_model: Option<String>,
    pub(crate) served_model: Option<String>,
    /// Only where the columns do not say everything.
    pub(crate) usage: Option<Usage>,
    /// Only where the column cannot hold it.
    pub(crate) cost: Option<Money>,
    /// Only where the column cannot hold it.
    pub(crate) saved: Option<Money>,
    pub(crate) decision_micros: Option<u64>,
    pub(crate) upstream_micros: Option<u64>,
    pub(crate) user: Option<String>,
    pub(crate) endpoint: Surface,
    pub(crate) served_mismatch: bool,
    pub(crate) queue_micros: Option<u64>,
    pub(crate) overhead_micros: Option<u64>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) loss: Vec<String>,
    pub(crate) error: Option<String>,
    attempts: Option<Box<RawValue>>,
    decision: Option<Box<RawValue>>,
    arguments: Option<Box<RawValue>>,
}

impl Detail {
    /// Appends the JSON of what has no column.
    pub(super) fn write(finished: &Finished, whole: bool, out: &mut Vec<u8>) {
        let started = &finished.started;
        let detail = Outgoing {
            stream: started.stream,
            requested_model: started.requested_model.as_deref().map(clip),
            served_model: finished.served_model.as_deref().map(clip),
            usage: finished.usage.filter(|usage| !fits_columns(usage)),
            cost: finished.cost.filter(|cost| cost.column().is_none()),
            saved: finished.saved.filter(|saved| saved.column().is_none()),
            decision_micros: finished.decision_micros,
            upstream_micros: finished.upstream_micros,
            user: started.user.as_deref().map(clip),
            endpoint: Some(started.endpoint).filter(|endpoint| *endpoint != Surface::default()),
            served_mismatch: finished.served_mismatch,
            queue_micros: finished.queue_micros,
            overhead_micros: finished.overhead_micros,
            tags: if whole { &finished.tags } else { &[] },
            loss: if whole { &finished.loss } else { &[] },
            error: finished.error.as_deref().map(clip),
            attempts: if whole { &finished.attempts } else { &[] },
            decision: finished.decision.as_ref().filter(|_| whole),
            arguments: finished.arguments.as_deref().filter(|_| whole),
            trimmed: !whole,
        };
        let begin = out.len();
        // Writing to memory cannot fail and every key is a text; should a type change that, the columns still stand.
        if let Err(error) = serde_json::to_writer(&mut *out, &detail) {
            tracing::error!(%error, request = %started.id, "a record's detail could not be written as JSON");
            out.truncate(begin);
            out.extend_from_slice(b"{}");
        }
    }

    /// Reads a row's detail.
    pub(crate) fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// The attempts, if they can be read.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        read_part("attempts", self.attempts.as_deref()).unwrap_or_default()
    }

    /// The decision, if there was one and it can be read.
    pub(crate) fn decision(&self) -> Option<Decision> {
        read_part("decision", self.decision.as_deref())
    }

    /// What the decision was made of, if that was kept and can be read.
    pub(crate) fn arguments(&self) -> Option<Box<Arguments>> {
        read_part("arguments", self.arguments.as_deref())
    }
}

/// Whether the two token columns say all there is to say.
fn fits_columns(usage: &Usage) -> bool {
    let column = |count: u64| i64::try_from(count).is_ok();
    let plain =
        Usage { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens, ..Usage::default() };
    *usage == plain && column(usage.prompt_tokens) && column(usage.completion_tokens)
}

fn read_part<'a, T: Deserialize<'a>>(part: &'static str, json: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(json?.get())
        .inspect_err(|error| tracing::warn!(part, %error, "a part of a ledger row cannot be read and is left out"))
        .ok()
}
