//! Provider keys of the environment become managed credentials, with the provider's models from the shipped catalogue.

use domain::desired::{CredentialSpec, Desired, ProviderSpec};
use domain::{SecretText, Tenant};
use registry::Seed;

/// The name of the credential that the environment gives.
const CREDENTIAL: &str = "environment";

/// What the environment asks to exist: the providers whose key variable is set.
///
/// What an operator has configured stays: models that are there already, all that is known of a provider, and a key
/// pool that holds anything but the credential of an earlier start.
pub(crate) fn desired(seed: &Seed, tenant: &Tenant, variable: impl Fn(&str) -> Option<String>) -> Desired {
    let mut desired = Desired::default();
    for provider in &seed.providers {
        let slug = &provider.spec.slug;
        let Some(secret) = variable(&provider.key_env).filter(|secret| !secret.trim().is_empty()) else { continue };
        if tenant.credentials_of(slug).any(|credential| credential.name != CREDENTIAL) {
            continue;
        }
        let known = tenant.providers.get(slug).map(|known| ProviderSpec::of(known));
        let mut spec = known.unwrap_or_else(|| provider.spec.clone());
        let secret = SecretText::new(secret.trim().to_owned());
        spec.credentials = Some(vec![CredentialSpec::managed(CREDENTIAL, secret)]);
        desired.providers.push(spec);
        desired
            .models
            .extend(seed.models_of(slug.as_str()).filter(|model| !tenant.models.contains_key(&model.id)).cloned());
    }
    desired
}
