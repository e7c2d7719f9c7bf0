//! The decision: from a route, the facts of a request and, where it matters, a score, to an ordered list of candidates
//! and the record of why.

use domain::{
    Axis, CandidateRecord, Decision, Degradation, Facts, Health, Previous, Removal, Removed, RequestId, Route, Score,
    SnapshotVersion, Tenant, Timestamp,
};

use crate::affinity;
use crate::blend::Mix;
use crate::capability::Scale;
use crate::eligible::{Contender, Eligible, eligible};
use crate::instructions::Guidance;
use crate::plan::{Order, Plan, Source, plan, source};
use crate::refusal::Refusal;
use crate::rules::{Followed, follow};
use crate::strategy::blended::Rows;
use crate::strategy::{blended, intelligent, measured, ranked};
use crate::words::{self, Why};

/// What is known of the prompt's complexity.
#[derive(Clone, Copy, Debug)]
pub enum Scoring<'a> {
    /// Nobody has asked the scorer yet.
    NotAsked,
    /// The scorer was asked and did not answer, for this reason.
    Unavailable(Degradation),
    /// It answered.
    Known(&'a Score),
}

/// Every argument of a decision. The same question always has the same answer.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the organisation has configured.
    pub tenant: &'a Tenant,
    /// Which version of the configuration that is.
    pub version: SnapshotVersion,
    /// Which policy, router or models apply.
    pub route: &'a Route,
    /// What is known of the request.
    pub facts: &'a Facts,
    /// What is known of its complexity.
    pub scoring: Scoring<'a>,
    /// What is known of the candidates' health.
    pub health: &'a Health,
    /// The conversation's previous turn; only policies with affinity look at it.
    pub previous: Option<&'a Previous>,
    /// The request's own id: the seed of every draw.
    pub seed: RequestId,
    /// When the question is asked: a blend's overrides expire.
    pub now: Timestamp,
}

/// An answer, or the wish for a score.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The decision.
    Decided(Box<Decision>),
    /// The decision depends on a score that nobody has asked for: ask the scorer, then ask again.
    NeedsScore,
}

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
        Order::Given | Order::Ranked | Order::Cheapest | Order::Fastest | Order::Intelligent(_) => None,
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

/// The score, unless it is no number: then it is as good as none.
pub(crate) fn known_score(scoring: Scoring<'_>) -> Option<&Score> {
    match scoring {
        Scoring::Known(score) => Some(score).filter(|score| !score.complexity.is_nan()),
        Scoring::NotAsked | Scoring::Unavailable(_) => None,
    }
}

/// Why there is no score.
fn unscored(scoring: Scoring<'_>) -> Option<Degradation> {
    match scoring {
        Scoring::Unavailable(reason) => Some(reason),
        Scoring::Known(score) => score.complexity.is_nan().then_some(Degradation::Scorer),
        Scoring::NotAsked => None,
    }
}

/// What a strategy did, beside the order.
pub(crate) struct Outcome {
    why: Why,
    axis: Option<Axis>,
    pub(crate) adjusted: Option<f64>,
    degraded: Option<Degradation>,
    /// What a blend found, where one chose.
    pub(crate) blended: Option<blended::Blended>,
}

impl Outcome {
    fn unscored(why: Why) -> Self {
        Self { why, axis: None, adjusted: None, degraded: None, blended: None }
    }

    /// Puts the order, and what belongs to each place of it, in another order: that of these present places.
    fn rearrange(&mut self, order: &mut Vec<Contender<'_>>, places: &[usize]) {
        *order = places.iter().map(|place| order[*place]).collect();
        if let Some(blended) = &mut self.blended
            && blended.standings.len() == places.len()
        {
            blended.standings = places.iter().map(|place| blended.standings[*place].clone()).collect();
        }
    }
}

