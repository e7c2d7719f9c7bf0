//! The health of provider secrets: which were refused, which keep failing, and when one is tried again.
//!
//! Only what is or was wrong has an entry, so a healthy pool costs nothing. Cooldowns, which concern one model each, are
//! kept by `health` beside this; who is tried in which order is `vault`'s business. A secret that is out is probed with
//! one real request once its wait is over: success brings it back, failure doubles the wait.

use std::collections::HashMap;
use std::time::Duration;

use domain::{AttemptOutcome, Credential, CredentialId, CredentialState, OrganisationId, ProviderSlug};

use crate::breaker::{Breaker, BreakerConfig, BreakerState, Verdict};

/// A refused secret is left alone for so long, and for twice as long each further time …
const REFUSED_FOR: Duration = Duration::from_mins(1);
/// … at most for so long.
const REFUSED_AT_MOST: Duration = Duration::from_mins(10);
/// A probe that has not reported after this long counts as lost, and another may go.
const PROBE_LEASE: Duration = Duration::from_mins(1);

/// How one provider secret does, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialStatus {
    /// Its id.
    pub credential: CredentialId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Which provider it opens.
    pub provider: ProviderSlug,
    /// How it does.
    pub state: CredentialState,
    /// How long until one that is unavailable is tried again.
    pub retry_in: Option<Duration>,
}

/// All secrets that something is, or was, wrong with.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    known: HashMap<CredentialId, Known>,
}

#[derive(Debug)]
struct Known {
    organisation: OrganisationId,
    provider: ProviderSlug,
    /// What is known concerns this version of the secret.
    version: u32,
    breaker: Breaker,
    refusal: Option<Refusal>,
    /// What the gauges say.
    shown: CredentialState,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    /// 401 or 402.
    status: u16,
    times: u32,
    until: Duration,
    probe_until: Option<Duration>,
}

impl Credentials {
    /// Notes how a call with a secret ended; says whether anything is known of it now.
    pub(crate) fn note(
        &mut self,
        credential: &Credential,
        outcome: AttemptOutcome,
        status: Option<u16>,
        config: BreakerConfig,
        now: Duration,
    ) -> bool {
        let refused = status.filter(|it| outcome == AttemptOutcome::Unauthorised && matches!(it, 401 | 402));
        let verdict = verdict_of(outcome);
        // A late report of the secret before must not speak against the one after.
        if self.known.get(&credential.id).is_some_and(|known| known.version > credential.version) {
            return true;
        }
        if refused.is_none() && verdict != Verdict::Failure && !self.known.contains_key(&credential.id) {
            return false;
        }
        let known = self.enter(credential, config);
        if let Some(status) = refused {
            known.refuse(status, now);
            metrics::counter!("signalbox_credentials_refused_total").increment(1);
            tracing::error!(
                credential = %credential.id, provider = %credential.provider, owner = credential.owner.as_str(),
                "the provider refused a secret: replace it with `signalbox credentials rotate`"
            );
        } else {
            known.record(verdict, now);
        }
        true
    }

    /// Notes that a secret cools down, so that its state is told.
    pub(crate) fn cooling(&mut self, credential: &Credential, config: BreakerConfig) {
        self.enter(credential, config);
    }

    /// Whether a secret is out: refused or failing, and not known to work again.
    pub(crate) fn is_out(&self, credential: &Credential, now: Duration) -> bool {
        self.of(credential).is_some_and(|known| known.is_out(now))
    }

    /// How long a refused secret should not be used.
    pub(crate) fn refused(&self, credential: &Credential, now: Duration) -> Option<Duration> {
        self.of(credential)?.refusal.and_then(|refusal| refusal.remaining(now))
    }

    /// Whether any secret of a provider was refused.
    pub(crate) fn has_refused(&self, organisation: &OrganisationId, provider: &ProviderSlug) -> bool {
        let refused = |known: &Known| known.refusal.is_some() && known.provider == *provider;
        self.known.values().any(|known| refused(known) && known.organisation == *organisation)
    }

