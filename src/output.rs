//! Writes to standard output: tables, JSON, lines; and how what others have sent is shown.

use std::io::{self, Write};

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

/// Writes a line; a reader that has gone away is no error.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{}", text.as_ref()) {
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Writes one JSON document on one line.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string(value)?)
}

/// Writes a table, or a sentence when it has no rows.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>, empty: &str) -> anyhow::Result<()> {
    if rows.is_empty() {
        return line(empty);
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header).add_rows(rows);
    line(table.trim_fmt())
}

/// An optional value for a table cell.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Text that others chose, as one line: what would end it, drive a terminal or turn its letters round is written as
/// escapes.
pub(crate) fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for it in text.chars() {
        if acts(it) {
            line.extend(it.escape_default());
        } else {
            line.push(it);
        }
    }
    line
}

/// Whether a character does something to what is shown instead of being seen.
pub(crate) fn acts(it: char) -> bool {
    it.is_control() || matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// As [`escaped`], of many lines, set in so that none can be taken for one of ours.
pub(crate) fn set_in(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(|line| format!("  {}", line.split('\t').map(escaped).collect::<Vec<_>>().join("\t")))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_chose_stays_on_its_line_and_drives_no_terminal() {
        assert_eq!(
            escaped("x\u{1b}]0;pwn\u{7}\r\nFAKE\t\u{9b}2J\u{202e}\u{2028}"),
            r"x\u{1b}]0;pwn\u{7}\r\nFAKE\t\u{9b}2J\u{202e}\u{2028}"
        );
        assert_eq!(escaped("Grüße, 世界 👋"), "Grüße, 世界 👋");
    }

    #[test]
    fn lines_of_a_body_stay_lines_and_are_set_in() {
        let body = "data: 1\r\n\n--- answer: 1 bytes ---\n\tb\u{1b}[2Jc\rd";
        assert_eq!(set_in(body), "  data: 1\n  \n  --- answer: 1 bytes ---\n  \tb\\u{1b}[2Jc\\rd");
    }
}
