//! The built-in catalogue: providers and models that are known without an import.
//!
//! Facts only, each model with its source and date. A model whose provider has no credential is simply not callable.

use std::sync::LazyLock;

use domain::desired::{ModelSpec, ProviderSpec};
use serde::Deserialize;

const FILE: &[u8] = include_bytes!("../catalogue/seed.json");

static SEED: LazyLock<Seed> =
    LazyLock::new(|| serde_json::from_slice(FILE).expect("the built-in catalogue is checked by a test"));

/// The built-in catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Where the facts come from.
    pub sources: Vec<String>,
    /// Its providers, without credentials.
    pub providers: Vec<SeedProvider>,
    /// Its models.
    pub models: Vec<ModelSpec>,
}

/// A provider of the built-in catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedProvider {
    /// The provider.
    pub spec: ProviderSpec,
    /// The environment variable in which its users keep their key.
    pub key_env: String,
    /// What price catalogues in the `LiteLLM` format call it.
    pub litellm: String,
    /// What models.dev calls it.
    pub models_dev: String,
}

impl Seed {
    /// A provider by slug.
    pub fn provider(&self, slug: &str) -> Option<&SeedProvider> {
        self.providers.iter().find(|it| it.spec.slug.as_str() == slug)
    }

    /// The models of a provider.
    pub fn models_of<'a>(&'a self, slug: &'a str) -> impl Iterator<Item = &'a ModelSpec> {
        self.models.iter().filter(move |model| model.id.provider() == slug)
    }
}

/// Returns the built-in catalogue.
///
/// # Panics
/// Never: a test reads the same file.
pub fn seed() -> &'static Seed {
    &SEED
}
