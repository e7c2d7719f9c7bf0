//! `optimal`: each candidate's chance of success, from its ability and the prompt's difficulty, against what it costs.
//!
//! Abilities and chances are made here; how they are weighed stands in [`weigh`]. Without a difficulty there is no
//! chance, and the ablest is first.

use domain::{Calibration, CapabilityTag, Dial, Weights};

use crate::blend::{EPSILON, Mix, imputed, shown};
use crate::capability::Source;
use crate::eligible::Contender;
use crate::peers::Asker;
use crate::strategy::intelligent::ROUNDING;
use crate::weigh::{Prospect, shortfalls, weigh};
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
    /// The policy's dial, or the request's own.
    dial: Dial,
    /// The weights as configured and as used, where a blend tells abilities.
    pub(crate) weights: Option<[Weights; 2]>,
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

/// Whether a score can make a difference between these contenders.
pub(crate) fn depends_on_score(contenders: &[Contender<'_>]) -> bool {
    contenders.len() > 1
}

/// Puts contenders in order. Needs at least one.
pub(crate) fn order(contenders: &mut [Contender<'_>], dial: Dial, evidence: &Evidence<'_>) -> (Why, Weighed) {
    let (plain, boosted) = (evidence.mix.weights(), evidence.mix.boosted(evidence.tags));
    let standings: Vec<Standing> = contenders.iter().map(|it| evidence.standing(it, &boosted)).collect();
    let order = match evidence.difficulty {
        Some(_) => weigh(dial, &prospects(contenders, &standings)),
        None => ablest_first(contenders, &standings),
    };
    let is_priceless = contenders.iter().all(|it| it.cost.is_none());
    let sorted: Vec<Contender<'_>> = order.iter().map(|place| contenders[*place]).collect();
    contenders.copy_from_slice(&sorted);
    let standings: Vec<Standing> = order.iter().map(|place| standings[*place].clone()).collect();
    let why = match (standings[0].chance, dial) {
        (None, _) => Why::Ablest,
        (Some(chance), _) if is_priceless => Why::Likeliest { chance },
        (Some(chance), Dial::Lambda(lambda)) => Why::Worthiest { chance, lambda: lambda.get() },
        (Some(chance), Dial::MinQuality(share)) => Why::GoodEnough { chance, share: share.get() },
    };
    let weights = evidence.mix.is_there().then(|| shown(&evidence.mix.labels(), [plain, boosted]));
    (why, Weighed { dial, weights, standings })
}

impl Weighed {
    /// For each contender, in order, whether it is the first one's equal. A conversation stays only with what is worth as
    /// much, prices of cold caches included. A wish may choose among all that are good enough, whatever they cost; by
    /// `λ`, among those that are worth a hundredth less at most, as in a blend.
    pub(crate) fn equals(&self, order: &[Contender<'_>], asker: Asker) -> Vec<bool> {
        let shortfalls = self.shortfalls(order);
        let (margin, looks_at_price) = match (self.dial, asker) {
            _ if !self.has_chances() => (ROUNDING, false),
            (Dial::Lambda(_), Asker::Wishes) => (EPSILON, false),
            (Dial::Lambda(_), Asker::Conversation) | (Dial::MinQuality(_), Asker::Wishes) => (ROUNDING, false),
            (Dial::MinQuality(_), Asker::Conversation) => (ROUNDING, true),
        };
        let price = |it: &Contender<'_>| (it.cost.is_none(), it.cost);
        let is_equal = |(shortfall, it)| shortfall <= margin && !(looks_at_price && price(it) > price(&order[0]));
        shortfalls.into_iter().zip(order).map(is_equal).collect()
    }

    /// Why a contender is not the first one's equal, where a conversation asks.
    pub(crate) fn why_not(&self, place: usize, order: &[Contender<'_>]) -> String {
        let choice = order[0].id;
        match (self.dial, self.standings[place].chance) {
            (_, None) => format!("{choice} is abler"),
            (Dial::MinQuality(share), Some(chance)) if self.shortfalls(order)[place] > ROUNDING => {
                format!("its chance of success {chance:.3} is below {} of the best", share.get())
            }
            (Dial::MinQuality(_), Some(_)) => {
                format!("{choice} is good enough and costs less, its cold prompt cache included")
            }
            (Dial::Lambda(_), Some(_)) => format!("{choice} is worth more, its cold prompt cache included"),
        }
    }

    /// Puts standings in another order, that of these present places.
    pub(crate) fn rearrange(&mut self, places: &[usize]) {
        if self.standings.len() == places.len() {
            self.standings = places.iter().map(|place| self.standings[*place].clone()).collect();
        }
    }

    fn has_chances(&self) -> bool {
        self.standings.iter().all(|it| it.chance.is_some())
    }

    fn shortfalls(&self, order: &[Contender<'_>]) -> Vec<f64> {
        if self.has_chances() {
            return shortfalls(self.dial, &prospects(order, &self.standings));
        }
        self.standings.iter().map(|it| self.standings[0].ability - it.ability).collect()
    }
}

fn prospects<'a>(contenders: &[Contender<'a>], standings: &[Standing]) -> Vec<Prospect<'a>> {
    let prospect = |(contender, standing): (&Contender<'a>, &Standing)| Prospect {
        model: contender.id,
        chance: standing.chance.unwrap_or(0.0),
        cost: contender.cost,
    };
    contenders.iter().zip(standings).map(prospect).collect()
}

fn ablest_first(contenders: &[Contender<'_>], standings: &[Standing]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    order.sort_by(|a, b| {
        let by_ability = standings[*b].ability.total_cmp(&standings[*a].ability);
        by_ability.then_with(|| contenders[*a].cheaper_first(&contenders[*b]))
    });
    order
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
                let imputed = imputed(&self.mix.labels(), &row).collect::<Vec<_>>().join(", ");
                let gaps = if imputed.is_empty() { String::new() } else { format!(", imputed: {imputed}") };
                return (scales.blend.ability(total.rank), format!("blend {:.3}{gaps}", total.rank));
            }
        }
        let strength = contender.strength;
        // What is stated or measured is a score like those of a blend; the scale of prices is another. A model of which
        // nothing is known is taken for the weakest of the former, lest it stand above one that was measured.
        let (scale, source) = match strength.source {
            Source::Explicit => (scales.blend, "explicit capability"),
            Source::Scorecards => (scales.blend, "mean of scorecards"),
            Source::Price => (scales.q, "capability by price"),
            Source::Unknown => (scales.blend, "capability unknown, taken as"),
        };
        let not_in_blend = if self.mix.is_there() { "not in the blend: " } else { "" };
        (scale.ability(strength.value), format!("{not_in_blend}{source} {:.3}", strength.value))
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
