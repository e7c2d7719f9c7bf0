//! Provider secrets in use: opened at first need, kept in memory that is wiped, and picked in turn.
//!
//! What is opened stays until the configuration no longer has it. Sealing is `seal`'s business, health `health`'s.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::{Credential, CredentialId, CredentialKind, ModelId, Provider, ProviderSlug, Snapshot, Tenant};
use seal::{Aad, Keyring, SealError, Secret};

use crate::access::Access;
use crate::client::ProviderClient;
use crate::fault::{Fault, FaultKind};
use crate::health::Upstreams;
use crate::oauth::Tokens;
use crate::turns::Turns;

/// Opens and keeps provider secrets; shared by all threads.
pub struct Vault {
    keyring: Keyring,
    opened: RwLock<HashMap<CredentialId, (u32, Arc<Secret>)>>,
    tokens: Tokens,
    turns: Turns,
}

/// The keys of a provider in the order in which to try them for one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyPool {
    /// Those that may be used now: one that is to be probed, those in turn, then those that are out.
    pub usable: Vec<Arc<Credential>>,
    /// How long until one that is cooling down may be used again.
    pub next_in: Option<Duration>,
}

/// A call that needs a key.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// For whom.
    pub tenant: &'a Tenant,
    /// Of which provider.
    pub provider: &'a ProviderSlug,
    /// Of which of its models; `None` = of none of ours: nothing cools down for it, and how it goes says nothing of a key,
    /// since the caller may have chosen a path that no key may use.
    pub model: Option<&'a ModelId>,
    /// Whose keys may be used.
    pub access: Access<'a>,
    /// Which of them goes before all others, if it is well and does not cool down.
    pub preferred: Option<&'a CredentialId>,
}

impl Vault {
    /// An empty vault that opens with these sealing keys.
    pub fn new(keyring: Keyring) -> Self {
        Self { keyring, opened: RwLock::default(), tokens: Tokens::default(), turns: Turns::default() }
    }

    /// The secret of a credential.
    pub fn secret(&self, credential: &Credential) -> Result<Arc<Secret>, SealError> {
        if let Some(secret) = self.known(credential) {
            return Ok(secret);
        }
        let secret = Arc::new(self.keyring.open(&Aad::credential(credential), &credential.sealed)?);
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        opened.insert(credential.id.clone(), (credential.version, secret.clone()));
        Ok(secret)
    }

    /// What is sent to the provider with a call: the secret itself, or a token that it gets.
    pub async fn to_send(
        &self,
        client: &ProviderClient,
        provider: &Provider,
        credential: &Credential,
        wait: Duration,
    ) -> Result<Arc<Secret>, Fault> {
        let secret = self.secret(credential).map_err(|fault| {
            tracing::error!(credential = %credential.id, %fault, "a provider secret cannot be opened");
            Fault::new(FaultKind::NotSent, format!("the secret `{}` cannot be opened by this gateway", credential.name))
        })?;
        match credential.kind {
            CredentialKind::ApiKey => Ok(secret),
            CredentialKind::OauthClientCredentials => {
                self.tokens.token(client, provider, credential, &secret, wait).await
            }
        }
    }

    /// Forgets what was sent, if it is a token: the provider refused it.
    pub fn refused(&self, credential: &Credential, sent: &Arc<Secret>) {
        self.tokens.forget(&credential.id, sent);
    }

