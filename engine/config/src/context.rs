//! What the readers share: the format, the way to secrets, and the findings so far.

use std::path::Path;

use crate::Format;
use crate::fault::ConfigFault;
use crate::node::Spot;
use crate::secrets::Secrets;

/// Past this many, nobody reads on and further ones are not kept.
const MAX_KEPT: usize = 10_000;

pub(crate) struct Context<'a> {
    pub(crate) format: Format,
    pub(crate) secrets: Secrets<'a>,
    /// Where a relative `secret_file` is looked up.
    pub(crate) folder: &'a Path,
    faults: Vec<ConfigFault>,
    warnings: Vec<ConfigFault>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(format: Format, secrets: Secrets<'a>, folder: &'a Path) -> Self {
        Self { format, secrets, folder, faults: Vec::new(), warnings: Vec::new() }
    }

    pub(crate) fn fault(&mut self, path: &str, spot: Spot, message: impl Into<String>) {
        if self.faults.len() < MAX_KEPT {
            self.faults.push(ConfigFault::new(path, spot, message));
        }
    }

    pub(crate) fn warn(&mut self, path: &str, spot: Spot, message: impl Into<String>) {
        if self.warnings.len() < MAX_KEPT {
            self.warnings.push(ConfigFault::new(path, spot, message));
        }
    }

    /// A key and its value as the file would write them.
    pub(crate) fn pair(&self, key: &str, value: &str) -> String {
        match self.format {
            Format::Toml => format!("{key} = {value}"),
            Format::Yaml => format!("{key}: {value}"),
        }
    }

    /// Faults and warnings, in the order of the file.
    pub(crate) fn into_findings(mut self) -> (Vec<ConfigFault>, Vec<ConfigFault>) {
        for findings in [&mut self.faults, &mut self.warnings] {
            findings
                .sort_by(|one, other| (one.line, one.column, &one.path).cmp(&(other.line, other.column, &other.path)));
        }
        (self.faults, self.warnings)
    }
}
