//! Decides what to do when an attempt has failed: another key of the same candidate, another candidate, or give up.
//!
//! Knows nothing of HTTP: it is told the [`Fault`] and answers with the next target. Once content has reached the caller
//! there is no fallback; `stream` reports the failure instead.

use std::time::Duration;

use domain::{Decision, ModelId, Tenant};
use providers::{Fault, FaultKind, Retry};

use crate::error::Failure;

/// Attempts of a request whose candidates were not ordered explicitly.
const ATTEMPTS: usize = 3;
/// The most attempts of a request whose candidates were ordered explicitly: its chain is tried to the end.
const ATTEMPTS_OF_AN_EXPLICIT_CHAIN: usize = 8;
/// The second try is with another key.
const TRIES_PER_CANDIDATE: u32 = 2;

/// The candidates of one request, and what has become of them so far.
#[derive(Debug)]
pub(crate) struct Chain {
    candidates: Vec<Link>,
    position: usize,
    tries: u32,
    attempts_left: usize,
    longest_refused: Option<u64>,
    all_rate_limited: bool,
    shortest_wait: Option<Duration>,
}

#[derive(Debug)]
struct Link {
    model: ModelId,
    context_length: Option<u64>,
}

impl Chain {
    pub(crate) fn new(decision: &Decision, tenant: &Tenant) -> Self {
        let candidates: Vec<Link> = decision
            .candidates
            .iter()
            .map(|candidate| Link {
                model: candidate.model.clone(),
                context_length: tenant.models.get(&candidate.model).and_then(|model| model.context_length),
            })
            .collect();
        let attempts_left = if decision.explicit_order {
            candidates.len().clamp(ATTEMPTS, ATTEMPTS_OF_AN_EXPLICIT_CHAIN)
        } else {
            ATTEMPTS
        };
        Self {
            candidates,
            position: 0,
            tries: 0,
            attempts_left,
            longest_refused: None,
            all_rate_limited: true,
            shortest_wait: None,
        }
    }

    /// The candidate to try now.
    pub(crate) fn current(&self) -> Option<&ModelId> {
        self.candidates.get(self.position).map(|link| &link.model)
    }

    /// Takes note of a failed attempt and moves to what should be tried next.
    ///
    /// # Errors
    /// The failure to report when nothing is left to try. `another_key` says whether the candidate has one.
    pub(crate) fn failed(&mut self, fault: Fault, another_key: bool) -> Result<(), Failure> {
        self.tries += 1;
        self.attempts_left -= 1;
        self.all_rate_limited &= fault.kind == FaultKind::RateLimited;
        if let Some(wait) = fault.retry_after {
            self.shortest_wait = Some(self.shortest_wait.map_or(wait, |known| known.min(wait)));
        }
        let provider = self.current().map(|model| model.provider().to_owned()).unwrap_or_default();
        let moved = self.attempts_left > 0
            && match fault.retry {
                Retry::Never => false,
                Retry::NextCredential if another_key && self.tries < TRIES_PER_CANDIDATE => true,
                Retry::NextCredential | Retry::NextCandidate => self.advance(|_| true),
                Retry::LongerContext => self.advance_to_longer_context(),
            };
        if moved {
            return Ok(());
        }
        Err(match fault.retry {
            Retry::Never | Retry::LongerContext => Failure::Upstream { provider, fault },
            Retry::NextCredential | Retry::NextCandidate => Failure::Exhausted {
                provider,
                fault,
                all_rate_limited: self.all_rate_limited,
                wait: self.shortest_wait,
            },
        })
    }

    fn advance_to_longer_context(&mut self) -> bool {
        let refused = self.candidates.get(self.position).and_then(|link| link.context_length);
        self.longest_refused = self.longest_refused.max(refused);
        let longest = self.longest_refused;
        // A candidate of unknown length may be longer; without any length known, so may every other one.
        self.advance(|link| longest.is_none_or(|longest| link.context_length.is_none_or(|length| length > longest)))
    }

