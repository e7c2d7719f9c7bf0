//! Provider keys of the environment become managed credentials, with the provider's models from the shipped catalogue.

use domain::desired::{CredentialSpec, Desired};
use domain::{SecretText, Tenant};
use registry::Seed;

/// The name of the credential that the environment gives.
const CREDENTIAL: &str = "environment";

/// What the environment asks to exist: the providers whose key variable is set.
///
/// Models that the organisation has already stay as they are, so that an operator's changes survive a restart.
pub(crate) fn desired(seed: &Seed, tenant: &Tenant, variable: impl Fn(&str) -> Option<String>) -> Desired {
    let mut desired = Desired::default();
    for provider in &seed.providers {
        let Some(secret) = variable(&provider.key_env).filter(|secret| !secret.trim().is_empty()) else { continue };
        let slug = &provider.spec.slug;
        let mut spec = provider.spec.clone();
        if let Some(known) = tenant.providers.get(slug) {
            // The operator's own address wins, for example a regional one.
            spec.base_url.clone_from(&known.base_url);
        }
        let secret = SecretText::new(secret.trim().to_owned());
        spec.credentials = Some(vec![CredentialSpec { name: CREDENTIAL.to_owned(), secret }]);
        desired.providers.push(spec);
        let new = seed.models.iter().filter(|model| model.id.provider() == slug.as_str());
        desired.models.extend(new.filter(|model| !tenant.models.contains_key(&model.id)).cloned());
    }
    desired
}
