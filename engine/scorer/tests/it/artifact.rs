//! An artefact that is not what its manifest says is refused, with the file and the reason.

use std::fs;
use std::path::{Path, PathBuf};

use scorer::LearnedScorer;

/// A copy of the default artefact in a folder of its own.
struct Copy {
    _parent: tempfile::TempDir,
    folder: PathBuf,
}

impl Copy {
    fn new() -> Self {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scorer-models");
        let version = fs::read_to_string(models.join("default")).unwrap();
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join(version.trim());
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(models.join(version.trim())).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        Self { _parent: parent, folder }
    }

    fn change(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut content = fs::read(self.folder.join(file)).unwrap();
        change(&mut content);
        fs::write(self.folder.join(file), content).unwrap();
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.folder.join(file), text.replacen(from, to, 1)).unwrap();
    }

    #[track_caller]
    fn is_refused(&self, parts: &[&str]) {
        let error = LearnedScorer::load(&self.folder).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{error:?} does not say {part:?}");
        }
    }
}

#[test]
fn untouched_copy_loads() {
    LearnedScorer::load(&Copy::new().folder).unwrap();
}

#[test]
fn truncated_file_is_refused_with_both_lengths() {
    let copy = Copy::new();
    let length = fs::metadata(copy.folder.join("weights.safetensors")).unwrap().len();
    copy.change("weights.safetensors", |content| content.truncate(1000));
    copy.is_refused(&["weights.safetensors", &format!("expected {length} bytes"), "found 1000"]);
}

#[test]
fn one_changed_byte_is_refused_with_both_hashes() {
    let copy = Copy::new();
    copy.change("weights.safetensors", |content| *content.last_mut().unwrap() ^= 1);
    copy.is_refused(&["weights.safetensors does not match its manifest", "expected BLAKE3", "found"]);
    let copy = Copy::new();
    copy.change("tokenizer.json", |content| content[10] ^= 1);
    copy.is_refused(&["tokenizer.json does not match its manifest"]);
}

#[test]
fn missing_file_is_named() {
    for file in ["manifest.json", "weights.safetensors", "tokenizer.json", "calibration.json"] {
        let copy = Copy::new();
        fs::remove_file(copy.folder.join(file)).unwrap();
        copy.is_refused(&["the scorer artefact has no", file]);
    }
}

#[test]
fn file_left_out_of_the_manifest_is_not_trusted() {
    let copy = Copy::new();
    copy.replace("manifest.json", "\"calibration.json\"", "\"quality.json\"");
    // Its hash is the calibration's, so it is refused before it could stand in for it.
    copy.is_refused(&["quality.json does not match its manifest"]);
}

#[test]
fn other_schema_and_other_version_are_refused() {
    let copy = Copy::new();
    copy.replace("manifest.json", "signalbox.scorer/4", "signalbox.scorer/2");
    copy.is_refused(&["`signalbox.scorer/2`", "this build reads `signalbox.scorer/4`"]);
    let copy = Copy::new();
    copy.replace("manifest.json", "\"version\": \"", "\"version\": \"x");
    copy.is_refused(&["the folder is named", "but its manifest says version `x", "rename the folder to `x"]);
}

#[test]
fn manifest_that_is_no_json_or_reaches_out_of_its_folder_is_refused() {
    let copy = Copy::new();
    copy.change("manifest.json", |content| content.truncate(40));
    copy.is_refused(&["manifest.json cannot be understood"]);
    let copy = Copy::new();
    copy.replace("manifest.json", "\"tokenizer.json\"", "\"../tokenizer.json\"");
    copy.is_refused(&["`../tokenizer.json` is not the name of a file in this folder"]);
}

#[test]
fn shape_that_the_weights_do_not_have_is_refused() {
    let copy = Copy::new();
    copy.replace("manifest.json", "\"hidden\": ", "\"hidden\": 1");
    copy.is_refused(&["weights.safetensors does not fit the network"]);
    let copy = Copy::new();
    copy.replace("manifest.json", "\"inputs\": ", "\"inputs\": 1");
    copy.is_refused(&["dense inputs, this build makes"]);
    let copy = Copy::new();
    copy.replace("manifest.json", "\"vocabulary\": ", "\"vocabulary\": 1");
    copy.is_refused(&["tokenizer.json", "words, the manifest says"]);
}
