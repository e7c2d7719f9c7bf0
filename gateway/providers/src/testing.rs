//! What the tests of this crate call with.

use domain::{Credential, CredentialId, CredentialKind, OrganisationId, Owner, ProviderSlug, SealedBytes};

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
