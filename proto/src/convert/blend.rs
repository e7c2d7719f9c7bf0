//! Blends.

use std::fmt::Display;

use domain::blend::{BlendWeight, Override, RankBy};
use domain::{Blend, Timestamp};

use super::{
    ConvertError, Converted, closed, closed_optional, finite, moment, parse, parse_optional, read_each, same_variants,
};
use crate::pb::object::v1 as pb;

same_variants!(pb::RankBy, RankBy, [Mean, Lcb]);

impl<B: Display> From<&BlendWeight<B>> for pb::BlendWeight {
    fn from(it: &BlendWeight<B>) -> Self {
        Self {
            benchmark: it.benchmark.to_string(),
            weight: it.weight,
            missing: it.missing.map(|missing| pb::Missing::from(missing).into()),
        }
    }
}

impl TryFrom<pb::BlendWeight> for BlendWeight {
    type Error = ConvertError;
    fn try_from(it: pb::BlendWeight) -> Converted<Self> {
        Ok(Self {
            benchmark: parse("benchmark", &it.benchmark)?,
            weight: finite("weight", it.weight)?,
            missing: closed_optional::<pb::Missing, _>("missing", it.missing)?,
        })
    }
}

impl<B: Display> From<&Override<B>> for pb::ScoreOverride {
    fn from(it: &Override<B>) -> Self {
        Self {
            benchmark: it.benchmark.to_string(),
            model: it.model.to_string(),
            score: it.score,
            author: it.author.clone(),
            reason: it.reason.clone(),
            expires_at_micros: it.expires_at.map(Timestamp::unix_micros),
        }
    }
}

impl TryFrom<pb::ScoreOverride> for Override {
    type Error = ConvertError;
    fn try_from(it: pb::ScoreOverride) -> Converted<Self> {
        Ok(Self {
            benchmark: parse("benchmark", &it.benchmark)?,
            model: parse("model", &it.model)?,
            score: finite("score", it.score)?,
            author: it.author,
            reason: it.reason,
            expires_at: moment(it.expires_at_micros),
        })
    }
}

impl From<&Blend> for pb::Blend {
    fn from(it: &Blend) -> Self {
        Self {
            id: it.id.to_string(),
            organisation: it.organisation.to_string(),
            name: it.name.clone(),
            version: it.version,
            weights: it.weights.iter().map(Into::into).collect(),
            missing: it.missing.map(|missing| pb::Missing::from(missing).into()),
            boost: it.boost,
            rank_by: pb::RankBy::from(it.rank_by).into(),
            z: it.z,
            overrides: it.overrides.iter().map(Into::into).collect(),
            fallback_model: it.fallback_model.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<pb::Blend> for Blend {
    type Error = ConvertError;
    fn try_from(it: pb::Blend) -> Converted<Self> {
        Ok(Self {
            id: parse("id", &it.id)?,
            organisation: parse("organisation", &it.organisation)?,
            name: it.name,
            version: it.version,
            weights: read_each("weights", it.weights)?,
            missing: closed_optional::<pb::Missing, _>("missing", it.missing)?,
            boost: finite("boost", it.boost)?,
            rank_by: closed::<pb::RankBy, _>("rank_by", it.rank_by)?,
            z: finite("z", it.z)?,
            overrides: read_each("overrides", it.overrides)?,
            fallback_model: parse_optional("fallback_model", it.fallback_model.as_deref())?,
        })
    }
}