    /// Whether this call is to find out if a secret that was out works again; then it must be reported.
    pub(crate) fn take_probe(&mut self, credential: &Credential, now: Duration) -> bool {
        let known = self.known.get_mut(&credential.id).filter(|known| known.version == credential.version);
        let Some(known) = known else { return false };
        if known.remaining(now).is_some() {
            return false;
        }
        if let Some(refusal) = &mut known.refusal {
            refusal.probe_until = Some(now + PROBE_LEASE);
            return true;
        }
        known.breaker.state(now) == BreakerState::HalfOpen && known.breaker.admit(now)
    }

    /// The secrets that were refused with 401, whose wait is over and that nobody is trying.
    pub(crate) fn refused_and_due(&self, now: Duration) -> Vec<(CredentialId, u32)> {
        let is_due = |known: &Known| {
            known.refusal.is_some_and(|refusal| refusal.status == 401)
                && known.remaining(now).is_none()
                && known.breaker.state(now) == BreakerState::Closed
        };
        let due = self.known.iter().filter(|(_, known)| is_due(known));
        due.map(|(id, known)| (id.clone(), known.version)).collect()
    }

    /// How each secret does that something is or was wrong with.
    pub(crate) fn statuses(&self, is_cooling: impl Fn(&CredentialId) -> bool, now: Duration) -> Vec<CredentialStatus> {
        let status = |(id, known): (&CredentialId, &Known)| CredentialStatus {
            credential: id.clone(),
            organisation: known.organisation.clone(),
            provider: known.provider.clone(),
            state: known.state(is_cooling(id), now),
            retry_in: known.remaining(now),
        };
        let mut statuses: Vec<_> = self.known.iter().map(status).collect();
        statuses.sort_by(|a, b| a.credential.cmp(&b.credential));
        statuses
    }

    /// Tells the gauges what has changed, forgets what is healthy again, and says whether anything is left.
    pub(crate) fn refresh(&mut self, is_cooling: impl Fn(&CredentialId) -> bool, now: Duration) -> bool {
        self.known.retain(|id, known| {
            let state = known.state(is_cooling(id), now);
            known.show(id, state);
            state != CredentialState::Healthy
        });
        !self.known.is_empty()
    }

    /// Forgets secrets that the configuration no longer has, or has in another version.
    pub(crate) fn retain(&mut self, keep: impl Fn(&OrganisationId, &CredentialId, u32) -> bool) {
        self.known.retain(|id, known| {
            let kept = keep(&known.organisation, id, known.version);
            if !kept {
                known.show(id, CredentialState::Healthy);
            }
            kept
        });
    }

    fn of(&self, credential: &Credential) -> Option<&Known> {
        self.known.get(&credential.id).filter(|known| known.version == credential.version)
    }

    fn enter(&mut self, credential: &Credential, config: BreakerConfig) -> &mut Known {
        let seed = u64::from(credential.version);
        let fresh = || Known {
            organisation: credential.organisation.clone(),
            provider: credential.provider.clone(),
            version: credential.version,
            breaker: Breaker::new(config, seed),
            refusal: None,
            shown: CredentialState::Healthy,
        };
        let known = self.known.entry(credential.id.clone()).or_insert_with(fresh);
        if known.version < credential.version {
            *known = Known { shown: known.shown, ..fresh() };
        }
        known
    }
}

impl Known {
    fn refuse(&mut self, status: u16, now: Duration) {
        let before = self.refusal.filter(|refusal| refusal.remaining(now).is_none() || refusal.probe_until.is_some());
        // Calls that went out together are refused together: that counts once.
        let times = match (self.refusal, before) {
            (None, _) => 0,
            (Some(_), Some(refusal)) => refusal.times + 1,
            (Some(running), None) => running.times,
        };
        let wait = REFUSED_FOR.saturating_mul(1 << times.min(8)).min(REFUSED_AT_MOST);
        self.refusal = Some(Refusal { status, times, until: now + wait, probe_until: None });
    }

