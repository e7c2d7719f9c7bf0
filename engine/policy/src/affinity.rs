//! Conversation affinity: the model of the previous turn stays, unless another beats it by more than the price of a cold
//! prompt cache.
//!
//! That price enters where costs are compared: the previous model's cost counts the prefix of earlier turns as cached,
//! every other model's counts it in full. Affinity only ever moves an eligible, healthy candidate of the policy to the
//! front.

use domain::{AffinityRecord, Decision, Money, Previous};

use crate::eligible::Contender;
use crate::outcome::Outcome;
use crate::peers::{Asker, needed, peers};
use crate::plan::{Order, Plan};
use crate::question::Question;

/// What affinity found.
pub(crate) struct Stay {
    /// Where the previous model stands in the order, if it is to be moved to the front.
    pub(crate) place: Option<usize>,
    pub(crate) record: AffinityRecord,
}

impl Stay {
    /// Puts what affinity did into the record.
    pub(crate) fn note(self, decision: &mut Decision) {
        if self.place.is_some_and(|place| place > 0) {
            decision.candidates[0].why = Some("kept from the previous turn".to_owned());
            decision.reason = format!("{} of the previous turn is kept: {}", self.record.previous, self.record.why);
        }
        decision.affinity = Some(self.record);
    }
}

/// The previous turn, where the policy wants to know of it. `split` decides each request for itself.
pub(crate) fn previous<'a>(plan: &Plan<'_>, question: &Question<'a>) -> Option<&'a Previous> {
    let has_affinity = plan.policy.is_some_and(|policy| policy.affinity.is_some());
    question.previous.filter(|_| has_affinity && !plan.is_split())
}

/// Whether the conversation cannot leave its model, whatever the prompt.
pub(crate) fn is_held(previous: Option<&Previous>, order: &[Contender<'_>]) -> bool {
    previous.is_some_and(|it| it.in_tool_loop && order.iter().any(|contender| *contender.id == it.model))
}

/// Decides between the strategy's choice, the first of `order`, and the previous model. `wished` says that the request's
/// instructions prefer the first of two candidates.
pub(crate) fn stay(
    previous: &Previous,
    plan: &Plan<'_>,
    outcome: &Outcome,
    order: &[Contender<'_>],
    input_tokens: u64,
    wished: impl Fn(&Contender<'_>, &Contender<'_>) -> bool,
) -> Stay {
    let choice = &order[0];
    let place = order.iter().position(|contender| *contender.id == previous.model);
    let (kept, mut why) = match place {
        None => (false, "it is no eligible candidate now".to_owned()),
        Some(_) if previous.in_tool_loop => (true, "inside a tool loop".to_owned()),
        Some(0) => (true, "still the strategy's choice".to_owned()),
        Some(_) if plan.is_given() => (false, "the policy's one model comes first".to_owned()),
        Some(place) => {
            if peers(plan, outcome, order, Asker::Conversation)[place] {
                among_peers(plan, choice, &order[place], wished)
            } else {
                (false, why_not(plan, outcome, order, place))
            }
        }
    };
    let is_other = *choice.id != previous.model;
    let (cost, is_assumed) = switch_cost(choice, previous.cached_tokens.min(input_tokens));
    if is_other && is_assumed {
        why.push_str("; the choice's price of cached tokens is unknown, so none was lost");
    }
    let record = AffinityRecord {
        session: previous.session.clone(),
        previous: previous.model.clone(),
        kept,
        switch_cost_usd: cost.filter(|_| is_other),
        why,
    };
    Stay { place: place.filter(|_| kept), record }
}

/// Why the strategy's choice is better than the contender in this place.
fn why_not(plan: &Plan<'_>, outcome: &Outcome, order: &[Contender<'_>], place: usize) -> String {
    let (choice, own) = (&order[0], &order[place]);
    match plan.order {
        Order::Given | Order::Ranked => "another comes first by priority".to_owned(),
        Order::Cheapest => format!("{} costs less, its cold prompt cache included", choice.id),
        Order::Fastest => format!("{} answers clearly sooner", choice.id),
        Order::Blended(_) => format!("{} has a clearly better blend score", choice.id),
        Order::Intelligent(_) => {
            let needed = needed(outcome, choice);
            format!("its position {:.2} is below the {needed:.2} that this turn needs", own.position)
        }
        Order::Optimal(..) => outcome.weighed.as_ref().map_or_else(String::new, |it| it.why_not(place, order)),
    }
}

/// Whether a conversation stays with a model that is as good as the choice, and why.
fn among_peers(
    plan: &Plan<'_>,
    choice: &Contender<'_>,
    own: &Contender<'_>,
    wished: impl Fn(&Contender<'_>, &Contender<'_>) -> bool,
) -> (bool, String) {
    if wished(choice, own) {
        return (false, format!("the instructions prefer {}", choice.id));
    }
    // Ranks and latencies are no amounts of money: there an equal stays.
    let counts_money = match plan.order {
        Order::Cheapest | Order::Blended(_) | Order::Intelligent(_) | Order::Optimal(..) => true,
        Order::Given | Order::Ranked | Order::Fastest => false,
    };
    let saves = choice.cost.zip(own.cost).is_some_and(|(cold, warm)| cold < warm);
    if counts_money && saves {
        return (false, format!("{} does as well and costs less, its cold prompt cache included", choice.id));
    }
    let why = if counts_money { "saves less than its cold prompt cache costs" } else { "is not better" };
    (true, format!("{} {why}", choice.id))
}

/// What it costs that a model has not cached this prefix, and whether its price of cached tokens had to be assumed: then
/// it gives no discount, and nothing is lost. `None` = its price is unknown.
fn switch_cost(target: &Contender<'_>, prefix: u64) -> (Option<Money>, bool) {
    let pricing = &target.model.pricing;
    match (pricing.prompt, pricing.cached_prompt) {
        (None, _) => (None, false),
        (Some(_), None) => (Some(Money::ZERO), true),
        (Some(prompt), Some(cached)) => ((prompt - cached).max(Money::ZERO).checked_times(prefix), false),
    }
}
