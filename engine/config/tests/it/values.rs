//! What the values of a file become.

use domain::catalogue::AuthScheme;
use domain::desired::CalibrationSpec;
use domain::{
    Axis, BodyLogging, Budget, BudgetMode, BudgetPeriod, Candidates, Dial, Lambda, Limits, MinQuality, Money, Optimal,
    Strategy,
};

use crate::support::{toml, yaml};

#[track_caller]
fn strategy(written: &str, expected: &Strategy<String>) {
    let text = format!("[[policies]]\nname = \"p\"\nmodels = [\"*\"]\nstrategy = {written}\n");
    let policy = toml(&text).unwrap().desired.policies.remove(0);
    assert_eq!((policy.candidates, &policy.strategy), (Candidates::All, expected));
}

#[test]
fn strategies_are_words_or_tables() {
    strategy("\"intelligent\"", &Strategy::Intelligent { axis: Axis::Performance });
    strategy("{ type = \"intelligent\", axis = \"quality\" }", &Strategy::Intelligent { axis: Axis::Capability });
    strategy("\"priority\"", &Strategy::Priority {});
    strategy("{ type = \"split\" }", &Strategy::Split {});
    strategy("\"lowest_cost\"", &Strategy::LowestCost {});
    strategy("{ type = \"least_latency\" }", &Strategy::LeastLatency {});
    let by_worth = Optimal { blend: None, dial: Dial::Lambda(Lambda::try_new(3.5).unwrap()) };
    strategy("{ type = \"optimal\", lambda = 3.5 }", &Strategy::Optimal(by_worth));
    let by_share =
        Optimal { blend: Some("ours".to_owned()), dial: Dial::MinQuality(MinQuality::try_new(1.0).unwrap()) };
    strategy("{ type = \"optimal\", blend = \"ours\", min_quality = 1 }", &Strategy::Optimal(by_share));
    let model = "acme/large".parse().unwrap();
    strategy("{ type = \"single\", model = \"acme/large\" }", &Strategy::Single { model });
}

#[test]
fn calibration_is_read_from_its_file_or_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signalbox.toml");
    let load = |text: &str, calibration: &str| {
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("calibration.json"), calibration).unwrap();
        config::load(&file, config::Secrets::Placeholder)
    };
    let fitted = r#"{"version": "ours", "difficulty": "2026.11.4", "k": 1.5, "fitted_on": "own.csv", "n": 9,
        "date": "2026-11-22", "source": "evalkit", "scale": {"blend": {"a": 0.0, "b": 1.0}, "q": {"a": 0.0, "b": 0.5}}}"#;
    let own = "[calibration]\nfile = \"calibration.json\"\n";
    let Some(CalibrationSpec::Own(read)) = load(own, fitted).unwrap().desired.calibration else {
        panic!("the organisation's own");
    };
    assert_eq!((&*read.version, read.k, read.scale.q.b), ("ours", 1.5, 0.5));
    let built_in = load("[calibration]\nbuilt_in = true\n", fitted).unwrap().desired.calibration;
    assert_eq!(built_in, Some(CalibrationSpec::BuiltIn));
    assert_eq!(load("", fitted).unwrap().desired.calibration, None);
    let check = |text: &str, calibration: &str, words: &str| {
        let faults = load(text, calibration).unwrap_err().to_string();
        assert!(faults.contains(words), "{faults}");
    };
    check(
        own,
        &fitted.replace("\"k\": 1.5, ", ""),
        "toml:2:8: calibration.file: `calibration.json` is no calibration (missing field `k`",
    );
    check("[calibration]\nfile = \"gone.json\"\n", "", "`gone.json` cannot be read");
    check("[calibration]\nfile = \".\"\n", "", "`.` is no file");
    check("[calibration]\nbuilt_in = false\n", "", "can only be true");
    check("[calibration]\n", "", "`file` is missing: write file = \"calibration.json\", or built_in = true");
    check("[calibration]\nbuilt_in = true\nfile = \"a\"\n", "", "stands beside `file`");
}

#[test]
fn single_policy_needs_its_model_once() {
    let text = "[[policies]]\nname = \"p\"\nstrategy = { type = \"single\", model = \"acme/large\" }\n";
    let policy = toml(text).unwrap().desired.policies.remove(0);
    assert!(matches!(policy.candidates, Candidates::Listed(models) if models[0].model.as_str() == "acme/large"));
}

#[test]
fn policy_without_strategy_is_intelligent_on_the_balanced_axis() {
    let policy = yaml("policies: [{name: p, models: ['*']}]").unwrap().desired.policies.remove(0);
    assert_eq!(policy.strategy, Strategy::Intelligent { axis: Axis::Performance });
}

