//! `blend`: descending score in a blend of benchmarks; scores within 0.01 of the best of their group are ties, which go
//! to the cheaper, then the faster, then the id.

use std::borrow::Cow;
use std::fmt::{self, Write};

use domain::{CapabilityTag, ModelId};
use serde_json::Value;

use crate::blend::{Cell, Mix, Total, imputed, shown, sort_in_groups};
use crate::eligible::{Contender, Eligible};
use crate::words::Why;

/// What a blend adds to the record.
pub(crate) struct Blended {
    pub(crate) weights: Value,
    pub(crate) weights_boosted: Value,
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
pub(crate) struct Rows<'a>(Vec<(&'a ModelId, Vec<Cell>)>);

impl Rows<'_> {
    fn of(&self, model: &ModelId) -> Option<&[Cell]> {
        self.0.iter().find(|(known, _)| *known == model).map(|(_, row)| &row[..])
    }
}

/// Removes who cannot be compared. When nobody is left, the blend's fallback model takes their place, if eligible.
pub(crate) fn keep_covered<'a>(eligible: &mut Eligible<'a>, mix: &Mix<'_>) -> Rows<'a> {
    let rows: Vec<_> = eligible.contenders.iter().map(|contender| (contender.id, mix.row(contender.id))).collect();
    let fallback = mix.fallback().filter(|_| rows.iter().all(|(_, row)| row.is_err()));
    let mut verdicts = rows.iter();
    eligible.remove_where(|contender| {
        let (_, row) = verdicts.next()?;
        row.as_ref().err().copied().filter(|_| Some(contender.id) != fallback)
    });
    Rows(rows.into_iter().filter_map(|(id, row)| Some((id, row.ok()?))).collect())
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
    let (weights, weights_boosted) = (shown(&labels, &plain), shown(&labels, &boosted));
    (why, Blended { weights, weights_boosted, standings, tied })
}

fn standing(labels: &[Cow<'_, str>], total: Total, row: &[Cell]) -> Standing {
    // One for each candidate of each request: written once into a text that is long enough for most.
    let mut why = String::with_capacity(64);
    explain(&mut why, labels, total, row).expect("a string takes all that is written to it");
    Standing { score: total.mean, why }
}

fn explain(why: &mut String, labels: &[Cow<'_, str>], total: Total, row: &[Cell]) -> fmt::Result {
    let Total { mean, error, rank } = total;
    write!(why, "blend {mean:.3} ± {error:.3}")?;
    if rank < mean {
        write!(why, ", lower bound {rank:.3}")?;
    }
    for (place, label) in imputed(labels, row).enumerate() {
        why.push_str(if place == 0 { "; imputed: " } else { ", " });
        why.push_str(label);
    }
    Ok(())
}
