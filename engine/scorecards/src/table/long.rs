//! A row of a long table to a score with what the row says of its benchmark.

use std::collections::BTreeMap;

use csv::StringRecord;
use domain::{Date, Direction, Interval, Normalisation};

use super::{Header, Number};
use crate::assemble::{Entry, Facts};
use crate::columns::Column;
use crate::fault::{Faults, Place};
use crate::names::quoted;

struct Row<'a> {
    columns: &'a BTreeMap<Column, Header>,
    fields: &'a StringRecord,
    line: u64,
}

impl<'a> Row<'a> {
    fn text(&self, column: Column) -> Option<&'a str> {
        let text = self.fields.get(self.columns.get(&column)?.place)?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn owned(&self, column: Column) -> Option<String> {
        self.text(column).map(str::to_owned)
    }

    fn at(&self, column: Column) -> Place {
        Place::line(self.line, self.columns.get(&column).map_or("", |it| it.name.as_str()))
    }

    fn number(&self, column: Column, faults: &mut Faults) -> Option<f64> {
        Number::read(self.text(column)?, &self.at(column), faults).map(|it| it.value)
    }

    fn count(&self, column: Column, faults: &mut Faults) -> Option<u64> {
        let value = self.number(column, faults)?;
        // Counts of weighted samples are published with a fraction of zero.
        if value >= 0.0 && value.fract() == 0.0 && value <= 9e15 {
            return Some(value as u64);
        }
        faults.add(&self.at(column), format!("{value} is not a count: write a whole number from 0, or leave it blank"));
        None
    }
}

/// Returns the row's score; `None` when it has none or a fault.
pub(super) fn entry(
    columns: &BTreeMap<Column, Header>,
    row: &StringRecord,
    line: u64,
    faults: &mut Faults,
) -> Option<Entry> {
    let before = faults.count();
    let row = Row { columns, fields: row, line };
    let Some(model) = row.text(Column::Model) else {
        faults.add(&row.at(Column::Model), "names no model: write its name");
        return None;
    };
    // A blank score is a missing one.
    let number = Number::read(row.text(Column::Score)?, &row.at(Column::Score), faults)?;
    let mut entry = Entry::new(row.at(Column::Score), facts(&row, faults), model, number);
    entry.variant = row.owned(Column::Variant);
    entry.n = row.count(Column::Samples, faults);
    entry.successes = row.count(Column::Successes, faults);
    entry.standard_error = row.number(Column::StandardError, faults);
    entry.interval = interval(&row, faults);
    entry.observed = date(&row, faults);
    let cost = row.number(Column::TotalCost, faults).filter(|it| *it > 0.0);
    entry.cost_per_thousand = cost.zip(entry.n).filter(|(_, n)| *n > 0).map(|(cost, n)| cost / n as f64 * 1000.0);
    (faults.count() == before).then_some(entry)
}

fn facts(row: &Row<'_>, faults: &mut Faults) -> Facts {
    let mut benchmark = row.owned(Column::Benchmark).unwrap_or_default();
    if let Some(dataset) = row.text(Column::Dataset).filter(|_| !benchmark.is_empty()) {
        // Another dataset is another benchmark.
        benchmark = format!("{benchmark} {dataset}");
    }
    let capabilities = row.text(Column::Capabilities).unwrap_or_default();
    Facts {
        benchmark,
        version: row.owned(Column::Version),
        metric: row.owned(Column::Metric),
        unit: row.owned(Column::Unit),
        direction: direction(row, faults),
        normalisation: bounds(row, faults),
        capabilities: capabilities.split(';').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect(),
        licence: row.owned(Column::Licence),
        url: row.owned(Column::Source),
        ..Facts::default()
    }
}

fn direction(row: &Row<'_>, faults: &mut Faults) -> Option<Direction> {
    match row.text(Column::Direction)?.to_lowercase().as_str() {
        "higher" => Some(Direction::Higher),
        "lower" => Some(Direction::Lower),
        other => {
            let message =
                format!("`{}` is no direction: write `higher` or `lower`, whichever is better", quoted(other));
            faults.add(&row.at(Column::Direction), message);
            None
        }
    }
}

fn bounds(row: &Row<'_>, faults: &mut Faults) -> Option<Normalisation> {
    let (min, max) = (row.number(Column::Min, faults), row.number(Column::Max, faults));
    match (min, max) {
        (Some(min), Some(max)) => Some(Normalisation::Bounds { min, max }),
        (None, None) => None,
        (Some(_), None) => {
            faults.add(&row.at(Column::Min), "has no `max` beside it: write both bounds, or neither");
            None
        }
        (None, Some(_)) => {
            faults.add(&row.at(Column::Max), "has no `min` beside it: write both bounds, or neither");
            None
        }
    }
}

fn interval(row: &Row<'_>, faults: &mut Faults) -> Option<Interval> {
    let (low, high) = (row.number(Column::Low, faults), row.number(Column::High, faults));
    if low.is_some() != high.is_some() {
        let present = if low.is_some() { Column::Low } else { Column::High };
        faults.add(&row.at(present), "is half an interval: write both ends, or neither");
    }
    low.zip(high).map(|(low, high)| Interval { low, high })
}

fn date(row: &Row<'_>, faults: &mut Faults) -> Option<Date> {
    let text = row.text(Column::Date)?;
    match Date::parse(text) {
        Ok(date) => Some(date),
        Err(error) => {
            faults.add(&row.at(Column::Date), error.to_string());
            None
        }
    }
}
