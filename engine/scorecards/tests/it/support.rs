//! Reading with the usual arguments.

use domain::Timestamp;
use scorecards::{Aliases, Declared, Fault, File, FlagKind, Reading};

pub(crate) fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-22T10:00:00Z").unwrap()
}

pub(crate) fn read_as(name: &str, bytes: &[u8], declared: &Declared) -> Result<Reading, Vec<Fault>> {
    scorecards::read(&File { name, bytes, format: None }, declared, &Aliases::shipped(), now())
}

pub(crate) fn read(name: &str, text: &str) -> Result<Reading, Vec<Fault>> {
    read_as(name, text.as_bytes(), &Declared::default())
}

/// `name@version metric: id=score …` of each scorecard.
pub(crate) fn shown(reading: &Reading) -> Vec<String> {
    let shown = |card: &scorecards::ScorecardSpec| {
        let cells: Vec<_> = card.cells.iter().map(|it| format!("{}={}", it.cell.model, it.cell.score)).collect();
        format!("{} {}: {}", card.label(), card.metric, cells.join(" "))
    };
    reading.scorecards.iter().map(shown).collect()
}

#[track_caller]
pub(crate) fn check_read(name: &str, text: &str, expected: &[&str]) {
    match read(name, text) {
        Ok(reading) => assert_eq!(shown(&reading), expected, "{text}"),
        Err(faults) => panic!("{text}\n{faults:#?}"),
    }
}

#[track_caller]
pub(crate) fn check_refused(name: &str, text: &str, expected: &[&str]) {
    let faults = read(name, text).expect_err("something is wrong with it");
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let is_told = told.len() == expected.len() && told.iter().zip(expected).all(|(it, start)| it.starts_with(start));
    let start: String = text.chars().take(400).collect();
    assert!(is_told, "{start}\n{told:#?}\ninstead of\n{expected:#?}");
}

pub(crate) fn count(reading: &Reading, kind: FlagKind) -> usize {
    reading.flags.iter().filter(|it| it.kind == kind).count()
}
