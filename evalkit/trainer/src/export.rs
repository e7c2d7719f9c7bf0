//! Writes an artefact: weights, tokenizer, calibration, quality, card, and last the manifest that vouches for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use scorer::artifact::{CALIBRATION, FileEntry, MANIFEST, Manifest, SCHEMA, TOKENIZER, WEIGHTS};
use scorer::calibration::Calibration;
use scorer::models::{MODELS, Models};
use scorer::network::Shape;

use crate::TrainError;
use crate::report::Report;

/// What goes into an artefact.
pub struct Parts<'a> {
    /// Its version.
    pub version: &'a str,
    /// Sizes of the network.
    pub shape: Shape,
    /// Weights by name.
    pub weights: std::collections::HashMap<String, Tensor>,
    /// The tokenizer's JSON.
    pub tokenizer: &'a [u8],
    /// The calibration.
    pub calibration: &'a Calibration,
    /// What is known of models, if outcomes told anything.
    pub models: Option<&'a Models>,
    /// Measured quality.
    pub report: &'a Report,
    /// How it came to be.
    pub provenance: BTreeMap<String, String>,
}

/// Writes the folder `out/VERSION`.
pub fn write(out: &Path, parts: Parts<'_>) -> Result<PathBuf, TrainError> {
    let folder = out.join(parts.version);
    std::fs::create_dir_all(&folder).map_err(|source| TrainError::File { path: folder.clone(), source })?;
    let path = folder.join(WEIGHTS);
    candle_core::safetensors::save(&parts.weights, &path)?;
    // It is saved for its owner's eyes alone; a scorer is no secret, and the engine may run as somebody else.
    let content = std::fs::read(&path).and_then(|content| std::fs::remove_file(&path).map(|()| content));
    put(&folder, WEIGHTS, &content.map_err(|source| TrainError::File { path, source })?)?;
    put(&folder, TOKENIZER, parts.tokenizer)?;
    put(&folder, CALIBRATION, &json(parts.calibration)?)?;
    if let Some(models) = parts.models {
        put(&folder, MODELS, &json(models)?)?;
    }
    put(&folder, "quality.json", &json(parts.report)?)?;
    put(&folder, "card.md", parts.report.card(&parts.provenance).as_bytes())?;
    let mut files = BTreeMap::new();
    for name in [WEIGHTS, TOKENIZER, CALIBRATION].into_iter().chain(parts.models.map(|_| MODELS)) {
        let path = folder.join(name);
        let content = std::fs::read(&path).map_err(|source| TrainError::File { path, source })?;
        files.insert(name.to_owned(), FileEntry::of(&content));
    }
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        version: parts.version.to_owned(),
        shape: parts.shape,
        files,
        provenance: parts.provenance,
    };
    put(&folder, MANIFEST, &json(&manifest)?)?;
    Ok(folder)
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, TrainError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| TrainError::File { path: PathBuf::from(MANIFEST), source: error.into() })?;
    text.push(b'\n');
    Ok(text)
}

fn put(folder: &Path, name: &str, content: &[u8]) -> Result<(), TrainError> {
    let path = folder.join(name);
    std::fs::write(&path, content).map_err(|source| TrainError::File { path, source })
}
