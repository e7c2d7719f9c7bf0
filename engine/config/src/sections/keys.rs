//! `[[keys]]`: API keys, made by Signalbox or brought by the operator.

use std::collections::BTreeMap;

use domain::desired::{KeyRoutingSpec, KeySpec};
use domain::{KeyText, Scope, user_fault};

use super::spending::{budget, key_body_logging, limits, per_user};
use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::readers::{boolean, choice, list, model_ids, moment, name, object, text};
use crate::secrets::{self, Found};

/// The shortest key of an operator's own making.
const MIN_KEY_CHARS: usize = 32;

pub(crate) fn key(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<KeySpec> {
    let title = fields.require("name", ("\"…\"", ""), context, name);
    let secret = match secrets::read(fields, context) {
        Found::Secret(secret, item) => match weakness(secret.expose()) {
            None => Some(secret),
            Some(problem) => item.fault(context, problem),
        },
        Found::Absent | Found::Faulty => None,
    };
    let limits = fields.read("limits", context, |item, context| object(item, context, &[], limits));
    let limits = limits.unwrap_or_default();
    let per_user = fields.take("per_user").and_then(|item| per_user(&item, limits, context));
    let spec = KeySpec {
        limits,
        per_user: per_user.unwrap_or_default(),
        user: fields.read("user", context, user),
        budget: fields.read("budget", context, budget),
        body_logging: fields.read("body_logging", context, key_body_logging),
        project: fields.read("project", context, name),
        routing: fields.read("routing", context, |item, context| object(item, context, &[], routing)),
        scopes: fields
            .read("scopes", context, |item, context| {
                list(item, context, |item, context| {
                    choice(item, context, &[("routing", Scope::Routing), ("platform", Scope::Platform)])
                })
            })
            .unwrap_or_default(),
        allowed_models: fields.read("allowed_models", context, model_ids).unwrap_or_default(),
        expires_at: fields.read("expires_at", context, moment),
        name: title?,
        secret,
    };
    Some(spec)
}

pub(crate) fn routing(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<KeyRoutingSpec> {
    let policy = fields.require("policy", ("\"…\"", ", a policy's name or id"), context, name);
    let active = fields.read("active", context, boolean).unwrap_or(true);
    Some(KeyRoutingSpec { policy: policy?, active })
}

/// Whose provider secrets the key may use.
fn user(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let user = text(item, context)?;
    match user_fault(&user) {
        Some(fault) => item.fault(context, fault),
        None => Some(user),
    }
}

fn weakness(secret: &str) -> Option<String> {
    let length = secret.chars().count();
    if length < MIN_KEY_CHARS {
        return Some(format!(
            "the key has {length} characters: use at least {MIN_KEY_CHARS} random ones, or leave the secret out and one is made"
        ));
    }
    if secret.contains(' ') {
        return Some("the key has a space in it: use one without".to_owned());
    }
    let malformed = "the key starts with `sk-sb-` but fails its checksum: copy it whole, or use another prefix";
    KeyText::is_malformed(secret).then(|| malformed.to_owned())
}

/// A key opens one door: two records with the same secret could not be told apart.
pub(crate) fn refuse_shared_secrets(keys: &[KeySpec], fields: &Fields<'_>, context: &mut Context<'_>) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for key in keys {
        let Some(secret) = &key.secret else { continue };
        if let Some(owner) = owners.insert(secret.expose(), &key.name) {
            let message = format!("has the same secret as the key `{owner}`: give each its own");
            let (path, spot) = super::named(fields, "keys", &key.name)
                .map_or_else(|| (fields.path.clone(), fields.spot), |item| (item.path, item.node.spot));
            context.fault(&path, spot, message);
        }
    }
}
