//! The built-in catalogue, and price catalogues read: `LiteLLM`'s and models.dev.

use std::collections::BTreeSet;

use domain::desired::Desired;
use domain::{Ability, Modality, Money};
use registry::{ImportFilter, ImportReport, catalogue, import_catalogue};
use serde_json::json;

use crate::story::Story;

#[tokio::test]
async fn built_in_catalogue_is_complete_and_can_be_applied() {
    let seed = catalogue::seed();
    assert!(seed.models.len() >= 60, "{} models", seed.models.len());
    let providers: BTreeSet<_> = seed.models.iter().map(|model| model.id.provider()).collect();
    assert!(providers.len() >= 8, "{providers:?}");
    for model in &seed.models {
        let known = model.context_length.is_some_and(|it| it >= 1000) && model.max_output_tokens.is_some();
        assert!(known, "{}: limits", model.id);
        let price =
            |price: Option<Money>| price.is_some_and(|it| it > Money::ZERO && it < Money::from_pico(1_000_000_000));
        assert!(price(model.pricing.prompt) && price(model.pricing.completion), "{}: prices", model.id);
        assert!(model.pricing.completion >= model.pricing.prompt, "{}: prices", model.id);
        assert!(model.source.as_ref().is_some_and(|it| it.contains("read 20")), "{}: source", model.id);
        assert!(seed.provider(model.id.provider()).is_some(), "{}: provider", model.id);
    }
    let story = Story::empty().await;
    let providers = seed.providers.iter().map(|it| it.spec.clone()).collect();
    let desired = Desired { providers, models: seed.models.clone(), ..Desired::default() };
    let diff = story.registry.apply(&story.organisation, &desired, false, registry::Terms::operator()).await.unwrap();
    assert_eq!(diff.warnings, Vec::<String>::new());
    let tenant = story.tenant();
    assert_eq!(tenant.models.len(), seed.models.len(), "ids are distinct");
    assert!(tenant.models.values().all(|model| !tenant.is_callable(model)), "no credential, no call");
}

#[test]
fn environment_variables_of_providers_are_distinct() {
    let names: BTreeSet<_> = catalogue::seed().providers.iter().map(|it| it.key_env.as_str()).collect();
    assert_eq!(names.len(), catalogue::seed().providers.len());
    for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY"] {
        assert!(names.contains(name), "{name}");
    }
}

fn import(rows: &str) -> ImportReport {
    import_catalogue(rows.as_bytes(), &ImportFilter::default()).unwrap()
}

/// Reads one row that must be left out, and returns why.
fn skipped(name: &str, row: &serde_json::Value) -> String {
    let report = import(&json!({name: row}).to_string());
    assert_eq!(report.models, []);
    report.skipped.into_iter().next().expect("left out").reason
}

#[test]
fn row_is_read_with_every_price_exact() {
    let report = import(
        r#"{
        "sample_spec": {"mode": "one of: chat, embedding", "max_input_tokens": "set to max input tokens"},
        "gemini/gemini-x": {
            "litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 1.25e-06,
            "output_cost_per_token": 0.00001, "cache_read_input_token_cost": 1e-12,
            "cache_creation_input_token_cost": 3.125E-7, "output_cost_per_reasoning_token": 0.000012345679,
            "max_input_tokens": 1048576, "max_output_tokens": "65536", "supports_function_calling": true,
            "supports_response_schema": true, "supports_vision": true, "supports_audio_input": false,
            "supports_pdf_input": true, "supports_reasoning": true, "supports_unheard_of": {"a": [1]},
            "input_cost_per_token_above_200k_tokens": 2.5e-06, "source": "https://example.com/pricing"
        }}"#,
    );
    assert_eq!(report.skipped, []);
    let model = &report.models[0];
    assert_eq!(
        (model.id.as_str(), model.context_length, model.max_output_tokens),
        ("gemini/gemini-x", Some(1_048_576), Some(65_536))
    );
    let pico = |price: Option<Money>| price.unwrap().pico();
    let pricing = &model.pricing;
    assert_eq!((pico(pricing.prompt), pico(pricing.completion)), (1_250_000, 10_000_000));
    assert_eq!((pico(pricing.cached_prompt), pico(pricing.cache_write)), (1, 312_500));
    assert_eq!(pico(pricing.reasoning), 12_345_679);
    assert_eq!(report.notes.len(), 1);
}

