//! Loads whatever bytes come as an artefact's files: a reason for refusal, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scorer::LearnedScorer;

fuzz_target!(|files: Vec<(String, Vec<u8>)>| {
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    let _ = LearnedScorer::from_files(&files);
});
