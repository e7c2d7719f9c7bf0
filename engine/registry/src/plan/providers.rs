//! Plans providers, their sealed secrets, and models.

use std::sync::Arc;

use domain::desired::{Action, CredentialSpec, Desired, DiffLine, ModelSpec, ProviderSpec};
use domain::{
    Credential, CredentialId, KeyText, Model, Object, ObjectKind, Owner, Provider, ProviderSlug, SealedBytes,
};
use seal::Aad;

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
            headers: std::collections::BTreeMap::new(),
            responses: false,
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
        };
        let before = self.before.providers.get(&spec.slug);
        let provider = Arc::new(provider);
        self.put(spec.slug.as_str(), before.map(Arc::as_ref), &provider, Object::Provider(provider.clone()));
    }

    pub(super) fn credential(&mut self, provider: &ProviderSlug, spec: &CredentialSpec, path: &str) {
        let secret = spec.secret.expose();
        if !self.check_name(path, &spec.name) || !self.check_secret(path, secret) {
            return;
        }
        let before = self.before;
        let known = before.credentials_of(provider).find(|it| it.name == spec.name);
        let id = known.map_or_else(|| CredentialId::from_random(crate::random()), |it| it.id.clone());
        // A second credential of the same name in the file has no record yet: the name itself is its place.
        if !self.place(ObjectKind::Credential, format!("{provider}/{}", spec.name), path) {
            return;
        }
        self.places.insert((ObjectKind::Credential, id.to_string()), path.to_owned());
        let mut line = DiffLine {
            action: Action::Unchanged,
            kind: ObjectKind::Credential.to_string(),
            name: format!("{provider}/{}", spec.name),
            changes: Vec::new(),
        };
        let opened = known.map(|it| self.context.keyring.open(&Aad::credential(it), &it.sealed));
        match &opened {
            Some(Ok(opened)) if opened.matches(secret.as_bytes()) => return self.keep_secret(known, spec.owner, line),
            Some(Ok(_)) => line.changes.push("secret: *** -> ***".to_owned()),
            Some(Err(_)) => line.changes.push("secret: unreadable -> ***".to_owned()),
            None => line.changes.push("secret: ***".to_owned()),
        }
        line.action = if known.is_some() { Action::Update } else { Action::Create };
        let mut credential = Credential {
            kind: domain::CredentialKind::ApiKey,
            user: None,
            weight: 1,
            id,
            organisation: self.context.organisation.clone(),
            provider: provider.clone(),
            name: spec.name.clone(),
            owner: spec.owner,
            version: known.map_or(1, |it| it.version + 1),
            sealed: SealedBytes(Vec::new()),
            hint: hint(secret),
        };
        credential.sealed = self.context.keyring.seal(&Aad::credential(&credential), secret.as_bytes());
        self.put_as(line, Object::Credential(Arc::new(credential)));
    }

    /// The secret is the same; whose it is may be told otherwise.
    fn keep_secret(&mut self, known: Option<&Arc<Credential>>, owner: Owner, mut line: DiffLine) {
        if let Some(known) = known.filter(|known| known.owner != owner) {
            line.action = Action::Update;
            line.changes.push(format!("owner: {} -> {}", known.owner.as_str(), owner.as_str()));
            let credential = Arc::new(Credential { owner, ..Credential::clone(known) });
            return self.put_as(line, Object::Credential(credential));
        }
        self.diff.lines.push(line);
    }

    /// A secret goes into a header: what no header takes is refused here, not at the first call.
    fn check_secret(&mut self, path: &str, secret: &str) -> bool {
        let message = if secret.is_empty() {
            "the secret is empty: is the variable or file that it comes from set?"
        } else if secret.trim() != secret || secret.chars().any(|it| it.is_control() || !it.is_ascii()) {
            "the secret has spaces at its ends, line breaks or characters outside ASCII: is the right value given?"
        } else {
            return true;
        };
        self.fault(format!("{path}.secret"), message);
        false
    }

    /// The list in the file is the whole key pool.
    fn drop_unlisted(&mut self, provider: &ProviderSlug, listed: &[CredentialSpec]) {
        let before = self.before;
        for known in before.credentials_of(provider) {
            if !listed.iter().any(|it| it.name == known.name) {
                self.delete(ObjectKind::Credential, known.id.as_str(), &format!("{provider}/{}", known.name));
            }
        }
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
            dimensions: None,
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

/// The end of a long secret; of a short one, nothing.
fn hint(secret: &str) -> String {
    if secret.len() >= 16 { KeyText::hint(secret) } else { "…".to_owned() }
}