#[test]
fn auth_schemes_name_their_header_or_parameter() {
    let cases = [
        ("bearer", AuthScheme::Bearer),
        ("header:API-Key", AuthScheme::Header("api-key".to_owned())),
        ("query:Key", AuthScheme::Query("Key".to_owned())),
    ];
    for (written, expected) in cases {
        let text = format!("[[providers]]\nslug = \"a\"\nbase_url = \"https://a.example/v1\"\nauth = \"{written}\"\n");
        assert_eq!(toml(&text).unwrap().desired.providers[0].auth, expected);
    }
}

#[test]
fn prices_are_exact_and_suspicious_ones_are_warned_of() {
    let model =
        |price: &str| toml(&format!("[[models]]\nid = \"a/b\"\npricing = {{ cached_read = \"{price}\" }}\n")).unwrap();
    let exact = model("0.000000000001");
    assert_eq!(exact.desired.models[0].pricing.cached_prompt, Some(Money::from_pico(1)));
    assert_eq!(exact.warnings, []);
    let per_million = model("2.50");
    assert_eq!(per_million.warnings.len(), 1);
    assert!(per_million.warnings[0].message.contains("per million"), "{}", per_million.warnings[0]);
}

#[test]
fn durations_become_milliseconds() {
    let text = "[[providers]]\nslug = \"a\"\nbase_url = \"https://a.example\"\n\
        timeouts = { connect_ms = 250, first_token = \"500ms\", inter_chunk = \"3s\", total = \"1h\" }\n";
    let timeouts = toml(text).unwrap().desired.providers[0].timeouts;
    assert_eq!(
        (timeouts.connect_ms, timeouts.first_token_ms, timeouts.inter_chunk_ms, timeouts.total_ms),
        (Some(250), Some(500), Some(3000), Some(3_600_000))
    );
}

#[test]
fn empty_files_ask_for_nothing() {
    for text in ["", "\n# nothing\n", "\u{feff}"] {
        assert_eq!(toml(text).unwrap().desired, domain::Desired::default());
        assert_eq!(yaml(text).unwrap().desired, domain::Desired::default(), "{text:?}");
    }
}

#[test]
fn yaml_anchors_and_merges_save_repetition() {
    let text = "models:\n  - &base\n    id: a/b\n    context_length: 1000\n  - <<: *base\n    id: a/c\n";
    let models = yaml(text).unwrap().desired.models;
    assert_eq!((models[1].id.as_str(), models[1].context_length), ("a/c", Some(1000)));
}

#[test]
fn keys_have_limits_of_their_own_and_of_each_user() {
    let key = |lines: &str| toml(&format!("[[keys]]\nname = \"k\"\n{lines}")).unwrap().desired.keys.remove(0);
    let free = key("");
    assert!(free.limits.is_empty() && free.per_user.is_empty() && free.budget.is_none() && free.body_logging.is_none());
    let limited = key("limits = { total_tokens_per_hour = 1, input_tokens_per_hour = 2, output_tokens_per_hour = 3, \
         requests_per_minute = 4, concurrent_requests = 5 }\nper_user = true");
    assert_eq!(limited.limits.each().map(|(_, limit)| limit), [1, 2, 3, 4, 5].map(Some));
    assert_eq!(limited.per_user, limited.limits);
    let apart = key("per_user = { requests_per_minute = 10 }\nuser = \"dana\"\nbody_logging = { retention_days = 7 }");
    assert_eq!(apart.per_user, Limits { requests_per_minute: Some(10), ..Limits::default() });
    assert_eq!((apart.limits.is_empty(), apart.user.as_deref()), (true, Some("dana")));
    assert_eq!(apart.body_logging, Some(BodyLogging { retention_days: 7 }));
    assert_eq!(key("body_logging = { retention_days = 0 }").body_logging, Some(BodyLogging::OFF));
    assert!(key("limits = { requests_per_minute = 4 }\nper_user = false").per_user.is_empty());
}

#[test]
fn budgets_are_exact_and_hard_unless_they_say_otherwise() {
    let text = "[[organisations]]\nname = \"default\"\nbudget = { amount_usd = \"1000\", period = \"lifetime\" }\n\
        body_logging = { retention_days = 30 }\n\
        [[projects]]\nname = \"shop\"\nbudget = { amount_usd = \"0.000000000001\", period = \"week\", mode = \"soft\" }\n";
    let desired = toml(text).unwrap().desired;
    let budget = |pico, period, mode| Some(Budget { amount: Money::from_pico(pico), period, mode });
    let organisation = &desired.organisations[0];
    assert_eq!(organisation.budget, budget(1_000_000_000_000_000, BudgetPeriod::Lifetime, BudgetMode::Hard));
    assert_eq!(organisation.body_logging, Some(BodyLogging { retention_days: 30 }));
    assert_eq!(desired.projects[0].budget, budget(1, BudgetPeriod::Week, BudgetMode::Soft));
}

#[test]
fn embeddings_have_a_length() {
    let text = "[[models]]\nid = \"a/b\"\ncapabilities = [\"embeddings\"]\ndimensions = 1536\n";
    assert_eq!(toml(text).unwrap().desired.models[0].dimensions, Some(1536));
}
