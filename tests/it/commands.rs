//! The commands against a running server, and `explain` without one.

use serde_json::Value;

use crate::server::{Scratch, run, text};

const CONFIG: &str = r#"
[[providers]]
slug = "acme"
dialect = "openai"
base_url = "http://127.0.0.1:9/v1"
allow_private_network = true
credentials = [{ name = "a", secret = "acme-secret-0123456789" }]

[[models]]
id = "acme/small"
capability = 0.2
pricing = { prompt = "0.0000001", completion = "0.0000004" }

[[models]]
id = "acme/large"
capability = 0.9
pricing = { prompt = "0.000003", completion = "0.000015" }

[[policies]]
name = "support"
default = true
models = ["acme/small", "acme/large"]
strategy = { type = "intelligent", axis = "performance" }

[[routers]]
name = "helpdesk"
models = ["acme/small", "acme/large"]
policy = "support"

[[keys]]
name = "checkout"
routing = { policy = "support", active = true }
"#;

/// Runs a command against the scratch folder's server.
fn command(scratch: &Scratch, arguments: &[&str]) -> (i32, String, String) {
    let data_dir = scratch.data_dir();
    let mut arguments = arguments.to_vec();
    arguments.extend(["--data-dir", data_dir.to_str().unwrap()]);
    let output = run(&arguments);
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn json(scratch: &Scratch, arguments: &[&str]) -> Value {
    let (code, out, err) = command(scratch, arguments);
    assert!(code == 0 || code == 2, "{out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|fault| panic!("{fault}: {out}{err}"))
}

#[test]
fn plan_changes_nothing_apply_does_and_again_finds_all_unchanged() {
    let scratch = Scratch::new();
    let _server = scratch.start(&["--no-demo"]);
    let file = scratch.write("acme.toml", CONFIG);
    let file = file.to_str().unwrap();
    let actions = |diff: &Value| {
        diff["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["action"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(
        actions(&json(&scratch, &["plan", "-f", file, "--json"]))
            .iter()
            .all(|action| action == "create" || action == "update")
    );
    assert_eq!(json(&scratch, &["routers", "list", "--json"]).as_array().unwrap().len(), 0);
    let applied = json(&scratch, &["apply", "-f", file, "--json"]);
    let key = applied["created_keys"][0]["key"].as_str().unwrap();
    assert!(key.starts_with("sk-sb-"));
    assert_eq!(json(&scratch, &["routers", "list", "--json"])[0]["name"], "helpdesk");
    assert!(actions(&json(&scratch, &["apply", "-f", file, "--json"])).iter().all(|action| action == "unchanged"));
}

#[test]
fn bad_file_changes_nothing() {
    let scratch = Scratch::new();
    let _server = scratch.start(&["--no-demo"]);
    let file = scratch.write(
        "bad.toml",
        &CONFIG.replace("models = [\"acme/small\", \"acme/large\"]\npolicy", "models = [\"acme/smal\"]\npolicy"),
    );
    let (code, _, err) = command(&scratch, &["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(code, 64, "{err}");
    assert!(err.contains("acme/smal") && err.contains("bad.toml:"), "{err}");
    assert_eq!(json(&scratch, &["models", "list", "--json"]).as_array().unwrap().len(), 0);
}

#[test]
fn created_key_works_until_it_is_revoked() {
    let scratch = Scratch::new();
    let server = scratch.start(&[]);
    let created = json(&scratch, &["keys", "create", "--name", "app", "--json"]);
    let key = created["key"].as_str().unwrap();
    let body = r#"{"messages": [{"role": "user", "content": "hi"}]}"#;
    let until = |status: u16| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while server.chat(key, body).status != status {
            assert!(std::time::Instant::now() < deadline, "still not {status}");
        }
    };
    until(200);
    assert!(json(&scratch, &["keys", "revoke", "app", "--json"])["revoked_at"].is_string());
    until(401);
}

#[test]
fn explain_over_a_file_needs_no_server_and_follows_the_bands() {
    let scratch = Scratch::new();
    let file = scratch.write("acme.toml", CONFIG);
    let request =
        scratch.write("request.json", r#"{"body": {"model": "auto", "messages": [{"role": "user", "content": "x"}]}}"#);
    let chosen = |complexity: &str| {
        let output = run(&[
            "explain",
            "--config",
            file.to_str().unwrap(),
            "--request",
            request.to_str().unwrap(),
            "--complexity",
            complexity,
            "--json",
        ]);
        let record: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        record["selected_model"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (chosen("0.39").as_str(), chosen("0.4").as_str(), chosen("0.9").as_str()),
        ("acme/small", "acme/large", "acme/large")
    );
}

#[test]
fn explain_prints_the_refusal_that_the_gateway_would_send() {
    let scratch = Scratch::new();
    let file = scratch.write("acme.toml", CONFIG);
    let request = scratch.write(
        "request.json",
        r#"{"body": {"model": "nobody/knows", "messages": [{"role": "user", "content": "x"}]}}"#,
    );
    let output = run(&["explain", "--config", file.to_str().unwrap(), "--request", request.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let refusal: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(refusal["error"]["code"], "model_not_found");
}

#[test]
fn logs_show_what_was_served_with_and_without_a_server() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&[]);
    let answer = server.chat(&server.key(), r#"{"messages": [{"role": "user", "content": "hi"}]}"#);
    server.stop();
    let (_, out, err) = command(&scratch, &["logs", "--json"]);
    let row: Value = serde_json::from_str(out.trim()).unwrap_or_else(|fault| panic!("{fault}: {out}{err}"));
    assert_eq!(row["id"].as_str().unwrap(), answer.request_id);
    assert_eq!(row["cost"], answer.json()["routing"]["cost_usd"]);
    let _again = scratch.start(&[]);
    let (_, out, _) = command(&scratch, &["logs"]);
    assert!(out.contains(&answer.request_id), "{out}");
}

#[test]
fn doctor_is_content_with_a_running_server_and_names_the_cure_without_one() {
    let scratch = Scratch::new();
    let server = scratch.start(&[]);
    let (code, out, err) = command(&scratch, &["doctor"]);
    assert_eq!(code, 0, "{out}{err}");
    drop(server);
    let (code, out, _) = command(&scratch, &["doctor"]);
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("signalbox up"), "{out}");
}

#[test]
fn schema_describes_every_section() {
    let schema: Value = serde_json::from_slice(&run(&["schema"]).stdout).unwrap();
    for section in ["providers", "models", "policies", "routers", "keys", "projects"] {
        assert!(schema["properties"][section].is_object(), "{section}");
    }
}

#[test]
fn shipped_catalogue_has_sixty_models_of_eight_providers() {
    let output = run(&["models", "catalogue", "--json"]);
    let models: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let providers: std::collections::BTreeSet<_> =
        models.iter().map(|model| model["id"].as_str().unwrap().split('/').next().unwrap().to_owned()).collect();
    assert!(models.len() >= 60 && providers.len() >= 8, "{} of {}", models.len(), providers.len());
    assert!(models.iter().all(|model| model["source"].is_string()));
}
