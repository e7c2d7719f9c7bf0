//! Reads rows of the `LiteLLM` price list: one JSON object, a row a model, prices per token.

use domain::desired::ModelSpec;
use domain::{Ability, Modality, ModelId, Money, Pricing};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Left, Read, Wanted, pick, price, tokens};

/// The row that documents the others.
pub(super) const SAMPLE: &str = "sample_spec";

/// A row, as far as it is used. Figures stay text until they are read exactly.
#[derive(Deserialize)]
struct Row<'a> {
    litellm_provider: Option<String>,
    mode: Option<String>,
    #[serde(borrow)]
    input_cost_per_token: Option<&'a RawValue>,
    #[serde(borrow)]
    output_cost_per_token: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_read_input_token_cost: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation_input_token_cost: Option<&'a RawValue>,
    #[serde(borrow)]
    output_cost_per_reasoning_token: Option<&'a RawValue>,
    #[serde(borrow)]
    max_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    max_output_tokens: Option<&'a RawValue>,
    #[serde(default)]
    supports_function_calling: Option<bool>,
    #[serde(default)]
    supports_response_schema: Option<bool>,
    #[serde(default)]
    supports_vision: Option<bool>,
    #[serde(default)]
    supports_audio_input: Option<bool>,
    #[serde(default)]
    supports_audio_output: Option<bool>,
    #[serde(default)]
    supports_video_input: Option<bool>,
    #[serde(default)]
    supports_pdf_input: Option<bool>,
    #[serde(default)]
    supports_reasoning: Option<bool>,
    supported_endpoints: Option<Vec<String>>,
    deprecation_date: Option<String>,
    source: Option<String>,
    #[serde(borrow)]
    input_cost_per_token_above_128k_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_cost_per_token_above_200k_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_cost_per_token_above_272k_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    tiered_pricing: Option<&'a RawValue>,
}

/// Reads one row.
pub(super) fn read(name: &str, row: &RawValue, wanted: &Wanted<'_>, today: &str) -> Result<Read, Left> {
    let row: Row<'_> = serde_json::from_str(row.get()).map_err(|fault| format!("it cannot be read: {fault}"))?;
    let model = model(name, &row, wanted, today)?;
    Ok(Read { model, is_tiered: row.is_tiered() })
}

fn model(name: &str, row: &Row<'_>, wanted: &Wanted<'_>, today: &str) -> Result<ModelSpec, Left> {
    let listed = row.litellm_provider.as_deref().ok_or("it names no provider")?;
    let slug = wanted.slug(listed, |seeded| &seeded.litellm)?;
    match row.mode.as_deref() {
        Some("chat") => {}
        Some(mode) => return Err(format!("mode `{mode}` is not chat").into()),
        None => return Err("it names no mode".into()),
    }
    if let Some(endpoints) = &row.supported_endpoints
        && !endpoints.iter().any(|it| it.ends_with("/chat/completions"))
    {
        return Err("its endpoints do not include chat completions".into());
    }
    if let Some(end) = row.deprecation_date.as_deref().filter(|end| *end <= today) {
        return Err(format!("it was retired on {end}").into());
    }
    if name.starts_with("ft:") {
        return Err("it is a template for fine-tuned models".into());
    }
    let native = name.strip_prefix(listed).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
    let id = ModelId::parse(&format!("{slug}/{native}")).map_err(|fault| fault.to_string())?;
    Ok(ModelSpec {
        id,
        native: None,
        name: None,
        enabled: true,
        context_length: tokens("max_input_tokens", row.max_input_tokens)?,
        max_output_tokens: tokens("max_output_tokens", row.max_output_tokens)?,
        dimensions: None,
        pricing: row.pricing()?,
        capability: None,
        capabilities: row.abilities(),
        input_modalities: row.input_modalities(),
        output_modalities: row.output_modalities(),
        supported_parameters: None,
        released: None,
        zero_data_retention: None,
        source: Some(source_of(row, today)),
    })
}

fn source_of(row: &Row<'_>, today: &str) -> String {
    match row.source.as_deref().filter(|it| it.len() <= 300) {
        Some(page) => format!("LiteLLM price list ({page}), read {today}"),
        None => format!("LiteLLM price list, read {today}"),
    }
}

impl Row<'_> {
    fn pricing(&self) -> Result<Pricing, String> {
        let prompt = price("input_cost_per_token", self.input_cost_per_token, 0)?;
        let completion = price("output_cost_per_token", self.output_cost_per_token, 0)?;
        let reasoning = price("output_cost_per_reasoning_token", self.output_cost_per_reasoning_token, 0)?;
        let pricing = Pricing {
            prompt,
            completion,
            cached_prompt: price("cache_read_input_token_cost", self.cache_read_input_token_cost, 0)?,
            cache_write: price("cache_creation_input_token_cost", self.cache_creation_input_token_cost, 0)?,
            // Absent means as an output token: one way to say it, so that catalogues compare equal.
            reasoning: reasoning.filter(|it| Some(*it) != completion),
        };
        // Rows write 0 for what they do not know as well as for what is free; unknown is the safe reading, since a
        // free model would win every choice by price.
        let nothing = prompt == Some(Money::ZERO) && completion == Some(Money::ZERO);
        Ok(if nothing { Pricing::default() } else { pricing })
    }

    fn abilities(&self) -> Vec<Ability> {
        pick([
            (self.supports_function_calling, Ability::Tools),
            (self.supports_response_schema, Ability::JsonSchema),
            (self.supports_vision, Ability::Vision),
            (self.supports_audio_input, Ability::Audio),
            (self.supports_pdf_input, Ability::Files),
            (self.supports_reasoning, Ability::Reasoning),
        ])
    }

    fn input_modalities(&self) -> Vec<Modality> {
        pick([
            (Some(true), Modality::Text),
            (self.supports_vision, Modality::Image),
            (self.supports_audio_input, Modality::Audio),
            (self.supports_video_input, Modality::Video),
            (self.supports_pdf_input, Modality::File),
        ])
    }

    fn output_modalities(&self) -> Vec<Modality> {
        pick([(Some(true), Modality::Text), (self.supports_audio_output, Modality::Audio)])
    }

    fn is_tiered(&self) -> bool {
        let tiers = [
            self.input_cost_per_token_above_128k_tokens,
            self.input_cost_per_token_above_200k_tokens,
            self.input_cost_per_token_above_272k_tokens,
            self.tiered_pricing,
        ];
        tiers.iter().any(Option::is_some)
    }
}
