//! `optimal`: each candidate's chance of success, from its ability and the prompt's difficulty, against what it costs.
//!
//! By `λ`, the best is first and the others follow by the same utility. By `min_quality`, the first is the cheapest whose
//! chance is at least that share of the best; when it fails, the same is asked of those left. A candidate of unknown
//! price is taken to cost what the dearest known one does, so that it never wins by looking free; where no price is
//! known, the chance alone decides. What holds of the choice is proven in `tests/it/optimal_laws.rs`.

use std::cmp::Ordering;

use domain::{Calibration, CapabilityTag, Dial, Money};
use serde_json::Value;

use crate::blend::Mix;
use crate::capability::Source;
use crate::eligible::Contender;
use crate::words::{self, Why};

/// What chances are made of.
pub(crate) struct Evidence<'a> {
    pub(crate) calibration: &'a Calibration,
    /// The blend that tells abilities, if the strategy names one.
    pub(crate) mix: &'a Mix<'a>,
    /// What the prompt asks for, if a score was had.
    pub(crate) tags: &'a [(CapabilityTag, f64)],
    /// How hard the prompt is, if a score was had.
    pub(crate) difficulty: Option<f64>,
}

/// What the strategy adds to the record.
pub(crate) struct Weighed {
    /// The weights as configured and as used, where a blend tells abilities.
    pub(crate) weights: Option<(Value, Value)>,
    /// In the order of the contenders.
    pub(crate) standings: Vec<Standing>,
}

/// One contender's ability and chance.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) ability: f64,
    /// Chance of success; `None` without a difficulty.
    pub(crate) chance: Option<f64>,
    /// What the ability rests on, in words.
    basis: String,
}

/// A contender with what decides.
struct Runner<'a> {
    contender: Contender<'a>,
    standing: Standing,
    /// In USD; what the dearest costs, where its own price is unknown.
    cost: f64,
}

impl Runner<'_> {
    /// 0 where no difficulty is known: then abilities decide.
    fn chance(&self) -> f64 {
        self.standing.chance.unwrap_or(0.0)
    }

    fn utility(&self, lambda: f64) -> f64 {
        self.chance() - lambda * self.cost
    }

    fn abler_first(&self, other: &Self) -> Ordering {
        let by_ability = other.standing.ability.total_cmp(&self.standing.ability);
        by_ability.then_with(|| self.contender.cheaper_first(&other.contender))
    }

    /// Known prices before unknown ones, then the better chance, then the id.
    fn cheaper_first(&self, other: &Self) -> Ordering {
        let price = |it: &Self| (it.contender.cost.is_none(), it.contender.cost);
        let by_price = price(self).cmp(&price(other));
        by_price
            .then_with(|| other.chance().total_cmp(&self.chance()))
            .then_with(|| self.contender.id.cmp(other.contender.id))
    }
}

/// Whether a score can make a difference between these contenders.
pub(crate) fn depends_on_score(contenders: &[Contender<'_>]) -> bool {
    contenders.len() > 1
}

/// Puts contenders in order. Needs at least one.
pub(crate) fn order<'a>(contenders: &mut [Contender<'a>], dial: Dial, evidence: &Evidence<'_>) -> (Why, Weighed) {
    let weights = (evidence.mix.weights(), evidence.mix.boosted(evidence.tags));
    let dearest = contenders.iter().filter_map(|it| it.cost).max().unwrap_or(Money::ZERO);
    let mut runners: Vec<Runner<'a>> = contenders
        .iter()
        .map(|contender| Runner {
            contender: *contender,
            standing: evidence.standing(contender, &weights.1),
            cost: contender.cost.unwrap_or(dearest).approximate(),
        })
        .collect();
    let is_priceless = runners.iter().all(|it| it.contender.cost.is_none());
    // Equals then go to the cheaper, whatever the order in which they were configured.
    runners.sort_by(Runner::abler_first);
    let why = match (evidence.difficulty, dial) {
        (None, _) => Why::Ablest,
        (Some(_), _) if is_priceless => by_chance(&mut runners),
        (Some(_), Dial::Lambda(lambda)) => by_utility(&mut runners, lambda.get()),
        (Some(_), Dial::MinQuality(share)) => by_share(&mut runners, share.get()),
    };
    for (place, runner) in contenders.iter_mut().zip(&runners) {
        *place = runner.contender;
    }
    let weights = evidence.mix.is_there().then(|| (evidence.mix.shown(&weights.0), evidence.mix.shown(&weights.1)));
    (why, Weighed { weights, standings: runners.into_iter().map(|it| it.standing).collect() })
}

