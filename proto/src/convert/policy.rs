//! Policies and routers.

use std::fmt::Display;

use domain::{
    Affinity, Axis, Candidates, CredentialSource, Dial, Lambda, MinQuality, Optimal, Policy, PolicyModel, ProviderSlug,
    Router, Strategy,
};

use super::{
    ConvertError, Converted, closed, closed_optional, document, finite, parse, parse_each, parse_optional,
    read_document, required, same_variants, texts,
};
use crate::pb::object::v1 as pb;
use crate::pb::object::v1::candidates::Candidates as CandidatesKind;
use crate::pb::object::v1::strategy::Strategy as StrategyKind;
use crate::pb::object::v1::strategy::optimal::Dial as DialKind;

same_variants!(pb::Affinity, Affinity, [Conversation]);
same_variants!(pb::CredentialSource, CredentialSource, [Managed, User]);
same_variants!(pb::Axis, Axis, [Cost, Performance, Capability]);

impl<B: Display> From<&Strategy<B>> for pb::Strategy {
    fn from(strategy: &Strategy<B>) -> Self {
        let kind = match strategy {
            Strategy::Single { model } => StrategyKind::Single(pb::strategy::Single { model: model.to_string() }),
            Strategy::Priority {} => StrategyKind::Priority(pb::strategy::Priority {}),
            Strategy::Split {} => StrategyKind::Split(pb::strategy::Split {}),
            Strategy::LowestCost {} => StrategyKind::LowestCost(pb::strategy::LowestCost {}),
            Strategy::LeastLatency {} => StrategyKind::LeastLatency(pb::strategy::LeastLatency {}),
            Strategy::Blend { blend } => StrategyKind::Blend(pb::strategy::BlendOf { blend: blend.to_string() }),
            Strategy::Intelligent { axis } => {
                StrategyKind::Intelligent(pb::strategy::Intelligent { axis: pb::Axis::from(*axis).into() })
            }
            Strategy::Optimal(it) => StrategyKind::Optimal(it.into()),
        };
        Self { strategy: Some(kind) }
    }
}

impl TryFrom<pb::Strategy> for Strategy {
    type Error = ConvertError;
    fn try_from(strategy: pb::Strategy) -> Converted<Self> {
        Ok(match required("type", strategy.strategy)? {
            StrategyKind::Single(it) => Self::Single { model: parse("single.model", &it.model)? },
            StrategyKind::Priority(_) => Self::Priority {},
            StrategyKind::Split(_) => Self::Split {},
            StrategyKind::LowestCost(_) => Self::LowestCost {},
            StrategyKind::LeastLatency(_) => Self::LeastLatency {},
            StrategyKind::Blend(it) => Self::Blend { blend: parse("blend.blend", &it.blend)? },
            StrategyKind::Intelligent(it) => {
                Self::Intelligent { axis: closed::<pb::Axis, _>("intelligent.axis", it.axis)? }
            }
            StrategyKind::Optimal(it) => Self::Optimal(it.try_into()?),
        })
    }
}

impl<B: Display> From<&Optimal<B>> for pb::strategy::Optimal {
    fn from(it: &Optimal<B>) -> Self {
        let dial = match it.dial {
            Dial::Lambda(lambda) => DialKind::Lambda(lambda.get()),
            Dial::MinQuality(share) => DialKind::MinQuality(share.get()),
        };
        Self { blend: it.blend.as_ref().map(ToString::to_string), dial: Some(dial) }
    }
}

impl TryFrom<pb::strategy::Optimal> for Optimal {
    type Error = ConvertError;
    fn try_from(it: pb::strategy::Optimal) -> Converted<Self> {
        let dial = match required("optimal.dial", it.dial)? {
            DialKind::Lambda(value) => Lambda::try_new(value).map(Dial::Lambda),
            DialKind::MinQuality(value) => MinQuality::try_new(value).map(Dial::MinQuality),
        };
        Ok(Self {
            blend: parse_optional("optimal.blend", it.blend.as_deref())?,
            dial: dial.map_err(|fault| ConvertError::new("optimal.dial", fault))?,
        })
    }
}

