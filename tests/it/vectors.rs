//! The tables of routing cases: every request is decided, or refused, as the design says.

use std::path::PathBuf;

use crate::server::{Scratch, run, text};

fn vector(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name).to_str().unwrap().to_owned()
}

#[track_caller]
fn check_table(name: &str, at_least: usize) {
    let (config, cases) = (vector(&format!("{name}.toml")), vector(&format!("{name}.jsonl")));
    let output = run(&["explain", "--config", &config, "--cases", &cases]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let cases: usize = text(&output.stdout).split(' ').next().unwrap().parse().unwrap();
    assert!(cases >= at_least, "{name}: {cases} cases");
}

#[test]
fn every_case_is_decided_as_the_design_says() {
    for (name, at_least) in [("routing", 150), ("blending", 80)] {
        check_table(name, at_least);
    }
}

/// What is told of one line, in a file between two others that are as expected.
#[track_caller]
fn check_told(line: &str, expected: &str) {
    let scratch = Scratch::new();
    let good = r#"{"name": "greeting", "request": {"body": {"model": "acme/mini", "messages": [{"role": "user", "content": "Good day"}]}}, "expect": {"record": {"strategy": "direct"}}}"#;
    let file = scratch.write("cases.jsonl", &format!("{good}\n{line}\n# {good}\n{good}\n"));
    let output = run(&["explain", "--config", &vector("routing.toml"), "--cases", file.to_str().unwrap()]);
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(!output.status.success() && told.contains(expected), "{told}");
}

#[test]
fn cases_that_go_otherwise_or_cannot_be_read_are_told_with_their_line() {
    let case = |key: &str, expect: &str| {
        let request = format!(
            r#"{{"key": {key}, "body": {{"model": "acme/mini", "messages": [{{"role": "user", "content": "Good day"}}]}}}}"#
        );
        format!(r#"{{"name": "odd", "request": {request}, "expect": {expect}}}"#)
    };
    let order = r#"{"order": ["acme/other"]}"#;
    check_told(&case("null", order), r#"line 2, odd: order: expected ["acme/other"], found ["acme/mini"]"#);
    check_told(&case("\"nobody\"", order), "2 cases as expected, 1 not");
    let figures = r#"{"scores": {"acme/mini": 0.5}, "positions": {"acme/other": 1}}"#;
    check_told(&case("null", figures), "line 2, odd: score of acme/mini: expected 0.5, found null");
    check_told(&case("null", figures), "line 2, odd: position of acme/other: expected 1.0, found null");
    check_told(&case("null", r#"{"record": {"candidates": []}}"#), "line 2, odd: candidates: expected []");
    check_told(&case("null", "{}"), "line 2: `expect` is empty");
    check_told(r#"{"name": "odd"}"#, "line 2: missing field `request`");
}
