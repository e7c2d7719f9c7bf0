//! Rows from CSV and TSV: a header line, quotes as in RFC 4180, prompts may span lines.

use std::io::{BufRead, BufReader};
use std::path::Path;

use super::Collected;
use super::row::{self, Cell, Raw};
use crate::{DatasetError, rows};

pub(super) fn read(path: &Path, separator: u8, found: &mut Collected) -> Result<(), DatasetError> {
    let mut source = BufReader::new(rows::open(path)?);
    let start = source.fill_buf().map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
    // The reader takes a row to begin before the line feed that ends the row above, if a carriage return precedes it.
    let before = start.split(|byte| *byte == b'\n').next().is_some_and(|line| line.ends_with(b"\r"));
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(source);
    let header = reader.byte_headers().map_err(|error| failed(path, error))?.clone();
    let names: Vec<_> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let names: Vec<_> = names.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
    if let [one] = names.as_slice()
        && one.contains(';')
    {
        let reason = "its columns are separated by `;`; save it with commas".to_owned();
        return Err(DatasetError::Format { path: path.to_owned(), format: "CSV", reason });
    }
    row::check_columns(path, &names)?;
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(|error| failed(path, error))? {
        let line = record.position().map_or(0, csv::Position::line) as usize + usize::from(before);
        if record.len() != names.len() {
            let (has, expected) = (record.len(), names.len());
            found.refuse(line, format!("it has {has} cells, the header {expected}; put cells with commas in quotes"));
            continue;
        }
        match cells(&names, &record) {
            Ok(raw) => found.add(line, raw),
            Err(reason) => found.refuse(line, reason),
        }
    }
    Ok(())
}

fn cells(names: &[&str], record: &csv::ByteRecord) -> Result<Raw, String> {
    let mut raw = Raw::default();
    for (name, value) in names.iter().zip(record) {
        if let Some(cell) = raw.cell(name) {
            let text =
                std::str::from_utf8(value).map_err(|_| format!("`{name}` is not UTF-8; save the file as UTF-8"))?;
            *cell = if text.is_empty() { Cell::Missing } else { Cell::Text(text.to_owned()) };
        }
    }
    Ok(raw)
}

fn failed(path: &Path, error: csv::Error) -> DatasetError {
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => DatasetError::Read { path: path.to_owned(), source },
        _ => DatasetError::Format { path: path.to_owned(), format: "CSV", reason },
    }
}
