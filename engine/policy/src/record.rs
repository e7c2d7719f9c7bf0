//! The record of a decision.

use domain::{CandidateRecord, Decision};

use crate::calibration::calibration;
use crate::capability::Scale;
use crate::eligible::Eligible;
use crate::outcome::Outcome;
use crate::plan::{Order, Plan};
use crate::question::{Question, difficulty, known_score};
use crate::words;

/// Writes down a decision: its order, and why it is that order.
pub(crate) fn record(
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
    let calibration = outcome.weighed.as_ref().map(|_| calibration(question.tenant));
    let difficulty = calibration.and_then(|_| difficulty(question.scoring));
    let is_foreign = score.zip(calibration).is_some_and(|(score, it)| !it.fits_scorer(&score.version));
    let mut reason = words::reason(&outcome.why, plan.scope(), order.len(), outcome.degraded);
    if is_foreign {
        reason.push_str("; calibrated for another scorer");
    }
    candidates[0].why = Some(words::why(&outcome.why, &order[0]));
    let (mut weights, mut weights_boosted) = (None, None);
    if let Some(blended) = outcome.blended {
        (weights, weights_boosted) = (Some(blended.weights), Some(blended.weights_boosted));
        for (place, mut standing) in blended.standings.into_iter().enumerate() {
            if place == 0 {
                standing.why.push_str(words::caveat(&order[0]));
            }
            candidates[place].score = Some(standing.score);
            candidates[place].why = Some(standing.why);
        }
    }
    if let Some(weighed) = outcome.weighed {
        (weights, weights_boosted) = weighed.weights.map(|[plain, boosted]| (plain, boosted)).unzip();
        for ((candidate, contender), standing) in candidates.iter_mut().zip(&order).zip(&weighed.standings) {
            candidate.score = standing.chance;
            candidate.why = Some(standing.why(contender));
        }
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
        instructions: None,
        affinity: None,
        reason,
    }
}
