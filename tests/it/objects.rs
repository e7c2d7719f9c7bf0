//! The commands over single objects, drafts, versions, score files and the audit log against a running server.

use serde_json::Value;

use crate::server::{Scratch, Server, run, text};

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

[[models]]
id = "acme/large"
capability = 0.9
"#;

const POLICY: &str = r#"
name = "support"
models = ["acme/small", "acme/large"]
strategy = { type = "single", model = "acme/large" }
"#;

/// A running server and the commands against it.
pub(crate) struct World {
    pub(crate) scratch: Scratch,
    pub(crate) server: Server,
}

impl World {
    pub(crate) fn start() -> Self {
        let world = Self::start_with(&["--no-demo"]);
        world.with_file(&["apply"], "acme.toml", CONFIG);
        world
    }

    /// A fresh start with these arguments.
    pub(crate) fn start_with(more: &[&str]) -> Self {
        let scratch = Scratch::new();
        let server = scratch.start(more);
        Self { scratch, server }
    }

    /// Exit code, standard output and standard error.
    pub(crate) fn command(&self, arguments: &[&str]) -> (i32, String, String) {
        let data_dir = self.scratch.data_dir();
        let mut arguments = arguments.to_vec();
        arguments.extend(["--data-dir", data_dir.to_str().unwrap()]);
        let output = run(&arguments);
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    pub(crate) fn with_file(&self, arguments: &[&str], name: &str, content: &str) -> (i32, String, String) {
        let file = self.scratch.write(name, content);
        let mut arguments = arguments.to_vec();
        arguments.extend(["--file", file.to_str().unwrap()]);
        self.command(&arguments)
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let (code, out, err) = self.command(&arguments);
        assert!(code == 0 || code == 2, "{out}{err}");
        serde_json::from_str(&out).unwrap_or_else(|fault| panic!("{fault}: {out}{err}"))
    }
}

#[test]
fn policy_is_made_changed_as_a_draft_promoted_and_rolled_back() {
    let world = World::start();
    let (code, out, err) = world.with_file(&["policies", "create"], "policy.toml", POLICY);
    assert_eq!((code, out.contains("+ policy support")), (0, true), "{out}{err}");
    let (code, _, err) = world.with_file(&["policies", "create"], "policy.toml", POLICY);
    assert_eq!((code, err.contains("change it with `update`")), (1, true), "{err}");

    let cheaper = POLICY.replace("model = \"acme/large\" }", "model = \"acme/small\" }");
    let (code, out, err) = world.with_file(&["policies", "draft"], "draft.toml", &cheaper);
    assert_eq!(code, 0, "{out}{err}");
    let model = || world.json(&["policies", "show", "support"])["strategy"]["model"].clone();
    assert_eq!(model(), "acme/large");
    let (_, diff, _) = world.command(&["policies", "diff", "support"]);
    insta::assert_snapshot!(diff, @r"
    ~ policy support
        strategy.model: acme/large -> acme/small
    0 would be created, 1 would be updated, 0 would be deleted, 0 unchanged
    ");
    assert_eq!(world.command(&["policies", "promote", "support"]).0, 0);
    assert_eq!(model(), "acme/small");
    assert_eq!(world.command(&["policies", "rollback", "support", "--to", "1"]).0, 0);
    assert_eq!(model(), "acme/large");
    let versions = world.json(&["policies", "versions", "support"]);
    let numbers: Vec<_> = versions.as_array().unwrap().iter().map(|it| it["version"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1]);
    let (code, _, err) = world.command(&["policies", "preview", "support"]);
    assert_eq!((code, err.contains("has no draft: save one first")), (1, true), "{err}");
}

#[test]
fn model_is_disabled_on_the_terms_of_its_etag_and_referred_to_objects_stay() {
    let world = World::start();
    world.with_file(&["policies", "create"], "policy.toml", POLICY);
    let etag = world.json(&["models", "show", "acme/small"])["etag"].as_str().unwrap().to_owned();
    let (code, out, err) = world.command(&["models", "disable", "acme/small", "--etag", &etag]);
    assert_eq!((code, out.contains("enabled: true -> false")), (0, true), "{out}{err}");
    let (code, _, err) = world.command(&["models", "enable", "acme/small", "--etag", &etag]);
    assert_eq!((code, err.contains("was changed meanwhile")), (1, true), "{err}");
    assert_eq!(world.command(&["models", "enable", "acme/small"]).0, 0);
    let (code, _, err) = world.command(&["models", "delete", "acme/large", "--yes"]);
    assert_eq!((code, err.contains("support")), (1, true), "{err}");
    let (code, _, err) = world.command(&["models", "show", "acme/none"]);
    assert_eq!((code, err.contains("there is no model `acme/none`")), (1, true), "{err}");
}

#[test]
fn update_is_made_upon_the_state_that_its_etag_names_or_not_at_all() {
    let world = World::start();
    world.with_file(&["policies", "create"], "policy.toml", POLICY);
    let etag = || world.json(&["policies", "show", "support"])["etag"].as_str().unwrap().to_owned();
    let seen = etag();
    let cheaper = POLICY.replace("model = \"acme/large\" }", "model = \"acme/small\" }");
    let update = |text: &str| world.with_file(&["policies", "update", "--etag", &seen], "policy.toml", text);
    let (code, out, err) = update(&cheaper);
    assert_eq!((code, out.contains("~ policy support")), (0, true), "{out}{err}");
    let (code, _, err) = update(POLICY);
    assert_eq!((code, err.contains("was changed meanwhile") && err.contains(&etag())), (1, true), "{err}");
    assert_eq!(world.json(&["policies", "show", "support"])["strategy"]["model"], "acme/small");
    let (code, _, err) = world.with_file(&["projects", "update"], "project.toml", "name = \"shop\"");
    assert_eq!((code, err.contains("there is no project `shop`")), (1, true), "{err}");
}

#[test]
fn secret_goes_in_is_rotated_and_never_comes_out() {
    let world = World::start();
    let file = world.scratch.write("secret", "sk-own-0123456789abcdef\n");
    let file = file.to_str().unwrap();
    let (code, out, err) =
        world.command(&["credentials", "create", "acme/own", "--secret-file", file, "--owner", "org"]);
    assert_eq!((code, out.contains("acme/own")), (0, true), "{out}{err}");
    let shown = || world.json(&["credentials", "show", "acme/own"]);
    let before = shown();
    assert_eq!((before["owner"].as_str(), before["version"].as_u64()), (Some("org"), Some(1)), "{before}");
    world.scratch.write("secret", "sk-own-fedcba9876543210");
    let rotate = ["credentials", "rotate", "acme/own", "--secret-file", file];
    assert_eq!(world.command(&rotate).0, 0);
    let after = shown();
    assert_eq!((after["owner"].as_str(), after["version"].as_u64()), (Some("org"), Some(2)), "{after}");
    let etag = before["etag"].as_str().unwrap();
    let (code, _, err) = world.command(&[&rotate[..], &["--etag", etag]].concat());
    assert_eq!((code, err.contains("was changed meanwhile")), (1, true), "{err}");
    let (code, _, err) = world.command(&["credentials", "create", "acme/own", "--secret-env", "NOT_SET"]);
    assert_eq!((code, err.contains("--secret-env: `NOT_SET` is not set")), (64, true), "{err}");
    let (_, out, _) = world.command(&["credentials", "list"]);
    assert!(out.contains("acme/own") && !out.contains("fedcba9876543210"), "{out}");
    assert_eq!(world.command(&["credentials", "delete", "acme/own", "--yes"]).0, 0);
    assert_eq!(world.command(&["credentials", "show", "acme/own"]).0, 1);
}

#[test]
fn organisation_is_made_and_shown() {
    let world = World::start();
    let (code, out, err) = world.command(&["organisations", "create", "north"]);
    assert_eq!((code, out.contains("north")), (0, true), "{out}{err}");
    assert_eq!(world.json(&["organisations", "show", "north"])["name"], "north");
    assert_eq!(world.json(&["organisations", "list"]).as_array().unwrap().len(), 2);
    let (code, _, err) = world.command(&["organisations", "create", "north"]);
    assert_eq!((code, err.contains("north")), (1, true), "{err}");
}

#[test]
fn file_with_a_fault_is_told_at_its_line_and_makes_nothing() {
    let world = World::start();
    let (code, _, err) =
        world.with_file(&["policies", "create"], "wrong.toml", &POLICY.replace("acme/large", "acme/lage"));
    assert_eq!((code, err.contains("wrong.toml:3:") && err.contains("acme/large")), (64, true), "{err}");
    let (code, _, err) =
        world.with_file(&["projects", "create"], "other.toml", "[[models]]\nid = \"a/b\"\n[[projects]]\nname = \"x\"");
    assert_eq!((code, err.contains("reads `projects` only")), (64, true), "{err}");
}

#[test]
fn scores_are_uploaded_and_the_audit_log_tells_of_it() {
    let world = World::start();
    let file = world.scratch.write("tone.csv", "model,score,n\nacme/small,0.5,500\nacme/large,0.9,500\n");
    let upload = [
        "scorecards",
        "upload",
        file.to_str().unwrap(),
        "--name",
        "tone",
        "--metric",
        "accuracy",
        "--min",
        "0",
        "--max",
        "1",
    ];
    let (code, out, err) = world.command(&upload);
    assert!(code == 0 || code == 2, "{out}{err}");
    assert!(out.contains("tone") && out.contains("created"), "{out}{err}");
    assert_eq!(world.json(&["scorecards", "show", "tone"])["cells"].as_array().unwrap().len(), 2);
    let (code, out, _) = world.command(&["audit", "list", "--kind", "scorecard"]);
    assert!(code == 0 && out.contains("operator") && out.contains("create") && out.contains("tone"), "{out}");

    let wrong = world.scratch.write("wrong.csv", "model,score\nacme/small,0.5\nacme/large,much\n");
    let (code, _, err) = world.command(&["scorecards", "upload", wrong.to_str().unwrap()]);
    assert_eq!((code, err.contains("wrong.csv:3:")), (64, true), "{err}");
    let (code, _, err) = world.command(&["audit", "list", "--kind", "thing"]);
    assert_eq!((code, err.contains("--kind:")), (64, true), "{err}");
}
