//! API keys: their records, never the keys themselves.

use domain::{ApiKey, KeyHash, KeyRouting, Scope, Timestamp};

use super::limits::{budget, limits, limits_message};
use super::{ConvertError, Converted, closed_each, moment, parse, parse_each, parse_optional, same_variants, texts};
use crate::pb::object::v1 as pb;

same_variants!(pb::Scope, Scope, [Routing, Platform]);

impl From<&ApiKey> for pb::Key {
    fn from(it: &ApiKey) -> Self {
        Self {
            id: it.id.to_string(),
            organisation: it.organisation.to_string(),
            project: it.project.as_ref().map(ToString::to_string),
            name: it.name.clone(),
            hash: it.hash.0.to_vec(),
            hint: it.hint.clone(),
            scopes: it.scopes.iter().map(|scope| pb::Scope::from(*scope).into()).collect(),
            allowed_models: texts(&it.allowed_models),
            routing: it
                .routing
                .as_ref()
                .map(|routing| pb::KeyRouting { policy: routing.policy.to_string(), active: routing.active }),
            expires_at_micros: it.expires_at.map(Timestamp::unix_micros),
            revoked_at_micros: it.revoked_at.map(Timestamp::unix_micros),
            created_at_micros: it.created_at.unix_micros(),
            user: it.user.clone(),
            limits: limits_message(&it.limits),
            per_user: limits_message(&it.per_user),
            budget: it.budget.as_ref().map(Into::into),
            body_logging: it.body_logging.map(Into::into),
        }
    }
}

impl TryFrom<pb::Key> for ApiKey {
    type Error = ConvertError;
    fn try_from(it: pb::Key) -> Converted<Self> {
        let hash = it.hash.try_into().map_err(|hash: Vec<u8>| {
            ConvertError::new("hash", format_args!("has {} bytes: expected 32", hash.len()))
        })?;
        let routing = it.routing.map(|routing| {
            Ok(KeyRouting { policy: parse("routing.policy", &routing.policy)?, active: routing.active })
        });
        Ok(Self {
            user: it.user,
            limits: limits(it.limits),
            per_user: limits(it.per_user),
            budget: budget(it.budget)?,
            body_logging: it.body_logging.map(Into::into),
            id: parse("id", &it.id)?,
            organisation: parse("organisation", &it.organisation)?,
            project: parse_optional("project", it.project.as_deref())?,
            name: it.name,
            hash: KeyHash(hash),
            hint: it.hint,
            scopes: closed_each::<pb::Scope, _>("scopes", &it.scopes)?,
            allowed_models: parse_each("allowed_models", &it.allowed_models)?,
            routing: routing.transpose()?,
            expires_at: moment(it.expires_at_micros),
            revoked_at: moment(it.revoked_at_micros),
            created_at: Timestamp(it.created_at_micros),
        })
    }
}
