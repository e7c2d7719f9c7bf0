//! One threshold looked at closely: regret, utility, and how often the cheapest model that is right was chosen.

use serde::Serialize;

use super::Outcomes;

/// A router at one threshold, against what could be had by knowing every outcome.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Selection {
    /// Prompts with this score or more go to the strong model; `None` if none does.
    pub threshold: Option<f64>,
    /// Share sent to the strong model.
    pub share: f64,
    /// Mean quality.
    pub quality: f64,
    /// Mean cost.
    pub cost: f64,
    /// Mean over prompts of the better model's quality, less `quality`.
    pub regret: f64,
    /// Prompts that at least one model gets right.
    pub solvable: u64,
    /// Solvable prompts sent to the cheapest model that gets them right.
    pub best_chosen: u64,
    /// Summed cost of the cheapest right model over solvable prompts.
    pub best_cost_on_solvable: f64,
    /// Summed cost of the chosen model over solvable prompts.
    pub cost_on_solvable: f64,
}

/// Looks at a threshold. `right_from` is the quality from which an answer counts as right. `None` without prompts.
pub fn select(outcomes: &Outcomes, scores: &[f64], threshold: Option<f64>, right_from: f64) -> Option<Selection> {
    let mut found = Selection {
        threshold,
        share: 0.0,
        quality: 0.0,
        cost: 0.0,
        regret: 0.0,
        solvable: 0,
        best_chosen: 0,
        best_cost_on_solvable: 0.0,
        cost_on_solvable: 0.0,
    };
    for (item, score) in scores.iter().enumerate() {
        let weak = (outcomes.weak[item], outcomes.cost_weak[item]);
        let strong = (outcomes.strong[item], outcomes.cost_strong[item]);
        let to_strong = threshold.is_some_and(|threshold| *score >= threshold);
        let chosen = if to_strong { strong } else { weak };
        found.share += f64::from(u8::from(to_strong));
        found.quality += chosen.0;
        found.cost += chosen.1;
        found.regret += weak.0.max(strong.0) - chosen.0;
        let cheapest = [weak, strong].into_iter().filter(|model| model.0 >= right_from).map(|model| model.1);
        if let Some(cheapest) = cheapest.min_by(f64::total_cmp) {
            found.solvable += 1;
            found.best_chosen += u64::from(chosen.0 >= right_from && chosen.1 <= cheapest);
            found.best_cost_on_solvable += cheapest;
            found.cost_on_solvable += chosen.1;
        }
    }
    let n = scores.len() as f64;
    for sum in [&mut found.share, &mut found.quality, &mut found.cost, &mut found.regret] {
        *sum /= n;
    }
    (n > 0.0).then_some(found)
}

/// Utility per prompt: quality less `quality_per_cost` times cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Utility {
    /// What a unit of cost is worth in quality.
    pub quality_per_cost: f64,
    /// Mean utility of the router.
    pub mean: f64,
    /// Mean utility of the better choice for each prompt.
    pub oracle: f64,
    /// `oracle - mean`.
    pub regret: f64,
}

/// Utility at a threshold. `None` without prompts.
pub fn utility(outcomes: &Outcomes, scores: &[f64], threshold: Option<f64>, quality_per_cost: f64) -> Option<Utility> {
    let (mut mean, mut oracle) = (0.0, 0.0);
    for (item, score) in scores.iter().enumerate() {
        let weak = outcomes.weak[item] - quality_per_cost * outcomes.cost_weak[item];
        let strong = outcomes.strong[item] - quality_per_cost * outcomes.cost_strong[item];
        mean += if threshold.is_some_and(|threshold| *score >= threshold) { strong } else { weak };
        oracle += weak.max(strong);
    }
    let n = scores.len() as f64;
    (n > 0.0).then(|| Utility { quality_per_cost, mean: mean / n, oracle: oracle / n, regret: (oracle - mean) / n })
}
