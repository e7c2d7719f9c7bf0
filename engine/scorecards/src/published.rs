//! The published scorecards that are shipped: facts with source, date and licence, made from the boards themselves.

use std::sync::LazyLock;

use domain::Timestamp;

use crate::{Aliases, Declared, File, Format, Reading, ScorecardSpec, read};

const FILES: [(&str, &str); 2] = [
    ("aider-polyglot.json", include_str!("../published/aider-polyglot.json")),
    ("aider-edit.json", include_str!("../published/aider-edit.json")),
];

/// Returns the shipped scorecards.
///
/// # Panics
/// Never: a test reads them.
pub fn published() -> &'static [ScorecardSpec] {
    // What is stale is flagged when it is used; here nobody asks.
    static CARDS: LazyLock<Vec<ScorecardSpec>> =
        LazyLock::new(|| published_for(&Aliases::shipped(), Timestamp(0)).scorecards);
    &CARDS
}

/// Reads the shipped scorecards for somebody who knows these models, with what should be known of them now.
///
/// # Panics
/// Never: a test reads them.
pub fn published_for(aliases: &Aliases, now: Timestamp) -> Reading {
    let mut all = Reading::default();
    for (name, text) in FILES {
        let file = File { name, bytes: text.as_bytes(), format: Some(Format::Json) };
        let reading = read(&file, &Declared::default(), aliases, now);
        let Reading { scorecards, flags, unmatched } =
            reading.expect("the shipped scorecards are sound, as a test shows");
        all.scorecards.extend(scorecards);
        all.flags.extend(flags);
        all.unmatched.extend(unmatched);
    }
    all.unmatched.sort_unstable();
    all.unmatched.dedup();
    all
}
