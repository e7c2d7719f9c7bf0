//! The first organisation of a new registry, and further ones.

use std::sync::Arc;

use domain::desired::{Desired, KeySpec, PolicySpec};
use domain::policy::Axis;
use domain::{Candidates, Change, Limits, Object, Organisation, OrganisationId, Strategy};

use super::writing::{Scope, Step, refuse, refuse_one};
use super::{FirstStart, Registry};
use crate::error::ApplyError;
use crate::journal::Record;
use crate::kept::AuditAction;
use crate::plan;

/// The organisation, policy and key of a first start.
const DEFAULT: &str = "default";

impl Registry {
    /// Makes the first organisation, policy and key; `None` when there is an organisation already.
    pub async fn bootstrap(&self) -> Result<Option<FirstStart>, ApplyError> {
        let made = self.write(Scope::installation(), |inner, before, _| {
            if !before.tenants.is_empty() {
                return Ok(Step::nothing(None));
            }
            let organisation = new_organisation(DEFAULT);
            let id = organisation.id.clone();
            let mut step = made(&organisation, None);
            let started = before.apply(before.version, step.changes.clone());
            let mut planned = plan::apply(inner.context(&started, &id), &first_configuration()).map_err(refuse)?;
            step.changes.append(&mut planned.changes);
            step.records.append(&mut planned.records);
            let answer = planned.diff.created_keys.pop().map(|key| (id, key));
            Ok(Step { answer, ..step })
        });
        Ok(made.await?.map(|(organisation, key)| FirstStart { organisation, key }))
    }

    /// Makes another organisation.
    pub async fn create_organisation(&self, name: &str) -> Result<OrganisationId, ApplyError> {
        let name = name.to_owned();
        self.write(Scope::installation(), move |_, before, _| {
            let taken = before.tenants.values().any(|tenant| tenant.organisation.name == name);
            if taken || name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
                let message = if taken {
                    format!("there is an organisation `{name}` already: choose another name")
                } else {
                    "a name has 1 to 100 characters, without line breaks".to_owned()
                };
                return Err(refuse_one("name", message));
            }
            let organisation = new_organisation(&name);
            Ok(made(&organisation, organisation.id.clone()))
        })
        .await
    }
}

fn made<T>(organisation: &Arc<Organisation>, answer: T) -> Step<T> {
    let object = Object::Organisation(organisation.clone());
    let (key, name) = (object.key(), object.name());
    let record = Record { key, action: AuditAction::Create, changes: vec![format!("name: {name}")], name };
    Step { changes: vec![Change::Put(object)], records: vec![record], ..Step::nothing(answer) }
}

fn new_organisation(name: &str) -> Arc<Organisation> {
    let id = OrganisationId::from_random(crate::random());
    Arc::new(Organisation {
        body_logging: None,
        budget: None,
        id,
        name: name.to_owned(),
        default_policy: None,
        calibration: None,
    })
}

/// Everything enabled, chosen by complexity, and a key to try it with.
fn first_configuration() -> Desired {
    let policy = PolicySpec {
        name: DEFAULT.to_owned(),
        slug: None,
        default: true,
        candidates: Candidates::All,
        strategy: Strategy::Intelligent { axis: Axis::Performance },
        rules: Vec::new(),
        affinity: None,
    };
    let key = KeySpec {
        name: DEFAULT.to_owned(),
        project: None,
        routing: None,
        secret: None,
        scopes: Vec::new(),
        allowed_models: Vec::new(),
        user: None,
        limits: Limits::default(),
        per_user: Limits::default(),
        budget: None,
        body_logging: None,
        expires_at: None,
    };
    Desired { policies: vec![policy], keys: vec![key], ..Desired::default() }
}
