//! `explain` in the middle of a conversation and with routing instructions, over a configuration file.

use serde_json::{Value, json};

use crate::server::{Scratch, run, text};

const CONFIG: &str = r#"
providers = [{ slug = "acme", base_url = "https://api.acme.example/v1", allow_anonymous = true }]

[[models]]
id = "acme/small"
capability = 0.2
pricing = { prompt = "0.000001", completion = "0.000001", cached_prompt = "0.0000001" }

[[models]]
id = "acme/large"
capability = 0.9
pricing = { prompt = "0.000002", completion = "0.000002", cached_prompt = "0.0000002" }

[[policies]]
name = "support"
default = true
models = ["acme/small", "acme/large"]
affinity = "conversation"
"#;

/// What `explain` makes of a request after a long first turn, for a simple prompt.
fn explained(more: &Value, last: &Value, arguments: &[&str]) -> String {
    let scratch = Scratch::new();
    let config = scratch.write("config.toml", CONFIG);
    let user = json!({"role": "user", "content": "word ".repeat(4_000)});
    let mut body =
        json!({"model": "auto", "max_tokens": 10, "messages": [user, {"role": "assistant", "content": "ok"}]});
    body["messages"].as_array_mut().unwrap().push(last.clone());
    let mut request = json!({"previous": "acme/large", "body": body});
    for (name, value) in more.as_object().unwrap() {
        request["body"][name] = value.clone();
    }
    let request = scratch.write("request.json", &request.to_string());
    let mut all = vec!["explain", "--config", config.to_str().unwrap(), "--request", request.to_str().unwrap()];
    all.extend(arguments);
    let output = run(&all);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn explain_says_whether_a_conversation_stays_and_what_leaving_costs() {
    let user = json!({"role": "user", "content": "thanks"});
    let record = explained(&json!({}), &user, &["--json", "--complexity", "0.1"]);
    let record: Value = serde_json::from_str(&record).unwrap();
    let affinity = &record["affinity"];
    assert_eq!((&record["selected_model"], &affinity["kept"]), (&json!("acme/large"), &json!(true)), "{record}");
    assert!(affinity["switch_cost_usd"].as_str().unwrap().starts_with("0.0045"), "{affinity}");
    let told = explained(&json!({}), &user, &["--complexity", "0.1"]);
    let line = "affinity    acme/large kept: acme/small saves less than its cold prompt cache costs";
    assert!(told.contains(line), "{told}");
    let result = json!({"role": "tool", "tool_call_id": "c", "content": "1"});
    let told = explained(&json!({}), &result, &[]);
    assert!(told.contains("acme/large kept: inside a tool loop"), "{told}");
}

#[test]
fn explain_says_what_instructions_did() {
    let user = json!({"role": "user", "content": "thanks"});
    let instructed = json!({"routing": {"instructions": "avoid large"}});
    let told = explained(&instructed, &user, &[]);
    assert!(told.contains("understood  avoid large: 1 removed"), "{told}");
    assert!(told.contains("affinity    acme/large left: it is no eligible candidate now"), "{told}");
    let idle = explained(&json!({"routing": {"instructions": "be kind"}}), &user, &["--complexity", "0.1"]);
    assert!(idle.contains("no effect   nothing in the text is an intent that routing knows"), "{idle}");
}
