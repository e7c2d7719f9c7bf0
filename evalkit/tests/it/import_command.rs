//! `evalkit import` over small files.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::evalkit;

/// Imports a file of the folder to `out.json` of the folder.
fn import(folder: &Path, name: &str, content: &str, more: &[&str]) -> Output {
    let file = folder.join(name);
    fs::write(&file, content).unwrap();
    let out = folder.join("out.json");
    let mut arguments = vec!["import", file.to_str().unwrap(), "--output", out.to_str().unwrap()];
    arguments.extend(more);
    evalkit(&arguments, "")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const EXAM: &str = "model_id,score,notes\ngpt-5 (high),0.9,\nour tuned one,0.5,ours\n";

#[test]
fn three_columns_become_a_document_that_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        import(folder.path(), "exam.csv", EXAM, &["--min", "0", "--max", "1", "--now", "2026-11-22T00:00:00Z"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("| exam "), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("unmatched: exam: `our tuned one`"), "{}", text(&output.stderr));
    let written = fs::read_to_string(folder.path().join("out.json")).unwrap();
    let again = import(folder.path(), "again.json", &written, &["--now", "2026-11-22T00:00:00Z"]);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again.stderr));
    assert_eq!(fs::read_to_string(folder.path().join("out.json")).unwrap(), written);
}

#[test]
fn scores_without_reservations_exit_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let alias = folder.path().join("alias.json");
    fs::write(&alias, r#"{"names": {"our tuned one": "acme/tuned"}}"#).unwrap();
    let sound = "model,score,n\no3,0.9,10000\nour tuned one,0.5,10000\n";
    let options = ["--min", "0", "--max", "1", "--alias", alias.to_str().unwrap(), "--json"];
    let output = import(folder.path(), "exam.csv", sound, &options);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&summary["scorecards"][0]["models"], summary["flags"].as_array().unwrap().len()), (&2.into(), 0));
}

#[test]
fn files_with_faults_are_told_whole_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = import(folder.path(), "exam.csv", "model,score\no3,87%\ngpt-5,0.87\no3,x\n", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("line 4, `score`: `x` is not a number"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("line 2, `score`: `87%` stands beside"), "{}", text(&output.stderr));
    assert!(!folder.path().join("out.json").exists());
}

#[test]
fn options_that_do_not_go_together_exit_with_64() {
    let folder = tempfile::tempdir().unwrap();
    for options in [
        ["--scale", "elo"].as_slice(),
        &["--scale", "log"],
        &["--min", "0"],
        &["--chance", "0.25"],
        &["--scale", "chance-adjusted", "--min", "0", "--max", "1"],
        &["--format", "xml"],
    ] {
        let output = import(folder.path(), "exam.csv", EXAM, options);
        assert_eq!(output.status.code(), Some(64), "{options:?}: {}", text(&output.stderr));
    }
    let output = import(folder.path(), "exam.csv", "model,score\no3,1300\n", &["--scale", "elo", "--anchor", "1200"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
