//! `signalbox scorer …`: a second scorer is brought, runs in shadow, serves, is taken back; damage at a start.

use std::fs;
use std::path::{Path, PathBuf};

use scorer::artifact::FileEntry;
use serde_json::{Value, json};

use crate::server::{Scratch, Server, run, signalbox, text};

/// Makes the built-in scorer's folder under another version, with complexities halved.
fn artefact(scratch: &Scratch, version: &str) -> PathBuf {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("scorer-models");
    let source = models.join(fs::read_to_string(models.join("default")).unwrap().trim());
    let folder = scratch.data_dir().with_file_name(version);
    fs::create_dir(&folder).unwrap();
    // What the gate said of the built-in one is not said of this one.
    for entry in fs::read_dir(source).unwrap().filter(|it| it.as_ref().unwrap().file_name() != "gate.json") {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let read = |name: &str| -> Value { serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap() };
    let mut calibration = read("calibration.json");
    for knot in calibration["complexity"].as_array_mut().expect("a calibration maps complexity by knots") {
        knot[1] = json!(knot[1].as_f64().unwrap() / 2.0);
    }
    let calibration = calibration.to_string();
    let mut manifest = read("manifest.json");
    manifest["version"] = json!(version);
    manifest["files"]["calibration.json"] = json!(FileEntry::of(calibration.as_bytes()));
    fs::write(folder.join("calibration.json"), calibration).unwrap();
    fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    folder
}

/// Runs a command against the scratch folder's server.
fn command(scratch: &Scratch, arguments: &[&str]) -> (i32, String, String) {
    let data_dir = scratch.data_dir();
    let mut arguments = arguments.to_vec();
    arguments.extend(["--data-dir", data_dir.to_str().unwrap()]);
    let output = run(&arguments);
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn json(scratch: &Scratch, arguments: &[&str]) -> Value {
    let (code, out, err) = command(scratch, &[arguments, &["--json"]].concat());
    assert!(code == 0 || code == 2, "{out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|fault| panic!("{fault}: {out}{err}"))
}

fn serving(scratch: &Scratch) -> String {
    json(scratch, &["scorer", "list"])["serving"].as_str().unwrap().to_owned()
}

/// Which scorer the decision for a request names.
fn asked(server: &Server, key: &str, scratch: &Scratch) -> String {
    let body = r#"{"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}"#;
    let answer = server.chat(key, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let (_, out, _) = command(scratch, &["logs", "--limit", "1", "--json"]);
        if let Some(row) = out.lines().next().map(|line| serde_json::from_str::<Value>(line).unwrap())
            && row.to_string().contains(&answer.request_id)
        {
            return row["decision"]["scorer"].as_str().unwrap_or_else(|| panic!("{row}")).to_owned();
        }
        assert!(std::time::Instant::now() < deadline, "the row of {} does not come", answer.request_id);
    }
}

#[test]
fn a_scorer_is_brought_serves_and_is_taken_back() {
    let scratch = Scratch::new();
    let server = scratch.start(&[]);
    let key = server.key();
    let folder = artefact(&scratch, "9.1");
    let first = serving(&scratch);
    assert_eq!(asked(&server, &key, &scratch), first);

    let uploaded = json(&scratch, &["scorer", "upload", folder.to_str().unwrap()]);
    assert_eq!((&uploaded["version"], &uploaded["already_there"]), (&json!("9.1"), &json!(false)));
    let promoted = json(&scratch, &["scorer", "promote", "9.1", "--reason", "a trial"]);
    assert_eq!((&promoted["serving"], &promoted["previous"]), (&json!("9.1"), &json!(first)));
    assert_eq!(asked(&server, &key, &scratch), "9.1");

    let (code, table, _) = command(&scratch, &["scorer", "list"]);
    assert_eq!(code, 0, "{table}");
    for expected in ["9.1", "serving", "previous", "built in", "a trial"] {
        assert!(table.contains(expected), "{expected}: {table}");
    }
    let (code, out, _) = command(&scratch, &["scorer", "rollback"]);
    assert!(code == 0 && out.contains(&format!("{first} serves")), "{out}");
    assert_eq!(asked(&server, &key, &scratch), first);
    assert_eq!(json(&scratch, &["scorer", "remove", "9.1"])["removed"], true);
    assert_eq!(command(&scratch, &["scorer", "remove", "9.1"]).0, 2, "there is none any more");
}

#[test]
fn a_shadow_is_compared_and_ended() {
    let scratch = Scratch::new();
    let server = scratch.start(&[]);
    let key = server.key();
    let folder = artefact(&scratch, "9.1");
    command(&scratch, &["scorer", "upload", folder.to_str().unwrap()]);
    let running = json(&scratch, &["scorer", "shadow", "9.1", "--share", "1"]);
    assert_eq!(running["shadow"], json!({ "version": "9.1", "share": 1.0 }));
    asked(&server, &key, &scratch);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let told = loop {
        let told = json(&scratch, &["scorer", "disagreement"]);
        if told["prompts"] == 1 {
            break told;
        }
        assert!(std::time::Instant::now() < deadline, "{told}");
    };
    assert!(told["mean"].as_f64().unwrap() < 0.0 && told["flips"].as_array().unwrap().len() == 3, "{told}");
    let (_, table, _) = command(&scratch, &["scorer", "disagreement"]);
    assert!(table.contains("mean |difference|") && table.contains("flipped at 0.5"), "{table}");
    assert_eq!(json(&scratch, &["scorer", "shadow", "--off"])["shadow"], Value::Null);
    assert!(command(&scratch, &["scorer", "disagreement"]).1.contains("nothing runs in shadow"));
    assert_eq!(command(&scratch, &["scorer", "shadow"]).0, 64);
}

#[test]
fn what_is_wrong_is_refused_and_the_old_one_serves_on() {
    let scratch = Scratch::new();
    let _server = scratch.start(&[]);
    let first = serving(&scratch);
    let folder = artefact(&scratch, "9.1");
    let weights = folder.join("weights.safetensors");
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    let (code, _, err) = command(&scratch, &["scorer", "upload", folder.to_str().unwrap()]);
    assert!(code == 1 && err.contains("weights.safetensors") && err.contains("truncated"), "{err}");
    let nowhere = scratch.data_dir();
    let (code, _, err) = command(&scratch, &["scorer", "upload", nowhere.to_str().unwrap()]);
    assert!(code == 64 && err.contains("manifest.json"), "{err}");
    let (code, _, err) = command(&scratch, &["scorer", "promote", "9.1"]);
    assert!(code == 1 && err.contains("there is no scorer `9.1`") && err.contains(&first), "{err}");
    let (code, _, err) = command(&scratch, &["scorer", "rollback"]);
    assert!(code == 1 && err.contains("nothing served before"), "{err}");
    assert_eq!(serving(&scratch), first);
}

#[test]
fn a_scorer_that_its_gate_refused_is_promoted_by_force_alone() {
    let scratch = Scratch::new();
    let _server = scratch.start(&[]);
    let first = serving(&scratch);
    let folder = artefact(&scratch, "9.1");
    let gate = r#"{"verdict": "fail", "version": "9.1", "against": "9.0", "checks": [{"check": "tags", "candidate": 0.5,
        "incumbent": 0.8, "worse_by": {"value": 0.3}, "margin": 0.03, "verdict": "fail"}]}"#;
    fs::write(folder.join("gate.json"), gate).unwrap();
    command(&scratch, &["scorer", "upload", folder.to_str().unwrap()]);
    let (code, _, err) = command(&scratch, &["scorer", "promote", "9.1"]);
    assert!(code == 1 && err.contains("tags: 0.500 beside 0.800") && err.contains("--force --reason"), "{err}");
    assert_eq!(command(&scratch, &["scorer", "promote", "9.1", "--force"]).0, 64, "it needs a reason");
    assert_eq!(serving(&scratch), first);
    let (code, out, err) = command(&scratch, &["scorer", "promote", "9.1", "--force", "--reason", "a trial"]);
    assert!(code == 0 && out.contains("9.1 serves") && err.contains("warning: 9.1 serves although"), "{out}{err}");
    let (_, table, _) = command(&scratch, &["scorer", "list"]);
    assert!(table.contains("forced (its gate says `fail`") && table.contains("a trial"), "{table}");
}

