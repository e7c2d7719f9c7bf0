//! Tables: long (a score a row), wide (a benchmark a column), and `model_id,score,notes`.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;

use crate::assemble::{Entry, Facts};
use crate::columns::Column;
use crate::fault::{Faults, Place};
use crate::names::{did_you_mean, quoted};
use crate::{MAX_CELLS, MAX_LINE};

mod long;

/// Returns the scores of a table.
pub(crate) fn read(text: &str, faults: &mut Faults) -> Vec<Entry> {
    let delimiter = delimiter(text);
    check_lines(text, faults);
    if !faults.is_empty() {
        return Vec::new();
    }
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = reader.records().map_while(Result::ok).filter(|row| row.iter().any(|it| !it.trim().is_empty()));
    let Some(header) = rows.next() else {
        faults.add(&Place::line(1, ""), "has no header: write `model,score` and a score a row below");
        return Vec::new();
    };
    let Some(layout) = Layout::of(&header, faults) else { return Vec::new() };
    let mut entries = Vec::new();
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    for row in rows {
        let line = lines.of(&row);
        if row.len() != header.len() {
            let message = format!(
                "has {} fields where the header has {}: add or take away delimiters, or put quotes around fields that \
                 hold one",
                row.len(),
                header.len()
            );
            faults.add(&Place::line(line, ""), message);
            continue;
        }
        match &layout {
            Layout::Long(columns) => entries.extend(long::entry(columns, &row, line, faults)),
            Layout::Wide => read_wide(&header, &row, line, &mut entries, faults),
        }
        if entries.len() > MAX_CELLS {
            let message = format!("is where the file passes {MAX_CELLS} scores: split it by benchmark");
            faults.add(&Place::line(line, ""), message);
            break;
        }
    }
    entries
}

/// Tells the lines of rows, one after the other. The parser's own count is a line behind where lines end with `\r\n`.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, row: &StringRecord) -> u64 {
        let start = row.position().map_or(self.at, |it| it.byte() as usize);
        let is_end = |it: &&u8| matches!(it, b'\r' | b'\n');
        let blank = self.text.get(start..).unwrap_or_default().iter().take_while(is_end).count();
        let passed = self.text.get(self.at..start + blank).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.at = start + blank;
        self.line
    }
}

/// The delimiter that the header has most of, outside quotes.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|it| !it.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: u8| {
        let mut is_quoted = false;
        let counts = |byte: &u8| {
            is_quoted ^= *byte == b'"';
            !is_quoted && *byte == delimiter
        };
        header.bytes().take(MAX_LINE).filter(counts).count()
    };
    // Of several with the same count the last is taken.
    [b'\t', b';', b','].into_iter().max_by_key(|it| count(*it)).unwrap_or(b',')
}

/// What the parser would let pass: lines without end, and quotes without one.
fn check_lines(text: &str, faults: &mut Faults) {
    let mut opened = None;
    for (number, line) in (1_u64..).zip(text.split('\n')) {
        if line.len() > MAX_LINE {
            let message = format!("is {} bytes long, more than {MAX_LINE}: a row is one model's scores", line.len());
            faults.add(&Place::line(number, ""), message);
        }
        if line.bytes().filter(|it| *it == b'"').count() % 2 == 1 {
            opened = if opened.is_none() { Some(number) } else { None };
        }
    }
    if let Some(number) = opened {
        faults.add(
            &Place::line(number, ""),
            "opens a quote that is never closed: close it, or double a quote within one",
        );
    }
}

enum Layout {
    Long(BTreeMap<Column, Header>),
    Wide,
}

/// Where a column stands, and its name in the file.
struct Header {
    place: usize,
    name: String,
}

impl Layout {
    fn of(header: &StringRecord, faults: &mut Faults) -> Option<Self> {
        let before = faults.count();
        let known: Vec<_> = header.iter().map(Column::parse).collect();
        let has = |column| known.contains(&Some(column));
        if has(Column::Score) {
            let columns = Self::long(header, &known, faults);
            if !has(Column::Model) {
                faults.add(&Place::line(1, ""), "the header has no column `model`: add it");
            }
            return (faults.count() == before).then_some(Self::Long(columns));
        }
        Self::check_wide(header, &known, faults);
        (faults.count() == before).then_some(Self::Wide)
    }

