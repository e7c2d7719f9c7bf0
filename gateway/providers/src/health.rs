//! What all threads know about the health of upstreams: a breaker per model, cooldowns per key and model, and how keys do.
//!
//! A 429 concerns one key and one model and lasts exactly as long as the provider said; everything else that fails
//! concerns the model's endpoint, and the key as `credential_health` says. Whether an unhealthy candidate is tried all the same is decided elsewhere.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use domain::{AttemptOutcome, Credential, CredentialId, ModelId, OrganisationId, Tenant};

use crate::access::Access;
use crate::breaker::{Breaker, BreakerConfig, BreakerState, Verdict};
use crate::credential_health::{CredentialStatus, Credentials};
use crate::fault::RETRY_AFTER_CAP;

/// A cooldown without a stated length.
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(5);

/// How one attempt ended, as far as health is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Whose configuration was used.
    pub organisation: &'a OrganisationId,
    /// What was called.
    pub model: &'a ModelId,
    /// With which secret.
    pub credential: Option<&'a Credential>,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The provider's status, if it gave one.
    pub status: Option<u16>,
    /// How long the provider asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// The health of all upstreams, shared by all threads.
pub struct Upstreams {
    config: BreakerConfig,
    seed: AtomicU64,
    breakers: RwLock<HashMap<ModelId, Vec<Owned>>>,
    keys: Mutex<Keys>,
    /// Something may be unhealthy; while false, nobody needs to look.
    troubled: AtomicBool,
}

/// A breaker and whose it is: organisations may use the same names.
type Owned = (OrganisationId, Arc<Breaker>);

#[derive(Default)]
struct Keys {
    /// 429: until when, per key and model. No key = called without one, so the organisation stands for it.
    cooling: HashMap<ModelId, Vec<(KeyName, Duration)>>,
    /// Refused and failing keys.
    health: Credentials,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyName {
    Credential(CredentialId),
    Anonymous(OrganisationId),
}

impl Upstreams {
    /// Everything healthy. The seed makes the jitter of this process differ from that of others.
    pub fn new(config: BreakerConfig, seed: u64) -> Self {
        Self {
            config,
            seed: AtomicU64::new(seed),
            breakers: RwLock::default(),
            keys: Mutex::default(),
            troubled: AtomicBool::new(false),
        }
    }

    /// Notes how an attempt ended.
    pub fn report(&self, report: &Report<'_>, now: Duration) {
        self.note_key(report, now);
        let verdict = verdict_of(report.outcome);
        if verdict == Verdict::Neutral && !self.troubled.load(Ordering::Acquire) {
            return;
        }
        let breaker = self.breaker(report.organisation, report.model);
        let before = breaker.state(now);
        let after = breaker.record(now, verdict);
        if after != BreakerState::Closed {
            self.troubled.store(true, Ordering::Release);
        }
        if after != before {
            let to = after.as_str();
            metrics::counter!("signalbox_breaker_transitions_total", "model" => report.model.to_string(), "to" => to)
                .increment(1);
            let open = if after == BreakerState::Closed { 0.0 } else { 1.0 };
            metrics::gauge!("signalbox_breaker_open", "model" => report.model.to_string()).set(open);
            tracing::warn!(model = %report.model, from = before.as_str(), to, "upstream breaker changed");
        }
    }

    /// Whether a call may go to a model now; takes the probe of a half-open breaker, so it must be reported then.
    pub fn admit(&self, organisation: &OrganisationId, model: &ModelId, now: Duration) -> bool {
        self.find(organisation, model).is_none_or(|breaker| breaker.admit(now))
    }

    /// What the breaker of a model lets through.
    pub fn state(&self, organisation: &OrganisationId, model: &ModelId, now: Duration) -> BreakerState {
        self.find(organisation, model).map_or(BreakerState::Closed, |breaker| breaker.state(now))
    }

    /// Whether a model can be called: its breaker lets something through, and so does one of the keys for it.
    pub fn is_available(&self, tenant: &Tenant, model: &ModelId, access: Access<'_>, now: Duration) -> bool {
        self.remaining(tenant, model, access, now).is_none()
    }

    /// How long a model cannot be called with the keys that a request may use; `None` = it can be now.
    pub fn remaining(&self, tenant: &Tenant, model: &ModelId, access: Access<'_>, now: Duration) -> Option<Duration> {
        if !self.troubled.load(Ordering::Acquire) {
            return None;
        }
        let breaker = self.find(&tenant.organisation.id, model).and_then(|breaker| breaker.remaining(now));
        breaker.max(self.wait_of_pool(tenant, model, access, now))
    }

    /// How long a key must not be used for a model; `None` = it may be now.
    pub fn cooldown(&self, credential: &Credential, model: &ModelId, now: Duration) -> Option<Duration> {
        if !self.troubled.load(Ordering::Acquire) {
            return None;
        }
        self.keys().cooldown(&KeyName::Credential(credential.id.clone()), model, now)
    }

