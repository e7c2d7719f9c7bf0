//! The data scientist's way with real commands: scores uploaded and taken over, blended, checked, drafted, compared,
//! promoted, routed by, rolled back; and what is refused on the way.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::objects::World;

const PATIENCE: Duration = Duration::from_secs(20);

const TONE: &str = "model_id,score,notes\ndemo/small,0.55,curt\ndemo/medium,0.70,\ndemo/large,0.86,the best\n";

const BLEND: &str = r#"
name = "ours"
weights = [
    { benchmark = "support-tone", weight = 0.7 },
    { benchmark = "aider-polyglot", weight = 0.3 },
]
"#;

const POLICY: &str = r#"
name = "best"
models = ["demo/small", "demo/medium", "demo/large"]
strategy = { type = "blend", blend = "ours" }
"#;

const CORRECTION: &str = r#"
overrides = [{ benchmark = "support-tone", model = "demo/small", score = 0.99, author = "dana", reason = "rated again" }]
"#;

/// A fresh server whose demo models have scores, and the published set's `aider-polyglot` beside them.
fn world() -> World {
    let world = World::start_with(&["--demo"]);
    let (code, out, err) = upload(&world, "support-tone.csv", TONE);
    assert_eq!((code, out.contains("support-tone")), (2, true), "without evidence it deserves a look: {out}{err}");
    let (code, out, err) = world.command(&["scorecards", "import", "aider-polyglot"]);
    assert_eq!((code, out.contains("created")), (2, true), "{out}{err}");
    world
}

fn upload(world: &World, name: &str, content: &str) -> (i32, String, String) {
    let file = world.scratch.write(name, content);
    world.command(&["scorecards", "upload", file.to_str().unwrap(), "--min", "0", "--max", "1"])
}

#[track_caller]
fn done(answer: &(i32, String, String)) {
    assert_eq!(answer.0, 0, "{}{}", answer.1, answer.2);
}

/// Sends a request by the policy's alias and tells which model was chosen.
/// How a request is answered now.
fn routed(world: &World) -> (u16, Value) {
    let body = json!({"model": "@alias/best", "messages": [{"role": "user", "content": "Say hello."}]});
    let answer = world.server.chat(&world.server.key(), &body.to_string());
    (answer.status, answer.json()["routing"].clone())
}

/// A change is in force a moment after its command has returned.
#[track_caller]
fn comes_to_route(world: &World, model: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let (status, routing) = routed(world);
        if (status, &routing["strategy"], &routing["selected_model"]) == (200, &json!("blend"), &json!(model)) {
            return;
        }
        assert!(Instant::now() < until, "{status} {routing}");
    }
}

fn explained(world: &World) -> Value {
    let request = r#"{"body": {"model": "auto", "messages": [{"role": "user", "content": "Say hello."}]}}"#;
    let request = world.scratch.write("request.json", request);
    world.json(&["explain", "--request", request.to_str().unwrap(), "--policy", "best"])
}