/// Puts contenders in the strategy's order.
fn apply(
    plan: &Plan<'_>,
    mix: Option<&(Mix<'_>, Rows<'_>)>,
    order: &mut [Contender<'_>],
    question: &Question<'_>,
    guidance: Option<&Guidance<'_>>,
) -> Outcome {
    if let Some((mix, rows)) = mix {
        return blend(mix, rows, order, question, guidance);
    }
    match plan.order {
        Order::Given if plan.policy.is_some() => Outcome::unscored(Why::Single),
        Order::Given if matches!(question.route, Route::Direct(_)) => Outcome::unscored(Why::Named),
        Order::Given => Outcome::unscored(Why::Listed),
        Order::Ranked => {
            let is_drawn = plan.policy.is_some_and(|policy| ranked::order(order, &policy.id, question.seed));
            Outcome::unscored(if is_drawn { Why::Drawn } else { Why::Ranked })
        }
        // A blend that is gone scores nobody: then no candidate comes this far.
        Order::Cheapest | Order::Blended(_) => Outcome::unscored(measured::by_cost(order)),
        Order::Fastest => {
            Outcome::unscored(measured::by_latency(order, plan.policy.map(|policy| &policy.id), question.seed))
        }
        Order::Intelligent(axis) => intelligently(axis, order, question),
    }
}

fn blend(
    mix: &Mix<'_>,
    rows: &Rows<'_>,
    order: &mut [Contender<'_>],
    question: &Question<'_>,
    guidance: Option<&Guidance<'_>>,
) -> Outcome {
    let score = known_score(question.scoring);
    let degraded = match question.scoring {
        _ if !blended::depends_on_score(order, mix) => None,
        Scoring::Unavailable(reason) => Some(reason),
        Scoring::Known(_) if score.is_none() => Some(Degradation::Scorer),
        Scoring::Known(_) | Scoring::NotAsked => None,
    };
    let mut tags = score.map_or_else(Vec::new, |score| score.capabilities.clone());
    // What the request says of itself is certain.
    tags.extend(guidance.into_iter().flat_map(Guidance::tags).map(|tag| (tag, 1.0)));
    let (why, blended) = blended::order(order, mix, rows, &tags);
    Outcome { degraded, blended: Some(blended), ..Outcome::unscored(why) }
}

fn intelligently(axis: Axis, order: &mut [Contender<'_>], question: &Question<'_>) -> Outcome {
    let is_open = intelligent::depends_on_score(order);
    let complexity = known_score(question.scoring).map(|score| score.complexity.clamp(0.0, 1.0));
    let adjusted = complexity.map(|complexity| intelligent::adjusted(axis, complexity));
    let degraded = match question.scoring {
        Scoring::Unavailable(reason) if is_open => Some(reason),
        Scoring::Known(_) if is_open && complexity.is_none() => Some(Degradation::Scorer),
        _ => None,
    };
    let standing = intelligent::order(order, adjusted);
    let why = match complexity {
        Some(complexity) => Why::Scored { complexity, adjusted: adjusted.unwrap_or(complexity), axis, standing },
        None => Why::Unscored { degraded, standing },
    };
    Outcome { axis: Some(axis), adjusted, degraded, ..Outcome::unscored(why) }
}

fn record(
    question: &Question<'_>,
    plan: &Plan<'_>,
    scale: &Scale,
    outcome: Outcome,
    Eligible { contenders: order, removed }: Eligible<'_>,
) -> Decision {
    let score = known_score(question.scoring);
    // What savings are counted against.
    let strongest = order.iter().min_by(|a, b| a.stronger_first(b));
    let is_intelligent = matches!(plan.order, Order::Intelligent(_));
    let mut candidates: Vec<CandidateRecord> = order
        .iter()
        .map(|contender| CandidateRecord {
            model: contender.id.clone(),
            position: is_intelligent.then_some(contender.position),
            score: None,
            expected_cost_usd: contender.cost,
            why: None,
        })
        .collect();
    let reason = words::reason(&outcome.why, plan.scope(), order.len(), outcome.degraded);
    let (standings, weights, weights_boosted) = match outcome.blended {
        Some(it) => (it.standings, Some(it.weights), Some(it.weights_boosted)),
        None => (Vec::new(), None, None),
    };
    if standings.is_empty() {
        candidates[0].why = Some(words::why(&outcome.why, &order[0]));
    }
    for (place, mut standing) in standings.into_iter().enumerate() {
        if place == 0 {
            standing.why.push_str(words::caveat(&order[0]));
        }
        candidates[place].score = Some(standing.score);
        candidates[place].why = Some(standing.why);
    }
    Decision {
        policy: plan.policy.map(|policy| policy.name.clone()),
        policy_id: plan.policy.map(|policy| policy.id.clone()),
        router: plan.router.map(|router| router.id.clone()),
        rule: None,
        strategy: plan.strategy.to_owned(),
        axis: outcome.axis,
        complexity: score.map(|score| score.complexity.clamp(0.0, 1.0)),
        adjusted: outcome.adjusted,
        capabilities: score.map(|score| score.capabilities.clone()).unwrap_or_default(),
        selected_model: order[0].id.clone(),
        candidates,
        removed,
        weights,
        weights_boosted,
        degraded: outcome.degraded,
        scorer: score.map(|score| score.version.clone()),
        truncated: score.is_some_and(|score| score.truncated),
        snapshot: question.version,
        seed: question.seed,
        capability_source: is_intelligent.then(|| scale.sources().to_owned()),
        most_capable_model: strongest.map(|contender| contender.id.clone()),
        most_capable_cost_usd: strongest.and_then(|contender| contender.cost),
        explicit_order: plan.is_explicit,
        instructions: None,
        affinity: None,
        reason,
    }
}
