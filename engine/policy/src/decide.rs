//! The decision: from a route, the facts of a request and, where it matters, a score, to an ordered list of candidates
//! and the record of why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    Axis, Blend, Calibration, CandidateRecord, Decision, Degradation, Dial, Facts, ModelId, Removal, Removed,
    RequestId, Route, Score, SnapshotVersion, Tenant, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::blend::Mix;
use crate::calibration::calibration;
use crate::capability::Scale;
use crate::eligible::{Contender, Eligible, eligible};
use crate::plan::{Order, Plan, Source, plan, source};
use crate::refusal::Refusal;
use crate::rules::{Followed, follow};
use crate::strategy::blended::Rows;
use crate::strategy::optimal::{Evidence, Weighed};
use crate::strategy::{blended, intelligent, measured, optimal, ranked};
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

/// How fast a model has been answering: rolling means with exponential decay, kept by whoever fills them in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Time to the first token, in microseconds.
    pub first_token_micros: u64,
    /// Time for each token of output, in microseconds.
    pub micros_per_token: u64,
}

impl Latency {
    /// What has been observed of a model, if anything. What has not counts for nothing, until an answer tells it: streams
    /// tell of the first token, whole answers of the time for each.
    pub fn observed(first_token_micros: Option<u64>, micros_per_token: Option<u64>) -> Option<Self> {
        let known = first_token_micros.or(micros_per_token);
        known.map(|_| Self {
            first_token_micros: first_token_micros.unwrap_or(0),
            micros_per_token: micros_per_token.unwrap_or(0),
        })
    }

    /// How long an answer of this length takes, in microseconds.
    pub fn expected_micros(self, output_tokens: u64) -> u64 {
        self.first_token_micros.saturating_add(self.micros_per_token.saturating_mul(output_tokens))
    }
}

/// What is known of the candidates' health. The default: all are healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Models whose breakers are open for every key.
    pub unhealthy: BTreeSet<ModelId>,
    /// How fast models have been answering; absent = never observed.
    #[serde(default)]
    pub latency: Arc<BTreeMap<ModelId, Latency>>,
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
    /// The model of the conversation's previous turn; no strategy so far looks at it.
    pub previous: Option<&'a ModelId>,
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
    let plan = plan(question.tenant, source);
    if question.facts.constraints.min_quality.is_some() && !matches!(plan.order, Order::Optimal(..)) {
        return Err(Refusal::NotOptimal { scope: plan.scope().to_owned(), strategy: plan.strategy });
    }
    let scale = Scale::over(&plan.entries);
    let score = known_score(question.scoring);
    let median = score.map(|score| score.expected_output_tokens.p50);
    let mut candidates = eligible(&plan.entries, &scale, question.facts, question.health, median);
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
    candidates.remove_unhealthy(question.health);
    let Eligible { contenders: mut order, removed } = candidates;

    if let Scoring::NotAsked = question.scoring {
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
    let outcome = match &mix {
        Some((mix, rows)) => blend(mix, rows, &mut order, question),
        None => apply(&plan, &mut order, question),
    };
    let mut decision = record(question, &plan, &scale, &outcome, Eligible { contenders: order, removed });
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

/// What a strategy did, beside the order.
struct Outcome<'a> {
    why: Why,
    axis: Option<Axis>,
    adjusted: Option<f64>,
    degraded: Option<Degradation>,
    /// What a blend found, where one chose.
    blended: Option<blended::Blended>,
    /// What chances were weighed, where they were, and by which calibration.
    weighed: Option<(Weighed, &'a Calibration)>,
}

impl Outcome<'_> {
    fn unscored(why: Why) -> Self {
        Self { why, axis: None, adjusted: None, degraded: None, blended: None, weighed: None }
    }
}

fn apply<'a>(plan: &Plan<'_>, order: &mut [Contender<'_>], question: &Question<'a>) -> Outcome<'a> {
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
        Order::Optimal(blend, dial) => optimally(blend, dial, order, question),
    }
}

