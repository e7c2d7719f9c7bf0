//! What a scorecard must satisfy before it is saved.

use std::collections::BTreeMap;

use domain::{Normalisation, ScoreCell, Scorecard, Tenant};

use super::{Problem, Problems};

/// What to make of models that the catalogue does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownModels {
    /// They are probably misspelt.
    Refused,
    /// A published table names many models: they count towards median and deviation.
    Kept,
}

/// Returns what is wrong with a scorecard, given everything else that the organisation has configured.
pub fn validate_scorecard(tenant: &Tenant, scorecard: &Scorecard, unknown: UnknownModels) -> Vec<Problem> {
    let mut problems = Problems::default();
    problems.check_name(&scorecard.name);
    check_taken(tenant, scorecard, &mut problems);
    check_scale(scorecard.normalisation, &mut problems);
    if scorecard.cells.is_empty() {
        problems.add("cells", "is empty: give at least one model's score");
    }
    let has_sound_scale = !problems.0.iter().any(|it| it.path.starts_with("normalisation"));
    let mut seen = BTreeMap::new();
    for (place, cell) in scorecard.cells.iter().enumerate() {
        let path = format!("cells[{place}]");
        if let Some(first) = seen.insert(&cell.model, place) {
            let message = format!("`{}` already has the score of cells[{first}]: keep one of them", cell.model);
            problems.add(format!("{path}.model"), message);
        } else if unknown == UnknownModels::Refused && !tenant.models.contains_key(&cell.model) {
            let message = format!("there is no model `{}`: add it to the catalogue, or take its score out", cell.model);
            problems.add(format!("{path}.model"), message);
        }
        if has_sound_scale {
            check_score(scorecard, cell, &path, &mut problems);
        }
        check_evidence(cell, &path, &mut problems);
    }
    problems.0
}

fn check_taken(tenant: &Tenant, scorecard: &Scorecard, problems: &mut Problems) {
    let is_taken = |it: &Scorecard| it.id != scorecard.id && it.label() == scorecard.label();
    if tenant.scorecards.values().any(|it| is_taken(it.scorecard())) {
        let message = format!("there is already a scorecard `{}`: change `name` or `version`", scorecard.label());
        problems.add("name", message);
    }
}

fn check_scale(normalisation: Normalisation, problems: &mut Problems) {
    let mut demand = |field: &str, holds: bool, message: String| {
        if !holds {
            problems.add(format!("normalisation.{field}"), message);
        }
    };
    match normalisation {
        Normalisation::EloExpected { anchor } => {
            demand("anchor", anchor.is_finite(), format!("{anchor} is not a rating: write a number such as 1200"));
        }
        Normalisation::Bounds { min, max }
        | Normalisation::Log { min, max }
        | Normalisation::ChanceAdjusted { min, max, .. } => {
            let is_range = min.is_finite() && max.is_finite() && min < max;
            demand("max", is_range, format!("{max} is not above the minimum {min}: write the metric's own bounds"));
        }
    }
    match normalisation {
        Normalisation::Log { min, .. } => {
            demand("min", min > 0.0, format!("{min} has no logarithm: write a bound above 0"));
        }
        Normalisation::ChanceAdjusted { min, max, chance } => demand(
            "chance",
            min < chance && chance < max,
            format!("{chance} is not between {min} and {max}: write what guessing scores, in the unit of the scores"),
        ),
        Normalisation::Bounds { .. } | Normalisation::EloExpected { .. } => {}
    }
}

fn check_score(scorecard: &Scorecard, cell: &ScoreCell, path: &str, problems: &mut Problems) {
    if let Some(message) = score_fault(scorecard, cell.score) {
        problems.add(format!("{path}.score"), message);
    }
}

/// What is wrong with a score of this benchmark, if anything is.
pub(super) fn score_fault(scorecard: &Scorecard, score: f64) -> Option<String> {
    if !score.is_finite() {
        return Some(format!("{score} is not a score: write a number, or leave the model out where it has none"));
    }
    let Some((min, max)) = scorecard.normalisation.strict_bounds() else {
        let is_placed = scorecard.normalisation.normalise(scorecard.direction, score).is_some();
        return (!is_placed).then(|| format!("{score} has no logarithm: scores of this benchmark are above 0"));
    };
    if (min..=max).contains(&score) {
        return None;
    }
    if is_percentage_of_share(scorecard, score) {
        let share = score / 100.0;
        return Some(format!(
            "{score} looks like a percentage beside scores between {min} and {max}: write {share}, or change \
             `normalisation.max` to 100 and write all scores in percent"
        ));
    }
    Some(format!("{score} is outside the bounds {min} to {max}: correct it, or `normalisation`"))
}

/// `87` in a column of shares: it would fit if divided by 100.
fn is_percentage_of_share(scorecard: &Scorecard, score: f64) -> bool {
    let is_share = matches!(scorecard.normalisation.strict_bounds(), Some((min, max)) if min >= 0.0 && max <= 1.0);
    is_share && score > 1.0 && score <= 100.0
}

fn check_evidence(cell: &ScoreCell, path: &str, problems: &mut Problems) {
    if cell.n == Some(0) {
        problems.add(format!("{path}.n"), "no samples give no score: write how many there were, or leave it out");
    }
    if let Some(error) = cell.standard_error.filter(|it| !(it.is_finite() && *it >= 0.0)) {
        let message = format!("{error} is not a standard error: write a number from 0, or leave it out");
        problems.add(format!("{path}.standard_error"), message);
    }
    if let Some(interval) = cell.interval.filter(|it| !(it.low <= cell.score && cell.score <= it.high)) {
        let message = format!(
            "{} to {} does not hold the score {}: write the 95 % interval around it, or leave it out",
            interval.low, interval.high, cell.score
        );
        problems.add(format!("{path}.interval"), message);
    }
}
