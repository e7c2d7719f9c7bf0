//! How models are at the moment: which cannot be reached, and how fast the others have been answering; and secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::ModelId;

/// How fast, and how reliably, a model has been answering: rolling means with exponential decay, kept by whoever fills
/// them in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Time to the first token, in microseconds.
    pub first_token_micros: u64,
    /// Time for each token of output, in microseconds.
    pub micros_per_token: u64,
    /// Calls of a thousand that succeeded.
    #[serde(default = "Latency::always", skip_serializing_if = "Latency::is_always")]
    pub success_permille: u16,
}

impl Default for Latency {
    fn default() -> Self {
        Self { first_token_micros: 0, micros_per_token: 0, success_permille: Self::always() }
    }
}

impl Latency {
    /// A model that fails nearly always is taken for this many times slower, not for infinitely slow.
    const LEAST_SUCCESS: u16 = 50;

    const fn always() -> u16 {
        1000
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
    const fn is_always(permille: &u16) -> bool {
        *permille == Self::always()
    }

    /// What has been observed of a model, if anything. What has not counts for nothing, until an answer tells it: streams
    /// tell of the first token, whole answers of the time for each. `success_rate` is within 0..=1.
    pub fn observed(first_token_micros: Option<u64>, micros_per_token: Option<u64>, success_rate: f64) -> Option<Self> {
        let known = first_token_micros.or(micros_per_token);
        known.map(|_| Self {
            first_token_micros: first_token_micros.unwrap_or(0),
            micros_per_token: micros_per_token.unwrap_or(0),
            success_permille: (success_rate.clamp(0.0, 1.0) * f64::from(Self::always())).round() as u16,
        })
    }

    /// How long it takes to have an answer of this length, in microseconds: the time of one call, times the calls that
    /// it takes on average until one succeeds.
    pub fn expected_micros(self, output_tokens: u64) -> u64 {
        let once = self.first_token_micros.saturating_add(self.micros_per_token.saturating_mul(output_tokens));
        let success = u64::from(self.success_permille.max(Self::LEAST_SUCCESS));
        once.saturating_mul(u64::from(Self::always())) / success
    }
}

/// What is known of the candidates' health. The default: all are healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Models whose breakers are open for every key.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unhealthy: BTreeSet<ModelId>,
    /// How fast models have been answering; absent = never observed.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub latency: Arc<BTreeMap<ModelId, Latency>>,
}

impl Health {
    /// What is known of these models; of the others nothing.
    #[must_use]
    pub fn of<'a>(&self, models: impl IntoIterator<Item = &'a ModelId>) -> Self {
        let mut kept = Self::default();
        let mut latency = BTreeMap::new();
        for model in models {
            if self.unhealthy.contains(model) {
                kept.unhealthy.insert(model.clone());
            }
            if let Some(known) = self.latency.get(model) {
                latency.insert(model.clone(), *known);
            }
        }
        Self { latency: Arc::new(latency), ..kept }
    }

    /// Whether nothing is known against any model and no latency has been observed.
    pub fn is_empty(&self) -> bool {
        self.unhealthy.is_empty() && self.latency.is_empty()
    }
}

fn is_empty(latency: &BTreeMap<ModelId, Latency>) -> bool {
    latency.is_empty()
}

/// How a provider secret does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CredentialState {
    /// Nothing is known against it.
    Healthy,
    /// It failed a short while ago, or cools down for some of its models.
    Degraded,
    /// It was refused, or keeps failing: it is used when nothing else is left, and to find out whether it works again.
    Unavailable,
}

impl CredentialState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Healthy, Self::Degraded, Self::Unavailable];

    /// The state's name: `degraded`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unavailable => "unavailable",
        }
    }
}