impl From<&Candidates> for pb::Candidates {
    fn from(candidates: &Candidates) -> Self {
        let kind = match candidates {
            Candidates::All => CandidatesKind::All(pb::candidates::All {}),
            Candidates::Listed(models) => {
                CandidatesKind::Listed(pb::candidates::Listed { models: models.iter().map(Into::into).collect() })
            }
        };
        Self { candidates: Some(kind) }
    }
}

impl TryFrom<pb::Candidates> for Candidates {
    type Error = ConvertError;
    fn try_from(candidates: pb::Candidates) -> Converted<Self> {
        match required("kind", candidates.candidates)? {
            CandidatesKind::All(_) => Ok(Self::All),
            CandidatesKind::Listed(it) => it
                .models
                .into_iter()
                .enumerate()
                .map(|(index, model)| {
                    PolicyModel::try_from(model).map_err(|error| error.within(&format!("listed.models[{index}]")))
                })
                .collect::<Converted<_>>()
                .map(Self::Listed),
        }
    }
}

impl From<&PolicyModel> for pb::PolicyModel {
    fn from(it: &PolicyModel) -> Self {
        Self { model: it.model.to_string(), priority: it.priority, weight: it.weight }
    }
}

impl TryFrom<pb::PolicyModel> for PolicyModel {
    type Error = ConvertError;
    fn try_from(it: pb::PolicyModel) -> Converted<Self> {
        Ok(Self {
            model: parse("model", &it.model)?,
            priority: it.priority,
            weight: it.weight.map(|weight| finite("weight", weight)).transpose()?,
        })
    }
}

impl From<&Policy> for pb::Policy {
    fn from(it: &Policy) -> Self {
        Self {
            id: it.id.to_string(),
            organisation: it.organisation.to_string(),
            name: it.name.clone(),
            slug: it.slug.clone(),
            candidates: Some((&it.candidates).into()),
            strategy: Some((&it.strategy).into()),
            rules_json: document(&it.rules, it.rules.is_empty()),
            affinity: it.affinity.map(|affinity| pb::Affinity::from(affinity).into()),
            version: it.version,
        }
    }
}

impl TryFrom<pb::Policy> for Policy {
    type Error = ConvertError;
    fn try_from(it: pb::Policy) -> Converted<Self> {
        Ok(Self {
            id: parse("id", &it.id)?,
            organisation: parse("organisation", &it.organisation)?,
            name: it.name,
            slug: it.slug,
            version: it.version,
            candidates: required("candidates", it.candidates)?
                .try_into()
                .map_err(|error: ConvertError| error.within("candidates"))?,
            strategy: required("strategy", it.strategy)?
                .try_into()
                .map_err(|error: ConvertError| error.within("strategy"))?,
            rules: read_document("rules_json", &it.rules_json)?,
            affinity: closed_optional::<pb::Affinity, _>("affinity", it.affinity)?,
        })
    }
}

impl From<&Router> for pb::Router {
    fn from(it: &Router) -> Self {
        Self {
            id: it.id.to_string(),
            organisation: it.organisation.to_string(),
            name: it.name.clone(),
            models: texts(&it.models),
            policy: it.policy.as_ref().map(ToString::to_string),
            scorecards: texts(&it.scorecards),
            credentials: it.credentials.iter().map(sourced).collect(),
        }
    }
}

impl TryFrom<pb::Router> for Router {
    type Error = ConvertError;
    fn try_from(it: pb::Router) -> Converted<Self> {
        Ok(Self {
            id: parse("id", &it.id)?,
            organisation: parse("organisation", &it.organisation)?,
            name: it.name,
            models: parse_each("models", &it.models)?,
            policy: parse_optional("policy", it.policy.as_deref())?,
            scorecards: parse_each("scorecards", &it.scorecards)?,
            credentials: it.credentials.into_iter().map(read_source).collect::<Converted<_>>()?,
        })
    }
}

fn sourced((provider, source): (&ProviderSlug, &CredentialSource)) -> (String, i32) {
    (provider.to_string(), pb::CredentialSource::from(*source).into())
}

fn read_source((provider, source): (String, i32)) -> Converted<(ProviderSlug, CredentialSource)> {
    let field = format!("credentials.{provider}");
    Ok((parse(&field, &provider)?, closed::<pb::CredentialSource, _>(&field, source)?))
}
