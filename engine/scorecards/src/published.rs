//! The published scorecards that are shipped: facts with source, date and licence, made from the boards themselves.

use std::sync::LazyLock;

use domain::Timestamp;

use crate::{Aliases, Declared, File, Format, ScorecardSpec, read};

const FILES: [(&str, &str); 2] = [
    ("aider-polyglot.json", include_str!("../published/aider-polyglot.json")),
    ("aider-edit.json", include_str!("../published/aider-edit.json")),
];

/// Returns the shipped scorecards.
///
/// # Panics
/// Never: a test reads them.
pub fn published() -> &'static [ScorecardSpec] {
    static CARDS: LazyLock<Vec<ScorecardSpec>> =
        LazyLock::new(|| FILES.iter().flat_map(|(name, text)| card(name, text)).collect());
    &CARDS
}

fn card(name: &str, text: &str) -> Vec<ScorecardSpec> {
    let file = File { name, bytes: text.as_bytes(), format: Some(Format::Json) };
    // What is stale is flagged when it is used; here nobody asks.
    let reading = read(&file, &Declared::default(), &Aliases::shipped(), Timestamp(0));
    reading.expect("the shipped scorecards are sound, as a test shows").scorecards
}
