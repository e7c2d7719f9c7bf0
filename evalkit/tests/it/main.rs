//! The command line as its users meet it: the real binary, real files.
#![allow(clippy::unwrap_used, reason = "tests")]

mod calibrate_command;
mod documented_commands;
mod gate_command;
mod import_command;
mod optimal_commands;
mod report_command;
mod routellm;
mod router_eval_command;
mod router_eval_laws;
mod router_eval_vectors;
mod score_command;
mod scorer_sets;
#[path = "../../trainer/tests/it/tiny.rs"]
mod tiny;
mod train_command;

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn evalkit(arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_evalkit"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn score(stdin: &str) -> (Option<i32>, Vec<serde_json::Value>, String) {
    let output = evalkit(&["score", "--input", "-", "--output", "-"], stdin);
    let rows =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code(), rows, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn prompts_are_scored_in_order() {
    let (code, rows, _) = score("{\"id\":\"a\",\"prompt\":\"hi\"}\n{\"id\":\"b\",\"prompt\":\"\",\"more\":1}\n");
    assert_eq!(code, Some(0));
    assert_eq!((rows[0]["id"].as_str(), rows[1]["id"].as_str()), (Some("a"), Some("b")));
    assert!(rows[0]["complexity"].as_f64().unwrap() < 0.4);
    assert!(rows[0]["expected_output_tokens"]["p50"].is_u64() && rows[0]["capabilities"]["chat"].is_f64());
}

#[test]
fn bad_rows_are_reported_by_line_and_the_rest_is_scored() {
    let (code, rows, faults) =
        score("{\"id\":\"a\",\"prompt\":\"hi\"}\n{\"id\":\"b\"}\nnonsense\n{\"id\":\"c\",\"prompt\":\"hi\"}");
    assert_eq!(code, Some(2));
    assert_eq!(rows.len(), 2);
    assert!(faults.contains("line 2: it has no `prompt`") && faults.contains("line 3:"), "{faults}");
}

#[test]
fn missing_model_is_named() {
    let output = evalkit(&["score", "--model", "/nonexistent", "--input", "-", "--output", "-"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot read /nonexistent/manifest.json"));
}

#[test]
fn wrong_usage_exits_with_64() {
    assert_eq!(evalkit(&["score"], "").status.code(), Some(64));
    assert_eq!(evalkit(&["--help"], "").status.code(), Some(0));
}

#[test]
fn shipped_configuration_is_sound() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/default.toml");
    let config: trainer::Config = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    config.validate().unwrap();
}
