//! What the tests of both stores share: requests, and the limits kept by a list of events.

use std::time::Duration;

use domain::{Budget, BudgetMode, BudgetPeriod, KeyId, Limits, Money, OrganisationId, Timestamp};
use proptest::prelude::*;

use crate::demand::{Cap, Consumed, Demand, Estimate, Now, Spender};

/// In 2096: a real server lets keys of periods that are over expire at once.
pub(crate) const START: i64 = 4_000_000_000_000_000;

pub(crate) fn at(seconds: u64) -> Now {
    let micros = i64::try_from(seconds).unwrap() * 1_000_000;
    Now { wall: Timestamp(START + micros), monotonic: Duration::from_secs(seconds) }
}

pub(crate) fn demand(limits: Limits, input: u64, output: u64) -> Demand {
    Demand {
        organisation: OrganisationId::from_random([1; 20]),
        key: KeyId::from_random([2; 20]),
        limits,
        user: None,
        caps: Vec::new(),
        estimate: Estimate { input_tokens: input, output_tokens: output, cost: None },
    }
}

pub(crate) fn consumed(input: u64, output: u64, cost: i128) -> Consumed {
    Consumed { input_tokens: input, output_tokens: output, cost: Money::from_pico(cost) }
}

pub(crate) fn cap(spender: Spender, amount: i128, mode: BudgetMode) -> Cap {
    Cap { spender, budget: Budget { amount: Money::from_pico(amount), period: BudgetPeriod::Day, mode } }
}

pub(crate) fn spending(demand: Demand, caps: &[Cap], cost: i128) -> Demand {
    let estimate = Estimate { cost: Some(Money::from_pico(cost)), ..demand.estimate };
    Demand { caps: caps.to_vec(), estimate, ..demand }
}

pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    let tokens = || prop::option::of(20_u64..250);
    let few = || prop::option::of(1_u64..8);
    (tokens(), tokens(), tokens(), few(), few()).prop_map(|(total, input, output, requests, concurrent)| Limits {
        total_tokens_per_hour: total,
        input_tokens_per_hour: input,
        output_tokens_per_hour: output,
        requests_per_minute: requests,
        concurrent_requests: concurrent,
    })
}

/// What happens to a key, one thing after the other.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Ask { input: u64, output: u64 },
    Consume { which: usize, input: u64, output: u64 },
    Release { which: usize },
    Pass { seconds: u64 },
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1_u64..30, 1_u64..30).prop_map(|(input, output)| Event::Ask { input, output }),
        3 => (any::<prop::sample::Index>(), 0_u64..40, 0_u64..40)
            .prop_map(|(which, input, output)| Event::Consume { which: which.index(64), input, output }),
        1 => any::<prop::sample::Index>().prop_map(|which| Event::Release { which: which.index(64) }),
        2 => prop_oneof![0_u64..5, 30_u64..90, 1_000_u64..2_000].prop_map(|seconds| Event::Pass { seconds }),
    ];
    prop::collection::vec(event, 1..150)
}

/// The same by keeping everything.
#[derive(Default)]
pub(crate) struct Naive {
    pub(crate) consumed: Vec<(u64, u64, u64)>,
    pub(crate) asked: Vec<u64>,
    pub(crate) open: Vec<(u64, u64)>,
}

impl Naive {
    /// Whether something of that second still counts: slots of so many seconds, 60 back and the present one.
    fn counts(then: u64, now: u64, slot: u64) -> bool {
        now / slot - then / slot <= 60
    }

    pub(crate) fn lets_in(&self, now: u64, limits: &Limits, input: u64, output: u64) -> bool {
        let settled = self.consumed.iter().filter(|it| Self::counts(it.0, now, 60)).map(|it| (it.1, it.2));
        let (inputs, outputs) = settled
            .chain(self.open.iter().copied())
            .chain([(input, output)])
            .fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        let requests = self.asked.iter().filter(|then| Self::counts(**then, now, 1)).count() as u64;
        let within = |limit: Option<u64>, amount: u64| limit.is_none_or(|limit| amount <= limit);
        within(limits.total_tokens_per_hour, inputs + outputs)
            && within(limits.input_tokens_per_hour, inputs)
            && within(limits.output_tokens_per_hour, outputs)
            && within(limits.requests_per_minute, requests + 1)
            && within(limits.concurrent_requests, self.open.len() as u64 + 1)
    }
}