fn by_chance(runners: &mut [Runner<'_>]) -> Why {
    runners.sort_by(|a, b| b.chance().total_cmp(&a.chance()).then_with(|| a.cheaper_first(b)));
    Why::Likeliest { chance: runners[0].chance() }
}

fn by_utility(runners: &mut [Runner<'_>], lambda: f64) -> Why {
    runners.sort_by(|a, b| b.utility(lambda).total_cmp(&a.utility(lambda)).then_with(|| a.cheaper_first(b)));
    Why::Worthiest { chance: runners[0].chance(), lambda }
}

/// Asks the same question for each place of those that are left.
fn by_share(runners: &mut [Runner<'_>], share: f64) -> Why {
    for place in 0..runners.len() {
        let rest = &mut runners[place..];
        let floor = share * rest.iter().map(Runner::chance).fold(0.0, f64::max);
        let good = rest.iter().enumerate().filter(|(_, it)| it.chance() >= floor);
        let chosen = good.min_by(|a, b| a.1.cheaper_first(b.1)).map_or(0, |(at, _)| at);
        rest[..=chosen].rotate_right(1);
    }
    Why::GoodEnough { chance: runners[0].chance(), share }
}

impl Evidence<'_> {
    fn standing(&self, contender: &Contender<'_>, weights: &[f64]) -> Standing {
        let (ability, basis) = self.ability(contender, weights);
        let chance = self.difficulty.map(|difficulty| self.calibration.p_success(ability, difficulty));
        Standing { ability, chance, basis }
    }

    /// By the blend, lower bound and all, where it knows anything of the model; else by what else is known.
    fn ability(&self, contender: &Contender<'_>, weights: &[f64]) -> (f64, String) {
        let scales = &self.calibration.scale;
        if let Ok(row) = self.mix.row(contender.id) {
            let total = self.mix.total(&row, weights);
            // Where every cell was dropped there is nothing to divide by.
            if total.rank.is_finite() {
                let imputed = self.mix.imputed(&row);
                let gaps =
                    if imputed.is_empty() { String::new() } else { format!(", imputed: {}", imputed.join(", ")) };
                return (scales.blend.ability(total.rank), format!("blend {:.3}{gaps}", total.rank));
            }
        }
        let strength = contender.strength;
        let source = match strength.source {
            Source::Explicit => "explicit capability",
            Source::Scorecards => "mean of scorecards",
            Source::Price => "capability by price",
            Source::Unknown => "capability unknown, taken as",
        };
        let not_in_blend = if self.mix.is_there() { "not in the blend: " } else { "" };
        (scales.q.ability(strength.value), format!("{not_in_blend}{source} {:.3}", strength.value))
    }
}

impl Standing {
    /// Ability, chance, cost and what they rest on.
    pub(crate) fn why(&self, contender: &Contender<'_>) -> String {
        let chance = self.chance.map_or_else(String::new, |chance| format!(", P {chance:.3}"));
        let cost =
            contender.cost.map_or_else(|| "price unknown, taken as the dearest".to_owned(), |it| format!("{it} USD"));
        format!("ability {:.2} ({}){chance}, {cost}{}", self.ability, self.basis, words::caveat(contender))
    }
}