    /// Forgets every secret that the configuration no longer has, or has in another version.
    pub fn retain(&self, snapshot: &Snapshot) {
        let current = |id: &CredentialId, version: u32| {
            let holds = |tenant: &Arc<Tenant>| tenant.credentials.get(id).is_some_and(|it| it.version == version);
            snapshot.tenants.values().any(holds)
        };
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|id, (version, _)| current(id, *version));
        self.tokens.retain(current);
        self.turns.retain(|id| snapshot.tenants.values().any(|tenant| tenant.credentials.contains_key(id)));
    }

    /// The keys for a call: in turn by their weights, without those that are cooling down; the one that is
    /// preferred goes before all, if it is well. One that is out goes last,
    /// but once its wait is over a single call begins with it, to find out whether it works again.
    pub fn pool(&self, wanted: Wanted<'_>, upstreams: &Upstreams, now: Duration) -> KeyPool {
        let mut pool = KeyPool::default();
        let mut out = Vec::new();
        for credential in wanted.access.secrets(wanted.tenant, wanted.provider) {
            if let Some(wait) = wanted.model.and_then(|model| upstreams.cooldown(credential, model, now)) {
                pool.next_in = Some(pool.next_in.map_or(wait, |least| least.min(wait)));
            } else if upstreams.is_out(credential, now) {
                out.push(credential.clone());
            } else {
                pool.usable.push(credential.clone());
            }
        }
        self.turns.order(&mut pool.usable);
        self.turns.order(&mut out);
        let preferred = pool.usable.iter().position(|credential| Some(&credential.id) == wanted.preferred);
        if let Some(preferred) = preferred {
            pool.usable[..=preferred].rotate_right(1);
        } else if wanted.model.is_some()
            && let Some(probe) = out.iter().position(|credential| upstreams.take_probe(credential, now))
        {
            pool.usable.insert(0, out.remove(probe));
        }
        pool.usable.append(&mut out);
        pool
    }

    fn known(&self, credential: &Credential) -> Option<Arc<Secret>> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let (version, secret) = opened.get(&credential.id)?;
        (*version == credential.version).then(|| secret.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use domain::{AttemptOutcome, OrganisationId};
    use seal::SealingKey;

    use super::*;
    use crate::breaker::BreakerConfig;
    use crate::health::Report;
    use crate::testing::tenant;

    fn keyring() -> Keyring {
        Keyring::new(SealingKey::from_bytes([3; 32]))
    }

    fn credential(number: u8, version: u32, secret: &str) -> Credential {
        let mut credential = Credential {
            kind: domain::CredentialKind::ApiKey,
            user: None,
            weight: 1,
            id: CredentialId::from_random([number; 20]),
            organisation: OrganisationId::from_random([1; 20]),
            provider: ProviderSlug::parse("acme").unwrap(),
            name: format!("key {number}"),
            owner: domain::Owner::Managed,
            version,
            sealed: domain::SealedBytes(Vec::new()),
            hint: String::new(),
        };
        credential.sealed = keyring().seal(&Aad::credential(&credential), secret.as_bytes());
        credential
    }

    #[test]
    fn a_secret_is_opened_once_a_version() {
        let vault = Vault::new(keyring());
        let first = credential(1, 1, "one");
        let opened = vault.secret(&first).unwrap();
        assert_eq!(opened.expose(), b"one");
        assert!(Arc::ptr_eq(&opened, &vault.secret(&first).unwrap()));
        assert_eq!(vault.secret(&credential(1, 2, "two")).unwrap().expose(), b"two");
    }

    #[test]
    fn a_secret_moved_to_another_record_does_not_open() {
        let mut moved = credential(1, 1, "one");
        moved.provider = ProviderSlug::parse("other").unwrap();
        assert!(Vault::new(keyring()).secret(&moved).is_err());
    }

    #[test]
    fn what_the_configuration_no_longer_has_is_forgotten() {
        let vault = Vault::new(keyring());
        let (kept, gone) = (credential(1, 1, "one"), credential(2, 1, "two"));
        vault.secret(&kept).unwrap();
        vault.secret(&gone).unwrap();
        let tenant = tenant([kept.clone(), credential(2, 2, "three")]);
        let tenants = BTreeMap::from([(tenant.organisation.id.clone(), Arc::new(tenant))]);
        vault.retain(&Snapshot { tenants, ..Snapshot::default() });
        assert!(vault.known(&kept).is_some() && vault.known(&gone).is_none());
    }

    #[test]
    fn keys_take_turns_without_the_cooling_and_with_the_refused_last_but_for_one_probe() {
        let vault = Vault::new(keyring());
        let upstreams = Upstreams::new(BreakerConfig::default(), 1);
        let tenant = tenant([credential(1, 1, "a"), credential(2, 1, "b"), credential(3, 1, "c")]);
        let (provider, model) = (ProviderSlug::parse("acme").unwrap(), ModelId::parse("acme/x").unwrap());
        let order = |now| {
            let model = Some(&model);
            let wanted =
                Wanted { tenant: &tenant, provider: &provider, model, access: Access::default(), preferred: None };
            let pool = vault.pool(wanted, &upstreams, now);
            (pool.usable.iter().map(|it| it.name.clone()).collect::<Vec<_>>(), pool.next_in)
        };
        let firsts: Vec<_> = (0..3).map(|_| order(Duration::ZERO).0[0].clone()).collect();
        assert_eq!(firsts, ["key 1", "key 2", "key 3"]);

        let report = |number, outcome, status| {
            let used = &tenant.credentials[&CredentialId::from_random([number; 20])];
            let report = Report {
                organisation: &tenant.organisation.id,
                model: &model,
                credential: Some(used),
                outcome,
                status: Some(status),
                retry_after: Some(Duration::from_secs(9)),
            };
            upstreams.report(&report, Duration::ZERO);
        };
        report(2, AttemptOutcome::RateLimited, 429);
        report(1, AttemptOutcome::Unauthorised, 401);
        for _ in 0..2 {
            let expected = (vec!["key 3".to_owned(), "key 1".to_owned()], Some(Duration::from_secs(9)));
            assert_eq!(order(Duration::ZERO), expected);
        }
        assert_eq!(order(Duration::from_secs(9)).0.len(), 3);
        let later = Duration::from_mins(1);
        let third = CredentialId::from_random([3; 20]);
        let preferred = |now| {
            let wanted = Wanted {
                tenant: &tenant,
                provider: &provider,
                model: Some(&model),
                access: Access::default(),
                preferred: Some(&third),
            };
            vault.pool(wanted, &upstreams, now).usable.first().map(|it| it.name.clone())
        };
        for _ in 0..3 {
            assert_eq!(preferred(later).as_deref(), Some("key 3"), "in no turn, and before a probe");
        }
        let without_a_model =
            Wanted { tenant: &tenant, provider: &provider, model: None, access: Access::default(), preferred: None };
        let pool = vault.pool(without_a_model, &upstreams, later);
        assert_eq!(pool.usable[2].name, "key 1", "nobody would report the probe");
        assert_eq!(
            [order(later).0[0].as_str(), order(later).0[2].as_str()],
            ["key 1"; 2],
            "one probe, then last again"
        );
    }
}