#[test]
fn row_that_cannot_be_used_is_left_out_with_the_reason() {
    let chat = |rest: serde_json::Value| {
        let mut row = json!({"litellm_provider": "openai", "mode": "chat"});
        row.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        row
    };
    for (row, reason) in [
        (json!({"mode": "chat"}), "it names no provider"),
        (json!({"litellm_provider": "openai"}), "it names no mode"),
        (json!({"litellm_provider": "openai", "mode": "embedding"}), "mode `embedding` is not chat"),
        (
            json!({"litellm_provider": "nowhere", "mode": "chat"}),
            "provider `nowhere` is not in the built-in catalogue: name it to import its models",
        ),
        (chat(json!({"supported_endpoints": ["/v1/responses"]})), "its endpoints do not include chat completions"),
        (chat(json!({"deprecation_date": "2020-01-01"})), "it was retired on 2020-01-01"),
        (chat(json!({"input_cost_per_token": -1})), "input_cost_per_token: -1 is negative"),
        (chat(json!({"max_input_tokens": "many"})), "max_input_tokens: many is not a count of tokens"),
    ] {
        assert_eq!(skipped("x", &row), reason);
    }
    let inexact = skipped("x", &chat(json!({"input_cost_per_token": "1.00000000000001e-06"})));
    assert!(inexact.starts_with("input_cost_per_token: `1.00000000000001e-06` is not an amount"), "{inexact}");
    assert!(skipped("x", &json!([1])).starts_with("it cannot be read: "));
    assert!(skipped("with space", &chat(json!({}))).contains("is not a model id"));
}

#[test]
fn unknown_price_and_limit_stay_unknown() {
    let report = import(
        r#"{"m": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 0, "input_cost_per_token": 0,
                  "output_cost_per_token": 0.0}}"#,
    );
    assert_eq!(report.notes, ["1 models list no price, or 0: their price stays unknown"]);
    let model = &report.models[0];
    assert_eq!((model.context_length, model.pricing.prompt), (None, None));
    assert_eq!(model.capabilities, Vec::<Ability>::new());
    assert_eq!(model.input_modalities, [Modality::Text]);
}

#[test]
fn wanted_providers_are_named_by_slug_or_as_the_catalogue_does() {
    let rows = r#"{
        "together_ai/org/a": {"litellm_provider": "together_ai", "mode": "chat"},
        "elsewhere/b": {"litellm_provider": "elsewhere", "mode": "chat"},
        "c": {"litellm_provider": "openai", "mode": "chat"}}"#;
    for (wanted, expected) in
        [("together", "together/org/a"), ("together_ai", "together/org/a"), ("elsewhere", "elsewhere/b")]
    {
        let filter = ImportFilter { providers: vec![wanted.to_owned()] };
        let report = import_catalogue(rows.as_bytes(), &filter).unwrap();
        let ids: Vec<_> = report.models.iter().map(|model| model.id.as_str()).collect();
        assert_eq!(ids, [expected]);
    }
}

#[test]
fn two_rows_of_one_model_are_one_model() {
    let report = import(
        r#"{"deepseek-x": {"litellm_provider": "deepseek", "mode": "chat"},
            "deepseek/deepseek-x": {"litellm_provider": "deepseek", "mode": "chat"}}"#,
    );
    assert_eq!((report.models.len(), report.skipped.len()), (1, 1));
    assert_eq!(report.skipped[0].reason, "another row is `deepseek/deepseek-x` already");
}

#[test]
fn long_prompt_prices_are_noted() {
    let report = import(
        r#"{"m": {"litellm_provider": "openai", "mode": "chat", "tiered_pricing": [], "input_cost_per_token": 1e-6}}"#,
    );
    assert_eq!(report.notes, ["1 models charge more for long prompts; their base price was read"]);
}

#[test]
fn text_that_is_no_catalogue_is_refused() {
    for text in ["", "[]", "{", "null", "{\"a\": }"] {
        let refused = import_catalogue(text.as_bytes(), &ImportFilter::default()).unwrap_err().to_string();
        assert!(refused.starts_with("this is not a price catalogue: expected"), "{refused}");
    }
}