    fn record(&mut self, verdict: Verdict, now: Duration) {
        match verdict {
            Verdict::Success => {
                self.refusal = None;
                // It has worked just now: an open breaker has had its probe, a half-open one closes.
                while self.breaker.record(now, Verdict::Success) != BreakerState::Closed {}
            }
            Verdict::Failure | Verdict::Throttled | Verdict::Neutral => {
                self.breaker.record(now, verdict);
                if let Some(refusal) = &mut self.refusal {
                    refusal.probe_until = None;
                }
            }
        }
    }

    fn remaining(&self, now: Duration) -> Option<Duration> {
        self.refusal.and_then(|refusal| refusal.remaining(now)).max(self.breaker.remaining(now))
    }

    fn is_out(&self, now: Duration) -> bool {
        self.refusal.is_some() || self.breaker.state(now) != BreakerState::Closed
    }

    fn state(&self, is_cooling: bool, now: Duration) -> CredentialState {
        if self.is_out(now) {
            CredentialState::Unavailable
        } else if is_cooling || self.breaker.has_failed_lately(now) {
            CredentialState::Degraded
        } else {
            CredentialState::Healthy
        }
    }

    fn show(&mut self, id: &CredentialId, state: CredentialState) {
        if self.shown == state {
            return;
        }
        tracing::warn!(credential = %id, provider = %self.provider, from = self.shown.as_str(), to = state.as_str(),
            "a provider secret's health changed");
        self.shown = state;
        for each in CredentialState::ALL {
            let labels = [
                ("provider", self.provider.to_string()),
                ("credential", id.to_string()),
                ("state", each.as_str().to_owned()),
            ];
            metrics::gauge!("signalbox_credential_state", &labels).set(f64::from(u8::from(each == state)));
        }
    }
}

impl Refusal {
    fn remaining(&self, now: Duration) -> Option<Duration> {
        let until = self.probe_until.map_or(self.until, |lease| lease.max(self.until));
        until.checked_sub(now).filter(|wait| !wait.is_zero())
    }
}

