//! Whose secrets a request may use: those of the source that its router names, and no other user's.

use domain::{Credential, Router};

/// What decides whether a request may use a secret. The default: those that are bound to no user, whosever they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access<'a> {
    /// The router through which the request came: it says for each provider where secrets come from.
    pub router: Option<&'a Router>,
    /// The user to whom the calling key belongs.
    pub user: Option<&'a str>,
}

impl Access<'_> {
    /// Whether the request may use a secret.
    pub fn allows(&self, credential: &Credential) -> bool {
        let of_user = credential.user.as_deref().is_none_or(|user| self.user == Some(user));
        of_user && self.router.is_none_or(|router| router.source_of(&credential.provider) == credential.owner.source())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{CredentialSource, Owner, RouterId};

    use super::*;
    use crate::testing::credential;

    #[test]
    fn a_users_secret_serves_that_users_keys_alone() {
        let bound = Credential { user: Some("ada".to_owned()), ..credential(1) };
        let allows = |user| Access { router: None, user }.allows(&bound);
        assert_eq!([allows(Some("ada")), allows(Some("bob")), allows(None)], [true, false, false]);
        assert!(Access { router: None, user: Some("bob") }.allows(&credential(1)), "one that is bound to nobody");
    }

    #[test]
    fn a_router_takes_secrets_of_its_source_alone() {
        let owned = |owner| Credential { owner, ..credential(1) };
        let router = |sources: &[CredentialSource]| Router {
            id: RouterId::from_random([3; 20]),
            organisation: credential(1).organisation,
            name: "r".to_owned(),
            models: Vec::new(),
            policy: None,
            scorecards: Vec::new(),
            credentials: sources.iter().map(|it| (credential(1).provider, *it)).collect::<BTreeMap<_, _>>(),
        };
        let allowed = |router: &Router| {
            let access = Access { router: Some(router), user: None };
            [Owner::Managed, Owner::Org, Owner::User].map(|owner| access.allows(&owned(owner)))
        };
        assert_eq!(allowed(&router(&[])), [true, false, false]);
        assert_eq!(allowed(&router(&[CredentialSource::User])), [false, true, true]);
    }
}
