//! The one place that knows how the crate is called.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use config::{ConfigFaults, Env, Format, Loaded, Secrets};

/// Variables and files as a test wants them.
#[derive(Default)]
pub(crate) struct FakeEnv {
    pub(crate) variables: BTreeMap<&'static str, &'static str>,
    pub(crate) files: BTreeMap<&'static str, &'static str>,
}

impl Env for FakeEnv {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|text| (*text).to_owned())
    }

    fn read_file(&self, path: &Path) -> io::Result<String> {
        let text = path.to_str().and_then(|path| self.files.get(path));
        text.map(|text| (*text).to_owned()).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

pub(crate) fn toml(text: &str) -> Result<Loaded, ConfigFaults> {
    config::parse(text, Format::Toml, "a.toml", Secrets::Placeholder)
}

pub(crate) fn yaml(text: &str) -> Result<Loaded, ConfigFaults> {
    config::parse(text, Format::Yaml, "a.yaml", Secrets::Placeholder)
}

/// The only fault of a TOML text.
#[track_caller]
pub(crate) fn only_fault(text: &str) -> String {
    let faults = toml(text).expect_err("refused");
    assert_eq!(faults.faults.len(), 1, "{faults}");
    faults.to_string()
}
