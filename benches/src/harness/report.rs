//! From samples to tables: medians over passes, shares of the floor, differences to the direct way of the same pass.

use std::fmt::Write;

use crate::fixtures::Delivery;
use crate::harness::matrix::{CELLS, Cell, Sample, Way};

/// The samples of all passes.
#[derive(Debug, Default)]
pub struct Samples {
    passes: Vec<Vec<Sample>>,
}

/// Below this, the loader and not the target may have set the pace.
const BUSY: f64 = 0.9;

impl Samples {
    /// Takes one pass.
    pub fn push(&mut self, pass: Vec<Sample>) {
        self.passes.push(pass);
    }

    /// All passes.
    pub fn passes(&self) -> &[Vec<Sample>] {
        &self.passes
    }

    /// The median over passes of a figure of one cell and way; passes in which it is unsound are left out.
    pub fn median(&self, cell: &Cell, way: Way, figure: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let of_pass = |pass: &Vec<Sample>| find(pass, cell, way).and_then(&figure);
        median(self.passes.iter().filter_map(of_pass).collect())
    }

    /// The median over passes of how much a figure is above that of the direct way.
    pub fn added(&self, cell: &Cell, way: Way, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        let of_pass = |pass: &Vec<Sample>| {
            let (ours, direct) = (find(pass, cell, way)?, find(pass, cell, Way::Direct)?);
            Some(figure(ours) - figure(direct))
        };
        median(self.passes.iter().filter_map(of_pass).collect())
    }

    /// The median over passes of the ratio of a figure to that of another way.
    pub fn ratio(&self, cell: &Cell, way: Way, to: Way, figure: impl Fn(&Sample) -> f64) -> Option<f64> {
        let of_pass = |pass: &Vec<Sample>| {
            let (ours, theirs) = (figure(find(pass, cell, way)?), figure(find(pass, cell, to)?));
            (theirs > 0.0).then_some(ours / theirs)
        };
        median(self.passes.iter().filter_map(of_pass).collect())
    }

    /// What went wrong anywhere, a line each.
    pub fn faults(&self) -> Vec<String> {
        let unsound = self.passes.iter().flatten().filter(|sample| !sample.is_sound());
        unsound
            .map(|sample| {
                let Sample { cell, way, sent, upstream, errors, .. } = sample;
                format!("{cell}, {way:?}: {sent} sent, {upstream} upstream calls, errors {errors:?}")
            })
            .collect()
    }

    /// Requests sent one way, in all passes.
    pub fn sent(&self, way: Way) -> u64 {
        self.passes.iter().flatten().filter(|sample| sample.way == way).map(|sample| sample.sent).sum()
    }

    /// The tables.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_requests(&mut text);
        let _ = self.write_streams(&mut text);
        let _ = self.write_notes(&mut text);
        text
    }

    /// The kinds of load that were measured.
    fn cells(&self) -> impl Iterator<Item = &'static Cell> {
        CELLS.iter().filter(|cell| self.passes.iter().flatten().any(|sample| sample.cell == cell.name))
    }

    fn write_requests(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "{:<24}{:<9}{:>9}{:>10}{:>10}{:>10}{:>12}{:>12}",
            "", "way", "req/s", "of floor", "CPU us", "CPU used", "added p50", "added p99"
        )?;
        for cell in self.cells().filter(|cell| cell.delivery == Delivery::Whole) {
            for way in Way::ALL {
                self.write_request_row(text, cell, way)?;
            }
        }
        Ok(())
    }

    fn write_request_row(&self, text: &mut String, cell: &Cell, way: Way) -> std::fmt::Result {
        let share = self.ratio(cell, way, Way::Floor, |sample| sample.rate).map(|share| share * 100.0);
        let used = self.median(cell, way, |sample| sample.cpu_share).map(|share| share * 100.0);
        writeln!(
            text,
            "{:<24}{:<9}{:>9}{:>10}{:>10}{:>10}{:>12}{:>12}",
            if way == Way::Direct { cell.name } else { "" },
            format!("{way:?}").to_lowercase(),
            shown(self.median(cell, way, |sample| Some(sample.rate)), 0, ""),
            shown(share, 0, " %"),
            shown(self.median(cell, way, |sample| sample.cpu_micros), 1, ""),
            shown(used, 0, " %"),
            shown(self.added(cell, way, |sample| sample.latency.p50).map(millis), 3, " ms"),
            shown(self.added(cell, way, |sample| sample.latency.p99).map(millis), 3, " ms"),
        )
    }

    fn write_streams(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "\n{:<24}{:<9}{:>11}{:>11}{:>13}{:>13}{:>10}{:>10}{:>15}",
            "", "way", "first p50", "first p99", "a piece p50", "a piece p99", "gap p99", "CPU us", "CPU us a piece"
        )?;
        for cell in self.cells().filter(|cell| cell.delivery != Delivery::Whole) {
            for way in Way::ALL {
                let added = |figure: fn(&Sample) -> f64| shown(self.added(cell, way, figure).map(millis), 3, " ms");
                writeln!(
                    text,
                    "{:<24}{:<9}{:>11}{:>11}{:>13}{:>13}{:>10}{:>10}{:>15}",
                    if way == Way::Direct { cell.name } else { "" },
                    format!("{way:?}").to_lowercase(),
                    added(|sample| sample.first.p50),
                    added(|sample| sample.first.p99),
                    added(|sample| sample.transit.p50),
                    added(|sample| sample.transit.p99),
                    added(|sample| sample.gap.p99),
                    shown(self.median(cell, way, |sample| sample.cpu_micros), 0, ""),
                    shown(self.median(cell, way, Sample::cpu_micros_a_piece), 1, ""),
                )?;
            }
        }
        writeln!(text, "(added to the direct way; CPU per stream, and that divided by its pieces)")
    }

    /// What a reader must know before believing the figures.
    fn write_notes(&self, text: &mut String) -> std::fmt::Result {
        let all = || self.passes.iter().flatten();
        let strangers = median(all().map(|sample| sample.strangers_share).collect()).unwrap_or(0.0);
        writeln!(text, "\nother processes used {:.0} % of a core meanwhile (median)", strangers * 100.0)?;
        for cell in self.cells().filter(|cell| cell.delivery == Delivery::Whole && cell.connections == 64) {
            if let Some(lead) = self.ratio(cell, Way::Direct, Way::Gateway, |sample| sample.rate) {
                let verdict = if lead >= 2.0 { "enough" } else { "NOT enough: it may have set the pace" };
                writeln!(text, "{}: the loader reaches {lead:.1} times the gateway directly: {verdict}", cell.name)?;
            }
            if self.median(cell, Way::Floor, |sample| sample.cpu_share).is_some_and(|share| share < BUSY) {
                writeln!(
                    text,
                    "{}: the floor did not fill its core, the loader set its pace: compare CPU, not req/s",
                    cell.name
                )?;
            }
        }
        for fault in self.faults() {
            writeln!(text, "UNSOUND {fault}")?;
        }
        Ok(())
    }
}

fn find<'a>(pass: &'a [Sample], cell: &Cell, way: Way) -> Option<&'a Sample> {
    pass.iter().find(|sample| sample.cell == cell.name && sample.way == way && sample.is_sound())
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[values.len() / 2 - 1], upper) })
}

fn millis(micros: f64) -> f64 {
    micros / 1_000.0
}

fn shown(value: Option<f64>, decimals: usize, unit: &str) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_even_and_odd_counts() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
