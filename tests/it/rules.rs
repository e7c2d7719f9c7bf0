//! Tag rules at the command line: the documentation's example is true, `apply` and the lists show rules, faults are at
//! their line.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::server::{Scratch, run, text};

fn doc(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// What `explain` prints about the example's request, or another, over the example's configuration.
fn explained(request: &str, more: &[&str]) -> String {
    let config = doc("examples/rules.toml");
    let mut arguments = vec!["explain", "--config", config.to_str().unwrap(), "--request", request];
    arguments.extend(more);
    let output = run(&arguments);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn the_page_on_policies_shows_the_example_and_what_explain_makes_of_it() {
    let page = fs::read_to_string(doc("policies.md")).unwrap();
    let config = fs::read_to_string(doc("examples/rules.toml")).unwrap();
    let shown = &config[config.find("[[policies]]").unwrap()..];
    assert!(page.contains(shown.trim_end()), "the policies of rules.toml stand in the page");
    let request = fs::read_to_string(doc("examples/premium.json")).unwrap();
    assert!(page.contains(request.trim_end()), "premium.json stands in the page");
    let told = explained(doc("examples/premium.json").to_str().unwrap(), &[]);
    // Ends of lines are blank where a column is empty.
    let told: Vec<&str> = told.lines().map(str::trim_end).collect();
    assert!(page.contains(told.join("\n").trim_end()), "the page shows\n{}", told.join("\n"));
}

#[test]
fn explain_follows_rules_and_needs_a_score_only_where_one_matters() {
    let scratch = Scratch::new();
    let request = |tags: &str, key: &str| {
        let body = format!(r#"{{"model": "auto", "tags": {tags}, "messages": [{{"role": "user", "content": "x"}}]}}"#);
        let path = scratch.write("request.json", &format!(r#"{{"body": {body}{key}}}"#));
        path.to_str().unwrap().to_owned()
    };
    let check = |request: &str, more: &[&str], policy: &str, rule: Option<&str>, model: &str, is_scored: bool| {
        let more: Vec<&str> = ["--json"].iter().chain(more).copied().collect();
        let record: Value = serde_json::from_str(&explained(request, &more)).unwrap();
        let found = (record["policy"].as_str(), record["rule"].as_str(), record["selected_model"].as_str());
        assert_eq!(found, (Some(policy), rule, Some(model)), "{record}");
        assert_eq!(record["complexity"].is_number(), is_scored, "{record}");
    };
    let premium = r#"[{"key": "tier", "value": "premium"}, {"key": "region", "value": "uk"}]"#;
    check(&request(premium, ""), &[], "premium", Some("EU premium"), "acme/large", false);
    let hard = ["--complexity", "0.8"];
    check(&request("[]", ""), &hard, "support", Some("hard prompts"), "acme/large", true);
    check(&request("[]", ""), &["--complexity", "0.2"], "support", None, "acme/small", true);
    // The body's tag wins over the header's.
    let header = r#", "headers": {"x-tags": "tier=premium,region=eu"}"#;
    let basic = r#"[{"key": "tier", "value": "basic"}]"#;
    check(&request(basic, header), &["--complexity", "0.2"], "support", None, "acme/small", true);
}

#[test]
fn explain_knows_key_and_project() {
    let scratch = Scratch::new();
    let config = r#"
projects = [{ name = "shop" }]
providers = [{ slug = "acme", base_url = "https://api.acme.example/v1", allow_anonymous = true }]
models = [{ id = "acme/small" }, { id = "acme/large" }]
keys = [{ name = "night shift" }, { name = "till", project = "shop" }]

[[policies]]
name = "support"
default = true
models = ["acme/small", "acme/large"]
strategy = "priority"
rules = [
    { priority = 1, name = "night", when = { field = "key.name", op = "starts_with", value = "night" }, use = { strategy = "split" } },
    { priority = 2, name = "shop", when = { field = "project", op = "eq", value = "shop" }, use = { strategy = "split" } },
]
"#;
    let config = scratch.write("keys.toml", config);
    let rule = |key: &str| {
        let request =
            format!(r#"{{{key} "body": {{"model": "auto", "messages": [{{"role": "user", "content": "x"}}]}}}}"#);
        let request = scratch.write("request.json", &request);
        let (config, request) = (config.to_str().unwrap(), request.to_str().unwrap());
        let output = run(&["explain", "--config", config, "--request", request, "--json"]);
        let record: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        record["rule"].as_str().map(str::to_owned)
    };
    assert_eq!(rule(r#""key": "night shift","#).as_deref(), Some("night"));
    assert_eq!(rule(r#""key": "till","#).as_deref(), Some("shop"));
    assert_eq!(rule(""), None);
}

#[test]
fn apply_and_lists_show_rules_and_faults_stand_at_their_line() {
    let scratch = Scratch::new();
    let _server = scratch.start(&["--no-demo"]);
    let data_dir = scratch.data_dir();
    let command = |arguments: &[&str]| {
        let output = run(&[arguments, &["--data-dir", data_dir.to_str().unwrap()]].concat());
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let config = fs::read_to_string(doc("examples/rules.toml")).unwrap();
    let config = config.replace("secret_env = \"ACME_KEY\"", "secret = \"acme-secret-0123456789\"");
    let file = scratch.write("rules.toml", &config);
    let (code, out, err) = command(&["apply", "-f", file.to_str().unwrap()]);
    assert!(code == 0 || code == 2, "{out}{err}");
    let rule = r#"rules[0]: 10 "EU premium": if tag.tier eq "premium" and (tag.region in ["eu","uk"] or header.x-region starts_with "eu-") use policy premium"#;
    assert!(out.contains(rule), "{out}");
    let (_, out, _) = command(&["policies", "list", "--json"]);
    let policies: Value = serde_json::from_str(&out).unwrap();
    let support = policies.as_array().unwrap().iter().find(|policy| policy["name"] == "support").unwrap();
    assert_eq!(support["rules"][1]["when"]["field"], "complexity");
    let (_, out, _) = command(&["policies", "list"]);
    assert!(out.lines().any(|line| line.contains("support") && line.contains(" 2 ")), "{out}");

    let file =
        scratch.write("bad.toml", &config.replace("use = { policy = \"premium\" }", "use = { policy = \"premum\" }"));
    let (code, _, err) = command(&["apply", "-f", file.to_str().unwrap()]);
    let line = 1 + config[..config.find("use = { policy").unwrap()].matches('\n').count();
    let fault = format!(
        "bad.toml:{line}:18: policies[0].rules[0].use.policy: there is no policy `premum`; did you mean `premium`?"
    );
    assert!(code == 64 && err.contains(&fault), "{fault}\n{err}");
}
