//! Whose secrets a request uses: those of the source that its router names, of nobody else's user, and of these the ones
//! that are nearest to the caller.

use std::sync::Arc;

use domain::{Credential, Owner, ProviderSlug, Router, Tenant};

/// What decides whether a request may use a secret. The default: those that are bound to no user, whosever they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access<'a> {
    /// The router through which the request came: it says for each provider where secrets come from.
    pub router: Option<&'a Router>,
    /// The user to whom the calling key belongs.
    pub user: Option<&'a str>,
}

/// How near a secret is to the caller who may use it. Those farther away are not used where there are nearer ones, be they
/// ever so broken: they would hide what only their owner can mend, and bill somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// Bound to the calling key's user.
    Users,
    /// The organisation's own.
    Organisations,
    Platforms,
}

impl Nearness {
    fn of(credential: &Credential) -> Self {
        match (&credential.user, credential.owner) {
            (Some(_), _) => Self::Users,
            (None, Owner::Org | Owner::User) => Self::Organisations,
            (None, Owner::Managed) => Self::Platforms,
        }
    }
}

impl Access<'_> {
    /// The secrets of a provider that the request uses, in id order: its user's own if there are any, else the
    /// organisation's own, else the platform's.
    pub fn secrets<'a>(
        &self,
        tenant: &'a Tenant,
        provider: &'a ProviderSlug,
    ) -> impl Iterator<Item = &'a Arc<Credential>> + use<'a, '_> {
        let allowed = move || tenant.credentials_of(provider).filter(move |it| self.allows(it));
        let nearest = allowed().map(|it| Nearness::of(it)).min();
        allowed().filter(move |it| Some(Nearness::of(it)) == nearest)
    }

    /// Whether the request may use a secret.
    fn allows(&self, credential: &Credential) -> bool {
        let of_user = credential.user.as_deref().is_none_or(|user| self.user == Some(user));
        of_user && self.router.is_none_or(|router| router.source_of(&credential.provider) == credential.owner.source())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{CredentialSource, Owner, RouterId};

    use super::*;
    use crate::testing::{credential, tenant};

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

    #[test]
    fn the_nearest_secrets_are_used_and_no_others() {
        let secret = |number, owner, user: Option<&str>| Credential {
            owner,
            user: user.map(str::to_owned),
            ..credential(number)
        };
        let used = |secrets: &[Credential], user| {
            let tenant = tenant(secrets.iter().cloned());
            let access = Access { router: None, user };
            access.secrets(&tenant, &credential(1).provider).map(|it| it.name.clone()).collect::<Vec<_>>()
        };
        let platforms = [secret(1, Owner::Managed, None), secret(2, Owner::Managed, None)];
        let own = [secret(3, Owner::Org, None), secret(4, Owner::User, None)];
        let adas = [secret(5, Owner::User, Some("ada"))];
        let all = [&platforms[..], &own, &adas].concat();
        assert_eq!(used(&all, Some("ada")), ["5"]);
        assert_eq!(used(&all, Some("bob")), ["3", "4"]);
        assert_eq!(used(&[&platforms[..], &adas].concat(), None), ["1", "2"]);
        assert!(used(&adas, Some("bob")).is_empty());
    }
}
