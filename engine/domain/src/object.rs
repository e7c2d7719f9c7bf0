//! Configuration as a stream of objects: what the registry stores, the snapshot carries and `apply` sends.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::blend::Blend;
use crate::catalogue::{Credential, Model, Organisation, Project, Provider, SealedBytes};
use crate::ids::OrganisationId;
use crate::key::ApiKey;
use crate::policy::{Policy, Router};
use crate::scorecard::Scorecard;

/// The kinds of configuration objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// The sealed pepper of key hashes; there is one, with the id `pepper`.
    Pepper,
    /// A tenant.
    Organisation,
    /// A project.
    Project,
    /// A provider; its id is its slug.
    Provider,
    /// A provider secret.
    Credential,
    /// A model.
    Model,
    /// A scorecard.
    Scorecard,
    /// A blend.
    Blend,
    /// A policy.
    Policy,
    /// A router.
    Router,
    /// An API key.
    Key,
}

impl ObjectKind {
    /// Every kind, referred-to kinds before those that refer to them.
    pub const ALL: [Self; 11] = [
        Self::Pepper,
        Self::Organisation,
        Self::Project,
        Self::Provider,
        Self::Credential,
        Self::Model,
        Self::Scorecard,
        Self::Blend,
        Self::Policy,
        Self::Router,
        Self::Key,
    ];

    /// The kind's name: `router`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::Organisation => "organisation",
            Self::Project => "project",
            Self::Provider => "provider",
            Self::Credential => "credential",
            Self::Model => "model",
            Self::Scorecard => "scorecard",
            Self::Blend => "blend",
            Self::Policy => "policy",
            Self::Router => "router",
            Self::Key => "key",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ObjectKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a kind of object"))
    }
}

/// Names an object among all objects. `organisation` is absent for organisations themselves and the pepper.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    /// What it is.
    pub kind: ObjectKind,
    /// Whose it is.
    pub organisation: Option<OrganisationId>,
    /// Its id within the kind and organisation.
    pub id: String,
}

/// A configuration object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Object {
    /// The sealed pepper.
    Pepper(SealedBytes),
    /// A tenant.
    Organisation(Arc<Organisation>),
    /// A project.
    Project(Arc<Project>),
    /// A provider.
    Provider(Arc<Provider>),
    /// A provider secret.
    Credential(Arc<Credential>),
    /// A model.
    Model(Arc<Model>),
    /// A scorecard.
    Scorecard(Arc<Scorecard>),
    /// A blend.
    Blend(Arc<Blend>),
    /// A policy.
    Policy(Arc<Policy>),
    /// A router.
    Router(Arc<Router>),
    /// An API key.
    Key(Arc<ApiKey>),
}

impl Object {
    /// What people call it: a credential `provider/name`, a scorecard by its name and version.
    pub fn name(&self) -> String {
        match self {
            Self::Pepper(_) => "pepper".to_owned(),
            Self::Organisation(it) => it.name.clone(),
            Self::Project(it) => it.name.clone(),
            Self::Provider(it) => it.slug.to_string(),
            Self::Credential(it) => format!("{}/{}", it.provider, it.name),
            Self::Model(it) => it.id.to_string(),
            Self::Scorecard(it) => it.label(),
            Self::Blend(it) => it.name.clone(),
            Self::Policy(it) => it.name.clone(),
            Self::Router(it) => it.name.clone(),
            Self::Key(it) => it.name.clone(),
        }
    }

    /// The object's name among all objects.
    pub fn key(&self) -> ObjectKey {
        let (kind, organisation, id) = match self {
            Self::Pepper(_) => (ObjectKind::Pepper, None, "pepper".to_owned()),
            Self::Organisation(it) => (ObjectKind::Organisation, None, it.id.to_string()),
            Self::Project(it) => (ObjectKind::Project, Some(&it.organisation), it.id.to_string()),
            Self::Provider(it) => (ObjectKind::Provider, Some(&it.organisation), it.slug.to_string()),
            Self::Credential(it) => (ObjectKind::Credential, Some(&it.organisation), it.id.to_string()),
            Self::Model(it) => (ObjectKind::Model, Some(&it.organisation), it.id.to_string()),
            Self::Scorecard(it) => (ObjectKind::Scorecard, Some(&it.organisation), it.id.to_string()),
            Self::Blend(it) => (ObjectKind::Blend, Some(&it.organisation), it.id.to_string()),
            Self::Policy(it) => (ObjectKind::Policy, Some(&it.organisation), it.id.to_string()),
            Self::Router(it) => (ObjectKind::Router, Some(&it.organisation), it.id.to_string()),
            Self::Key(it) => (ObjectKind::Key, Some(&it.organisation), it.id.to_string()),
        };
        ObjectKey { kind, organisation: organisation.cloned(), id }
    }
}

/// One step from a snapshot to the next.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The object is new or has changed.
    Put(Object),
    /// The object is gone.
    Delete(ObjectKey),
}
