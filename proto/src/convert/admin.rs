//! Diffs, faults, key orders and ledger filters of the operator's services.

use domain::desired::{Action, BlendSpec, CreatedKey, DiffLine, KeyRoutingSpec, KeySpec, PolicySpec};
use domain::{
    CapabilityTag, CredentialKind, Date, DesiredFault, Diff, Direction, Missing, Normalisation, Owner, RequestRecord,
    SecretText, SourceKind, Timestamp,
};

use super::limits::{budget, limits, limits_message};
use super::scorecard::day;
use super::{
    ConvertError, Converted, closed, closed_each, closed_optional, document, moment, parse_each, same_variants, texts,
};
use crate::pb::admin::v1 as pb;
use crate::pb::object::v1 as object;
use crate::pb::object::v1::Scope;

same_variants!(pb::Action, Action, [Create, Update, Delete, Unchanged]);

impl From<&Diff> for pb::Diff {
    fn from(it: &Diff) -> Self {
        let line = |line: &DiffLine| pb::DiffLine {
            action: pb::Action::from(line.action).into(),
            kind: line.kind.clone(),
            name: line.name.clone(),
            changes: line.changes.clone(),
        };
        Self {
            lines: it.lines.iter().map(line).collect(),
            created_keys: it.created_keys.iter().map(Into::into).collect(),
            warnings: it.warnings.clone(),
        }
    }
}

impl TryFrom<pb::Diff> for Diff {
    type Error = ConvertError;
    fn try_from(it: pb::Diff) -> Converted<Self> {
        let line = |(index, line): (usize, pb::DiffLine)| {
            Ok(DiffLine {
                action: closed::<pb::Action, _>(&format!("lines[{index}].action"), line.action)?,
                kind: line.kind,
                name: line.name,
                changes: line.changes,
            })
        };
        Ok(Self {
            lines: it.lines.into_iter().enumerate().map(line).collect::<Converted<_>>()?,
            created_keys: it.created_keys.into_iter().map(Into::into).collect(),
            warnings: it.warnings,
        })
    }
}

impl From<&CreatedKey> for pb::CreatedKey {
    fn from(it: &CreatedKey) -> Self {
        Self { id: it.id.clone(), name: it.name.clone(), key: it.key.expose().to_owned() }
    }
}

impl From<pb::CreatedKey> for CreatedKey {
    fn from(it: pb::CreatedKey) -> Self {
        Self { id: it.id, name: it.name, key: SecretText::new(it.key) }
    }
}

impl From<&DesiredFault> for pb::Fault {
    fn from(it: &DesiredFault) -> Self {
        Self { path: it.path.clone(), message: it.message.clone() }
    }
}

impl From<pb::Fault> for DesiredFault {
    fn from(it: pb::Fault) -> Self {
        Self { path: it.path, message: it.message }
    }
}

impl From<&KeySpec> for pb::CreateKeyRequest {
    /// The organisation stays open: the only one.
    fn from(it: &KeySpec) -> Self {
        Self {
            organisation: None,
            name: it.name.clone(),
            project: it.project.clone(),
            policy: it.routing.as_ref().map(|routing| routing.policy.clone()),
            inactive: it.routing.as_ref().is_some_and(|routing| !routing.active),
            scopes: it.scopes.iter().map(|scope| Scope::from(*scope).into()).collect(),
            allowed_models: texts(&it.allowed_models),
            expires_at_micros: it.expires_at.map(Timestamp::unix_micros),
            secret: it.secret.as_ref().map(|secret| secret.expose().to_owned()),
            idempotency_key: String::new(),
            user: it.user.clone(),
            limits: limits_message(&it.limits),
            per_user: limits_message(&it.per_user),
            budget: it.budget.as_ref().map(Into::into),
            body_logging: it.body_logging.map(Into::into),
        }
    }
}

impl TryFrom<pb::CreateKeyRequest> for KeySpec {
    type Error = ConvertError;
    fn try_from(it: pb::CreateKeyRequest) -> Converted<Self> {
        if it.name.trim().is_empty() {
            return Err(ConvertError::new("name", "is empty: give the key a name"));
        }
        if it.inactive && it.policy.is_none() {
            return Err(ConvertError::new("inactive", "needs a policy: it says whether that policy is enforced"));
        }
        Ok(Self {
            name: it.name,
            project: it.project,
            routing: it.policy.map(|policy| KeyRoutingSpec { policy, active: !it.inactive }),
            secret: it.secret.map(SecretText::new),
            scopes: closed_each::<Scope, _>("scopes", &it.scopes)?,
            allowed_models: parse_each("allowed_models", &it.allowed_models)?,
            expires_at: moment(it.expires_at_micros),
            user: it.user,
            limits: limits(it.limits),
            per_user: limits(it.per_user),
            budget: budget(it.budget)?,
            body_logging: it.body_logging.map(Into::into),
        })
    }
}

