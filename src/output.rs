//! Writes to standard output: tables, JSON, lines.

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
