//! Whether the artefact's probabilities that a model is right mean what they say, on dev prompts.

use std::collections::BTreeMap;

use datasets::Split;
use scorer::models::Models;
use trainer::ability::judge::{self, Right, Said};

use super::Subject;
use super::data::Public;
use super::row::{Goal, Row, State, Unit};
use crate::router_eval::report::Figure;
use crate::statistics::Interval;

pub(super) const GROUP: &str = "calibration of P(right), dev split";
pub(super) const ERROR: &str = "expected calibration error, 15 bins of equal mass";
pub(super) const SKILL: &str = "Brier skill over each model's mean";

/// The rows. `said` are the scorer's difficulties of the dev prompts.
pub fn rows(subject: &Subject, public: &Public, said: &[f64]) -> Vec<Row> {
    let found = match subject.scorer.models() {
        Some(models) => {
            let said = public.dev.iter().zip(said).map(|(row, said)| (row.id.as_str(), *said)).collect();
            judged(models, public, &said).ok_or("none of its models has outcomes here")
        }
        None => Err("not in this artefact: it has no models.json"),
    };
    let row = |name: &str, figure: Result<Figure, &str>| match figure {
        Ok(figure) => Row::new(GROUP, name, Unit::Plain, figure),
        Err(reason) => Row::without(GROUP, name, Unit::Plain, State::Elsewhere(reason.to_owned())),
    };
    let pick = |of: fn(&Right) -> judge::Figure| match &found {
        Ok(right) => Ok(figure(of(right))),
        Err(reason) => Err(*reason),
    };
    let mut error = row(ERROR, pick(|it| it.ece)).must(Goal::AtMost(0.04)).aim(Goal::AtMost(0.02));
    let mut skill = row(SKILL, pick(|it| it.skill)).must(Goal::Above(0.0));
    if let Ok(right) = &found {
        (error.n, skill.n) = (Some(right.outcomes), Some(right.outcomes));
        error.note = Some(format!(
            "{} outcomes of {} prompts; by chance alone a perfect map would err by {:.3} here",
            right.outcomes, right.prompts, right.ece_by_chance
        ));
    }
    vec![error, skill]
}

fn figure(it: judge::Figure) -> Figure {
    Figure { value: Some(it.value), interval: Some(Interval { low: it.low, high: it.high }) }
}

fn judged(models: &Models, public: &Public, said: &BTreeMap<&str, f64>) -> Option<Right> {
    let corpus = &public.corpus;
    let outcomes = || corpus.outcomes.iter().flat_map(|(source, rows)| rows.iter().map(move |row| (source, row)));
    let mut rates = BTreeMap::<(&str, &str), (f64, f64)>::new();
    for (source, row) in outcomes().filter(|(_, row)| corpus.prompts[&row.prompt_id].split == Split::Train) {
        let rate = rates.entry((source, &row.model)).or_default();
        *rate = (rate.0 + row.score, rate.1 + 1.0);
    }
    let known: BTreeMap<_, _> = models.models.iter().map(|it| ((it.source.as_str(), it.name.as_str()), it)).collect();
    let rows = outcomes().filter_map(|(source, row)| {
        let place = (source.as_str(), row.model.as_str());
        let (model, scale, (sum, n)) = (known.get(&place)?, models.sources.get(source)?, rates.get(&place)?);
        let right = model.p_right(*scale, *said.get(row.prompt_id.as_str())?);
        Some(Said { prompt: &row.prompt_id, right, constant: sum / n, score: row.score })
    });
    Right::of(&rows.collect::<Vec<_>>())
}
