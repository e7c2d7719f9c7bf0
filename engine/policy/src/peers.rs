//! Who is as good as a strategy's choice, for whoever has a reason of his own: wishes of the request, or a conversation
//! that would rather stay where it is.
//!
//! A strategy's order is never overruled. Only among those that it holds to be equals does something else decide.

use crate::eligible::Contender;
use crate::outcome::Outcome;
use crate::plan::{Order, Plan};
use crate::strategy::intelligent::ROUNDING;

/// Who wants to know, where it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Wishes of the request. As fast is who has the same figure.
    Wishes,
    /// A conversation that would rather stay. As fast is who is up to a tenth slower: rolling means move by as much with
    /// a single answer. An unobserved choice, drawn to be measured, is no reason to go.
    Conversation,
}

/// For each contender, in order, whether it is the first one's equal. The first always is.
pub(crate) fn peers(plan: &Plan<'_>, outcome: &Outcome, order: &[Contender<'_>], asker: Asker) -> Vec<bool> {
    let first = &order[0];
    let optimal = outcome.weighed.as_ref().map(|weighed| weighed.equals(order, asker));
    let is_peer = |place: usize, it: &Contender<'_>| match plan.order {
        Order::Given => false,
        // The draw of a split is an experiment, which nobody but its owner changes.
        Order::Ranked => !plan.is_split() && it.rank == first.rank,
        Order::Cheapest => it.cost == first.cost,
        Order::Fastest => match asker {
            Asker::Wishes => it.latency == first.latency,
            Asker::Conversation => is_about_as_fast(it, first),
        },
        Order::Blended(_) => outcome.blended.as_ref().is_some_and(|blended| place < blended.tied),
        Order::Intelligent(_) => it.position >= needed(outcome, first) - ROUNDING,
        Order::Optimal(..) => optimal.as_ref().is_some_and(|equals| equals[place]),
    };
    order.iter().enumerate().map(|(place, it)| place == 0 || is_peer(place, it)).collect()
}

/// The position from which on a model is capable enough.
pub(crate) fn needed(outcome: &Outcome, choice: &Contender<'_>) -> f64 {
    outcome.adjusted.map_or(choice.position, |adjusted| adjusted.min(choice.position))
}

fn is_about_as_fast(it: &Contender<'_>, choice: &Contender<'_>) -> bool {
    match (it.latency, choice.latency) {
        (Some(own), Some(least)) => own <= least.saturating_add(least / 10),
        (_, None) => true,
        (None, Some(_)) => false,
    }
}
