//! Plans scorecards and blends.

use domain::{Blend, Normalisation, ScoreCell, Scorecard};

/// A scorecard with figures that stay the same through JSON.
pub(super) fn exact(mut scorecard: Scorecard) -> Scorecard {
    scorecard.normalisation = match scorecard.normalisation {
        Normalisation::Bounds { min, max } => Normalisation::Bounds { min: fifteen(min), max: fifteen(max) },
        Normalisation::ChanceAdjusted { min, max, chance } => {
            Normalisation::ChanceAdjusted { min: fifteen(min), max: fifteen(max), chance: fifteen(chance) }
        }
        Normalisation::EloExpected { anchor } => Normalisation::EloExpected { anchor: fifteen(anchor) },
        Normalisation::Log { min, max } => Normalisation::Log { min: fifteen(min), max: fifteen(max) },
    };
    for cell in &mut scorecard.cells {
        exact_cell(cell);
    }
    scorecard
}

/// A blend with figures that stay the same through JSON.
pub(super) fn exact_blend(mut blend: Blend) -> Blend {
    for weight in &mut blend.weights {
        weight.weight = fifteen(weight.weight);
    }
    for correction in &mut blend.overrides {
        correction.score = fifteen(correction.score);
    }
    blend.boost = fifteen(blend.boost);
    blend.z = fifteen(blend.z);
    blend
}

fn exact_cell(cell: &mut ScoreCell) {
    cell.score = fifteen(cell.score);
    cell.standard_error = cell.standard_error.map(fifteen);
    if let Some(interval) = &mut cell.interval {
        interval.low = fifteen(interval.low);
        interval.high = fifteen(interval.high);
    }
}

/// Keeps fifteen digits of a figure: what has no more is the same number after every trip through JSON.
fn fifteen(figure: f64) -> f64 {
    format!("{figure:.14e}").parse().unwrap_or(figure)
}
