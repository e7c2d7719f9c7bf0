//! Cuts the data into folds, fits the wide part without each of them, and describes every row by a fit that has not seen it.
//!
//! Authors and generator families are never cut: who wrote like that is what a fit must not know.

use std::collections::{BTreeMap, BTreeSet};

use scorer::wide::{OUTPUTS, Wide};

use crate::examples::{Encoded, Example, Target};
use crate::fit::unit_hash;
use crate::ridge::{self, Row};

/// Which fold a row is in.
#[derive(Clone, Debug)]
pub struct Folds {
    authors: BTreeMap<String, usize>,
    count: usize,
}

impl Folds {
    /// Deals authors to folds, one after the other.
    pub fn of<'a>(authors: impl Iterator<Item = &'a str>, count: usize) -> Self {
        let authors: BTreeSet<&str> = authors.collect();
        let dealt = authors.into_iter().enumerate().map(|(at, author)| (author.to_owned(), at % count));
        Self { authors: dealt.collect(), count }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The fold of an author's prompts. Of rows without an author, and of follow-ups, which one author alone wrote, it is
    /// told by the hash of the unit.
    pub fn fold(&self, example: &Example) -> usize {
        let follows = example.variants.first().is_some_and(|it| it.context.is_some());
        let author = self.authors.get(&example.author).copied().filter(|_| !follows);
        author.unwrap_or_else(|| (unit_hash(&example.unit) % self.count as u64) as usize)
    }

    /// The authors of a fold.
    pub fn authors(&self, fold: usize) -> Vec<&str> {
        self.authors.iter().filter(|(_, at)| **at == fold).map(|(author, _)| author.as_str()).collect()
    }
}

/// Fits the wide part once for each fold, without it, and once to all; then describes the rows: those to fit by the fit
/// without their fold, those of `dev` by the fit to all. Returns the fit to all.
pub fn describe(fitted: &mut [&mut [Example]], dev: &mut [Example], folds: &Folds, penalty: f32) -> Wide {
    let without = |left_out: Option<usize>| {
        let rows = fitted.iter().flat_map(|part| part.iter());
        let rows: Vec<_> = rows.filter(|it| Some(folds.fold(it)) != left_out).flat_map(rows_of).collect();
        ridge::fit(&rows, penalty)
    };
    let unseen: Vec<Wide> = (0..folds.count()).map(|fold| without(Some(fold))).collect();
    let all = without(None);
    for example in fitted.iter_mut().flat_map(|part| part.iter_mut()) {
        let wide = &unseen[folds.fold(example)];
        example.variants.iter_mut().for_each(|it| it.describe(wide));
    }
    for example in dev {
        example.variants.iter_mut().for_each(|it| it.describe(&all));
    }
    all
}

/// Altered copies of an example that the wide part is fitted to, beside the text itself.
const COPIES: usize = 1;
/// The share of an example's weight that goes to them.
const COPIES_SHARE: f64 = 0.4;

/// What the wide part is to say of an example, and of an altered copy of it.
fn rows_of(example: &Example) -> impl Iterator<Item = Row<'_>> {
    let copies = COPIES.min(example.variants.len() - 1);
    let share = if copies == 0 { 0.0 } else { COPIES_SHARE };
    let copy = move |variant| row(example, variant, share / copies as f64);
    std::iter::once(row(example, &example.variants[0], 1.0 - share))
        .chain(example.variants[1..=copies].iter().map(copy))
}

fn row<'a>(example: &Example, variant: &'a Encoded, share: f64) -> Row<'a> {
    let targets = [example.complexity, example.difficulty, example.output];
    let tags = example.tags.map(|tag| Target { value: f64::from(tag), weight: example.tags_weight });
    let targets: Vec<Target> = targets.into_iter().chain(tags).collect();
    let column =
        |pick: &dyn Fn(&Target) -> f64| -> [f32; OUTPUTS] { std::array::from_fn(|at| pick(&targets[at]) as f32) };
    Row { reading: &variant.reading, wanted: column(&|it| it.value), weights: column(&|it| it.weight * share) }
}
