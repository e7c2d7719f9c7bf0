//! The files that the documentation shows are true.

use std::path::PathBuf;

use config::Secrets;
use domain::{Axis, Candidates, Strategy};

use crate::support::FakeEnv;

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples").join(name)
}

fn operator() -> FakeEnv {
    FakeEnv {
        variables: [("ACME_KEY", "acme-secret\n"), ("CHECKOUT_KEY", "0123456789abcdef0123456789abcdef")].into(),
        ..FakeEnv::default()
    }
}

#[test]
fn example_is_read_without_a_warning() {
    let env = operator();
    let loaded = config::load(&example("signalbox.toml"), Secrets::Resolve(&env)).unwrap();
    assert_eq!(loaded.warnings, []);
    let desired = loaded.desired;
    let counts = [
        desired.projects.len(),
        desired.providers.len(),
        desired.models.len(),
        desired.policies.len(),
        desired.routers.len(),
        desired.keys.len(),
    ];
    assert_eq!(counts, [1, 2, 3, 4, 1, 2]);
    let credentials = desired.providers[0].credentials.as_ref().unwrap();
    assert_eq!(credentials[0].secret.expose(), "acme-secret");
    assert_eq!(desired.providers[0].timeouts.total_ms, Some(300_000));
    assert_eq!(desired.policies[0].strategy, Strategy::Intelligent { axis: Axis::Performance });
    assert!(matches!(&desired.policies[2].candidates, Candidates::Listed(models) if models[0].weight == Some(9.0)));
    assert_eq!(desired.models[1].native.as_deref(), Some("large-2026-06"));
    assert_eq!(desired.keys[1].expires_at.unwrap().to_string(), "2027-06-30T00:00:00.000Z");
}

#[test]
fn example_says_the_same_in_both_formats() {
    let env = operator();
    let read = |name| config::load(&example(name), Secrets::Resolve(&env)).unwrap().desired;
    assert_eq!(read("signalbox.toml"), read("signalbox.yaml"));
}

#[test]
fn example_needs_no_environment_to_be_checked() {
    for name in ["signalbox.toml", "signalbox.yaml"] {
        config::load(&example(name), Secrets::Placeholder).unwrap();
    }
}

#[test]
fn json_is_read_as_yaml() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, "{\n\t\"projects\": [\n\t\t{\"name\": \"shop\"}\n\t]\n}\n").unwrap();
    let loaded = config::load(&path, Secrets::Placeholder).unwrap();
    assert_eq!(loaded.desired.projects[0].name, "shop");
}

#[test]
fn example_of_scorecards_stands_in_its_page_and_is_read_without_a_warning() {
    let env = operator();
    let loaded = config::load(&example("scorecards.toml"), Secrets::Resolve(&env)).unwrap();
    assert_eq!(loaded.warnings, []);
    let desired = loaded.desired;
    assert_eq!((desired.scorecards.len(), desired.blends.len()), (2, 1));
    assert_eq!(desired.policies[0].strategy, Strategy::Blend { blend: "ours".to_owned() });
    let shown = std::fs::read_to_string(example("scorecards.toml")).unwrap();
    let page = std::fs::read_to_string(example("../scorecards.md")).unwrap();
    assert!(page.contains(shown.trim_end()), "the file stands in the page");
}

#[test]
fn example_of_providers_stands_in_its_page_and_is_read_without_a_warning() {
    let loaded = config::load(&example("providers.toml"), Secrets::Placeholder).unwrap();
    assert_eq!(loaded.warnings, []);
    let spoken: Vec<_> = loaded.desired.providers.iter().map(|it| (it.slug.as_str(), it.dialect.as_str())).collect();
    assert_eq!(
        spoken,
        [
            ("openai", "openai"),
            ("anthropic", "anthropic"),
            ("gemini", "gemini"),
            ("openrouter", "openai"),
            ("azure", "openai"),
            ("local", "openai"),
            ("corporate", "openai"),
            ("speech", "custom"),
        ]
    );
    let shown = std::fs::read_to_string(example("providers.toml")).unwrap();
    let page = std::fs::read_to_string(example("../configuration.md")).unwrap();
    assert!(page.contains(shown.trim_end()), "the file stands in the page");
}

#[test]
fn pieces_of_the_page_on_configuration_are_read() {
    let page = std::fs::read_to_string(example("../configuration.md")).unwrap();
    let pieces: Vec<_> = page.split("```toml\n").skip(1).filter_map(|piece| piece.split("```").next()).collect();
    assert_eq!(pieces.len(), 3);
    for piece in pieces {
        let loaded = config::parse(piece, config::Format::Toml, "page", Secrets::Placeholder);
        assert_eq!(loaded.unwrap_or_else(|faults| panic!("{faults}")).warnings, []);
    }
}
