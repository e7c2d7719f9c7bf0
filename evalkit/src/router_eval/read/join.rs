//! Joins prompts and outcomes: which prompts both models answered, what that cost, and whether the pair is one.

use std::collections::HashMap;

use super::{AllOutcomes, InputError, Outcome, Prompts};
use crate::router_eval::CostUnit;
use crate::router_eval::Outcomes;
use crate::router_eval::curve::LEAST_GAP;
use crate::statistics::paired::mean;
use crate::statistics::sampling::key;

/// Names of models shown in an error.
const NAMES: usize = 20;

/// What a call costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Costs {
    /// As the outcomes say; where none says, a strong call costs one and a weak call nothing.
    #[default]
    OfOutcomes,
    /// USD per 1,000 calls.
    Flat {
        /// Of the weak model.
        weak: f64,
        /// Of the strong model.
        strong: f64,
    },
}

/// What is to be joined.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The strong model.
    pub strong: &'a str,
    /// The weak model.
    pub weak: &'a str,
    /// Costs.
    pub costs: Costs,
    /// Refuse prompts without outcomes instead of leaving them out.
    pub strict: bool,
}

/// Prompts that both models answered.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Places of the prompts, in an order that hangs on their ids alone.
    pub places: Vec<usize>,
    /// Outcomes in that order.
    pub outcomes: Outcomes,
    /// Unit of the costs.
    pub cost_unit: CostUnit,
    /// Ids of prompts that were left out.
    pub left_out: Vec<String>,
    /// The best of all models that answered every prompt, and its quality on each.
    pub best_single: Option<(String, Vec<f64>)>,
}

/// Joins.
pub fn join(prompts: &Prompts, all: &AllOutcomes, wanted: &Wanted<'_>) -> Result<Joined, InputError> {
    if prompts.rows.is_empty() {
        let dropped = prompts.contaminated;
        return Err(InputError::NoPrompts(format!("the files hold none, {dropped} were dropped as contaminated")));
    }
    let strong = find(all, "--strong", wanted.strong)?;
    let weak = find(all, "--weak", wanted.weak)?;
    if wanted.strong == wanted.weak {
        return Err(InputError::SameModel(wanted.strong.to_owned()));
    }
    let is_answered = |place: &usize| strong.contains_key(place) && weak.contains_key(place);
    let (mut places, missing): (Vec<usize>, Vec<usize>) = (0..prompts.rows.len()).partition(is_answered);
    let left_out: Vec<String> = missing.into_iter().map(|place| prompts.rows[place].id.clone()).collect();
    if wanted.strict && !left_out.is_empty() {
        let models = format!("{} or {}", wanted.strong, wanted.weak);
        return Err(InputError::MissingOutcomes { of: prompts.rows.len(), models, ids: left_out });
    }
    if places.is_empty() {
        return Err(InputError::NoPrompts(format!(
            "none has an outcome of both {} and {}",
            wanted.strong, wanted.weak
        )));
    }
    places.sort_by_cached_key(|place| {
        let id = prompts.rows[*place].id.as_str();
        (key(id), id.to_owned())
    });
    let (outcomes, cost_unit) = outcomes(&places, strong, weak, wanted.costs)?;
    check_gap(&outcomes, wanted)?;
    Ok(Joined { best_single: best_single(all, &places), places, outcomes, cost_unit, left_out })
}

fn find<'a>(all: &'a AllOutcomes, option: &'static str, name: &str) -> Result<&'a HashMap<usize, Outcome>, InputError> {
    all.models.get(name).ok_or_else(|| {
        let wanted = name.to_lowercase();
        let mut near: Vec<(f64, &String)> =
            all.models.keys().map(|known| (strsim::jaro_winkler(&wanted, &known.to_lowercase()), known)).collect();
        near.sort_by(|left, right| right.0.total_cmp(&left.0));
        let names: Vec<&str> = all.models.keys().take(NAMES).map(String::as_str).collect();
        let rest = all.models.len().saturating_sub(NAMES);
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        InputError::UnknownModel {
            option,
            name: name.to_owned(),
            nearest: near.into_iter().take(3).map(|(_, known)| known.clone()).collect(),
            known: if names.is_empty() { "none for these prompts".to_owned() } else { names.join(", ") + &more },
        }
    })
}

fn outcomes(
    places: &[usize],
    strong: &HashMap<usize, Outcome>,
    weak: &HashMap<usize, Outcome>,
    costs: Costs,
) -> Result<(Outcomes, CostUnit), InputError> {
    let scores = |model: &HashMap<usize, Outcome>| places.iter().map(|place| model[place].score).collect::<Vec<_>>();
    let (weak_scores, strong_scores) = (scores(weak), scores(strong));
    if let Costs::Flat { weak, strong } = costs {
        let flat = Outcomes::with_flat_costs(weak_scores, strong_scores, weak, strong);
        return Ok((flat, CostUnit::UsdPer1kCalls));
    }
    let known = |model: &HashMap<usize, Outcome>| {
        places.iter().filter_map(|place| model[place].cost_usd.map(|cost| cost * 1000.0)).collect::<Vec<_>>()
    };
    let (cost_weak, cost_strong) = (known(weak), known(strong));
    let (found, of) = (cost_weak.len() + cost_strong.len(), 2 * places.len());
    match found {
        0 => Ok((Outcomes::with_flat_costs(weak_scores, strong_scores, 0.0, 1.0), CostUnit::StrongCalls)),
        _ if found == of => {
            let priced = Outcomes { weak: weak_scores, strong: strong_scores, cost_weak, cost_strong };
            Ok((priced, CostUnit::UsdPer1kCalls))
        }
        _ => Err(InputError::MissingCosts { missing: of - found, of }),
    }
}

/// A strong model that is as good as the weak one leaves figures undefined; one that is worse is a mistake.
fn check_gap(outcomes: &Outcomes, wanted: &Wanted<'_>) -> Result<(), InputError> {
    let (strong, weak) = (mean(&outcomes.strong), mean(&outcomes.weak));
    match (strong, weak) {
        (Some(strong), Some(weak)) if strong < weak - LEAST_GAP => Err(InputError::NotStronger {
            strong: wanted.strong.to_owned(),
            weak: wanted.weak.to_owned(),
            strong_quality: strong,
            weak_quality: weak,
            n: outcomes.len(),
        }),
        _ => Ok(()),
    }
}

fn best_single(all: &AllOutcomes, places: &[usize]) -> Option<(String, Vec<f64>)> {
    let complete = all.models.iter().filter_map(|(name, by_prompt)| {
        let scores: Option<Vec<f64>> =
            places.iter().map(|place| by_prompt.get(place).map(|outcome| outcome.score)).collect();
        let scores = scores?;
        Some((mean(&scores)?, name, scores))
    });
    complete.max_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, name, scores)| (name.clone(), scores))
}
