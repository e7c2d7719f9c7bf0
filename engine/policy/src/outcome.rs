//! Puts candidates in the order of a plan's strategy, and keeps what the strategy found out on the way.

use domain::{Axis, Blend, CapabilityTag, Degradation, Dial, Route, Score};

use crate::blend::Mix;
use crate::calibration::calibration;
use crate::eligible::Contender;
use crate::instructions::Guidance;
use crate::plan::{Order, Plan};
use crate::question::{Question, Scoring, difficulty, known_score};
use crate::strategy::blended::Rows;
use crate::strategy::optimal::{Evidence, Weighed};
use crate::strategy::{blended, intelligent, measured, optimal, ranked};
use crate::words::Why;

/// What a strategy did, beside the order.
pub(crate) struct Outcome {
    pub(crate) why: Why,
    pub(crate) axis: Option<Axis>,
    pub(crate) adjusted: Option<f64>,
    pub(crate) degraded: Option<Degradation>,
    /// What a blend found, where one chose.
    pub(crate) blended: Option<blended::Blended>,
    /// What chances were weighed, where they were.
    pub(crate) weighed: Option<Weighed>,
}

impl Outcome {
    fn unscored(why: Why) -> Self {
        Self { why, axis: None, adjusted: None, degraded: None, blended: None, weighed: None }
    }

    /// Puts the order, and what belongs to each place of it, in another order: that of these present places.
    pub(crate) fn rearrange(&mut self, order: &mut Vec<Contender<'_>>, places: &[usize]) {
        *order = places.iter().map(|place| order[*place]).collect();
        if let Some(blended) = &mut self.blended
            && blended.standings.len() == places.len()
        {
            blended.standings = places.iter().map(|place| blended.standings[*place].clone()).collect();
        }
        if let Some(weighed) = &mut self.weighed {
            weighed.rearrange(places);
        }
    }
}

/// Puts contenders in the strategy's order.
pub(crate) fn apply(
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
        Order::Optimal(blend, dial) => optimally(blend, dial, order, question, guidance),
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
    let tags = tags(score, guidance);
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

fn optimally(
    blend: Option<&Blend>,
    dial: Dial,
    order: &mut [Contender<'_>],
    question: &Question<'_>,
    guidance: Option<&Guidance<'_>>,
) -> Outcome {
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
    let tags = tags(score, guidance);
    let (why, weighed) = optimal::order(order, dial, &Evidence { calibration, mix: &mix, tags: &tags, difficulty });
    Outcome { degraded, weighed: Some(weighed), ..Outcome::unscored(why) }
}

/// The kinds of work that a prompt asks for. What the request says of itself is certain.
fn tags(score: Option<&Score>, guidance: Option<&Guidance<'_>>) -> Vec<(CapabilityTag, f64)> {
    let mut tags = score.map_or_else(Vec::new, |score| score.capabilities.clone());
    tags.extend(guidance.into_iter().flat_map(Guidance::tags).map(|tag| (tag, 1.0)));
    tags
}