fn blend<'a>(mix: &Mix<'_>, rows: &Rows<'_>, order: &mut [Contender<'_>], question: &Question<'a>) -> Outcome<'a> {
    let score = known_score(question.scoring);
    let degraded = match question.scoring {
        _ if !blended::depends_on_score(order, mix) => None,
        Scoring::Unavailable(reason) => Some(reason),
        Scoring::Known(_) if score.is_none() => Some(Degradation::Scorer),
        Scoring::Known(_) | Scoring::NotAsked => None,
    };
    let tags = score.map_or(&[][..], |score| &score.capabilities);
    let (why, blended) = blended::order(order, mix, rows, tags);
    Outcome { degraded, blended: Some(blended), ..Outcome::unscored(why) }
}

fn intelligently<'a>(axis: Axis, order: &mut [Contender<'_>], question: &Question<'a>) -> Outcome<'a> {
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

fn optimally<'a>(
    blend: Option<&Blend>,
    dial: Dial,
    order: &mut [Contender<'_>],
    question: &Question<'a>,
) -> Outcome<'a> {
    let score = known_score(question.scoring);
    let difficulty = difficulty(question.scoring);
    let is_open = optimal::depends_on_score(order);
    let degraded = match question.scoring {
        Scoring::Unavailable(reason) if is_open => Some(reason),
        Scoring::Known(_) if is_open && difficulty.is_none() => Some(Degradation::Scorer),
        _ => None,
    };
    let dial = question.facts.constraints.min_quality.map_or(dial, Dial::MinQuality);
    let calibration = calibration(question.tenant);
    let mix = Mix::over(question.tenant, blend, question.now);
    let tags = score.map_or(&[][..], |score| &score.capabilities);
    let (why, weighed) = optimal::order(order, dial, &Evidence { calibration, mix: &mix, tags, difficulty });
    Outcome { degraded, weighed: Some((weighed, calibration)), ..Outcome::unscored(why) }
}

/// The prompt's difficulty, unless it is no number: then it is as good as none.
fn difficulty(scoring: Scoring<'_>) -> Option<f64> {
    known_score(scoring).map(|score| score.difficulty).filter(|difficulty| difficulty.is_finite())
}

fn record(
    question: &Question<'_>,
    plan: &Plan<'_>,
    scale: &Scale,
    outcome: &Outcome<'_>,
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
    candidates[0].why = Some(words::why(&outcome.why, &order[0]));
    let blended = outcome.blended.as_ref();
    for (place, standing) in blended.iter().flat_map(|it| &it.standings).enumerate() {
        let caveat = if place == 0 { words::caveat(&order[0]) } else { "" };
        candidates[place].score = Some(standing.score);
        candidates[place].why = Some(format!("{}{caveat}", standing.why));
    }
    let weighed = outcome.weighed.as_ref();
    for ((candidate, contender), standing) in
        candidates.iter_mut().zip(&order).zip(weighed.iter().flat_map(|(it, _)| &it.standings))
    {
        candidate.score = standing.chance;
        candidate.why = Some(standing.why(contender));
    }
    let (weights, weights_boosted) = match (blended, weighed.and_then(|(it, _)| it.weights.as_ref())) {
        (Some(it), _) => (Some(it.weights.clone()), Some(it.weights_boosted.clone())),
        (None, Some((plain, boosted))) => (Some(plain.clone()), Some(boosted.clone())),
        (None, None) => (None, None),
    };
    let calibration = weighed.map(|(_, calibration)| *calibration);
    let difficulty = calibration.and_then(|_| difficulty(question.scoring));
    let is_foreign = score.zip(calibration).is_some_and(|(score, it)| !it.fits_scorer(&score.version));
    Decision {
        policy: plan.policy.map(|policy| policy.name.clone()),
        policy_id: plan.policy.map(|policy| policy.id.clone()),
        router: plan.router.map(|router| router.id.clone()),
        rule: None,
        strategy: plan.strategy.to_owned(),
        axis: outcome.axis,
        complexity: score.map(|score| score.complexity.clamp(0.0, 1.0)),
        adjusted: outcome.adjusted,
        difficulty,
        calibration: calibration.map(|it| it.version.clone()),
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
        capability_source: (is_intelligent || calibration.is_some()).then(|| scale.sources().to_owned()),
        most_capable_model: strongest.map(|contender| contender.id.clone()),
        most_capable_cost_usd: strongest.and_then(|contender| contender.cost),
        explicit_order: plan.is_explicit,
        reason: format!(
            "{}{}",
            words::reason(&outcome.why, plan.scope(), order.len(), outcome.degraded),
            if is_foreign { "; calibrated for another scorer" } else { "" }
        ),
    }
}
