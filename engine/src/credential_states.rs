//! Which provider secrets are not healthy, as gateways say of late: for operators, not for decisions.
//!
//! Gateways repeat what is wrong every few seconds and are silent about the rest, so what is not repeated is over. Of
//! several gateways the worst word counts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::{CredentialId, CredentialState, OrganisationId, Snapshot, Timestamp};
use proto::CredentialReport;

/// A report counts for so long: several times as long as until it is repeated.
const FRESH_MICROS: i64 = 20_000_000;
/// A better word than the one held counts once that is so old: it may come from another gateway.
const REPEATED_MICROS: i64 = 12_000_000;

/// What all gateways say.
#[derive(Debug, Default)]
pub(crate) struct CredentialStates {
    held: Mutex<HashMap<CredentialId, Held>>,
}

#[derive(Debug)]
struct Held {
    organisation: OrganisationId,
    state: CredentialState,
    at: Timestamp,
}

impl CredentialStates {
    /// Takes what a gateway says of configured secrets.
    pub(crate) fn merge(&self, snapshot: &Snapshot, said: Vec<CredentialReport>, now: Timestamp) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, it| age(it.at, now) < FRESH_MICROS);
        for CredentialReport { organisation, credential, state } in said {
            let tenant = snapshot.tenant(&organisation);
            if !tenant.is_some_and(|tenant| tenant.credentials.contains_key(&credential)) {
                continue;
            }
            let is_better =
                held.get(&credential).is_some_and(|it| state < it.state && age(it.at, now) < REPEATED_MICROS);
            if !is_better {
                held.insert(credential, Held { organisation, state, at: now });
            }
        }
    }

    /// An organisation's secrets that are not healthy.
    pub(crate) fn of(&self, organisation: &OrganisationId, now: Timestamp) -> Vec<CredentialReport> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.iter().filter(|(_, it)| it.organisation == *organisation && age(it.at, now) < FRESH_MICROS);
        let unwell = own.filter(|(_, it)| it.state != CredentialState::Healthy);
        let report = |(id, it): (&CredentialId, &Held)| CredentialReport {
            organisation: it.organisation.clone(),
            credential: id.clone(),
            state: it.state,
        };
        let mut reports: Vec<_> = unwell.map(report).collect();
        reports.sort_by(|a, b| a.credential.cmp(&b.credential));
        reports
    }
}

fn age(at: Timestamp, now: Timestamp) -> i64 {
    now.unix_micros().saturating_sub(at.unix_micros()).abs()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{Credential, Organisation, Tenant};
    use serde_json::json;

    use super::*;

    fn organisation() -> OrganisationId {
        OrganisationId::from_random([1; 20])
    }

    fn id(number: u8) -> CredentialId {
        CredentialId::from_random([number; 20])
    }

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot::default();
        let owner: Organisation =
            serde_json::from_value(json!({"id": organisation(), "name": "a", "default_policy": null})).unwrap();
        let credential: Credential = serde_json::from_value(json!({"id": id(1), "organisation": organisation(),
            "provider": "acme", "name": "a", "version": 1, "sealed": [], "hint": ""}))
        .unwrap();
        let mut tenant = Tenant::new(Arc::new(owner));
        Arc::make_mut(&mut tenant.credentials).insert(id(1), Arc::new(credential));
        snapshot.tenants.insert(organisation(), Arc::new(tenant));
        snapshot
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    /// What is known after each was said at its second, at the last second.
    #[track_caller]
    fn check(said: &[(i64, CredentialState)], asked: i64, expected: &[CredentialState]) {
        let states = CredentialStates::default();
        for (second, state) in said {
            let said = CredentialReport { organisation: organisation(), credential: id(1), state: *state };
            states.merge(&snapshot(), vec![said], at(*second));
        }
        let known: Vec<_> = states.of(&organisation(), at(asked)).into_iter().map(|it| it.state).collect();
        assert_eq!(known, expected);
    }

    #[test]
    fn the_worst_word_counts_until_it_is_no_longer_repeated() {
        use CredentialState::{Degraded, Unavailable};
        check(&[(0, Unavailable), (1, Degraded)], 2, &[Unavailable]);
        check(&[(0, Degraded), (1, Unavailable)], 2, &[Unavailable]);
        check(&[(0, Unavailable), (13, Degraded)], 14, &[Degraded]);
        check(&[(0, Unavailable)], 20, &[]);
    }

    #[test]
    fn secrets_that_are_not_configured_are_not_remembered() {
        let states = CredentialStates::default();
        let said = [(organisation(), id(2)), (OrganisationId::from_random([2; 20]), id(1))];
        let said = said.map(|(organisation, credential)| CredentialReport {
            organisation,
            credential,
            state: CredentialState::Unavailable,
        });
        states.merge(&snapshot(), said.to_vec(), at(0));
        assert!(states.held.lock().unwrap().is_empty());
    }
}
