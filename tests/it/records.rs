//! Records through the command line: filters with and without a server, one in full, and as a Parquet file.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Scratch, run, text};

fn command(scratch: &Scratch, arguments: &[&str]) -> (i32, String, String) {
    let data_dir = scratch.data_dir();
    let mut arguments = arguments.to_vec();
    arguments.extend(["--data-dir", data_dir.to_str().unwrap()]);
    let output = run(&arguments);
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// The ids that `logs` lists, oldest first.
#[track_caller]
fn listed(scratch: &Scratch, filters: &[&str]) -> Vec<String> {
    let (code, out, err) = command(scratch, &[&["logs", "--json"], filters].concat());
    assert_eq!(code, 0, "{out}{err}");
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    out.lines().map(id).collect()
}

/// Rows follow their answers within the ledger's flush interval.
#[track_caller]
fn wait_for_rows(scratch: &Scratch, count: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while listed(scratch, &[]).len() < count {
        assert!(Instant::now() < until, "the rows did not come");
    }
}

fn ask(model: &str, tags: &str) -> String {
    format!(r#"{{"model":"{model}","tags":[{tags}],"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

#[test]
fn filters_find_the_same_rows_with_and_without_a_server() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&["--demo", "--retain-days", "30"]);
    let key = server.key();
    let blue = server.chat(&key, &ask("demo/small", r#"{"key":"team","value":"blue"}"#)).request_id;
    let red = server.chat(&key, &ask("demo/large", r#"{"key":"team","value":"red"}"#)).request_id;
    let unknown = server.chat(&key, &ask("demo/none", "")).request_id;
    wait_for_rows(&scratch, 3);
    let check_all = || {
        let check = |filters: &[&str], expected: &[&String]| {
            assert_eq!(listed(&scratch, filters).iter().collect::<Vec<_>>(), expected, "{filters:?}");
        };
        check(&[], &[&blue, &red, &unknown]);
        check(&["--tag", "team=blue"], &[&blue]);
        check(&["--tag", "team=green"], &[]);
        check(&["--model", "demo/large"], &[&red]);
        check(&["--provider", "demo"], &[&blue, &red]);
        check(&["--status", "404"], &[&unknown]);
        check(&["--outcome", "completed", "--limit", "1"], &[&red]);
        check(&["--since", "1h", "--until", "2000-01-01T00:00:00Z"], &[]);
        check(&["--since", "1h", "--min-ms", "0", "--max-ms", "600000"], &[&blue, &red, &unknown]);
    };
    check_all();
    server.stop();
    check_all();
}

#[test]
fn a_filter_that_cannot_be_read_is_an_error_of_usage() {
    let scratch = Scratch::new();
    let _server = scratch.start(&["--demo"]);
    let refused = |arguments: &[&str], expected: &str| {
        let (code, out, err) = command(&scratch, arguments);
        assert!(code == 64 && err.contains(expected), "{arguments:?}: {code} {out}{err}");
    };
    refused(&["logs", "--tag", "blue"], "has no `=`");
    refused(&["logs", "--outcome", "fine"], "client_cancelled");
    refused(&["logs", "--until", "soon"], "--until");
    refused(&["logs", "show", "nonsense"], "req_");
    refused(&["bodies", "delete"], "REQUEST_ID");
    let (code, _, err) = command(&scratch, &["logs", "--policy", "none"]);
    assert!(code == 1 && err.contains("there is no policy `none`"), "{code} {err}");
}

#[test]
fn more_records_than_a_page_are_listed_page_by_page() {
    let scratch = Scratch::new();
    let server = scratch.start(&["--demo"]);
    let (code, out, _) = command(&scratch, &["logs"]);
    assert_eq!((code, out.as_str()), (0, "no requests yet\n"));
    let (key, count) = (server.key(), 1_030);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            // Refused before a provider is called: cheap, and recorded as any other.
            scope.spawn(|| (0..count / 10).for_each(|_| drop(server.chat(&key, &ask("demo/none", "")))));
        }
    });
    let until = Instant::now() + Duration::from_secs(20);
    let all = loop {
        let all = listed(&scratch, &["--limit", "5000"]);
        if all.len() == count {
            break all;
        }
        assert!(Instant::now() < until, "{} rows", all.len());
    };
    let unique: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(unique.len(), count, "none twice");
    assert_eq!(listed(&scratch, &["--limit", "1010"]), all[count - 1_010..]);
    let (code, out, _) = command(&scratch, &["logs", "--tag", "team=nobody"]);
    assert_eq!((code, out.as_str()), (0, "no request matches\n"));
}

#[test]
fn one_record_is_shown_in_full() {
    let scratch = Scratch::new();
    let server = scratch.start(&["--demo"]);
    let id = server.chat(&server.key(), &ask("demo/small", r#"{"key":"team","value":"blue"}"#)).request_id;
    wait_for_rows(&scratch, 1);
    let (code, out, err) = command(&scratch, &["logs", "show", &id]);
    assert_eq!(code, 0, "{out}{err}");
    for expected in [id.as_str(), "endpoint         chat", "team=blue", "demo/small ok", "overhead"] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    assert!(!out.contains("--- request"), "no bodies are kept: {out}");
    let (code, _, err) = command(&scratch, &["logs", "show", "req_00000000000000000000000000"]);
    assert!(code == 1 && err.contains("there is no record"), "{code} {err}");
}

#[test]
fn what_callers_chose_is_shown_on_its_line_and_drives_no_terminal() {
    let scratch = Scratch::new();
    let server = scratch.start(&["--demo"]);
    let body = r#"{"model":"m\u001b[31m\n2026 FAKE","user":"u\u001b[2J","tags":[{"key":"team","value":"b\nFAKE"}],"messages":[{"role":"user","content":"hi"}]}"#;
    let unknown = server.chat(&server.key(), body).request_id;
    let known = server.chat(&server.key(), &body.replace(r"m\u001b[31m\n2026 FAKE", "demo/small")).request_id;
    wait_for_rows(&scratch, 2);
    let shown = |arguments: &[&str]| {
        let (code, out, err) = command(&scratch, arguments);
        assert_eq!(code, 0, "{out}{err}");
        assert!(out.lines().all(|line| !line.contains(char::is_control) && !line.starts_with("2026 FAKE")), "{out:?}");
        out
    };
    assert!(shown(&["logs", "show", &unknown]).contains(r"asked for        m\u{1b}[31m\n2026 FAKE"));
    let known = shown(&["logs", "show", &known]);
    assert!(known.contains(r"u\u{1b}[2J") && known.contains(r"team=b\nFAKE"), "{known}");
    assert_eq!(shown(&["logs"]).lines().count(), 2);
}

#[test]
fn records_are_exported_whole_or_not_at_all() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&["--demo"]);
    for _ in 0..3 {
        server.chat(&server.key(), &ask("demo/small", ""));
    }
    server.stop();
    let file = scratch.data_dir().with_file_name("records.parquet");
    let out = file.to_str().unwrap();
    let (code, said, err) = command(&scratch, &["export", "--out", out, "--provider", "demo", "--json"]);
    assert_eq!(code, 0, "{said}{err}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["rows"], 3);
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    let (code, _, err) = command(&scratch, &["export", "--out", out, "--since", "1h"]);
    assert!(code == 1 && err.contains("--force"), "{code} {err}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "it stays as it was");
    let (code, said, err) = command(&scratch, &["export", "--out", out, "--until", "2000-01-01T00:00:00Z", "--force"]);
    assert_eq!((code, said.as_str()), (0, format!("0 records in {out}\n").as_str()), "{err}");
    let nowhere = file.with_file_name("none").join("x.parquet");
    let (code, _, err) = command(&scratch, &["export", "--out", nowhere.to_str().unwrap()]);
    assert!(code == 1 && err.contains("cannot write"), "{code} {err}");
    let folder = file.with_file_name("folder");
    std::fs::create_dir(&folder).unwrap();
    let (code, _, err) = command(&scratch, &["export", "--out", folder.to_str().unwrap(), "--force"]);
    let cure = folder.join("records.parquet");
    assert!(code == 1 && err.contains("is a folder") && err.contains(cure.to_str().unwrap()), "{code} {err}");
    let left = std::fs::read_dir(file.parent().unwrap()).unwrap();
    assert!(!left.map(|it| it.unwrap().file_name()).any(|name| name.to_string_lossy().ends_with(".partial")));
}

#[test]
fn bodies_are_kept_for_the_key_that_asks_shown_and_deleted_beside_a_running_server() {
    let scratch = Scratch::new();
    let server = scratch.start(&["--demo"]);
    let (code, out, err) = command(&scratch, &["keys", "create", "--name", "kept", "--body-logging", "7", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    let key = serde_json::from_str::<Value>(&out).unwrap()["key"].as_str().unwrap().to_owned();
    let canary = "kqXz7Wv3JpRt9LmYc2";
    let body = ask("demo/small", "").replace("\"hi\"", &format!("\"{canary}\""));
    let until = Instant::now() + Duration::from_secs(20);
    // The gateway hears of a new key within a moment.
    let id = loop {
        let answer = server.chat(&key, &body);
        if answer.status == 200 {
            break answer.request_id;
        }
        assert!(Instant::now() < until, "{}", answer.body);
    };
    let shown = || command(&scratch, &["logs", "show", &id]).1;
    while !shown().contains("--- answer") {
        assert!(Instant::now() < until, "the bodies did not come: {}", shown());
    }
    assert!(shown().contains(canary));
    let (code, _, err) = command(&scratch, &["bodies", "delete", "--of-key", "nobody", "--json"]);
    assert!(code == 1 && err.contains("there is no key `nobody`"), "{code} {err}");
    let (code, out, err) = command(&scratch, &["bodies", "delete", "--of-key", "kept", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    let erased: Value = serde_json::from_str(&out).unwrap();
    assert!(erased["requests"] == 1 && erased["pieces_checked"].as_u64() > Some(0), "{erased}");
    assert!(shown().contains(&id) && !shown().contains(canary), "the record stays");
}
