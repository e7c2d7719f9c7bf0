//! `lowest_cost` and `least_latency`: ascending by one number; what is unknown comes last, equals go to the cheaper,
//! then the id.

use domain::{PolicyId, RequestId};

use super::ranked::draw;
use crate::eligible::Contender;
use crate::words::Why;

/// The share of requests that go to models whose latency nobody knows yet, all of them together.
const EXPLORED: f64 = 0.05;

/// Ascending expected cost.
pub(crate) fn by_cost(contenders: &mut [Contender<'_>]) -> Why {
    contenders.sort_by(Contender::cheaper_first);
    if contenders[0].cost.is_some() { Why::Cheapest } else { Why::Priceless }
}

/// Ascending expected latency. A small share of requests, told by the same draw as `split`, goes to one of the
/// unobserved, each as often as the others; without it they would never be observed.
pub(crate) fn by_latency(contenders: &mut [Contender<'_>], policy: Option<&PolicyId>, seed: RequestId) -> Why {
    contenders.sort_by(|a, b| {
        let key = |it: &Contender<'_>| (it.latency.is_none(), it.latency);
        key(a).cmp(&key(b)).then_with(|| a.cheaper_first(b))
    });
    let observed = contenders.partition_point(|contender| contender.latency.is_some());
    let unobserved = contenders.len() - observed;
    if observed == 0 {
        return Why::Unobserved;
    }
    let u = policy.filter(|_| unobserved > 0).map_or(1.0, |policy| draw(policy, seed));
    if u >= EXPLORED {
        return Why::Fastest;
    }
    // What is left of the draw below the share is as even as the draw itself.
    let chosen = observed + ((u / EXPLORED * unobserved as f64) as usize).min(unobserved - 1);
    contenders[..=chosen].rotate_right(1);
    Why::Explored
}
