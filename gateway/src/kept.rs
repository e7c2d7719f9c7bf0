//! Which provider has kept an answer, and with whose secret, so that a request that goes on with it finds it.
//!
//! Providers of Responses keep what they answer under a name (`resp_…`), which means nothing to any other, nor to the same
//! one under the secret of another account. What is forgotten, or was answered through another process, is unknown: the
//! provider that is asked then says so itself. Names are remembered for each organisation apart, so that none can steer
//! or find out what is another's.

use std::time::Duration;

use domain::{CredentialId, OrganisationId, ProviderSlug};

use crate::recent::{Digest, Recent};

/// Answers remembered; of about 200 bytes each.
const CAPACITY: usize = 50_000;
/// So long an answer is known: as long as the vendor keeps it.
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// Who has kept an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keeper {
    pub(crate) provider: ProviderSlug,
    /// With which secret it was asked for; `None` = it needed none.
    pub(crate) credential: Option<CredentialId>,
}

/// The kept answers that this process knows of.
#[derive(Debug)]
pub(crate) struct KeptAnswers(Recent<Keeper>);

impl Default for KeptAnswers {
    fn default() -> Self {
        Self(Recent::new(CAPACITY, KEPT_FOR))
    }
}

impl KeptAnswers {
    /// Who has kept the answer of this name; `None` = nobody here knows. `now` is monotonic.
    pub(crate) fn keeper(&self, organisation: &OrganisationId, name: &str, now: Duration) -> Option<Keeper> {
        self.0.get(&digest(organisation, name), now)
    }

    /// Remembers who has kept an answer.
    pub(crate) fn remember(&self, organisation: &OrganisationId, name: &str, keeper: Keeper, now: Duration) {
        let evicted = self.0.put(digest(organisation, name), keeper, now);
        if evicted > 0 {
            metrics::counter!("signalbox_kept_answers_evicted_total").increment(evicted);
        }
    }
}

fn digest(organisation: &OrganisationId, name: &str) -> Digest {
    Digest::of([organisation.as_str(), name])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_another_organisation_are_unknown() {
        let kept = KeptAnswers::default();
        let [own, other] = [1, 2].map(|number| OrganisationId::from_random([number; 20]));
        let keeper = Keeper { provider: ProviderSlug::parse("acme").expect("valid"), credential: None };
        kept.remember(&own, "resp_1", keeper.clone(), Duration::ZERO);
        assert_eq!(kept.keeper(&own, "resp_1", Duration::ZERO), Some(keeper));
        assert_eq!(kept.keeper(&other, "resp_1", Duration::ZERO), None);
        assert_eq!(kept.keeper(&own, "resp_2", Duration::ZERO), None);
    }
}