    /// Whether a secret is out: refused or failing, and not known to work again.
    pub fn is_out(&self, credential: &Credential, now: Duration) -> bool {
        self.troubled.load(Ordering::Acquire) && self.keys().health.is_out(credential, now)
    }

    /// Whether a call should be made with this secret to find out if it works again; then it must be reported.
    pub fn take_probe(&self, credential: &Credential, now: Duration) -> bool {
        self.troubled.load(Ordering::Acquire) && self.keys().health.take_probe(credential, now)
    }

    /// The secrets, by id and version, that were refused with 401, whose wait is over and that nobody is trying.
    pub fn refused_and_due(&self, now: Duration) -> Vec<(CredentialId, u32)> {
        if !self.troubled.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.keys().health.refused_and_due(now)
    }

    /// Notes how a probe went that was no call of a model: it concerns the secret alone.
    pub fn report_probe(&self, credential: &Credential, outcome: AttemptOutcome, status: u16, now: Duration) {
        self.keys().health.note(credential, outcome, Some(status), self.config, now);
    }

    /// How secrets do; those that are not named are healthy.
    pub fn credential_states(&self, now: Duration) -> Vec<CredentialStatus> {
        let keys = self.keys();
        keys.health.statuses(|id| keys.is_cooling(id, now), now)
    }

    /// The models of a tenant that cannot be called now, each with how long that will last.
    pub fn unhealthy_models(&self, tenant: &Tenant, access: Access<'_>, now: Duration) -> Vec<(ModelId, Duration)> {
        if !self.troubled.load(Ordering::Acquire) {
            return Vec::new();
        }
        let wait = |model: &ModelId| self.remaining(tenant, model, access, now).map(|wait| (model.clone(), wait));
        let unhealthy = tenant.models.keys().filter_map(wait).collect();
        self.refresh(now);
        unhealthy
    }

    /// The smallest wait until one of the models can be called, `None` if one can be now or there is none.
    pub fn smallest_wait<'a>(
        &self,
        tenant: &Tenant,
        models: impl IntoIterator<Item = &'a ModelId>,
        access: Access<'_>,
        now: Duration,
    ) -> Option<Duration> {
        let waits: Option<Vec<_>> =
            models.into_iter().map(|model| self.remaining(tenant, model, access, now)).collect();
        waits?.into_iter().min()
    }

    /// Forgets models for which `keep` says no, as when they left the configuration.
    pub fn retain(&self, keep: impl Fn(&OrganisationId, &ModelId) -> bool) {
        let mut breakers = self.breakers.write().unwrap_or_else(PoisonError::into_inner);
        breakers.retain(|model, entries| {
            entries.retain(|(organisation, _)| keep(organisation, model));
            !entries.is_empty()
        });
    }

    /// Forgets secrets for which `keep` says no: they left the configuration, or have another version in it.
    pub fn retain_credentials(&self, keep: impl Fn(&OrganisationId, &CredentialId, u32) -> bool) {
        self.keys().health.retain(keep);
    }

    /// Tells the gauges how keys do by now, and finds out whether anything is still wrong, so that nobody has to look
    /// while nothing is.
    pub fn refresh(&self, now: Duration) {
        if !self.troubled.load(Ordering::Acquire) {
            return;
        }
        // First false, then a look: what goes wrong meanwhile sets it again.
        self.troubled.store(false, Ordering::Release);
        let keys_troubled = self.keys().prune(now);
        let breakers = self.breakers.read().unwrap_or_else(PoisonError::into_inner);
        let open = |entries: &Vec<Owned>| entries.iter().any(|(_, it)| it.state(now) != BreakerState::Closed);
        if keys_troubled || breakers.values().any(open) {
            self.troubled.store(true, Ordering::Release);
        }
    }

    fn note_key(&self, report: &Report<'_>, now: Duration) {
        let name = || match report.credential {
            Some(credential) => KeyName::Credential(credential.id.clone()),
            None => KeyName::Anonymous(report.organisation.clone()),
        };
        let mut known = false;
        if let Some(credential) = report.credential
            && (speaks_against(report.outcome) || self.troubled.load(Ordering::Acquire))
        {
            let mut keys = self.keys();
            known = keys.health.note(credential, report.outcome, report.status, self.config, now);
            if report.outcome == AttemptOutcome::RateLimited {
                keys.health.cooling(credential, self.config);
            }
        }
        if report.outcome == AttemptOutcome::RateLimited {
            let wait = report.retry_after.unwrap_or(DEFAULT_COOLDOWN).min(RETRY_AFTER_CAP);
            self.keys().cool(name(), report.model, now + wait, now);
            known = true;
        }
        if known {
            self.troubled.store(true, Ordering::Release);
        }
    }