#[test]
fn a_scorer_without_a_gate_is_promoted_with_a_warning() {
    let scratch = Scratch::new();
    let _server = scratch.start(&[]);
    let folder = artefact(&scratch, "9.1");
    command(&scratch, &["scorer", "upload", folder.to_str().unwrap()]);
    let (code, _, err) = command(&scratch, &["scorer", "promote", "9.1"]);
    assert!(code == 0 && err.contains("warning: 9.1 has not been through a gate"), "{err}");
    let (code, _, err) = command(&scratch, &["scorer", "promote", "built-in"]);
    assert!(code == 0 && err.is_empty(), "the built-in one needs none: {err}");
}

#[test]
fn a_damaged_folder_is_listed_with_its_reason_and_not_taken_for_what_serves() {
    let scratch = Scratch::new();
    let _server = scratch.start(&[]);
    let folder = artefact(&scratch, "9.1");
    command(&scratch, &["scorer", "upload", folder.to_str().unwrap()]);
    command(&scratch, &["scorer", "promote", "9.1"]);
    assert_eq!(command(&scratch, &["scorer", "list"]).0, 0);
    let weights = scratch.data_dir().join("scorers/9.1/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    bytes[7000] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let (code, table, _) = command(&scratch, &["scorer", "list"]);
    assert!(code == 2 && table.contains("damaged: weights.safetensors does not match"), "{table}");
    let (code, out, err) = command(&scratch, &["scorer", "promote", "9.1"]);
    assert!(code == 1 && err.contains("its folder is damaged") && err.contains("scorer upload"), "{out}{err}");
    command(&scratch, &["scorer", "upload", folder.to_str().unwrap()]);
    let (code, out, err) = command(&scratch, &["scorer", "promote", "9.1"]);
    assert!(code == 0 && out.contains("serves already"), "{out}{err}");
}

#[test]
fn a_promoted_scorer_outlives_restarts_and_a_damaged_one_falls_back_loudly() {
    let scratch = Scratch::new();
    let folder = artefact(&scratch, "9.1");
    let mut server = scratch.start(&[]);
    let first = serving(&scratch);
    command(&scratch, &["scorer", "upload", folder.to_str().unwrap()]);
    command(&scratch, &["scorer", "promote", "9.1"]);
    server.kill();
    let mut server = scratch.start(&[]);
    assert_eq!(serving(&scratch), "9.1");
    server.kill();

    let weights = scratch.data_dir().join("scorers/9.1/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    bytes[7000] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let says = |code: i32| {
        let (found, out, _) = command(&scratch, &["doctor"]);
        assert_eq!(found, code, "{out}");
        assert!(out.contains("9.1 cannot be used") && out.contains("BLAKE3") && out.contains(&first), "{out}");
    };
    says(1);
    let server = scratch.start(&[]);
    assert_eq!(serving(&scratch), first);
    says(1);
    let metrics = crate::server::get(&server.console(), "/metrics").body;
    assert!(metrics.contains("signalbox_scorer_faults 2"), "{metrics}");
    assert_eq!(command(&scratch, &["scorer", "list"]).0, 2, "a list with a warning");
}

#[test]
fn a_scorer_named_on_the_command_line_has_to_work_and_is_not_replaced() {
    let scratch = Scratch::new();
    let folder = artefact(&scratch, "9.1");
    let named = ["--scorer-model", folder.to_str().unwrap()];
    let mut server = scratch.start(&named);
    assert_eq!(serving(&scratch), "9.1");
    let (code, _, err) = command(&scratch, &["scorer", "promote", "built-in"]);
    assert!(code == 1 && err.contains("--scorer-model"), "{err}");
    server.kill();

    fs::write(folder.join("calibration.json"), "{").unwrap();
    let data_dir = scratch.data_dir();
    let start = ["up", "--data-dir", data_dir.to_str().unwrap()];
    let output = signalbox().args(start).args(crate::server::FREE_PORTS).args(named).output().unwrap();
    let err = text(&output.stderr);
    assert!(output.status.code() == Some(1) && err.contains("calibration.json"), "{err}");
}

#[test]
fn explain_says_what_moved_the_score() {
    let scratch = Scratch::new();
    let _server = scratch.start(&[]);
    let request = scratch.write(
        "request.json",
        r#"{"body": {"model": "auto", "messages": [{"role": "user", "content": "Prove that every finite integral domain is a field."}]}}"#,
    );
    let request = request.to_str().unwrap();
    let record = json(&scratch, &["explain", "--request", request]);
    let scoring = &record["scoring"];
    assert_eq!(scoring["version"], record["scorer"]);
    assert_eq!(scoring["truncated"], false);
    assert_eq!(scoring["influences"].as_array().unwrap().len(), 8, "{scoring}");
    let (_, table, _) = command(&scratch, &["explain", "--request", request]);
    for expected in ["complexity", "±", "difficulty", "tokens", "moved by", "\""] {
        assert!(table.contains(expected), "{expected}: {table}");
    }
    let injected = json(&scratch, &["explain", "--request", request, "--complexity", "0.5"]);
    assert_eq!(injected["scoring"]["influences"], json!([]));
}
