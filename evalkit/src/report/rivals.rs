//! The simple scorers that stand beside the one that is measured, fitted to the same train rows.

use std::collections::BTreeMap;

use trainer::baselines::{Fitted, Kind, Said, StaticTable, Taught};

use super::data::{Difficult, Material};
use super::subject::plain;
use super::{ReportError, Subject};

/// Fitted baselines with their names.
#[derive(Default)]
pub struct Rivals(Vec<(&'static str, Fitted)>);

impl Rivals {
    /// Names of all, in the order of columns; those of `length` and `random` need no fit.
    pub const NAMES: [&'static str; 7] =
        ["random", "length", "constant", "features + MLP", "n-grams", "n-grams + features", "static table"];

    /// Fits them: difficulty from public prompts of the train split, complexity from graded prompts.
    ///
    /// # Errors
    /// When one cannot be fitted.
    pub fn fit(
        subject: &Subject,
        material: &Material,
        seed: u64,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self, ReportError> {
        let rows = taught(material);
        if rows.is_empty() {
            return Ok(Self::default());
        }
        let mut fitted = Vec::new();
        for (name, kind) in [
            ("features + MLP", Kind::Features),
            ("n-grams", Kind::Grams),
            ("n-grams + features", Kind::GramsAndFeatures),
        ] {
            say(&format!("fitting a baseline: {name}"));
            fitted.push((name, Fitted::fit(kind, &rows, seed)?));
        }
        if let Some(folder) = &subject.folder {
            say("fitting a baseline: static table");
            fitted.push(("static table", Fitted::over_table(StaticTable::read(folder)?, &rows)?));
        }
        Ok(Self(fitted))
    }

    /// What each says of some texts.
    ///
    /// # Errors
    /// When a text cannot be read.
    pub fn say(&self, texts: &[&str], of: impl Fn(&Said) -> f64) -> Result<Vec<(&'static str, Vec<f64>)>, ReportError> {
        let each = |(name, fitted): &(&'static str, Fitted)| {
            let said = texts.iter().map(|text| Ok(of(&fitted.say(&plain(text))?)));
            Ok((*name, said.collect::<Result<Vec<f64>, ReportError>>()?))
        };
        self.0.iter().map(each).collect()
    }
}

/// Rows to fit to: difficulties in deviations from their source's mean, grades centred.
fn taught(material: &Material) -> Vec<Taught> {
    let mut rows = Vec::new();
    if let Ok(public) = &material.public {
        let standard = standard(&public.train);
        rows.extend(public.train.iter().zip(standard).map(|(row, difficulty)| Taught {
            input: plain(&row.prompt),
            complexity: None,
            difficulty: Some(difficulty),
        }));
    }
    if let Ok(graded) = &material.graded {
        // As many as there are public ones at most, so that a sample stays a sample.
        let step = (graded.len() / rows.len().max(200)).max(1);
        rows.extend(graded.iter().step_by(step).map(|row| Taught {
            input: trainer::augment::input(row),
            complexity: Some(trainer::examples::scale_grade(row.grade)),
            difficulty: None,
        }));
    }
    rows
}

fn standard(rows: &[Difficult]) -> Vec<f64> {
    let mut sums = BTreeMap::<&str, (f64, f64, f64)>::new();
    for row in rows {
        let sum = sums.entry(&row.source).or_default();
        *sum = (sum.0 + 1.0, sum.1 + row.difficulty, sum.2 + row.difficulty.powi(2));
    }
    let of = |row: &Difficult| {
        let (n, sum, squares) = sums[row.source.as_str()];
        (row.difficulty - sum / n) / (squares / n - (sum / n).powi(2)).max(1e-6).sqrt()
    };
    rows.iter().map(of).collect()
}