impl TryFrom<&RequestRecord> for pb::Record {
    type Error = ConvertError;
    fn try_from(it: &RequestRecord) -> Converted<Self> {
        let record_json = serde_json::to_vec(it).map_err(|error| ConvertError::new("record_json", error))?;
        Ok(Self { sequence: it.sequence, record_json })
    }
}

impl TryFrom<pb::Record> for RequestRecord {
    type Error = ConvertError;
    fn try_from(it: pb::Record) -> Converted<Self> {
        let record: Self =
            serde_json::from_slice(&it.record_json).map_err(|error| ConvertError::new("record_json", error))?;
        if record.sequence != it.sequence {
            return Err(ConvertError::new("sequence", "is not that of the record"));
        }
        Ok(record)
    }
}

/// Whose account a credential opens; absent = the platform's.
pub fn owner(number: Option<i32>) -> Result<Owner, ConvertError> {
    Ok(closed_optional::<object::Owner, _>("owner", number)?.unwrap_or_default())
}

/// What a provider secret is; absent = an API key.
pub fn credential_kind(number: Option<i32>) -> Result<CredentialKind, ConvertError> {
    Ok(closed_optional::<object::CredentialKind, _>("kind", number)?.unwrap_or_default())
}

/// What is declared of a file of scores, as far as it is not text.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoresDeclared {
    /// Which end is good.
    pub direction: Option<Direction>,
    /// How scores become comparable.
    pub normalisation: Option<Normalisation>,
    /// Kinds of work it tells about.
    pub capabilities: Vec<CapabilityTag>,
    /// What stands in for missing scores.
    pub missing: Option<Missing>,
    /// What kind of source it is.
    pub source: Option<SourceKind>,
    /// When the numbers were observed.
    pub observed: Option<Date>,
    /// When they were fetched.
    pub retrieved: Option<Date>,
}

impl TryFrom<&pb::ScoresDeclaration> for ScoresDeclared {
    type Error = ConvertError;
    fn try_from(it: &pb::ScoresDeclaration) -> Converted<Self> {
        let normalisation = it.normalisation.map(Normalisation::try_from).transpose();
        let source = it.source.as_ref();
        let kind = source.map(|it| it.kind).filter(|kind| *kind != object::SourceKind::Unspecified as i32);
        Ok(Self {
            direction: closed_optional::<object::Direction, _>("direction", it.direction)?,
            normalisation: normalisation.map_err(|error| error.within("normalisation"))?,
            capabilities: parse_each("capabilities", &it.capabilities)?,
            missing: closed_optional::<object::Missing, _>("missing", it.missing)?,
            source: closed_optional::<object::SourceKind, _>("source.kind", kind)?,
            observed: day("source.date", source.and_then(|it| it.date.as_deref()))?,
            retrieved: day("retrieved", it.retrieved.as_deref())?,
        })
    }
}

impl From<&PolicySpec> for object::Policy {
    /// Other policies are named as the specification names them; ids are the server's.
    fn from(it: &PolicySpec) -> Self {
        Self {
            name: it.name.clone(),
            slug: it.slug.clone().unwrap_or_default(),
            candidates: Some((&it.candidates).into()),
            strategy: Some((&it.strategy).into()),
            rules_json: document(&it.rules, it.rules.is_empty()),
            affinity: it.affinity.map(|affinity| object::Affinity::from(affinity).into()),
            // The server's.
            id: String::new(),
            organisation: String::new(),
            version: 0,
        }
    }
}

impl From<&BlendSpec> for object::Blend {
    /// Scorecards are named as the specification names them; ids are the server's.
    fn from(it: &BlendSpec) -> Self {
        Self {
            name: it.name.clone(),
            weights: it.weights.iter().map(Into::into).collect(),
            missing: it.missing.map(|missing| object::Missing::from(missing).into()),
            boost: it.boost,
            rank_by: object::RankBy::from(it.rank_by).into(),
            z: it.z,
            overrides: it.overrides.iter().map(Into::into).collect(),
            fallback_model: it.fallback_model.as_ref().map(ToString::to_string),
            ..Self::default()
        }
    }
}