    /// A model has to wait while each key that could call it cools down for it or was refused. Keys that keep failing
    /// are left out of this: that is what the model's own breaker is for.
    fn wait_of_pool(&self, tenant: &Tenant, model: &ModelId, access: Access<'_>, now: Duration) -> Option<Duration> {
        let provider = tenant.provider_of(model)?;
        let keys = self.keys();
        // Most models have nothing against them, and this is asked of each.
        if !keys.cooling.contains_key(model) && !keys.health.has_refused(&tenant.organisation.id, &provider.slug) {
            return None;
        }
        let mut usable = access.secrets(tenant, &provider.slug).peekable();
        if usable.peek().is_none() {
            return keys.cooldown(&KeyName::Anonymous(tenant.organisation.id.clone()), model, now);
        }
        let wait = |credential: &Arc<Credential>| {
            let cooling = keys.cooldown(&KeyName::Credential(credential.id.clone()), model, now);
            cooling.max(keys.health.refused(credential, now))
        };
        let waits: Option<Vec<_>> = usable.map(wait).collect();
        waits?.into_iter().min()
    }

    fn find(&self, organisation: &OrganisationId, model: &ModelId) -> Option<Arc<Breaker>> {
        let breakers = self.breakers.read().unwrap_or_else(PoisonError::into_inner);
        let entries = breakers.get(model)?;
        entries.iter().find(|(owner, _)| owner == organisation).map(|(_, breaker)| breaker.clone())
    }

    fn breaker(&self, organisation: &OrganisationId, model: &ModelId) -> Arc<Breaker> {
        if let Some(breaker) = self.find(organisation, model) {
            return breaker;
        }
        let mut breakers = self.breakers.write().unwrap_or_else(PoisonError::into_inner);
        let entries = breakers.entry(model.clone()).or_default();
        if let Some((_, breaker)) = entries.iter().find(|(owner, _)| owner == organisation) {
            return breaker.clone();
        }
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        let breaker = Arc::new(Breaker::new(self.config, seed));
        entries.push((organisation.clone(), breaker.clone()));
        breaker
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyName {
    fn id(&self) -> Option<&CredentialId> {
        match self {
            Self::Credential(id) => Some(id),
            Self::Anonymous(_) => None,
        }
    }
}

impl Keys {
    fn cool(&mut self, name: KeyName, model: &ModelId, until: Duration, now: Duration) {
        let entries = self.cooling.entry(model.clone()).or_default();
        entries.retain(|(other, end)| *other != name && *end > now);
        entries.push((name, until));
    }

    fn cooldown(&self, name: &KeyName, model: &ModelId, now: Duration) -> Option<Duration> {
        let (_, until) = self.cooling.get(model)?.iter().find(|(other, _)| other == name)?;
        until.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Drops what is over and says whether anything is left.
    fn prune(&mut self, now: Duration) -> bool {
        self.cooling.retain(|_, entries| {
            entries.retain(|(_, until)| *until > now);
            !entries.is_empty()
        });
        let cooling: HashSet<&CredentialId> =
            self.cooling.values().flatten().filter_map(|(name, _)| name.id()).collect();
        let known = self.health.refresh(|id| cooling.contains(id), now);
        known || !self.cooling.is_empty()
    }

    fn is_cooling(&self, id: &CredentialId, now: Duration) -> bool {
        self.cooling.values().flatten().any(|(name, until)| name.id() == Some(id) && *until > now)
    }
}

/// Whether an outcome may speak against the key that was used.
fn speaks_against(outcome: AttemptOutcome) -> bool {
    verdict_of(outcome) != Verdict::Success && outcome != AttemptOutcome::Cancelled
}

/// What an outcome says about the endpoint. A refusal of the request shows that it works.
fn verdict_of(outcome: AttemptOutcome) -> Verdict {
    match outcome {
        AttemptOutcome::Ok | AttemptOutcome::Refused | AttemptOutcome::ContextLength => Verdict::Success,
        AttemptOutcome::ConnectFailed
        | AttemptOutcome::TlsFailed
        | AttemptOutcome::Disconnected
        | AttemptOutcome::Interrupted
        | AttemptOutcome::Timeout
        | AttemptOutcome::ServerError
        | AttemptOutcome::BadAnswer => Verdict::Failure,
        // No capacity is no outage: it neither opens a breaker nor ends a recovery.
        AttemptOutcome::RateLimited | AttemptOutcome::Overloaded => Verdict::Throttled,
        AttemptOutcome::Unauthorised
        | AttemptOutcome::ModelNotFound
        | AttemptOutcome::Cancelled
        | AttemptOutcome::NotSent => Verdict::Neutral,
    }
}

#[cfg(test)]
mod tests;
