//! What was decided can be decided again: byte for byte under the configuration of then, whatever became of it, and under
//! a draft to see what that would have changed.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Scratch, Server, run, text};

const CONFIG: &str = r#"
[[scorecards]]
name = "judge"
metric = "accuracy"
min = 0.0
max = 1.0
scores = [
    { model = "demo/small", score = 0.713, n = 200 },
    { model = "demo/medium", score = 0.7341, n = 190 },
    { model = "demo/large", score = 0.861, n = 180 },
]

[[blends]]
name = "ours"
weights = [{ benchmark = "judge", weight = 1.0 }]

[[policies]]
name = "smart"
models = ["demo/small", "demo/medium", "demo/large"]
affinity = "conversation"

[[policies]]
name = "cheap"
models = ["demo/small", "demo/medium", "demo/large"]
strategy = "lowest_cost"

[[policies]]
name = "fast"
models = ["demo/small", "demo/medium", "demo/large"]
strategy = "least_latency"

[[policies]]
name = "shared"
models = [{ model = "demo/small", weight = 3 }, { model = "demo/large", weight = 2 }]
strategy = "split"

[[policies]]
name = "blended"
models = ["demo/small", "demo/medium", "demo/large"]
strategy = { type = "blend", blend = "ours" }

[[policies]]
name = "ruled"
models = ["demo/small", "demo/large"]
strategy = "priority"
rules = [
    { priority = 1, name = "premium", when = { field = "tag.tier", op = "eq", value = "premium" }, use = { policy = "smart" } },
]
"#;

const POLICIES: [&str; 6] = ["smart", "cheap", "fast", "shared", "blended", "ruled"];
const PATIENCE: Duration = Duration::from_secs(30);

struct World {
    scratch: Scratch,
    server: Server,
    key: String,
}

impl World {
    fn start() -> Self {
        let scratch = Scratch::new();
        let server = scratch.start(&["--demo"]);
        let key = server.key();
        let world = Self { scratch, server, key };
        world.apply(CONFIG);
        world
    }

    fn command(&self, arguments: &[&str]) -> (i32, String, String) {
        let data_dir = self.scratch.data_dir();
        let output = run(&[arguments, &["--data-dir", data_dir.to_str().unwrap()]].concat());
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.command(arguments);
        assert!(code == 0 || code == 2, "{arguments:?}: {out}{err}");
        out
    }

    #[track_caller]
    fn apply(&self, config: &str) {
        let file = self.scratch.write("config.toml", config);
        self.done(&["apply", "--file", file.to_str().unwrap()]);
    }

