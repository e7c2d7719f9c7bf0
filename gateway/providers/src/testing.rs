//! What the tests of this crate call with.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{
    Credential, CredentialId, CredentialKind, Organisation, OrganisationId, Owner, ProviderSlug, SealedBytes, Tenant,
};

/// A managed key of the provider `acme`, sealed with nothing inside.
pub(crate) fn credential(number: u8) -> Credential {
    Credential {
        kind: CredentialKind::ApiKey,
        user: None,
        weight: 1,
        id: CredentialId::from_random([number; 20]),
        organisation: OrganisationId::from_random([1; 20]),
        provider: ProviderSlug::parse("acme").expect("slug"),
        name: number.to_string(),
        owner: Owner::Managed,
        version: 1,
        sealed: SealedBytes(Vec::new()),
        hint: String::new(),
    }
}

/// An organisation that has these and nothing else.
pub(crate) fn tenant(credentials: impl IntoIterator<Item = Credential>) -> Tenant {
    let mut tenant = Tenant::new(Arc::new(Organisation {
        body_logging: None,
        budget: None,
        id: OrganisationId::from_random([1; 20]),
        name: "a".into(),
        default_policy: None,
        calibration: None,
    }));
    let entries: BTreeMap<_, _> = credentials.into_iter().map(|it| (it.id.clone(), Arc::new(it))).collect();
    tenant.credentials = Arc::new(entries);
    tenant
}
