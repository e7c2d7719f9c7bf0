//! Whose turn it is among the secrets of a provider: smooth weighted round robin.
//!
//! Each turn, every secret that may be used gains its weight, and the one with the most goes first and pays the sum. Over
//! any run of as many turns as the weights add up to, each has had exactly its share, spread as evenly as can be. A
//! secret that could not be used for a while has not saved up for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{Credential, CredentialId};

/// What secrets have saved up, shared by all threads.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    saved: Mutex<HashMap<CredentialId, i64>>,
}

impl Turns {
    /// Orders secrets: the one whose turn it is, then those that are nearest to theirs.
    pub(crate) fn order(&self, credentials: &mut [Arc<Credential>]) {
        if credentials.len() < 2 {
            return;
        }
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = 0;
        for credential in credentials.iter() {
            let weight = i64::from(credential.weight.max(1));
            total += weight;
            match saved.get_mut(&credential.id) {
                Some(saved) => *saved += weight,
                None => drop(saved.insert(credential.id.clone(), weight)),
            }
        }
        let of = |credential: &Credential| saved.get(&credential.id).copied().unwrap_or_default();
        // Stable: who has saved as much goes in the order of ids.
        credentials.sort_by_key(|credential| std::cmp::Reverse(of(credential)));
        if let Some(first) = saved.get_mut(&credentials[0].id) {
            *first -= total;
        }
    }

    /// Forgets secrets that the configuration no longer has.
    pub(crate) fn retain(&self, keep: impl Fn(&CredentialId) -> bool) {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| keep(id));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::credential;

    fn weighted(weights: &[u32]) -> Vec<Arc<Credential>> {
        let numbered = weights.iter().zip(1..);
        numbered.map(|(weight, number)| Arc::new(Credential { weight: *weight, ..credential(number) })).collect()
    }

    /// Who goes first in so many turns.
    fn firsts(turns: &Turns, pool: &[Arc<Credential>], count: u32) -> Vec<String> {
        let first = |_| {
            let mut order = pool.to_vec();
            turns.order(&mut order);
            order[0].name.clone()
        };
        (0..count).map(first).collect()
    }

    #[test]
    fn turns_are_spread_and_not_taken_in_a_row() {
        assert_eq!(firsts(&Turns::default(), &weighted(&[3, 1]), 8), ["1", "1", "2", "1", "1", "1", "2", "1"]);
        assert_eq!(firsts(&Turns::default(), &weighted(&[1, 1, 1]), 4), ["1", "2", "3", "1"]);
    }

    #[test]
    fn a_secret_that_comes_back_has_not_saved_up() {
        let (turns, pool) = (Turns::default(), weighted(&[1, 1, 1]));
        firsts(&turns, &pool[..2], 100);
        let back = firsts(&turns, &pool, 6);
        assert_eq!(back.iter().filter(|name| *name == "3").count(), 2, "{back:?}");
    }

    proptest! {
        #[test]
        fn each_has_exactly_its_share_in_every_round(
            weights in prop::collection::vec(1_u32..40, 1..6), rounds in 1_u32..4, seed in 0_u32..50,
        ) {
            let (turns, pool, total) = (Turns::default(), weighted(&weights), weights.iter().sum::<u32>());
            // A round may begin anywhere.
            firsts(&turns, &pool, seed);
            let taken = firsts(&turns, &pool, rounds * total);
            for (credential, weight) in pool.iter().zip(&weights) {
                let had = taken.iter().filter(|name| **name == credential.name).count();
                prop_assert_eq!(had, (weight * rounds) as usize);
            }
        }

        #[test]
        fn overlapping_pools_starve_nobody(picks in prop::collection::vec(any::<bool>(), 40..200)) {
            let (turns, pool) = (Turns::default(), weighted(&[1, 1, 1]));
            let [one, other] = [[0, 1], [0, 2]].map(|pair| pair.map(|at| pool[at].clone()));
            for pick in picks {
                firsts(&turns, if pick { &one } else { &other }, 1);
                let saved = turns.saved.lock().expect("lock");
                prop_assert!(saved.values().all(|it| it.abs() <= 200), "{:?}", saved);
            }
        }
    }
}
