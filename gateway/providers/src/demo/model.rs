//! The three demo models: what the catalogue says of them, and how they behave.

use std::time::Duration;

use domain::desired::{ModelSpec, ProviderSpec};
use domain::{Ability, AuthScheme, DialectKind, Modality, ModelId, Money, Pricing, ProviderSlug, Timeouts};

/// How a demo model behaves.
#[derive(Debug)]
pub(super) struct DemoModel {
    /// Its name in the catalogue.
    pub(super) id: &'static str,
    /// Its name on the wire.
    pub(super) native: &'static str,
    pub(super) skill: Skill,
    /// Until the first token.
    pub(super) first_token: Duration,
    /// Between two tokens.
    pub(super) per_token: Duration,
    pub(super) context_length: u64,
    pub(super) max_output_tokens: u64,
    capability: f64,
    /// Pico-dollars a token in and out.
    price: (i128, i128),
}

/// What a demo model can do; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Skill {
    /// Greets and repeats.
    Small,
    /// Calculates.
    Medium,
    /// Outlines what was asked.
    Large,
}

/// All of them, the cheapest first.
pub(super) const MODELS: [DemoModel; 3] = [
    DemoModel {
        id: "demo/small",
        native: "demo-small",
        skill: Skill::Small,
        first_token: Duration::from_millis(5),
        per_token: Duration::from_millis(1),
        context_length: 32_768,
        max_output_tokens: 4_096,
        capability: 0.2,
        price: (50_000, 200_000),
    },
    DemoModel {
        id: "demo/medium",
        native: "demo-medium",
        skill: Skill::Medium,
        first_token: Duration::from_millis(10),
        per_token: Duration::from_millis(2),
        context_length: 131_072,
        max_output_tokens: 8_192,
        capability: 0.5,
        price: (500_000, 2_000_000),
    },
    DemoModel {
        id: "demo/large",
        native: "demo-large",
        skill: Skill::Large,
        first_token: Duration::from_millis(20),
        per_token: Duration::from_millis(3),
        context_length: 1_048_576,
        max_output_tokens: 16_384,
        capability: 0.9,
        price: (5_000_000, 20_000_000),
    },
];

/// Finds a model by its name on the wire, or in the catalogue.
pub(super) fn find(name: &str) -> Option<&'static DemoModel> {
    MODELS.iter().find(|model| model.native == name || model.id == name)
}

/// The demo models for the catalogue.
///
/// # Panics
/// Never: the names are well formed, as a test shows.
pub fn models() -> Vec<ModelSpec> {
    MODELS.iter().map(spec).collect()
}

fn spec(model: &DemoModel) -> ModelSpec {
    let (prompt, completion) = model.price;
    ModelSpec {
        id: ModelId::parse(model.id).expect("demo names are model ids"),
        native: Some(model.native.to_owned()),
        name: Some(format!("Demo {:?}, no language model", model.skill)),
        enabled: true,
        context_length: Some(model.context_length),
        max_output_tokens: Some(model.max_output_tokens),
        dimensions: None,
        pricing: Pricing {
            prompt: Some(Money::from_pico(prompt)),
            completion: Some(Money::from_pico(completion)),
            ..Pricing::default()
        },
        capability: Some(model.capability),
        capabilities: vec![Ability::Tools, Ability::JsonSchema, Ability::JsonObject, Ability::Vision],
        input_modalities: vec![Modality::Text, Modality::Image],
        output_modalities: vec![Modality::Text],
        supported_parameters: None,
        released: None,
        zero_data_retention: Some(true),
        source: Some("demo: invented prices".to_owned()),
    }
}

/// The demo provider for the configuration, reached at this base URL.
///
/// # Panics
/// Never: `demo` is a provider slug.
pub fn provider(base_url: &str) -> ProviderSpec {
    ProviderSpec {
        slug: ProviderSlug::parse("demo").expect("a slug"),
        dialect: DialectKind::Openai,
        base_url: base_url.to_owned(),
        auth: AuthScheme::Bearer,
        allow_anonymous: true,
        allow_private_network: true,
        zero_data_retention: Some(true),
        collects_data: Some(false),
        timeouts: Timeouts::default(),
        query: std::collections::BTreeMap::new(),
        headers: std::collections::BTreeMap::new(),
        responses: false,
        credentials: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_models_differ_in_capability_price_and_pace() {
        let specs = models();
        assert_eq!(specs.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), MODELS.map(|it| it.id));
        assert_eq!(specs.iter().filter_map(|it| it.capability).collect::<Vec<_>>(), [0.2, 0.5, 0.9]);
        assert!(specs.is_sorted_by(|a, b| a.pricing.completion < b.pricing.completion));
        assert!(MODELS.is_sorted_by(|a, b| a.per_token < b.per_token && a.first_token < b.first_token));
    }

    #[test]
    fn a_model_is_found_by_both_names_only() {
        assert!(find("demo-small").is_some() && find("demo/small").is_some());
        assert!(find("small").is_none() && find("gpt-5").is_none());
    }
}
