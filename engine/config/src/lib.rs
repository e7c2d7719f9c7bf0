//! Reads a declarative configuration file (TOML, YAML or JSON) into [`domain::desired::Desired`].
//!
//! Text becomes one tree of nodes that know their line, whatever the format; one set of readers turns the tree into
//! typed objects and notes every fault with its place and its cure, so that a file is mended in one go. Whether the
//! objects fit what is already stored (does the policy's model exist?) is left to the engine, whose faults are shown
//! at their line with [`Positions`].

mod context;
mod fault;
mod fields;
mod nearest;
mod node;
mod readers;
mod secrets;
mod sections;
pub mod shape;
mod toml_tree;
mod yaml_tree;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use domain::desired::Desired;

use crate::context::Context;
pub use crate::fault::{ConfigFault, ConfigFaults};
pub use crate::node::Positions;
use crate::node::{Entry, Node, Value};
pub use crate::secrets::{Env, ProcessEnv, Secrets};

/// The largest file that is read; more than 30,000 models fit.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.1.
    Toml,
    /// YAML 1.2, and so JSON.
    Yaml,
}

impl Format {
    /// The format that a file's extension names, if it is one of `.toml`, `.yaml`, `.yml` and `.json`.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" | "json" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// A file that has been read without fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What it asks for.
    pub desired: Desired,
    /// Where each part of it stands in the file.
    pub positions: Positions,
    /// What is allowed but should be done otherwise, such as a secret in the file.
    pub warnings: Vec<ConfigFault>,
}

/// Reads a file. Its extension names its format; a relative `secret_file` is looked up beside it.
///
/// # Errors
/// Every fault of the file together, or the one reason why it could not be read.
pub fn load(path: &Path, secrets: Secrets<'_>) -> Result<Loaded, ConfigFaults> {
    let (text, format) = read_file(path)?;
    parse(&text, format, &path.display().to_string(), secrets)
}

/// Reads a file that holds objects of one section: under the section's name, as in any other file, or one object bare.
///
/// # Errors
/// As [`load`], and when the file has other sections.
pub fn load_section(path: &Path, section: &str, secrets: Secrets<'_>) -> Result<Loaded, ConfigFaults> {
    let (text, format) = read_file(path)?;
    parse_section(&text, format, &path.display().to_string(), section, secrets)
}

fn read_file(path: &Path) -> Result<(String, Format), ConfigFaults> {
    let name = path.display().to_string();
    let refused = |message: String| ConfigFaults::whole_file(&name, message);
    let format = Format::of(path).ok_or_else(|| {
        refused("cannot tell the format by the name: use a file ending in .toml, .yaml, .yml or .json".to_owned())
    })?;
    let bytes = read_bounded(path, MAX_BYTES + 1).map_err(|error| refused(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(&name));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        refused(format!("line {line} is not UTF-8: save the file as UTF-8"))
    })?;
    Ok((text, format))
}

/// Reads a text. `name` stands before each fault; a relative `secret_file` is looked up beside it.
///
/// # Errors
/// Every fault of the text together; only faults of syntax hide the others.
pub fn parse(text: &str, format: Format, name: &str, secrets: Secrets<'_>) -> Result<Loaded, ConfigFaults> {
    let root = root(text, format, name)?;
    read(&root, format, name, secrets)
}

/// Reads a text that holds objects of one section, as [`load_section`] does.
///
/// # Errors
/// As [`parse`], and when the text has other sections.
pub fn parse_section(
    text: &str,
    format: Format,
    name: &str,
    section: &str,
    secrets: Secrets<'_>,
) -> Result<Loaded, ConfigFaults> {
    let mut root = root(text, format, name)?;
    let has_section = matches!(&root.value, Value::Table(entries) if entries.iter().any(|it| it.key == section));
    if !has_section {
        let item = Node { spot: root.spot, value: Value::List(vec![root]) };
        root = Node {
            spot: item.spot,
            value: Value::Table(vec![Entry { key: section.to_owned(), spot: item.spot, node: item }]),
        };
    } else if let Value::Table(entries) = &root.value
        && let Some(other) = entries.iter().find(|it| it.key != section)
    {
        let message = format!("this command reads `{section}` only: take the rest out, or use `signalbox apply`");
        return Err(ConfigFaults::of(name, vec![ConfigFault::new(&other.key, other.spot, message)]));
    }
    read(&root, format, name, secrets)
}

fn root(text: &str, format: Format, name: &str) -> Result<Node, ConfigFaults> {
    if text.len() as u64 > MAX_BYTES {
        return Err(too_large(name));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    tree(text, format).map_err(|faults| ConfigFaults::of(name, faults))
}

fn read(root: &Node, format: Format, name: &str, secrets: Secrets<'_>) -> Result<Loaded, ConfigFaults> {
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let mut context = Context::new(format, secrets, folder);
    let desired = sections::read(root, &mut context);
    let (faults, warnings) = context.into_findings();
    if faults.is_empty() {
        Ok(Loaded { desired, positions: Positions::of(root), warnings })
    } else {
        Err(ConfigFaults::of(name, faults))
    }
}

/// Returns the JSON Schema (2020-12) of the file, for editors and generators.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(shape::ConfigFile).to_value()
}

/// Reads any bytes in both formats; must return, whatever they are.
#[doc(hidden)]
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for format in [Format::Toml, Format::Yaml] {
        match parse(&text, format, "fuzz", Secrets::Placeholder) {
            Ok(loaded) => drop(loaded.positions.locate("policies[0].models[0]")),
            Err(faults) => assert!(!faults.to_string().is_empty(), "a refusal says why"),
        }
    }
}

fn tree(text: &str, format: Format) -> Result<Node, Vec<ConfigFault>> {
    match format {
        Format::Toml => toml_tree::parse(text),
        Format::Yaml => yaml_tree::parse(text),
    }
}

fn too_large(name: &str) -> ConfigFaults {
    ConfigFaults::whole_file(name, format!("is larger than {} MiB: split it", MAX_BYTES >> 20))
}

/// Reads at most `limit` bytes.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
