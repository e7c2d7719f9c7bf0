//! What must hold of any bytes: they are read or refused, never a panic; what was read can be written and read again.

use domain::{ModelId, Timestamp};

use crate::{Aliases, Declared, File, Format, Heading, Reading, read, render};

/// Reads bytes as a table.
///
/// # Panics
/// When a law does not hold.
pub fn csv(bytes: &[u8]) {
    check("scores.csv", bytes, Format::Csv);
}

/// Reads bytes as whatever they look like.
///
/// # Panics
/// When a law does not hold.
pub fn any(bytes: &[u8]) {
    for format in [Format::Json, Format::Eee, Format::Aider] {
        check("scores", bytes, format);
    }
}

fn check(name: &str, bytes: &[u8], format: Format) {
    let file = File { name, bytes, format: Some(format) };
    let aliases = Aliases::default().knowing(ModelId::parse("openai/gpt-5").ok());
    match read(&file, &Declared::default(), &aliases, Timestamp(0)) {
        Err(faults) => assert!(!faults.is_empty() && faults.len() <= 101, "refused without a reason, or with too many"),
        Ok(reading) => check_reading(&reading, &aliases),
    }
}

fn check_reading(reading: &Reading, aliases: &Aliases) {
    assert!(!reading.scorecards.is_empty(), "nothing was read, and nothing was wrong");
    for card in &reading.scorecards {
        assert!(!card.cells.is_empty() && !card.name.is_empty());
        for cell in &card.cells {
            let placed = card.normalisation.normalise(card.direction, cell.cell.score);
            assert!(placed.is_some_and(|it| (0.0..=1.0).contains(&it)), "{cell:?}");
        }
    }
    let heading =
        Heading { id: "again".to_owned(), created_at: Timestamp(0), producer: ("fuzz".to_owned(), "0".to_owned()) };
    let text = render(&heading, &reading.scorecards);
    let file = File { name: "again.json", bytes: text.as_bytes(), format: Some(Format::Json) };
    let again = read(&file, &Declared::default(), aliases, Timestamp(0)).expect("what was written is read");
    let cells = |reading: &Reading| reading.scorecards.iter().map(|it| it.cells.len()).collect::<Vec<_>>();
    assert_eq!(cells(&again), cells(reading));
}
