//! Checks an organisation's configuration as it would be after a change.
//!
//! What the change saves must be right in itself; what it leaves alone must still work. An existing policy or router
//! that loses one of several models goes on without it, as routing does with models disabled later: a warning. One
//! that would lose its last model, or names one that is gone, stands in the way of the change: a fault.

mod catalogue;
mod keys;
mod reach;
mod routing;
mod scorecards;
mod spending;

use std::fmt::Display;

use domain::{ModelId, ObjectKind, Tenant, Timestamp};

use crate::keys::Keys;
use crate::names;

pub(crate) use reach::Reach;

/// The configuration as it would be.
pub(crate) struct Proposed<'a> {
    pub(crate) tenant: &'a Tenant,
    /// As it is, for the names of what would be gone.
    pub(crate) before: &'a Tenant,
    /// The organisation's keys.
    pub(crate) keys: &'a Keys<'a>,
    /// What is checked of it.
    pub(crate) reach: &'a Reach,
    pub(crate) now: Timestamp,
    /// Whether the change saves an object.
    pub(crate) saved: &'a dyn Fn(ObjectKind, &str) -> bool,
}

/// One thing wrong, or odd, with an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Finding {
    pub(crate) kind: ObjectKind,
    pub(crate) id: String,
    pub(crate) name: String,
    /// The field, as the file names it; empty for the whole object.
    pub(crate) field: String,
    pub(crate) message: String,
}

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What must not be.
    pub(crate) faults: Vec<Finding>,
    /// What is allowed but probably not meant.
    pub(crate) warnings: Vec<Finding>,
}

/// Checks what the change reaches.
pub(crate) fn check(proposed: &Proposed<'_>) -> Findings {
    let mut findings = Findings::default();
    catalogue::check(proposed, &mut findings);
    scorecards::check(proposed, &mut findings);
    routing::check(proposed, &mut findings);
    keys::check(proposed, &mut findings);
    findings
}

/// The object that findings are about.
struct Subject<'f> {
    findings: &'f mut Findings,
    kind: ObjectKind,
    // Written out only where something is found: of most objects nothing is.
    id: &'f dyn Display,
    name: &'f dyn Display,
}

impl Findings {
    fn about<'f>(&'f mut self, kind: ObjectKind, id: &'f dyn Display, name: &'f dyn Display) -> Subject<'f> {
        Subject { findings: self, kind, id, name }
    }
}

impl Subject<'_> {
    fn finding(&self, field: impl Into<String>, message: impl Into<String>) -> Finding {
        let (id, name) = (self.id.to_string(), self.name.to_string());
        Finding { kind: self.kind, id, name, field: field.into(), message: message.into() }
    }

    fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let finding = self.finding(field, message);
        self.findings.faults.push(finding);
    }

    fn warn(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let finding = self.finding(field, message);
        self.findings.warnings.push(finding);
    }
}

/// What is wrong with naming a model.
enum NamedModel {
    Fine,
    Disabled,
    ProxyOnly(String),
    Unknown(String),
}

fn named_model(tenant: &Tenant, id: &ModelId) -> NamedModel {
    match tenant.models.get(id) {
        Some(_) if !tenant.is_routable(id) => NamedModel::ProxyOnly(policy::proxy_only(id)),
        Some(model) if model.enabled => NamedModel::Fine,
        Some(_) => NamedModel::Disabled,
        None => {
            let hint = names::hint(id.as_str(), tenant.models.keys().map(ModelId::as_str));
            NamedModel::Unknown(format!("there is no model `{id}`{hint}"))
        }
    }
}