    /// Sends a request by a policy, once the gateway knows it, and returns its id.
    fn ask(&self, policy: &str, more: &str, text: &str) -> String {
        let body =
            format!(r#"{{"model": "@alias/{policy}", {more} "messages": [{{"role": "user", "content": "{text}"}}]}}"#);
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.server.chat(&self.key, &body);
            if answer.status == 200 {
                return answer.request_id;
            }
            assert!(answer.status == 404 && Instant::now() < until, "{}", answer.body);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// One request of each kind.
    fn ask_all(&self) -> Vec<String> {
        let mut asked = Vec::new();
        for policy in POLICIES {
            asked.push(self.ask(policy, "", "hi"));
            let hard = "Prove that every finite division ring is commutative, and implement a checker in Rust.";
            asked.push(self.ask(policy, r#""routing": {"instructions": "prefer demo/medium"},"#, hard));
        }
        asked.push(self.ask("ruled", r#""tags": [{"key": "tier", "value": "premium"}], "max_tokens": 700,"#, "hi"));
        asked
    }

    fn rows(&self) -> Vec<Value> {
        self.done(&["logs", "--json", "--limit", "1000"])
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn wait_for(&self, ids: &[String]) {
        let until = Instant::now() + PATIENCE;
        while !ids.iter().all(|id| self.rows().iter().any(|row| row["id"] == id.as_str())) {
            assert!(Instant::now() < until, "not in the ledger");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn all_are_identical(&self, ids: &[String]) {
        for id in ids {
            let (code, out, err) = self.command(&["explain", "--replay", id]);
            assert_eq!((code, out.trim()), (0, "identical"), "{id}: {err}");
        }
    }
}

#[test]
fn every_decision_is_replayed_byte_for_byte_whatever_became_of_the_configuration() {
    let mut world = World::start();
    let ids = world.ask_all();
    world.wait_for(&ids);
    world.all_are_identical(&ids);

    // Another score, another strategy, another rule; and some are gone.
    let config = CONFIG.replace("0.7341", "0.9").replace("weight = 3", "weight = 1");
    let config = config
        .replace("\"lowest_cost\"", "\"priority\"")
        .replace("use = { policy = \"smart\" }", "use = { strategy = \"split\" }");
    world.apply(&config);
    for policy in ["shared", "ruled", "blended"] {
        world.done(&["policies", "delete", policy, "--yes"]);
    }
    world.all_are_identical(&ids);
    assert_eq!(world.server.stop(), Some(0));
    world.server = world.scratch.start(&["--demo"]);
    world.all_are_identical(&ids);

    let usage: Value = serde_json::from_str(&world.done(&["usage", "--json"])).unwrap();
    let kept = world.rows();
    let sum = |member: &str| {
        let amounts = kept.iter().filter_map(|row| row[member].as_str()).map(|it| domain::Money::parse(it).unwrap());
        amounts.fold(domain::Money::ZERO, |sum, amount| sum + amount).to_string()
    };
    let told = (usage["total"]["cost_usd"].as_str(), usage["total"]["saved_usd"].as_str());
    assert_eq!(told, (Some(sum("cost").as_str()), Some(sum("saved").as_str())));
    assert_ne!(told.1, Some("0"), "small prompts went to small models");
    let row = kept.iter().find(|row| row["id"] == ids[ids.len() - 1].as_str()).unwrap();
    assert_eq!(row["arguments"]["facts"]["labels"]["tags"]["tier"], "premium", "{row}");
    let other = kept.iter().find(|row| row["id"] == ids[2].as_str()).unwrap();
    assert!(other["arguments"]["facts"].get("labels").is_none(), "no rule reads them: {other}");

    let shown = world.done(&["explain", "--replay", &ids[0], "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["identical"], &shown["recorded"]), (&true.into(), &shown["replayed"]));
    let unknown = domain::RequestId::from_parts(1, 1).to_string();
    let (code, _, err) = world.command(&["explain", "--replay", &unknown]);
    assert_eq!((code, err.contains("the ledger has no")), (1, true), "{err}");
}

#[test]
fn a_preview_tells_what_a_draft_would_have_changed() {
    let world = World::start();
    let cheap: Vec<_> = (0..3).map(|_| world.ask("cheap", "", "hi")).collect();
    let ruled = world.ask("ruled", "", "hi");
    let ids = [cheap.as_slice(), &[ruled]].concat();
    world.wait_for(&ids);
    let preview = |last: &str| -> Value {
        serde_json::from_str(&world.done(&["policies", "preview", "cheap", "--last", last, "--json"])).unwrap()
    };
    let draft = |strategy: &str| {
        let policy = format!("name = \"cheap\"\nmodels = [\"demo/small\", \"demo/large\"]\n{strategy}\n");
        let file = world.scratch.write("draft.toml", &policy);
        world.done(&["policies", "draft", "--file", file.to_str().unwrap()]);
    };
    draft("strategy = { type = \"single\", model = \"demo/large\" }");
    let found = preview("200");
    assert_eq!(
        (&found["requests"], &found["changed"], &found["unjudged"]),
        (&4.into(), &3.into(), &0.into()),
        "{found}"
    );
    assert_eq!(found["moves"][0]["from"], "demo/small", "{found}");
    assert_eq!(
        (&found["moves"][0]["to"], &found["moves"][0]["requests"]),
        (&"demo/large".into(), &3.into()),
        "{found}"
    );
    let cost = |name: &str| found[name].as_str().unwrap().parse::<f64>().unwrap();
    assert!(cost("expected_cost_after_usd") > cost("expected_cost_before_usd"), "{found}");
    let examples: Vec<_> =
        found["examples"].as_array().unwrap().iter().map(|it| it["request"].as_str().unwrap()).collect();
    assert_eq!(examples, cheap.iter().rev().map(String::as_str).collect::<Vec<_>>(), "newest first");
    assert_eq!(preview("2")["requests"], 2);

    // Nobody asked for a score of these prompts, and no tag of them was kept.
    draft("strategy = \"intelligent\"");
    assert_eq!(preview("200")["unjudged"], 3);
    draft(
        "strategy = \"priority\"\nrules = [{ priority = 1, when = { field = \"tag.tier\", op = \"exists\" }, use = { strategy = \"split\" } }]",
    );
    assert_eq!(preview("200")["unjudged"], 3);
    let (code, _, err) = world.command(&["policies", "preview", "ruled"]);
    assert_eq!((code, err.contains("has no draft")), (1, true), "{err}");
}
