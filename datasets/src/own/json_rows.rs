//! Rows from JSON Lines.

use std::path::Path;

use serde_json::{Map, Value};

use super::Collected;
use super::row::{self, Cell, NEEDED, Raw};
use crate::{DatasetError, rows};

pub(super) fn read(path: &Path, found: &mut Collected) -> Result<(), DatasetError> {
    for item in rows::read::<Map<String, Value>>(rows::open(path)?) {
        match item.map_err(|source| DatasetError::Read { path: path.to_owned(), source })? {
            Ok((line, object)) => match cells(object) {
                Ok(raw) => found.add(line, raw),
                Err(reason) => found.refuse(line, reason),
            },
            Err(fault) => {
                let reason = format!("{}; expected a JSON object (JSON has no NaN)", fault.reason);
                found.refuse(fault.line, reason);
            }
        }
    }
    Ok(())
}

fn cells(object: Map<String, Value>) -> Result<Raw, String> {
    let names: Vec<_> = object.keys().map(String::as_str).collect();
    for needed in NEEDED {
        if !names.contains(&needed) {
            let near = row::nearest(needed, &names).map(|it| format!("; rename `{it}`")).unwrap_or_default();
            return Err(format!("it has no `{needed}`{near}"));
        }
    }
    let mut raw = Raw::default();
    for (name, value) in object {
        if let Some(cell) = raw.cell(&name) {
            *cell = match value {
                Value::Null => Cell::Missing,
                Value::String(text) => Cell::Text(text),
                // Ids may be larger than a float tells apart.
                Value::Number(number) if name == "id" => Cell::Text(number.to_string()),
                Value::Number(number) => Cell::Number(number.as_f64().unwrap_or(f64::NAN)),
                Value::Bool(_) => Cell::Other("true or false (write 1 or 0)"),
                Value::Array(_) => Cell::Other("a list"),
                Value::Object(_) => Cell::Other("an object"),
            };
        }
    }
    Ok(raw)
}
