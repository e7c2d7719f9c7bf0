//! The new scorer's folder: every file of the old one, other models, a manifest that vouches for them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use scorer::artifact::{FileEntry, MANIFEST, Manifest};
use scorer::models::{MODELS, Models};
use trainer::ability::newcomer::Newcomer;

use super::table;

/// Files beside the manifest that speak of the network, which stays as it is. A gate's word does not: it was given to
/// another version.
const BESIDE: [&str; 2] = ["card.md", "quality.json"];

/// What becomes of what.
pub(super) struct Change<'a> {
    /// The old scorer's folder.
    pub(super) from: &'a Path,
    /// Where the new one's goes.
    pub(super) out: &'a Path,
    /// Its version.
    pub(super) version: &'a str,
    /// Its models.
    pub(super) models: &'a Models,
    /// The hash of the rows that placed the new ones.
    pub(super) rows_hash: &'a str,
    /// The new ones.
    pub(super) placed: &'a [Newcomer],
}

/// Refuses a version that cannot be a folder's name or is there already.
pub(super) fn check(out: &Path, version: &str) -> anyhow::Result<()> {
    let plain = version.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '.' | '-'));
    if version.is_empty() || version.starts_with('.') || !plain {
        bail!("--version: `{version}`, expected letters, digits, `.` and `-`");
    }
    if out.join(version).exists() {
        bail!("{} is there already: name another --version", out.join(version).display());
    }
    Ok(())
}

/// Writes the folder: beside its place first, so that a half one never looks whole.
pub(super) fn write(change: &Change<'_>) -> anyhow::Result<PathBuf> {
    let (part, made) = (change.out.join(format!(".{}.part", change.version)), change.out.join(change.version));
    if part.exists() {
        fs::remove_dir_all(&part).with_context(|| part.display().to_string())?;
    }
    fs::create_dir_all(&part).with_context(|| part.display().to_string())?;
    let old = change.from.join(MANIFEST);
    let bytes = fs::read(&old).with_context(|| old.display().to_string())?;
    let mut manifest: Manifest = serde_json::from_slice(&bytes).with_context(|| old.display().to_string())?;
    let kept = manifest.files.keys().map(String::as_str).filter(|name| *name != MODELS);
    let beside = BESIDE.into_iter().filter(|name| change.from.join(name).exists());
    for name in kept.chain(beside) {
        let path = change.from.join(name);
        fs::copy(&path, part.join(name)).with_context(|| path.display().to_string())?;
    }
    let models = pretty(change.models)?;
    put(&part, MODELS, &models)?;
    describe(&part, change, &manifest.version)?;
    manifest.files.insert(MODELS.to_owned(), FileEntry::of(&models));
    manifest.provenance.insert("network of".to_owned(), manifest.version.clone());
    manifest.provenance.insert("rows that placed models".to_owned(), change.rows_hash.to_owned());
    change.version.clone_into(&mut manifest.version);
    put(&part, MANIFEST, &pretty(&manifest)?)?;
    fs::rename(&part, &made).with_context(|| made.display().to_string())?;
    Ok(made)
}

/// Adds the placed models to the card.
fn describe(folder: &Path, change: &Change<'_>, old: &str) -> anyhow::Result<()> {
    let path = folder.join(BESIDE[0]);
    let mut card = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
    let _ = write!(
        card,
        "\n## Version {}\n\nThe network of {old}, unchanged, with models placed by own outcomes; calibration error and Brier \
         score are cross-validated.\n\n{}\n",
        change.version,
        table::table(change.placed)
    );
    put(folder, BESIDE[0], card.as_bytes())
}

fn pretty(value: &impl serde::Serialize) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

fn put(folder: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let path = folder.join(name);
    fs::write(&path, content).with_context(|| path.display().to_string())
}
