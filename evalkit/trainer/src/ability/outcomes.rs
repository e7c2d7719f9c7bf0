//! From outcomes and what networks said of their prompts to fitted models, and to how good these are on dev.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use datasets::Corpus;
use scorer::models::Models;
use serde::Serialize;

use super::judge::{Figure, Right, Said};
use super::{Cell, fit};

/// How good the probabilities of being right are on dev.
#[derive(Clone, Debug, Serialize)]
pub struct RightReport {
    /// Over all sources.
    pub all: Right,
    /// By source.
    pub by_source: BTreeMap<String, Right>,
}

impl RightReport {
    /// A table for the card.
    pub fn describe(&self, card: &mut String) {
        card.push_str(
            "\nProbability that a model is right, on dev prompts; the models were placed by train prompts, each judged by a \
             network that had not seen it. Skill is the share of the squared error of each model's mean score that is taken \
             away.\n\n| source | outcomes | calibration error, 15 bins | by chance | Brier | skill |\n|---|---|---|---|---|---|\n",
        );
        let rows =
            std::iter::once(("all", &self.all)).chain(self.by_source.iter().map(|(name, it)| (name.as_str(), it)));
        for (name, it) in rows {
            let shown = |it: &Figure| format!("{:.3} [{:.3}, {:.3}]", it.value, it.low, it.high);
            let _ = writeln!(
                card,
                "| {name} | {} of {} prompts | {} | {:.3} | {} | {} |",
                it.outcomes,
                it.prompts,
                shown(&it.ece),
                it.ece_by_chance,
                shown(&it.brier),
                shown(&it.skill),
            );
        }
    }
}

/// Fits models to what was said of train prompts by networks that had not seen them, and judges them by what was said of
/// dev prompts. `None` where there are no outcomes.
pub fn fitted(
    corpus: &Corpus,
    train: &BTreeMap<&str, f64>,
    dev: &BTreeMap<&str, f64>,
) -> Option<(Models, Option<RightReport>)> {
    let train = cells(corpus, train);
    let models = (!train.is_empty()).then(|| fit(&train))?;
    let report = judged(&models, &train, &cells(corpus, dev));
    Some((models, report))
}

/// The outcomes of prompts of which a difficulty is known. The source is that of the outcomes: one prompt may stand in two.
fn cells<'a>(corpus: &'a Corpus, difficulties: &BTreeMap<&str, f64>) -> Vec<Cell<'a>> {
    let rows = corpus.outcomes.iter().flat_map(|(source, rows)| rows.iter().map(move |row| (source, row)));
    rows.filter_map(|(source, row)| {
        let difficulty = *difficulties.get(row.prompt_id.as_str())?;
        Some(Cell { prompt: &row.prompt_id, model: &row.model, source, difficulty, score: row.score })
    })
    .collect()
}

fn judged(models: &Models, train: &[Cell<'_>], dev: &[Cell<'_>]) -> Option<RightReport> {
    let mut rates = BTreeMap::<(&str, &str), (f64, f64)>::new();
    for cell in train {
        let rate = rates.entry((cell.source, cell.model)).or_default();
        *rate = (rate.0 + cell.score, rate.1 + 1.0);
    }
    let known: BTreeMap<_, _> = models.models.iter().map(|it| ((it.source.as_str(), it.name.as_str()), it)).collect();
    let mut said = BTreeMap::<&str, Vec<Said<'_>>>::new();
    for cell in dev {
        let place = (cell.source, cell.model);
        if let (Some(model), Some(scale), Some((sum, n))) =
            (known.get(&place), models.sources.get(cell.source), rates.get(&place))
        {
            let right = model.p_right(*scale, cell.difficulty);
            let row = Said { prompt: cell.prompt, right, constant: sum / n, score: cell.score };
            said.entry(cell.source).or_default().push(row);
        }
    }
    let by_source = said.iter().filter_map(|(source, rows)| Some(((*source).to_owned(), Right::of(rows)?))).collect();
    let all = Right::of(&said.into_values().flatten().collect::<Vec<_>>())?;
    Some(RightReport { all, by_source })
}
