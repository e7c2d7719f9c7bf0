//! `evalkit train` before a network is fitted: what is missing or wrong is told, the rows' faults first.

use std::fs;
use std::path::Path;

use super::{evalkit, tiny};

/// Runs over a configuration, everyday prompts and these rows; returns the exit code and what was said.
fn train(folder: &Path, rows: &str, more: &[&str]) -> (Option<i32>, String) {
    let everyday = folder.join("everyday");
    fs::create_dir_all(&everyday).unwrap();
    tiny::write_everyday(&everyday);
    fs::write(folder.join("config.toml"), tiny::CONFIG).unwrap();
    fs::write(folder.join("own.csv"), rows).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (config, own, everyday, out) = (path("config.toml"), path("own.csv"), path("everyday"), path("out"));
    let words = ["train", "--config", &config, "--rows", &own, "--no-public", "--everyday", &everyday, "--out", &out];
    let output = evalkit(&[&words[..], more].concat(), "");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Rows that can be learned from.
fn good() -> String {
    let row = |at: usize| format!("sum of {at},a,{}\nsum of {at},b,{}\n", at % 2, u8::from(at.is_multiple_of(3)));
    format!("prompt,model,score\n{}", (0..60).map(row).collect::<String>())
}

#[test]
fn start_that_is_none_is_told_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("initial");
    let (code, said) = train(folder.path(), &good(), &["--initial", nowhere.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("initial has no tokenizer.json"), "{said}");
    assert!(said.contains("initial_table.py") && said.contains("leave --initial out"), "{said}");
}

#[test]
fn bad_rows_are_told_before_a_missing_start() {
    let folder = tempfile::tempdir().unwrap();
    let rows = good() + "sum of 99,a,7\n";
    for more in [&[][..], &["--initial", "/nonexistent"]] {
        let (code, said) = train(folder.path(), &rows, more);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("line 122") && !said.contains("initial"), "{said}");
    }
}
