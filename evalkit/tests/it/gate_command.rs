//! `evalkit gate` as its users meet it: what passes, what is refused, and what `evalkit promote` makes of it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::evalkit;
use crate::scorer_sets::{Sets, copy, damage};

/// Runs the gate with few rounds; a busy machine may stretch times, so speed has room.
fn gate(sets: &Sets, model: &Path, against: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let (data, blind) = (sets.path("data"), sets.path("blind"));
    let mut arguments = vec!["gate", "--model", model.to_str().unwrap(), "--against", against.to_str().unwrap()];
    if !more.contains(&"--data") {
        arguments.extend(["--data", &data]);
    }
    arguments.extend(["--blind", &blind, "--bootstrap", "200", "--timed", "40", "--margin", "speed=4"]);
    arguments.extend(more);
    let output = evalkit(&arguments, "");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn word(model: &Path) -> Value {
    serde_json::from_slice(&fs::read(model.join("gate.json")).unwrap()).unwrap()
}

/// What `evalkit promote` says where no engine listens.
fn promote(model: &Path) -> String {
    let model = model.to_str().unwrap();
    let output = evalkit(&["promote", "--model", model, "--engine", "unix:/nowhere/admin.sock"], "");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn scorer_passes_against_itself_and_may_be_promoted() {
    let sets = Sets::new();
    let model = sets.model();
    let (code, table, errors) = gate(&sets, &model, &model, &[]);
    assert_eq!(code, Some(0), "{table}{errors}");
    assert!(table.contains("pass: ") && table.contains("promote it with"), "{table}");
    let word = word(&model);
    assert_eq!(
        (&word["verdict"], &word["version"], &word["against"]),
        (&"pass".into(), &sets.version.clone().into(), &sets.version.clone().into())
    );
    let checks = word["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 6);
    for check in checks.iter().filter(|it| it["check"] != "speed") {
        assert_eq!(check["worse_by"]["interval"]["high"].as_f64(), Some(0.0), "{check}");
    }
    assert!(promote(&model).contains("no engine at"), "{}", promote(&model));
    assert!(!word.to_string().contains(sets.folder.path().to_str().unwrap()), "folders do not travel");
}

#[test]
fn damaged_scorer_is_refused_and_cannot_be_promoted() {
    let sets = Sets::new();
    let damaged = sets.folder.path().join("damaged").join(&sets.version);
    copy(&sets.model(), &damaged);
    damage(&damaged);
    let (code, json, errors) = gate(&sets, &damaged, &sets.model(), &["--json"]);
    assert_eq!(code, Some(3), "{json}{errors}");
    let word = word(&damaged);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["verdict"], "fail");
    let failed = |name: &str| {
        let check = word["checks"].as_array().unwrap().iter().find(|it| it["check"] == name).unwrap();
        check["verdict"] == "fail" && check["worse_by"]["interval"]["low"].as_f64().unwrap() > 0.0
    };
    assert!(failed("clear_cases") && failed("difficulty"), "{word}");
    assert!(promote(&damaged).contains("its gate says `fail`"), "{}", promote(&damaged));
}

#[test]
fn check_without_data_has_to_be_left_out_by_name() {
    let sets = Sets::new();
    let model = sets.model();
    fs::write(model.join("gate.json"), r#"{"verdict": "pass"}"#).unwrap();
    let (code, _, errors) = gate(&sets, &model, &model, &["--data", "/nonexistent"]);
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("no data at /nonexistent") && errors.contains("--without difficulty"), "{errors}");
    assert!(!model.join("gate.json").exists(), "an earlier word does not outlive a run that broke off");
    let (code, table, errors) = gate(&sets, &model, &model, &["--data", "/nonexistent", "--without", "difficulty"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(table.contains("left out on request: difficulty"), "{table}");
    assert_eq!(word(&model)["without"], serde_json::json!(["difficulty"]));
}

#[test]
fn wrong_usage_and_broken_candidates_are_named() {
    let output = evalkit(&["gate", "--model", "x", "--margin", "tags"], "");
    assert_eq!(output.status.code(), Some(64));
    let output = evalkit(&["gate", "--model", "x", "--without", "everything"], "");
    assert!(String::from_utf8(output.stderr).unwrap().contains("expected one of clear_cases"));
    let sets = Sets::new();
    let weights = sets.model().join("weights.safetensors");
    fs::write(&weights, "nothing").unwrap();
    let (code, _, errors) = gate(&sets, &sets.model(), &sets.model(), &[]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("weights.safetensors does not match its manifest"), "{errors}");
}
