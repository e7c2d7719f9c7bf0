//! Figures on the dev split of the public prompts: order of difficulty within each source, and what length explains.

use std::collections::BTreeMap;

use super::chance::{self, Chance};
use super::data::Difficult;
use super::row::{Goal, Row, Unit};
use crate::router_eval::report::Figure;

const GROUP: &str = "difficulty, dev split";

/// What a mean over sources is called.
pub const WITHIN: &str = "Spearman within source, mean by size";

/// Spearman's correlation within each source, averaged by the sources' sizes; items count by weight.
pub fn within(rows: &[Difficult], said: &[f64], weights: &[u8]) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for places in sources(rows).into_values() {
        let pick = |values: &dyn Fn(usize) -> f64| places.iter().map(|at| values(*at)).collect::<Vec<f64>>();
        let drawn: Vec<u8> = places.iter().map(|at| weights[*at]).collect();
        let (said, truth) = (pick(&|at| said[at]), pick(&|at| rows[at].difficulty));
        if let Some(rho) = chance::spearman(&said, &truth, &drawn) {
            sum += rho * places.len() as f64;
            total += places.len() as f64;
        }
    }
    (total > 0.0).then(|| sum / total)
}

fn sources(rows: &[Difficult]) -> BTreeMap<&str, Vec<usize>> {
    let mut found = BTreeMap::<&str, Vec<usize>>::new();
    for (at, row) in rows.iter().enumerate() {
        found.entry(&row.source).or_default().push(at);
    }
    found
}

/// The mean over sources as a figure.
pub fn figure(rows: &[Difficult], said: &[f64], chance: &Chance) -> Figure {
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    chance.figure(&ids, |weights| within(rows, said, weights))
}

/// The mean over sources, then each source. `rivals` are baselines' words on the same prompts.
pub fn rows(rows: &[Difficult], said: &[f64], rivals: &[(&'static str, Vec<f64>)], chance: &Chance) -> Vec<Row> {
    let mut all = Row::new(GROUP, WITHIN, Unit::Plain, figure(rows, said, chance))
        .of(rows.len())
        .must(Goal::AtLeast(0.48))
        .aim(Goal::AtLeast(0.55));
    for (name, values) in rivals {
        all = all.beside(name, figure(rows, values, chance));
    }
    let mut found = vec![all];
    for (source, places) in sources(rows) {
        let part: Vec<Difficult> = places.iter().map(|at| rows[*at].clone()).collect();
        let of = |values: &[f64]| places.iter().map(|at| values[*at]).collect::<Vec<f64>>();
        let mut row = Row::new(GROUP, format!("Spearman, {source}"), Unit::Plain, figure(&part, &of(said), chance))
            .of(part.len());
        for (name, values) in rivals {
            row = row.beside(name, figure(&part, &of(values), chance));
        }
        found.push(row);
    }
    found
}

/// Correlation of complexity with length in bytes.
pub fn length_row(name: &str, prompts: &[(String, String)], said: &[f64], chance: &Chance) -> Row {
    let ids: Vec<&str> = prompts.iter().map(|it| it.0.as_str()).collect();
    let bytes: Vec<f64> = prompts.iter().map(|it| it.1.len() as f64).collect();
    let figure = chance.figure(&ids, |weights| chance::spearman(said, &bytes, weights));
    Row::new("complexity and length in bytes", format!("Spearman, {name}"), Unit::Plain, figure).of(bytes.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn row(source: &str, at: u32, difficulty: f64) -> Difficult {
        Difficult { id: format!("{source}/{at}"), source: source.to_owned(), prompt: String::new(), difficulty }
    }

    #[test]
    fn difference_between_sources_is_worth_nothing() {
        // One source is harder throughout, and within each the order is wrong.
        let rows: Vec<Difficult> = (0..20).map(|at| row(if at < 10 { "a" } else { "b" }, at, f64::from(at))).collect();
        let said: Vec<f64> = (0..20).map(|at| if at < 10 { -f64::from(at) } else { 100.0 - f64::from(at) }).collect();
        assert!((within(&rows, &said, &[1; 20]).unwrap() + 1.0).abs() < 1e-12);
    }

    #[test]
    fn sources_count_by_their_size() {
        let mut rows: Vec<Difficult> = (0..9).map(|at| row("a", at, f64::from(at))).collect();
        rows.extend((0..3).map(|at| row("b", at, f64::from(at))));
        let said: Vec<f64> =
            rows.iter().map(|it| if it.source == "a" { it.difficulty } else { -it.difficulty }).collect();
        assert!((within(&rows, &said, &[1; 12]).unwrap() - 0.5).abs() < 1e-12);
    }
}