const MODELS_DEV_ROW: &str = r#"{"id": "gemini-x", "name": "Gemini X", "release_date": "2026-01-02", "tool_call": true,
    "structured_output": true, "reasoning": true, "limit": {"context": 1048576, "output": 65536}, "attachment": true,
    "modalities": {"input": ["text", "image", "pdf"], "output": ["text"]},
    "cost": {"input": 1.25, "output": 1e1, "cache_read": 0.000012, "cache_write": 0, "tiers": [{"input": 2.5}]}}"#;

#[test]
fn both_forms_of_models_dev_are_read_with_prices_by_the_million() {
    let row = MODELS_DEV_ROW.replace('\n', "");
    let line = format!("{{\"provider\": \"google\", {}\n\n", &row[1..]);
    let whole = format!(r#"{{"google": {{"id": "google", "env": ["X"], "models": {{"gemini-x": {row}}}}}}}"#);
    for text in [line, whole] {
        let report = import(&text);
        assert_eq!(report.skipped, []);
        assert_eq!(report.notes, ["1 models charge more for long prompts; their base price was read"]);
        let model = &report.models[0];
        let known = (model.id.as_str(), model.name.as_deref(), model.context_length, model.max_output_tokens);
        assert_eq!(known, ("gemini/gemini-x", Some("Gemini X"), Some(1_048_576), Some(65_536)));
        let pico = |price: Option<Money>| price.map(Money::pico);
        let pricing = &model.pricing;
        assert_eq!((pico(pricing.prompt), pico(pricing.completion)), (Some(1_250_000), Some(10_000_000)));
        assert_eq!((pico(pricing.cached_prompt), pricing.cache_write), (Some(12), None), "0 is unknown");
        let capabilities = [Ability::Tools, Ability::JsonSchema, Ability::Vision, Ability::Files, Ability::Reasoning];
        assert_eq!(model.capabilities, capabilities);
    }
}

#[test]
fn models_dev_rows_that_cannot_be_used_are_left_out_with_the_reason() {
    let row = |change: serde_json::Value| {
        let mut row: serde_json::Value = serde_json::from_str(MODELS_DEV_ROW).unwrap();
        row.as_object_mut().unwrap().insert("provider".to_owned(), json!("google"));
        row.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        row
    };
    for (row, reason) in [
        (row(json!({"status": "deprecated"})), "it is deprecated"),
        (row(json!({"modalities": {"input": ["text"], "output": ["image"]}})), "it does not answer with text"),
        (row(json!({"family": "text-embedding"})), "it makes embeddings"),
        (row(json!({"cost": {"input": -1}})), "cost.input: -1 is negative"),
        (
            row(json!({"provider": "nowhere"})),
            "provider `nowhere` is not in the built-in catalogue: name it to import its models",
        ),
    ] {
        let report = import(&row.to_string());
        assert_eq!(report.models, []);
        assert_eq!(report.skipped.into_iter().next().expect("left out").reason, reason);
    }
}

#[test]
fn models_dev_as_published_is_read_whole() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/scorecards/models_dev/providers.jsonl");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: {} is not here", file.display());
        return;
    };
    let filter = ImportFilter { providers: ["openai", "gemini", "openrouter"].map(str::to_owned).to_vec() };
    let report = import_catalogue(text.as_bytes(), &filter).unwrap();
    assert!(report.models.len() > 300, "{} models", report.models.len());
    let gpt = report.models.iter().find(|model| model.id.as_str() == "openai/gpt-4.1").expect("it is listed");
    assert_eq!(gpt.pricing.prompt.map(Money::pico), Some(2_000_000));
    let strange: Vec<_> = report.skipped.iter().filter(|it| it.reason.starts_with("it cannot be read")).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        registry::import::fuzz_import(&bytes);
    }

    #[test]
    fn any_row_is_read_or_left_out(number in "-?[0-9]{0,20}(\\.[0-9]{0,20})?(e-?[0-9]{0,6})?", mode in "chat|x") {
        let row = format!(r#"{{"m": {{"litellm_provider": "openai", "mode": "{mode}", "input_cost_per_token": {number}, "max_input_tokens": {number}}}}}"#);
        registry::import::fuzz_import(row.as_bytes());
    }
}
