//! The harness: a registry with one organisation, and configurations written as JSON.

use std::path::PathBuf;

use domain::desired::{Desired, Diff};
use domain::{OrganisationId, Tenant};
use registry::{ApplyError, Registry};
use seal::{Keyring, SealingKey};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct Story {
    pub(crate) folder: TempDir,
    pub(crate) registry: Registry,
    pub(crate) organisation: OrganisationId,
}

pub(crate) fn sealing_key() -> SealingKey {
    SealingKey::from_bytes([7; 32])
}

pub(crate) fn keyring() -> Keyring {
    Keyring::new(sealing_key())
}

pub(crate) fn desired(configuration: Value) -> Desired {
    serde_json::from_value(configuration).expect("a well-formed configuration")
}

impl Story {
    /// An empty organisation.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(&folder.path().join("registry.db"), keyring()).await.unwrap();
        let organisation = registry.create_organisation("acme").await.unwrap();
        Self { folder, registry, organisation }
    }

    /// An organisation with a provider, three models (one disabled), a policy and a router.
    pub(crate) async fn furnished() -> Self {
        let story = Self::empty().await;
        story.apply(furniture()).await;
        story
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("registry.db")
    }

    /// Closes the file and opens it again.
    pub(crate) async fn reopen(&mut self) {
        self.registry.close().await;
        self.registry = Registry::open(&self.path(), keyring()).await.unwrap();
    }

    pub(crate) fn tenant(&self) -> std::sync::Arc<Tenant> {
        self.registry.tenant(&self.organisation).unwrap()
    }

    #[track_caller]
    pub(crate) fn apply(&self, configuration: Value) -> impl Future<Output = Diff> {
        let desired = desired(configuration);
        async move { self.registry.apply(&self.organisation, &desired, false, registry::Terms::operator()).await.unwrap() }
    }

    /// Applies what must be refused, and returns the faults as `path: message`.
    pub(crate) async fn refused(&self, configuration: Value) -> Vec<String> {
        let before = self.registry.snapshot();
        let refused =
            self.registry.apply(&self.organisation, &desired(configuration), false, registry::Terms::operator()).await;
        let ApplyError::Refused { faults } = refused.expect_err("refused") else {
            panic!("refused for its content");
        };
        assert_eq!(self.registry.snapshot(), before, "nothing is half-applied");
        faults.iter().map(ToString::to_string).collect()
    }
}

pub(crate) fn provider(slug: &str) -> Value {
    json!({"slug": slug, "dialect": "openai", "base_url": format!("https://{slug}.example.com/v1"),
           "credentials": [{"name": "main", "secret": "sk-provider-secret-1"}]})
}

pub(crate) fn furniture() -> Value {
    json!({
        "providers": [provider("acme-ai")],
        "models": [
            {"id": "acme-ai/small", "pricing": {"prompt": "0.000001", "completion": "0.000002"}},
            {"id": "acme-ai/large", "capability": 0.9},
            {"id": "acme-ai/old", "enabled": false},
        ],
        "policies": [{
            "name": "Support", "default": true, "strategy": {"type": "intelligent", "axis": "cost"},
            "candidates": {"listed": [{"model": "acme-ai/small"}, {"model": "acme-ai/large"}]},
        }],
        "projects": [{"name": "web", "policy": "support"}],
        "routers": [{"name": "edge", "models": ["acme-ai/small"], "policy": "Support"}],
        "keys": [{"name": "ci", "project": "web", "routing": {"policy": "support"},
                  "secret": "an-operators-own-key-of-32-chars-1", "allowed_models": ["acme-ai/small"]}],
    })
}
