//! Scorecards.

use domain::scorecard::{Interval, SourceKind, SourceNote};
use domain::{Date, Direction, Missing, Normalisation, ScoreCell, Scorecard};

use super::{
    ConvertError, Converted, closed, closed_optional, finite, parse, parse_each, read_each, required, same_variants,
    texts,
};
use crate::pb::object::v1 as pb;
use crate::pb::object::v1::normalisation::{self, Normalisation as Kind};

same_variants!(pb::Direction, Direction, [Higher, Lower]);
same_variants!(pb::SourceKind, SourceKind, [Published, Eval, Uploaded]);
same_variants!(pb::Missing, Missing, [LowerBound, Median, Renormalise, Min, Zero, Exclude]);

impl From<Normalisation> for pb::Normalisation {
    fn from(it: Normalisation) -> Self {
        let kind = match it {
            Normalisation::Bounds { min, max } => Kind::Bounds(normalisation::Bounds { min, max }),
            Normalisation::ChanceAdjusted { min, max, chance } => {
                Kind::ChanceAdjusted(normalisation::ChanceAdjusted { min, max, chance })
            }
            Normalisation::EloExpected { anchor } => Kind::EloExpected(normalisation::EloExpected { anchor }),
            Normalisation::Log { min, max } => Kind::Log(normalisation::Log { min, max }),
        };
        Self { normalisation: Some(kind) }
    }
}

impl TryFrom<pb::Normalisation> for Normalisation {
    type Error = ConvertError;
    fn try_from(it: pb::Normalisation) -> Converted<Self> {
        Ok(match required("type", it.normalisation)? {
            Kind::Bounds(it) => Self::Bounds { min: finite("bounds.min", it.min)?, max: finite("bounds.max", it.max)? },
            Kind::ChanceAdjusted(it) => Self::ChanceAdjusted {
                min: finite("chance_adjusted.min", it.min)?,
                max: finite("chance_adjusted.max", it.max)?,
                chance: finite("chance_adjusted.chance", it.chance)?,
            },
            Kind::EloExpected(it) => Self::EloExpected { anchor: finite("elo_expected.anchor", it.anchor)? },
            Kind::Log(it) => Self::Log { min: finite("log.min", it.min)?, max: finite("log.max", it.max)? },
        })
    }
}

impl From<&SourceNote> for pb::SourceNote {
    fn from(it: &SourceNote) -> Self {
        Self {
            kind: pb::SourceKind::from(it.kind).into(),
            date: it.date.as_ref().map(ToString::to_string),
            licence: it.licence.clone(),
            url: it.url.clone(),
        }
    }
}

impl TryFrom<pb::SourceNote> for SourceNote {
    type Error = ConvertError;
    fn try_from(it: pb::SourceNote) -> Converted<Self> {
        Ok(Self {
            kind: closed::<pb::SourceKind, _>("kind", it.kind)?,
            date: day("date", it.date.as_deref())?,
            licence: it.licence,
            url: it.url,
        })
    }
}

impl From<&ScoreCell> for pb::ScoreCell {
    fn from(it: &ScoreCell) -> Self {
        Self {
            model: it.model.to_string(),
            score: it.score,
            n: it.n,
            standard_error: it.standard_error,
            interval: it.interval.map(|it| pb::score_cell::Interval { low: it.low, high: it.high }),
        }
    }
}

impl TryFrom<pb::ScoreCell> for ScoreCell {
    type Error = ConvertError;
    fn try_from(it: pb::ScoreCell) -> Converted<Self> {
        let interval = |it: pb::score_cell::Interval| {
            Ok(Interval { low: finite("interval.low", it.low)?, high: finite("interval.high", it.high)? })
        };
        Ok(Self {
            model: parse("model", &it.model)?,
            score: finite("score", it.score)?,
            n: it.n,
            standard_error: it.standard_error.map(|error| finite("standard_error", error)).transpose()?,
            interval: it.interval.map(interval).transpose()?,
        })
    }
}

impl From<&Scorecard> for pb::Scorecard {
    fn from(it: &Scorecard) -> Self {
        Self {
            id: it.id.to_string(),
            organisation: it.organisation.to_string(),
            name: it.name.clone(),
            version: it.version.clone(),
            metric: it.metric.clone(),
            unit: it.unit.clone(),
            direction: pb::Direction::from(it.direction).into(),
            normalisation: Some(it.normalisation.into()),
            capabilities: texts(&it.capabilities),
            missing: it.missing.map(|missing| pb::Missing::from(missing).into()),
            source: Some((&it.source).into()),
            retrieved: it.retrieved.as_ref().map(ToString::to_string),
            stale_after_days: it.stale_after_days,
            cells: it.cells.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<pb::Scorecard> for Scorecard {
    type Error = ConvertError;
    fn try_from(it: pb::Scorecard) -> Converted<Self> {
        let normalisation: Converted<Normalisation> = required("normalisation", it.normalisation)?.try_into();
        let source: Converted<SourceNote> = required("source", it.source)?.try_into();
        Ok(Self {
            id: parse("id", &it.id)?,
            organisation: parse("organisation", &it.organisation)?,
            name: it.name,
            version: it.version,
            metric: it.metric,
            unit: it.unit,
            direction: closed::<pb::Direction, _>("direction", it.direction)?,
            normalisation: normalisation.map_err(|error| error.within("normalisation"))?,
            capabilities: parse_each("capabilities", &it.capabilities)?,
            missing: closed_optional::<pb::Missing, _>("missing", it.missing)?,
            source: source.map_err(|error| error.within("source"))?,
            retrieved: day("retrieved", it.retrieved.as_deref())?,
            stale_after_days: it.stale_after_days,
            cells: read_each("cells", it.cells)?,
        })
    }
}

pub(super) fn day(field: &str, text: Option<&str>) -> Converted<Option<Date>> {
    text.map(|text| Date::parse(text).map_err(|error| ConvertError::new(field, error))).transpose()
}