/// What an outcome says about a secret. A 403 may concern one model only: a secret is out when it gets nothing else.
fn verdict_of(outcome: AttemptOutcome) -> Verdict {
    match outcome {
        AttemptOutcome::Ok | AttemptOutcome::Refused | AttemptOutcome::ContextLength => Verdict::Success,
        AttemptOutcome::Unauthorised
        | AttemptOutcome::Disconnected
        | AttemptOutcome::Interrupted
        | AttemptOutcome::Timeout
        | AttemptOutcome::ServerError
        | AttemptOutcome::BadAnswer => Verdict::Failure,
        AttemptOutcome::RateLimited | AttemptOutcome::Overloaded => Verdict::Throttled,
        // Whoever was not reached has not seen the secret.
        AttemptOutcome::ConnectFailed
        | AttemptOutcome::TlsFailed
        | AttemptOutcome::ModelNotFound
        | AttemptOutcome::Cancelled
        | AttemptOutcome::NotSent => Verdict::Neutral,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::credential;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[derive(Default)]
    struct Story(Credentials);

    impl Story {
        fn report(&mut self, outcome: AttemptOutcome, status: u16, now: u64) {
            self.0.note(&credential(1), outcome, Some(status), BreakerConfig::default(), secs(now));
        }

        fn state(&self, now: u64) -> CredentialState {
            let statuses = self.0.statuses(|_| false, secs(now));
            statuses.first().map_or(CredentialState::Healthy, |status| status.state)
        }

        fn wait(&self, now: u64) -> Duration {
            self.0.statuses(|_| false, secs(now))[0].retry_in.expect("it is out")
        }

        fn probe(&mut self, now: u64) -> bool {
            self.0.take_probe(&credential(1), secs(now))
        }
    }

    #[test]
    fn a_refused_secret_is_out_until_a_probe_succeeds() {
        let mut story = Story::default();
        story.report(AttemptOutcome::Unauthorised, 401, 0);
        assert_eq!((story.state(0), story.probe(59)), (CredentialState::Unavailable, false));
        assert!(story.probe(60));
        assert!(!story.probe(60), "one probe at a time");
        story.report(AttemptOutcome::Ok, 200, 61);
        assert_eq!(story.state(61), CredentialState::Healthy);
    }

    #[test]
    fn each_refused_probe_doubles_the_wait_up_to_its_bound() {
        let (mut story, mut now, mut waits) = (Story::default(), 0, Vec::new());
        for _ in 0..6 {
            story.report(AttemptOutcome::Unauthorised, 401, now);
            let wait = story.wait(now);
            waits.push(wait.as_secs());
            now += wait.as_secs();
            assert!(story.probe(now));
        }
        assert_eq!(waits, [60, 120, 240, 480, 600, 600]);
    }

    #[test]
    fn calls_that_were_refused_together_count_once() {
        let mut story = Story::default();
        (0..5).for_each(|_| story.report(AttemptOutcome::Unauthorised, 401, 0));
        assert_eq!(story.wait(0), secs(60));
    }

    #[test]
    fn what_a_401_put_out_is_due_once_its_wait_is_over() {
        let mut story = Story::default();
        let due = |story: &Story, now| story.0.refused_and_due(secs(now)).len();
        story.report(AttemptOutcome::Unauthorised, 401, 0);
        assert_eq!((due(&story, 59), due(&story, 60)), (0, 1));
        assert!(story.probe(60));
        assert_eq!(due(&story, 61), 0, "somebody is trying");
        story.report(AttemptOutcome::NotSent, 200, 62);
        assert_eq!(due(&story, 62), 1, "a probe that told nothing is given back");
        story.report(AttemptOutcome::Unauthorised, 402, 63);
        assert_eq!(due(&story, 10_000), 0, "what is not paid for only a real call can tell");
    }

    #[test]
    fn a_lost_probe_gives_way_to_another() {
        let mut story = Story::default();
        story.report(AttemptOutcome::Unauthorised, 401, 0);
        assert!(story.probe(60) && !story.probe(100) && story.probe(120));
        story.report(AttemptOutcome::Cancelled, 0, 121);
        assert!(story.probe(121), "a caller that left gives the probe back");
    }

    #[test]
    fn failures_degrade_and_five_in_a_row_put_out() {
        let mut story = Story::default();
        story.report(AttemptOutcome::ServerError, 500, 1);
        assert_eq!(story.state(1), CredentialState::Degraded);
        assert_eq!(story.state(12), CredentialState::Healthy, "long ago");
        (0..4).for_each(|_| story.report(AttemptOutcome::Unauthorised, 403, 1));
        assert_eq!(story.state(1), CredentialState::Unavailable);
        let wait = story.wait(1);
        assert!(wait >= secs(5) && wait <= secs(8));
        story.report(AttemptOutcome::Ok, 200, 2);
        assert_eq!(story.state(13), CredentialState::Healthy);
    }

    #[test]
    fn a_new_version_starts_afresh_and_the_old_one_cannot_speak_against_it() {
        let mut story = Story::default();
        story.report(AttemptOutcome::Unauthorised, 401, 0);
        let next = Credential { version: 2, ..credential(1) };
        assert!(!story.0.is_out(&next, secs(0)));
        story.0.note(&next, AttemptOutcome::ServerError, Some(500), BreakerConfig::default(), secs(1));
        story.report(AttemptOutcome::Unauthorised, 401, 2);
        assert!(!story.0.is_out(&next, secs(2)));
    }

    #[test]
    fn what_is_healthy_again_is_forgotten() {
        let mut story = Story::default();
        story.report(AttemptOutcome::Timeout, 0, 1);
        assert!(story.0.refresh(|_| false, secs(2)));
        assert!(!story.0.refresh(|_| false, secs(20)));
        assert!(story.0.known.is_empty());
    }
}
