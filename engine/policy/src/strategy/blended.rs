//! `blend`: descending score in a blend of benchmarks; scores within 0.01 of the best of their group are ties, which go
//! to the cheaper, then the faster, then the id.

use std::borrow::Cow;

use domain::{CapabilityTag, ModelId, Weights};

use crate::blend::{Cell, Mix, Total, imputed, shown, sort_in_groups};
use crate::eligible::{Contender, Eligible};
use crate::words::{Why, push_thousandths};

/// What a blend adds to the record.
pub(crate) struct Blended {
    pub(crate) weights: Weights,
    pub(crate) weights_boosted: Weights,
    /// In the order of the contenders; empty when the fallback model stands in.
    pub(crate) standings: Vec<Standing>,
    /// How many tie for the first place.
    pub(crate) tied: usize,
}

/// One contender's score, and what it rests on.
#[derive(Clone)]
pub(crate) struct Standing {
    pub(crate) score: f64,
    pub(crate) why: String,
}

/// The cells of covered candidates. Looked up once: this is where a blend spends its time.
pub(crate) struct Rows<'a> {
    models: Vec<&'a ModelId>,
    /// One row after the other, in the order of `models`.
    cells: Vec<Cell>,
    width: usize,
}

impl Rows<'_> {
    /// The row of a contender, whose id is the very one with which the rows were made.
    fn of(&self, model: &ModelId) -> Option<&[Cell]> {
        let place = self.models.iter().position(|known| std::ptr::eq(*known, model))?;
        Some(&self.cells[place * self.width..][..self.width])
    }
}

/// Removes who cannot be compared. When nobody is left, the blend's fallback model takes their place, if eligible.
pub(crate) fn keep_covered<'a>(eligible: &mut Eligible<'a>, mix: &Mix<'_>) -> Rows<'a> {
    let (count, width) = (eligible.contenders.len(), mix.width());
    let (mut models, mut cells) = (Vec::with_capacity(count), Vec::with_capacity(count * width));
    let mut verdicts = Vec::with_capacity(count);
    for contender in &eligible.contenders {
        let added = mix.add_row(contender.id, &mut cells);
        if added.is_ok() {
            models.push(contender.id);
        }
        verdicts.push(added.err());
    }
    let fallback = mix.fallback().filter(|_| models.is_empty());
    let mut verdicts = verdicts.into_iter();
    eligible.remove_where(|contender| verdicts.next()?.filter(|_| Some(contender.id) != fallback));
    Rows { models, cells, width }
}

/// Whether what the prompt asks for can make a difference between these contenders.
pub(crate) fn depends_on_score(contenders: &[Contender<'_>], mix: &Mix<'_>) -> bool {
    contenders.len() > 1 && mix.is_boostable()
}

/// Puts covered contenders, or the one fallback, in order.
pub(crate) fn order<'a>(
    contenders: &mut [Contender<'a>],
    mix: &Mix<'_>,
    rows: &Rows<'_>,
    tags: &[(CapabilityTag, f64)],
) -> (Why, Blended) {
    let (plain, boosted) = (mix.weights(), mix.boosted(tags));
    let scored = |contender: &Contender<'a>| {
        let row = rows.of(contender.id)?;
        Some((*contender, mix.total(row, &boosted), row))
    };
    let mut scores: Vec<_> = contenders.iter().filter_map(scored).collect();
    let tied = sort_in_groups(&mut scores, |(_, total, _)| total.rank, |a, b| a.0.cheaper_then_faster(&b.0));
    for (place, (contender, _, _)) in contenders.iter_mut().zip(&scores) {
        *place = *contender;
    }
    let why = scores.first().map_or(Why::Uncovered, |(_, total, _)| Why::Blended { score: total.mean, tied });
    let labels = mix.labels();
    let standings = scores.iter().map(|(_, total, row)| standing(&labels, *total, row)).collect();
    let [weights, weights_boosted] = shown(&labels, [plain, boosted]);
    (why, Blended { weights, weights_boosted, standings, tied })
}

fn standing(labels: &[Cow<'_, str>], Total { mean, error, rank }: Total, row: &[Cell]) -> Standing {
    // One for each candidate of each request: written once into a text that is long enough for most.
    let mut why = String::with_capacity(64);
    why.push_str("blend ");
    push_thousandths(&mut why, mean);
    why.push_str(" ± ");
    push_thousandths(&mut why, error);
    if rank < mean {
        why.push_str(", lower bound ");
        push_thousandths(&mut why, rank);
    }
    for (place, label) in imputed(labels, row).enumerate() {
        why.push_str(if place == 0 { "; imputed: " } else { ", " });
        why.push_str(label);
    }
    Standing { score: mean, why }
}