#[test]
fn scores_become_a_blend_that_is_checked_drafted_promoted_routed_by_and_rolled_back() {
    let world = world();
    let (_, out, _) = world.command(&["scorecards", "published"]);
    let own = out.lines().find(|line| line.starts_with(" aider-polyglot ") || line.starts_with("aider-polyglot "));
    assert!(own.is_some_and(|line| line.contains("Apache-2.0") && line.contains("yes")), "{out}");
    done(&world.with_file(&["blends", "create"], "blend.toml", BLEND));

    let report = world.json(&["blends", "check", "ours"]);
    let verdict = &report["verdicts"][0];
    let found = (&verdict["capability"], &verdict["winner"], &verdict["stability"], &verdict["imputed"]);
    assert_eq!(found, (&Value::Null, &json!("demo/large"), &json!(1.0), &json!(["aider-polyglot"])), "{report}");
    assert_eq!(report["verdicts"][1]["capability"], "code", "{report}");
    let low = report["low_evidence"].as_array().unwrap();
    assert!(low.iter().any(|it| it["benchmark"] == "support-tone" && it["model"] == "demo/large"), "{report}");

    done(&world.with_file(&["policies", "draft"], "policy.toml", POLICY));
    let (code, out, err) = world.command(&["policies", "diff", "best"]);
    assert!(code == 0 && out.contains("+ policy best"), "{out}{err}");
    let (code, _, _) = world.command(&["policies", "show", "best"]);
    assert_eq!(code, 1, "a draft does not count");
    done(&world.command(&["policies", "promote", "best"]));
    let (code, out, err) = world.command(&["blends", "check", "ours", "--policy", "best"]);
    assert!(code == 2 && out.contains("demo/large") && out.contains("overall"), "{out}{err}");

    comes_to_route(&world, "demo/large");
    let record = explained(&world);
    assert_eq!(record["weights"], json!({"support-tone": 0.7, "aider-polyglot": 0.3}), "{record}");
    assert!(record["weights_boosted"].is_object() && record["reason"].as_str().unwrap().contains("best"), "{record}");

    let corrected = format!("{BLEND}{CORRECTION}");
    done(&world.with_file(&["blends", "draft"], "draft.toml", &corrected));
    assert_eq!(world.json(&["blends", "check", "ours", "--draft"])["verdicts"][0]["winner"], "demo/small");
    assert_eq!(routed(&world).1["selected_model"], "demo/large", "a draft does not route");
    let (_, out, _) = world.command(&["blends", "diff", "ours"]);
    assert!(out.contains("~ blend ours") && out.contains("overrides"), "{out}");
    done(&world.command(&["blends", "promote", "ours"]));
    comes_to_route(&world, "demo/small");
    done(&world.command(&["blends", "rollback", "ours"]));
    comes_to_route(&world, "demo/large");

    let versions = world.json(&["blends", "versions", "ours"]);
    let told = |it: &Value| (it["version"].as_u64().unwrap(), it["note"].as_str().unwrap().to_owned());
    let told: Vec<_> = versions.as_array().unwrap().iter().map(told).collect();
    assert_eq!(told.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 2, 1], "{told:?}");
    assert!(told[0].1.contains("rolled back to version 1") && told[1].1.contains("promoted"), "{told:?}");
    let (_, out, _) = world.command(&["audit", "list"]);
    for (action, kind, name) in [
        ("create", "scorecard", "support-tone"),
        ("create", "scorecard", "aider-polyglot"),
        ("create", "blend", "ours"),
        ("promote", "policy", "best"),
        ("promote", "blend", "ours"),
        ("rollback", "blend", "ours"),
    ] {
        let is_told = |line: &str| [action, kind, name].iter().all(|word| line.contains(word));
        assert!(out.lines().any(is_told), "{action} {kind} {name}:\n{out}");
    }
}

#[test]
fn wrong_scores_and_blends_are_refused_with_place_and_cure_and_change_nothing() {
    let world = world();
    done(&world.with_file(&["blends", "create"], "blend.toml", BLEND));
    let state = || ["scorecards", "blends", "policies"].map(|kind| world.json(&[kind, "list"]));
    let before = state();
    let check = |found: (i32, String, String), code: i32, words: &[&str]| {
        let (found_code, out, err) = found;
        assert!(
            found_code == code && words.iter().all(|word| err.contains(word)),
            "{words:?}: {found_code} {out}{err}"
        );
        assert_eq!(state(), before, "{words:?} changed something");
    };
    let rows = |rows: &str| upload(&world, "support-tone.csv", &format!("model_id,score,notes\n{rows}"));
    check(rows("demo/small,0.5,\ndemo/small,0.6,\n"), 64, &["support-tone.csv:3:", "line 2"]);
    check(rows("demo/small,0.87,\ndemo/large,87%,\n"), 64, &["support-tone.csv:3:", "score", "in percent, or none"]);
    check(rows("demo/small,0.87,\ndemo/large,87,\n"), 64, &["support-tone.csv:3:", "score"]);
    let file = world.scratch.write("aider-polyglot.csv", TONE);
    let version = ["--scores-version", "2024-12", "--min", "0", "--max", "1"];
    let command = [&["scorecards", "upload", file.to_str().unwrap()][..], &version].concat();
    check(world.command(&command), 64, &["`aider-polyglot@2024-12` is a published scorecard here"]);
    let (code, _, err) = world.command(&["scorecards", "import", "aider-polyglott"]);
    check((code, String::new(), err), 64, &["names[0]", "aider-polyglott", "choose from aider-polyglot"]);

    let update = |text: &str| world.with_file(&["blends", "update"], "blend.toml", text);
    let unknown = BLEND.replace("aider-polyglot", "aider-polyglott");
    check(update(&unknown), 64, &["blend.toml:5:", "weights[1].benchmark", "aider-polyglot"]);
    check(update(&BLEND.replace("0.7", "0.6")), 64, &["blend.toml:", "weights", "sum", "0.9"]);

    done(&world.with_file(&["blends", "draft"], "draft.toml", &format!("{BLEND}{CORRECTION}")));
    let (code, out, err) = world.command(&["blends", "promote", "ours", "--etag", "r1"]);
    check((code, out, err), 1, &["was changed meanwhile"]);
}

#[test]
fn a_blend_is_checked_over_a_file_without_a_server() {
    let world = World::start_with(&["--no-demo"]);
    let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/scorecards.toml");
    let (code, out, err) = world.command(&["blends", "check", "ours", "--config", config.to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|fault| panic!("{fault}: {code} {out}{err}"));
    assert_eq!(report["verdicts"][0]["winner"], "acme/large", "{report}");
}
