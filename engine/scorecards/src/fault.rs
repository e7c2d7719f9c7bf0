//! What is wrong with a file, where, and the cure. All faults of a file are gathered before it is refused.

use std::fmt;

/// More faults than this are counted, not told.
const MAX_TOLD: usize = 100;

/// One fault of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its line, from 1, where the format has lines.
    pub line: Option<u64>,
    /// Its column by name, or its path: `scores[3].raw`. Empty = the whole line or file.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.place.as_str()) {
            (Some(line), "") => write!(f, "line {line}: ")?,
            (Some(line), place) => write!(f, "line {line}, `{place}`: ")?,
            (None, "") => {}
            (None, place) => write!(f, "`{place}`: ")?,
        }
        f.write_str(&self.message)
    }
}

/// Where something stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: Option<u64>,
    pub(crate) path: String,
}

impl Place {
    pub(crate) fn line(line: u64, column: &str) -> Self {
        Self { line: Some(line), path: column.to_owned() }
    }

    pub(crate) fn path(path: impl Into<String>) -> Self {
        Self { line: None, path: path.into() }
    }

    /// The column or key beside this one.
    pub(crate) fn beside(&self, name: &str) -> Self {
        let path = match self.path.rsplit_once('.') {
            Some((parent, _)) if self.line.is_none() => format!("{parent}.{name}"),
            _ => name.to_owned(),
        };
        Self { line: self.line, path }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}"),
            None => write!(f, "`{}`", self.path),
        }
    }
}

/// The faults so far.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    told: Vec<Fault>,
    untold: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, at: &Place, message: impl Into<String>) {
        if self.told.len() == MAX_TOLD {
            self.untold += 1;
            return;
        }
        self.told.push(Fault { line: at.line, place: at.path.clone(), message: message.into() });
    }

    /// How many there are, told or not.
    pub(crate) fn count(&self) -> usize {
        self.told.len() + self.untold
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Returns them in the order of the file.
    pub(crate) fn into_vec(mut self) -> Vec<Fault> {
        self.told.sort_by_key(|it| it.line);
        if self.untold > 0 {
            let message = format!("and {} more faults: mend these first", self.untold);
            self.told.push(Fault { line: None, place: String::new(), message });
        }
        self.told
    }
}
