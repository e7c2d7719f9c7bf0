//! `signalbox schema`: the JSON Schema of configuration files, for editors.

use crate::exit::Exit;
use crate::output;

/// Prints the schema.
pub(crate) fn run() -> anyhow::Result<Exit> {
    output::line(serde_json::to_string_pretty(&config::json_schema())?)?;
    Ok(Exit::Done)
}