    fn long(header: &StringRecord, known: &[Option<Column>], faults: &mut Faults) -> BTreeMap<Column, Header> {
        let mut columns: BTreeMap<Column, Header> = BTreeMap::new();
        for (place, (name, column)) in header.iter().zip(known).enumerate() {
            let at = Place::line(1, &quoted(name));
            let Some(column) = *column else {
                let meant = did_you_mean(name, Column::names());
                let cure = if meant.is_empty() { ": take it out, or call it `notes`".to_owned() } else { meant };
                faults.add(&at, format!("is no column of a scorecard{cure}"));
                continue;
            };
            if let Some(first) = columns.get(&column).filter(|_| column != Column::Remark) {
                faults.add(&at, format!("says the same as `{}`: keep one of them", first.name));
                continue;
            }
            columns.insert(column, Header { place, name: name.trim().to_owned() });
        }
        columns
    }

    fn check_wide(header: &StringRecord, known: &[Option<Column>], faults: &mut Faults) {
        let first = header.get(0).unwrap_or_default();
        if known.first() != Some(&Some(Column::Model)) && !first.trim().eq_ignore_ascii_case("name") {
            let message = "is not `model`: the first column names the models, the others a benchmark each; or write \
                           `model,score`";
            faults.add(&Place::line(1, &quoted(first)), message);
        }
        if header.len() < 2 {
            faults.add(&Place::line(1, ""), "the header has no column `score`: add it, or a column for each benchmark");
        }
        let mut seen = BTreeSet::new();
        for (name, column) in header.iter().zip(known).skip(1) {
            let at = Place::line(1, &quoted(name));
            if name.trim().is_empty() {
                faults.add(&at, "a column has no name: write the benchmark's");
            } else if column.is_some() {
                let message = "belongs to a table with a column `score`, and there is none: add it, or rename this one if \
                               it is a benchmark";
                faults.add(&at, message);
            } else if strsim::osa_distance(&name.trim().to_lowercase(), "score") == 1 {
                faults.add(&at, "is no column of a scorecard: did you mean `score`?");
            } else if !seen.insert(crate::names::slug(name)) {
                faults.add(&at, "a benchmark has two columns: keep one of them");
            }
        }
    }
}

fn read_wide(header: &StringRecord, row: &StringRecord, line: u64, entries: &mut Vec<Entry>, faults: &mut Faults) {
    let model = row.get(0).unwrap_or_default().trim();
    if model.is_empty() {
        faults.add(&Place::line(line, header.get(0).unwrap_or_default()), "names no model: write its name");
        return;
    }
    for (name, text) in header.iter().zip(row).skip(1).filter(|(_, text)| !text.trim().is_empty()) {
        let at = Place::line(line, &quoted(name));
        let Some(number) = Number::read(text, &at, faults) else { continue };
        let facts = Facts { benchmark: name.trim().to_owned(), ..Facts::default() };
        entries.push(Entry::new(at, facts, model, number));
    }
}

/// A number of a table, and whether it was written in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) value: f64,
    pub(crate) is_percent: bool,
}

impl Number {
    pub(crate) const fn plain(value: f64) -> Self {
        Self { value, is_percent: false }
    }

    /// Reads `0.87`, `87` or `87%`.
    pub(crate) fn read(text: &str, at: &Place, faults: &mut Faults) -> Option<Self> {
        let text = text.trim();
        let digits = text.strip_suffix('%').map(str::trim_end);
        let number = digits.unwrap_or(text);
        match number.parse::<f64>() {
            Ok(value) if value.is_finite() => return Some(Self { value, is_percent: digits.is_some() }),
            Ok(_) => {
                faults.add(at, format!("`{}` is not a score: leave the field blank where there is none", quoted(text)));
            }
            Err(_) if number.replacen(',', ".", 1).parse::<f64>().is_ok() => {
                faults.add(at, format!("`{}` has a comma: write a decimal point, and no separators", quoted(text)));
            }
            Err(_) => {
                let message = format!("`{}` is not a number: correct it, or leave it blank", quoted(text));
                faults.add(at, message);
            }
        }
        None
    }
}