    fn advance(&mut self, fits: impl Fn(&Link) -> bool) -> bool {
        let next = (self.position + 1..self.candidates.len()).find(|position| fits(&self.candidates[*position]));
        if let Some(position) = next {
            self.position = position;
            self.tries = 0;
        }
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(lengths: &[Option<u64>], attempts: usize) -> Chain {
        let candidates = lengths
            .iter()
            .enumerate()
            .map(|(index, length)| Link {
                model: ModelId::parse(&format!("p/m{index}")).expect("valid"),
                context_length: *length,
            })
            .collect();
        Chain {
            candidates,
            position: 0,
            tries: 0,
            attempts_left: attempts,
            longest_refused: None,
            all_rate_limited: true,
            shortest_wait: None,
        }
    }

    fn fault(kind: FaultKind) -> Fault {
        Fault::new(kind, "said so")
    }

    /// Feeds faults one after another and returns the models tried, in order.
    #[track_caller]
    fn check(mut chain: Chain, faults: &[FaultKind], another_key: bool, expected: &[&str]) -> Option<Failure> {
        let mut tried = Vec::new();
        for kind in faults {
            tried.push(chain.current().expect("a candidate").native().to_owned());
            if let Err(failure) = chain.failed(fault(*kind), another_key) {
                assert_eq!(tried, expected);
                return Some(failure);
            }
        }
        assert_eq!(tried, expected);
        None
    }

    #[test]
    fn upstream_faults_move_to_the_next_candidate() {
        let faults = [FaultKind::ConnectFailed, FaultKind::ServerError, FaultKind::Timeout];
        let failure = check(chain(&[None, None, None], 3), &faults, true, &["m0", "m1", "m2"]);
        assert_eq!(failure.expect("exhausted").answer().status, 504);
    }

    #[test]
    fn a_refused_key_is_followed_by_the_next_key_then_the_next_candidate() {
        let faults = [FaultKind::Unauthorised; 4];
        let failure = check(chain(&[None, None], 8), &faults, true, &["m0", "m0", "m1", "m1"]);
        assert_eq!(failure.expect("exhausted").answer().status, 502);
    }

    #[test]
    fn the_callers_mistake_stops_at_once_with_the_upstreams_status() {
        let mut refused = fault(FaultKind::Refused);
        refused.status = Some(422);
        let failure = chain(&[None, None], 3).failed(refused, true).expect_err("stops");
        assert_eq!(failure.answer().status, 422);
    }

    #[test]
    fn a_too_long_prompt_goes_to_longer_candidates_only() {
        let lengths = [Some(8_000), Some(4_000), Some(32_000)];
        let faults = [FaultKind::ContextLength, FaultKind::ContextLength];
        let failure = check(chain(&lengths, 3), &faults, true, &["m0", "m2"]);
        assert_eq!(failure.expect("stops").answer().code, Some("context_length_exceeded"));
    }

    #[test]
    fn attempts_are_bounded() {
        let faults = [FaultKind::ServerError; 5];
        assert!(check(chain(&[None; 5], 3), &faults, false, &["m0", "m1", "m2"]).is_some());
    }

    #[test]
    fn rate_limits_everywhere_pass_on_the_smallest_wait() {
        let mut chain = chain(&[None, None], 3);
        let limited =
            |seconds| Fault { retry_after: Some(Duration::from_secs(seconds)), ..fault(FaultKind::RateLimited) };
        assert!(chain.failed(limited(7), false).is_ok());
        let failure = chain.failed(limited(30), false).expect_err("exhausted");
        let answer = failure.answer();
        assert_eq!((answer.status, answer.retry_after), (429, Some(Duration::from_secs(7))));
    }

    #[test]
    fn one_other_fault_among_rate_limits_is_a_provider_error() {
        let mut chain = chain(&[None, None], 3);
        assert!(chain.failed(fault(FaultKind::ServerError), false).is_ok());
        let failure = chain.failed(fault(FaultKind::RateLimited), false).expect_err("exhausted");
        assert_eq!((failure.answer().status, failure.answer().should_retry), (502, Some(false)));
    }
}
