//! In which unit scores are, and within which bounds.

use domain::Normalisation;

use super::{Entry, Facts};
use crate::declared::Declared;
use crate::fault::Faults;
use crate::flag::{Flag, FlagKind};

/// How scores of a benchmark are read.
pub(super) struct Scale {
    pub(super) normalisation: Normalisation,
    pub(super) unit: Option<String>,
}

const PERCENT: &str = "percent";
const SHARES: Normalisation = Normalisation::Bounds { min: 0.0, max: 1.0 };
const PERCENTAGES: Normalisation = Normalisation::Bounds { min: 0.0, max: 100.0 };

/// Tells the scale from what is declared, else from the file, else from percent signs, else from the scores themselves.
pub(super) fn tell(
    entries: &[Entry],
    facts: &Facts,
    declared: &Declared,
    label: &str,
    faults: &mut Faults,
    flags: &mut Vec<Flag>,
) -> Option<Scale> {
    let in_percent = entries.iter().filter(|it| it.score.is_percent).count();
    if in_percent > 0 && in_percent < entries.len() {
        refuse_mixture(entries, in_percent, faults);
        return None;
    }
    let is_percent = in_percent > 0;
    let told = declared.normalisation.or(facts.normalisation);
    let unit = declared.unit.clone().or_else(|| facts.unit.clone());
    let unit = unit.or_else(|| is_percent.then(|| PERCENT.to_owned()));
    if let Some(normalisation) = told {
        check(normalisation, entries, faults)?;
        return Some(Scale { normalisation, unit });
    }
    if is_percent || unit.as_deref() == Some(PERCENT) {
        return Some(Scale { normalisation: PERCENTAGES, unit });
    }
    let fits = |most: f64| entries.iter().all(|it| (0.0..=most).contains(&it.score.value));
    let (normalisation, guessed, range) = if fits(1.0) {
        (SHARES, None, "0 to 1")
    } else if fits(100.0) {
        (PERCENTAGES, Some(PERCENT.to_owned()), "0 to 100")
    } else {
        let outside = entries.iter().find(|it| !(0.0..=100.0).contains(&it.score.value))?;
        let message = format!(
            "{} is neither share nor percentage: declare the metric's own bounds, or its scale",
            outside.score.value
        );
        faults.add(&outside.at, message);
        return None;
    };
    flags.push(Flag {
        kind: FlagKind::UnitGuessed,
        scorecard: label.to_owned(),
        model: None,
        message: format!("no bounds are declared; all scores fit {range}, which was taken: declare the metric's own"),
    });
    Some(Scale { normalisation, unit: unit.or(guessed) })
}

/// `87%` beside `0.87`: whichever is rarer is pointed at.
fn refuse_mixture(entries: &[Entry], in_percent: usize, faults: &mut Faults) {
    let rarer = 2 * in_percent <= entries.len();
    for entry in entries.iter().filter(|it| it.score.is_percent == rarer) {
        let value = entry.score.value;
        let message = if rarer {
            format!("`{value}%` stands beside plain numbers: write all scores in percent, or none")
        } else {
            format!("`{value}` stands beside percentages: write all scores in percent, or none")
        };
        faults.add(&entry.at, message);
    }
}

/// Refuses bounds that are none.
fn check(normalisation: Normalisation, entries: &[Entry], faults: &mut Faults) -> Option<()> {
    let fault = match normalisation {
        Normalisation::EloExpected { anchor } if !anchor.is_finite() => {
            Some(format!("the anchor {anchor} is no rating: declare one such as 1200"))
        }
        Normalisation::Bounds { min, max }
        | Normalisation::Log { min, max }
        | Normalisation::ChanceAdjusted { min, max, .. }
            if !(min.is_finite() && max.is_finite() && min < max) =>
        {
            Some(format!("the bound {max} is not above {min}: declare the metric's own bounds"))
        }
        Normalisation::Log { min, .. } if min <= 0.0 => {
            Some(format!("the bound {min} has no logarithm: declare one above 0"))
        }
        Normalisation::ChanceAdjusted { min, max, chance } if !(min < chance && chance < max) => {
            Some(format!("the score of chance {chance} is not between {min} and {max}: declare what guessing scores"))
        }
        Normalisation::Bounds { .. }
        | Normalisation::Log { .. }
        | Normalisation::ChanceAdjusted { .. }
        | Normalisation::EloExpected { .. } => None,
    };
    match fault {
        Some(message) => {
            faults.add(&entries.first()?.at, message);
            None
        }
        None => Some(()),
    }
}
