//! A blend as configured: weighted benchmarks, what stands in for missing scores, corrections, and how to rank. What it
//! ranks is the business of the crate `policy`.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{BlendId, ModelId, OrganisationId, ScorecardId};

/// What stands in for a score that a model does not have. Never silently 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The median of all models less one standard deviation between them, floored at 0.
    #[default]
    LowerBound,
    /// The median of all models.
    Median,
    /// Nothing: the benchmark's weight is shared by the others.
    Renormalise,
    /// The least score of any model.
    Min,
    /// 0, said aloud.
    Zero,
    /// Nothing: the model is out.
    Exclude,
}

impl Missing {
    /// The mode's name: `lower_bound`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LowerBound => "lower_bound",
            Self::Median => "median",
            Self::Renormalise => "renormalise",
            Self::Min => "min",
            Self::Zero => "zero",
            Self::Exclude => "exclude",
        }
    }
}

/// A benchmark's part in a blend. `S` is how it refers to the scorecard: by id, or in a file by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlendWeight<S = ScorecardId> {
    /// The benchmark.
    pub benchmark: S,
    /// Its weight, from 0; all of a blend sum to 1. 0 = it plays no part.
    pub weight: f64,
    /// What stands in for its missing scores; absent = the blend's.
    #[serde(default)]
    pub missing: Option<Missing>,
}

/// By what scores are ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankBy {
    /// The score.
    #[default]
    Mean,
    /// The score less `z` standard errors.
    Lcb,
}

/// A correction of one score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override<S = ScorecardId> {
    /// Of which benchmark.
    pub benchmark: S,
    /// Of which model.
    pub model: ModelId,
    /// The score to use, in the benchmark's unit.
    pub score: f64,
    /// Who says so.
    pub author: String,
    /// Why.
    pub reason: String,
    /// Until when; absent = for good.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl Override {
    /// Whether it still holds.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Weighted benchmarks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blend {
    /// Its id.
    pub id: BlendId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Its name, unique in the organisation.
    pub name: String,
    /// Counts its saved states, from 1.
    #[serde(default = "Blend::first_version")]
    pub version: u32,
    /// Its benchmarks.
    pub weights: Vec<BlendWeight>,
    /// What stands in for missing scores; absent = the benchmark's.
    #[serde(default)]
    pub missing: Option<Missing>,
    /// How much heavier a benchmark becomes when the prompt surely asks for its kind of work; 1 = no heavier.
    #[serde(default = "Blend::default_boost")]
    pub boost: f64,
    /// By what to rank.
    #[serde(default)]
    pub rank_by: RankBy,
    /// How many standard errors `lcb` takes off.
    #[serde(default = "Blend::default_z")]
    pub z: f64,
    /// Corrections.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Who answers when no candidate is covered; one of the policy's models.
    #[serde(default)]
    pub fallback_model: Option<ModelId>,
}

impl Blend {
    /// The version of a blend that was saved once.
    pub const fn first_version() -> u32 {
        1
    }

    /// Twice as heavy.
    pub const fn default_boost() -> f64 {
        2.0
    }

    /// One standard error.
    pub const fn default_z() -> f64 {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blend_of_bare_weights_has_the_documented_defaults() {
        let blend: Blend = serde_json::from_value(json!({
            "id": BlendId::from_random([1; 20]), "organisation": OrganisationId::from_random([1; 20]), "name": "ours",
            "version": 1, "weights": [{"benchmark": ScorecardId::from_random([2; 20]), "weight": 1.0}],
        }))
        .unwrap();
        assert!((blend.boost - 2.0).abs() + (blend.z - 1.0).abs() < 1e-12);
        assert_eq!((blend.rank_by, blend.missing), (RankBy::Mean, None));
        assert_eq!(Missing::default(), Missing::LowerBound);
    }

    #[test]
    fn override_ends_at_its_expiry() {
        let correction = |expires_at| Override {
            benchmark: ScorecardId::from_random([2; 20]),
            model: ModelId::parse("a/b").unwrap(),
            score: 0.5,
            author: "dana".to_owned(),
            reason: "judge bug".to_owned(),
            expires_at,
        };
        assert!(correction(None).is_active(Timestamp(10)));
        assert!(correction(Some(Timestamp(10))).is_active(Timestamp(9)));
        assert!(!correction(Some(Timestamp(10))).is_active(Timestamp(10)));
    }
}
