//! What is wrong with a file, where, and how to mend it.

use std::fmt;

use serde::Serialize;

use crate::node::Spot;

/// How many faults of one file are shown; the rest are counted.
const MAX_SHOWN: usize = 100;

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigFault {
    /// Where in the configuration: `policies[0].models[1]`; empty = the file itself.
    pub path: String,
    /// The line, from 1; 0 = the whole file.
    pub line: usize,
    /// The character in the line, from 1; 0 = the whole file.
    pub column: usize,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl ConfigFault {
    pub(crate) fn new(path: &str, spot: Spot, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: spot.line, column: spot.column, message: message.into() }
    }
}

impl fmt::Display for ConfigFault {
    /// `LINE:COL: path: message`, less what is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything wrong with a file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigFaults {
    /// The file's name.
    pub file: String,
    /// The faults, at most 100.
    pub faults: Vec<ConfigFault>,
    /// How many more there are.
    pub omitted: usize,
}

impl ConfigFaults {
    pub(crate) fn of(file: &str, mut faults: Vec<ConfigFault>) -> Self {
        let omitted = faults.len().saturating_sub(MAX_SHOWN);
        faults.truncate(MAX_SHOWN);
        Self { file: file.to_owned(), faults, omitted }
    }

    pub(crate) fn whole_file(file: &str, message: String) -> Self {
        Self::of(file, vec![ConfigFault { path: String::new(), line: 0, column: 0, message }])
    }
}

impl fmt::Display for ConfigFaults {
    /// `FILE:LINE:COL: path: message`, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            let (line_break, gap) = (if place > 0 { "\n" } else { "" }, if fault.line > 0 { "" } else { " " });
            write!(f, "{line_break}{}:{gap}{fault}", self.file)?;
        }
        match self.omitted {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more faults", self.file),
        }
    }
}

impl std::error::Error for ConfigFaults {}
