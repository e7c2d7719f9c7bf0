//! The decision: from a route, the facts of a request and, where it matters, a score, to an ordered list of candidates
//! and the record of why.

use domain::{Facts, Removal, Removed};

use crate::affinity;
use crate::blend::Mix;
use crate::capability::Scale;
use crate::eligible::{Contender, Eligible, eligible};
use crate::instructions::Guidance;
use crate::outcome::apply;
use crate::plan::{Order, Plan, Source, plan, source};
use crate::question::{Question, Scoring, Step, known_score, unscored};
use crate::record::record;
use crate::refusal::Refusal;
use crate::rules::{Followed, follow};
use crate::strategy::{blended, intelligent, optimal};

/// Decides, or says that a score is needed; the latter only after [`Scoring::NotAsked`].
///
/// # Errors
/// A [`Refusal`] when no candidate is left, or the route refers to something that is gone.
pub fn decide(question: &Question<'_>) -> Result<Step, Refusal> {
    let mut source = source(question.tenant, question.route)?;
    let mut ruling = None;
    if let Source::Policy { policy, strategy, .. } = &mut source {
        match follow(question.tenant, policy, question.facts, question.scoring)? {
            Followed::To(found) => {
                (*policy, *strategy) = (found.policy, found.strategy);
                ruling = Some(found);
            }
            Followed::NeedsScore => return Ok(Step::NeedsScore),
        }
    }
    let mut plan = plan(question.tenant, source);
    if question.facts.constraints.min_quality.is_some() && !matches!(plan.order, Order::Optimal(..)) {
        return Err(Refusal::NotOptimal { scope: plan.scope().to_owned(), strategy: plan.strategy });
    }
    let previous = affinity::previous(&plan, question);
    let mut guidance = Guidance::of(question, &plan);
    let scale = Scale::over(&plan.entries);
    let score = known_score(question.scoring);
    let median = score.map(|score| score.expected_output_tokens.p50);
    let mut candidates = eligible(&plan.entries, &scale, question.facts, question.health, median, previous);
    let mix = match plan.order {
        Order::Blended(blend) => {
            let mix = Mix::over(question.tenant, blend, question.now);
            let rows = blended::keep_covered(&mut candidates, &mix);
            Some((mix, rows))
        }
        Order::Given
        | Order::Ranked
        | Order::Cheapest
        | Order::Fastest
        | Order::Intelligent(_)
        | Order::Optimal(..) => None,
    };
    if let (Some(guidance), Scoring::NotAsked) = (&guidance, question.scoring)
        && guidance.needs_score()
    {
        return Ok(Step::NeedsScore);
    }
    // What would have been decided without instructions: only so can be said whether they did anything.
    let unguided = guidance.as_mut().map(|guidance| {
        let mut unguided = candidates.clone();
        unguided.remove_unhealthy(question.health);
        guidance.weigh(question.scoring);
        guidance.remove_from(&mut candidates);
        let configured = plan.order;
        guidance.move_axis(&mut plan.order);
        (unguided.contenders, configured)
    });
    candidates.remove_unhealthy(question.health);
    let Eligible { contenders: mut order, removed } = candidates;

    if let Scoring::NotAsked = question.scoring
        && !affinity::is_held(previous, &order)
    {
        let (reads_score, depends_on_score) = match (plan.order, &mix) {
            (Order::Intelligent(_), _) => (true, intelligent::depends_on_score(&order)),
            (Order::Optimal(..), _) => (true, optimal::depends_on_score(&order)),
            (_, Some((mix, _))) => (mix.is_boostable(), blended::depends_on_score(&order, mix)),
            (_, None) => (false, false),
        };
        // Without a requested maximum it takes the score to say what is too dear.
        let is_cost_open = question.facts.features.max_output_tokens.is_none()
            && removed.iter().any(|it| it.reason == Removal::MaxCost);
        if depends_on_score || (reads_score && is_cost_open) {
            return Ok(Step::NeedsScore);
        }
    }
    if order.is_empty() {
        return Err(nobody_left(&plan, removed, question.facts));
    }
    let waits_for_score = guidance.as_ref().is_some_and(Guidance::needs_score);
    let mut outcome = apply(&plan, mix.as_ref(), &mut order, question, guidance.as_ref());
    let mut is_wished = false;
    if let Some(guidance) = &mut guidance {
        let places = guidance.reorder(&plan, &outcome, &order);
        is_wished = places[0] != 0;
        outcome.rearrange(&mut order, &places);
    }
    let stay = previous.map(|previous| {
        let wished = |a: &Contender<'_>, b: &Contender<'_>| guidance.as_ref().is_some_and(|it| it.prefers(a, b));
        affinity::stay(previous, &plan, &outcome, &order, question.facts.features.input_tokens, wished)
    });
    let instructions = guidance.zip(unguided).map(|(guidance, (mut unguided, configured))| {
        let plan = Plan { order: configured, entries: Vec::new(), ..plan };
        apply(&plan, mix.as_ref(), &mut unguided, question, None);
        guidance.record(!unguided.iter().map(|it| it.id).eq(order.iter().map(|it| it.id)))
    });
    if let Some(place) = stay.as_ref().and_then(|stay| stay.place) {
        let places: Vec<usize> = std::iter::once(place).chain((0..order.len()).filter(|it| *it != place)).collect();
        outcome.rearrange(&mut order, &places);
    }
    let mut decision = record(question, &plan, &scale, outcome, Eligible { contenders: order, removed });
    decision.instructions = instructions;
    if waits_for_score {
        decision.degraded = decision.degraded.or(unscored(question.scoring));
    }
    if is_wished {
        "first among equals by the instructions".clone_into(decision.candidates[0].why.get_or_insert_default());
        decision.reason.push_str("; the instructions choose among equals");
    }
    if let Some(stay) = stay {
        stay.note(&mut decision);
    }
    if let Some(ruling) = ruling {
        ruling.note(&mut decision);
    }
    Ok(Step::Decided(Box::new(decision)))
}

/// A rule can lead to a policy that has none of the request's own `models`: then nothing was removed, nothing was there.
fn nobody_left(plan: &Plan<'_>, removed: Vec<Removed>, facts: &Facts) -> Refusal {
    if removed.is_empty() && !facts.constraints.models.is_empty() && !plan.entries.is_empty() {
        let candidates = plan.entries.iter().map(|entry| entry.id.clone()).collect();
        return Refusal::NothingInCommon { scope: plan.scope().to_owned(), candidates };
    }
    Refusal::nobody_left(plan.scope(), removed)
}
