//! Plans providers and models. The secrets of providers are planned in `credentials`.

use std::sync::Arc;

use domain::desired::{Desired, ModelSpec, ProviderSpec};
use domain::{Model, Object, ObjectKind, Provider, ProviderSlug};

use super::{Plan, nine_decimals};
use crate::{catalogue, names};

impl Plan<'_> {
    pub(super) fn providers(&mut self, desired: &Desired) {
        for (index, spec) in desired.providers.iter().enumerate() {
            let path = format!("providers[{index}]");
            if !self.place(ObjectKind::Provider, &spec.slug, &path) {
                continue;
            }
            self.provider(spec);
            for (index, credential) in spec.credentials.iter().flatten().enumerate() {
                self.credential(&spec.slug, credential, &format!("{path}.credentials[{index}]"));
            }
            if let Some(listed) = &spec.credentials {
                self.drop_unlisted(&spec.slug, listed);
            }
        }
    }

    fn provider(&mut self, spec: &ProviderSpec) {
        let provider = Provider {
            slug: spec.slug.clone(),
            organisation: self.context.organisation.clone(),
            dialect: spec.dialect,
            base_url: without_slash(&spec.base_url).to_owned(),
            auth: spec.auth.clone(),
            allow_anonymous: spec.allow_anonymous,
            allow_private_network: spec.allow_private_network,
            zero_data_retention: spec.zero_data_retention,
            collects_data: spec.collects_data,
            timeouts: spec.timeouts,
            query: spec.query.clone(),
            headers: spec.headers.clone(),
            responses: spec.responses,
        };
        let before = self.before.providers.get(&spec.slug);
        let provider = Arc::new(provider);
        self.put(spec.slug.as_str(), before.map(Arc::as_ref), &provider, Object::Provider(provider.clone()));
    }

    pub(super) fn models(&mut self, desired: &Desired) {
        for (index, spec) in desired.models.iter().enumerate() {
            let path = format!("models[{index}]");
            if self.place(ObjectKind::Model, &spec.id, &path) && self.has_provider(spec, &path) {
                self.model(spec);
            }
        }
    }

    fn model(&mut self, spec: &ModelSpec) {
        let model = Model {
            dimensions: spec.dimensions,
            id: spec.id.clone(),
            organisation: self.context.organisation.clone(),
            native: spec.native.clone().unwrap_or_else(|| spec.id.native().to_owned()),
            name: spec.name.clone(),
            enabled: spec.enabled,
            context_length: spec.context_length,
            max_output_tokens: spec.max_output_tokens,
            pricing: spec.pricing,
            capability: spec.capability.map(nine_decimals),
            capabilities: spec.capabilities.clone(),
            input_modalities: spec.input_modalities.clone(),
            output_modalities: spec.output_modalities.clone(),
            supported_parameters: spec.supported_parameters.clone(),
            released: spec.released.clone(),
            zero_data_retention: spec.zero_data_retention,
            source: spec.source.clone(),
        };
        let before = self.before.models.get(&spec.id);
        let model = Arc::new(model);
        self.put(spec.id.as_str(), before.map(Arc::as_ref), &model, Object::Model(model.clone()));
    }

    /// Makes sure that a model's provider is there; one that the built-in catalogue knows is added.
    fn has_provider(&mut self, spec: &ModelSpec, path: &str) -> bool {
        if self.after.provider_of(&spec.id).is_some() {
            return true;
        }
        let slug = spec.id.provider();
        if let Some(seeded) = catalogue::seed().provider(slug) {
            self.provider(&seeded.spec);
            let warning = format!(
                "provider `{slug}` was added from the built-in catalogue: give it a credential (or set {}) before \
                 its models can be called",
                seeded.key_env
            );
            self.diff.warnings.push(warning);
            return true;
        }
        let hint = names::hint(slug, self.after.providers.keys().map(ProviderSlug::as_str));
        self.fault(format!("{path}.id"), format!("there is no provider `{slug}`{hint} (add it under `providers`)"));
        false
    }
}

/// The URL without the slashes at its end: a path follows. One that is nothing but a scheme stays, to be refused.
pub(super) fn without_slash(url: &str) -> &str {
    let trimmed = url.trim_end_matches('/');
    if trimmed.ends_with(':') { url } else { trimmed }
}
