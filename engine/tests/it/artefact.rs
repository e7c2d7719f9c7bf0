//! Scorers to bring: the built-in one's folder under other versions, whole or damaged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proto::pb::scorer::v1 as pb;
use proto::pb::scorer::v1::upload_request::Part;
use scorer::artifact::{FileEntry, MANIFEST};
use serde_json::{Value, json};

/// A scorer's files.
#[derive(Clone)]
pub(crate) struct Artefact {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// The folder of the built-in scorer.
pub(crate) fn built_in_folder() -> PathBuf {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scorer-models");
    let version = fs::read_to_string(models.join("default")).unwrap();
    models.join(version.trim())
}

impl Artefact {
    /// The built-in scorer as it is.
    pub(crate) fn built_in() -> Self {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(built_in_folder()).unwrap() {
            let entry = entry.unwrap();
            files.insert(entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
        }
        Self { files }
    }

    /// The same network under another version, with every complexity multiplied.
    pub(crate) fn scaled(version: &str, by: f64) -> Self {
        let mut artefact = Self::built_in();
        // What the gate said of the built-in one is not said of this one.
        artefact.files.remove("gate.json");
        artefact.change_manifest(|manifest| manifest["version"] = json!(version));
        artefact.change("calibration.json", |bytes| {
            let mut calibration: Value = serde_json::from_slice(bytes).unwrap();
            let knots = calibration["complexity"].as_array_mut().expect("a calibration maps complexity by knots");
            for knot in knots {
                knot[1] = json!(knot[1].as_f64().unwrap() * by);
            }
            *bytes = serde_json::to_vec(&calibration).unwrap();
        });
        artefact
    }

    /// Changes a file and what the manifest says of it.
    pub(crate) fn change(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let content = self.files.get_mut(name).unwrap();
        change(content);
        let entry = FileEntry::of(content);
        self.change_manifest(|manifest| manifest["files"][name] = json!(entry));
    }

    pub(crate) fn change_manifest(&mut self, change: impl FnOnce(&mut Value)) {
        let bytes = self.files.get_mut(MANIFEST).unwrap();
        let mut manifest = serde_json::from_slice(bytes).unwrap();
        change(&mut manifest);
        *bytes = serde_json::to_vec(&manifest).unwrap();
    }

    /// The same with this for its gate's word.
    pub(crate) fn judged(mut self, gate: &str) -> Self {
        self.files.insert("gate.json".to_owned(), gate.as_bytes().to_vec());
        self
    }

    /// Changes a file behind the manifest's back.
    pub(crate) fn damage(mut self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) -> Self {
        damage(self.files.get_mut(name).unwrap());
        self
    }

    pub(crate) fn parts(&self) -> Vec<pb::UploadRequest> {
        let mut parts = vec![Part::Start(pb::UploadStart { reason: None })];
        for (name, content) in &self.files {
            parts.push(Part::File(pb::FileStart { name: name.clone(), bytes: content.len() as u64 }));
            parts.extend(content.chunks(1 << 20).map(|chunk| Part::Chunk(chunk.to_vec())));
        }
        parts.into_iter().map(|part| pb::UploadRequest { part: Some(part) }).collect()
    }
}
