//! What scores of a benchmark must satisfy, one by one and together.

use domain::{Direction, ModelId, Normalisation};

use super::{Entry, Facts};
use crate::fault::Faults;
use crate::names::quoted;

/// By how much of the scale a score may miss its own counts: published scores are rounded.
const ROUNDING: f64 = 0.01;

/// What all rows say of their benchmark. Unit, direction and bounds must agree; where licence, source or dates differ,
/// none stands for all.
pub(super) fn common_facts(entries: &[Entry], faults: &mut Faults) -> Facts {
    let Some(first) = entries.first() else { return Facts::default() };
    let mut common = first.facts.clone();
    for entry in &entries[1..] {
        let facts = &entry.facts;
        let differs = if facts.unit != common.unit {
            Some("unit")
        } else if facts.direction != common.direction {
            Some("direction")
        } else if facts.normalisation != common.normalisation {
            Some("min")
        } else {
            None
        };
        if let Some(what) = differs {
            let (what, bounds) = if what == "min" { ("bounds", "min") } else { (what, what) };
            let message = format!("the {what} differ from those of {}: one benchmark has one of them", first.at);
            faults.add(&entry.at.beside(bounds), message);
        }
        keep_common(&mut common.licence, facts.licence.as_ref());
        keep_common(&mut common.url, facts.url.as_ref());
        for tag in &facts.capabilities {
            if !common.capabilities.contains(tag) {
                common.capabilities.push(tag.clone());
            }
        }
    }
    common
}

fn keep_common(common: &mut Option<String>, other: Option<&String>) {
    if common.as_ref() != other {
        *common = None;
    }
}

/// Refuses a second score of a model.
pub(super) fn refuse_second(entry: &Entry, published: &str, id: &ModelId, first: &Entry, faults: &mut Faults) {
    let earlier = first.published();
    let names = if earlier == published {
        format!("`{}` has a score already, at {}", quoted(published), first.at)
    } else {
        format!("`{}` and `{}` at {} are both `{id}`", quoted(published), quoted(&earlier), first.at)
    };
    let cure = if entry.variant == first.variant {
        "keep one of them, or give them aliases"
    } else {
        "keep one of the variants, or make each a model's name of its own"
    };
    faults.add(&entry.at.beside("model"), format!("{names}: {cure}"));
}

/// Refuses a score or evidence that cannot be.
pub(super) fn check_score(entry: &Entry, normalisation: Normalisation, direction: Direction, faults: &mut Faults) {
    let score = entry.score.value;
    if let Some(message) = score_fault(score, normalisation, direction) {
        faults.add(&entry.at, message);
        return;
    }
    if entry.n == Some(0) {
        faults.add(&entry.at.beside("n"), "no samples give no score: write how many there were, or leave it out");
    }
    if let Some(error) = entry.standard_error.filter(|it| *it < 0.0) {
        let message = format!("{error} is no standard error: write a number from 0, or leave it out");
        faults.add(&entry.at.beside("se"), message);
    }
    if let Some(interval) = entry.interval.filter(|it| !(it.low <= score && score <= it.high)) {
        let message = format!(
            "{} to {} does not hold the score {score}: write the 95 % interval around it, or leave it out",
            interval.low, interval.high
        );
        faults.add(&entry.at.beside("ci"), message);
    }
    check_counts(entry, normalisation, faults);
}

fn score_fault(score: f64, normalisation: Normalisation, direction: Direction) -> Option<String> {
    let Some((min, max)) = normalisation.strict_bounds() else {
        let is_placed = normalisation.normalise(direction, score).is_some();
        return (!is_placed).then(|| format!("{score} has no logarithm: scores of this benchmark are above 0"));
    };
    if (min..=max).contains(&score) {
        return None;
    }
    if min >= 0.0 && max <= 1.0 && score > 1.0 && score <= 100.0 {
        let share = score / 100.0;
        return Some(format!(
            "{score} looks like a percentage beside scores between {min} and {max}: write {share}, or declare bounds \
             of 0 and 100 and write all scores in percent"
        ));
    }
    Some(format!("{score} is outside the bounds {min} to {max}: correct it, or declare the metric's own bounds"))
}

/// Refuses counts that do not give the score.
fn check_counts(entry: &Entry, normalisation: Normalisation, faults: &mut Faults) {
    let (Some(successes), Some(n)) = (entry.successes, entry.n.filter(|n| *n > 0)) else { return };
    let Normalisation::Bounds { min, max } = normalisation else { return };
    let counted = min + (max - min) * successes as f64 / n as f64;
    if (counted - entry.score.value).abs() > ROUNDING * (max - min) {
        let message = format!("{successes} of {n} give {counted:.2}, not {}: correct one of them", entry.score.value);
        faults.add(&entry.at.beside("successes"), message);
    }
}
