//! Which scorer serves, which served before, which runs in shadow: one small file, changed whole.
//!
//! Written beside, synced, renamed; the copy before is kept. A file that cannot be read is said to be so, and the copy
//! before is used.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::Timestamp;
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "signalbox.scorers/1";
const FILE: &str = "state.json";
const BEFORE: &str = "state.previous.json";
const BESIDE: &str = "state.json.new";
/// Events that are kept.
const HISTORY: usize = 100;
/// No state is larger; what is, was not written here.
const LARGEST: u64 = 1 << 20;

/// A scorer that could serve.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Choice {
    /// The one that comes with the program, whichever version that is.
    #[default]
    BuiltIn,
    /// One of the data folder.
    Stored(String),
}

/// What runs in shadow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShadowChoice {
    pub(crate) which: Choice,
    pub(crate) share: f64,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    pub(crate) action: String,
    pub(crate) version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What is kept over restarts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    schema: String,
    pub(crate) current: Choice,
    pub(crate) previous: Option<Choice>,
    pub(crate) shadow: Option<ShadowChoice>,
    /// The newest last.
    #[serde(default)]
    pub(crate) history: Vec<Event>,
}

impl Default for State {
    fn default() -> Self {
        let schema = SCHEMA.to_owned();
        Self { schema, current: Choice::BuiltIn, previous: None, shadow: None, history: Vec::new() }
    }
}

impl State {
    pub(crate) fn remember(&mut self, event: Event) {
        self.history.push(event);
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    /// Reads the state of a folder, or that before, or begins anew; says what could not be read.
    pub(crate) fn load(folder: &Path) -> (Self, Vec<String>) {
        let mut faults = Vec::new();
        for name in [FILE, BEFORE] {
            let path = folder.join(name);
            match read(&path) {
                Ok(Some(state)) => return (state, faults),
                Ok(None) => {}
                Err(reason) => faults.push(format!("{} cannot be read: {reason}", path.display())),
            }
        }
        (Self::default(), faults)
    }

    /// Replaces the state of a folder.
    pub(crate) fn save(&self, folder: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        let beside = folder.join(BESIDE);
        write_synced(&beside, &bytes)?;
        let file = folder.join(FILE);
        // A kill between the two renames leaves the copy before, which is then what is in force.
        if matches!(read(&file), Ok(Some(_))) {
            fs::rename(&file, folder.join(BEFORE))?;
        }
        fs::rename(&beside, &file)?;
        sync_folder(folder)
    }
}

fn read(path: &Path) -> Result<Option<State>, String> {
    let length = match fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if length > LARGEST {
        return Err(format!("it has {length} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let state: State = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if state.schema != SCHEMA {
        return Err(format!("its schema is `{}`, this build reads `{SCHEMA}`", state.schema));
    }
    Ok(Some(state))
}

/// Writes a file and waits until it is on disk.
pub(crate) fn write_synced(path: &PathBuf, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until the names of a folder are on disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
