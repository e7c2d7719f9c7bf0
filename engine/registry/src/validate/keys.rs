//! Checks API keys: what they name exists, and they have not ended before they begin.

use domain::{ModelId, ObjectKind};

use super::{Findings, Proposed, routing, spending};
use crate::names;

pub(super) fn check(proposed: &Proposed<'_>, findings: &mut Findings) {
    let tenant = proposed.tenant;
    for key in proposed.reach.ids(ObjectKind::Key).filter_map(|id| proposed.keys.get(id)) {
        // A revoked key is a record of the past, but what it refers to must not dangle.
        let subject = &mut findings.about(ObjectKind::Key, &key.id, &key.name);
        routing::check_policy(proposed, "routing.policy", key.routing.as_ref().map(|it| &it.policy), subject);
        if let Some(project) = key.project.as_ref().filter(|id| !tenant.projects.contains_key(*id)) {
            subject.fault("project", format!("there is no project `{project}`: let the key name another one first"));
        }
        if key.revoked_at.is_some() {
            continue;
        }
        spending::check_limits("limits", &key.limits, subject);
        spending::check_limits("per_user", &key.per_user, subject);
        spending::check_budget(key.budget.as_ref(), subject);
        spending::check_body_logging_of_key(key.body_logging.as_ref(), subject);
        if let Some(fault) = key.user.as_deref().and_then(domain::user_fault) {
            subject.fault("user", fault);
        }
        for (index, model) in key.allowed_models.iter().enumerate().filter(|(_, it)| !tenant.models.contains_key(*it)) {
            let hint = names::hint(model.as_str(), tenant.models.keys().map(ModelId::as_str));
            subject.fault(format!("allowed_models[{index}]"), format!("there is no model `{model}`{hint}"));
        }
        if let Some(end) = key.expires_at.filter(|end| *end <= proposed.now)
            && (proposed.saved)(ObjectKind::Key, key.id.as_str())
        {
            subject.warn("expires_at", format!("{end} is past: the key cannot be used"));
        }
    }
}
