//! Reads price catalogues in the `LiteLLM` format: one JSON object, a row a model.
//!
//! Prices are taken from the digits of the text, never through a float. A row that cannot be used is left out with the
//! reason; nothing is guessed. What is done with the models is the business of an apply.

use std::collections::{BTreeMap, HashSet};

use domain::desired::ModelSpec;
use domain::{Ability, Modality, ModelId, Money, Pricing};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalogue;

/// Which rows to read.
#[derive(Clone, Debug, Default)]
pub struct ImportFilter {
    /// Slugs of the wanted providers; empty = those of the built-in catalogue.
    pub providers: Vec<String>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportReport {
    /// The models, in the order of their ids.
    pub models: Vec<ModelSpec>,
    /// The rows left out.
    pub skipped: Vec<Skipped>,
    /// What was read, but not all of it.
    pub notes: Vec<String>,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The row's name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The text is no price catalogue.
#[derive(Debug, thiserror::Error)]
#[error("this is not a price catalogue in the LiteLLM format (one JSON object, a row a model): {0}")]
pub struct ImportError(#[from] serde_json::Error);

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

/// Reads a catalogue. Errors only when the text as a whole is not one.
pub fn import_litellm(text: &[u8], filter: &ImportFilter) -> Result<ImportReport, ImportError> {
    let rows: BTreeMap<String, &RawValue> = serde_json::from_slice(text)?;
    let today = crate::now().to_string();
    let today = today.get(..10).unwrap_or_default();
    let mut report = ImportReport::default();
    let (mut seen, mut tiered) = (HashSet::new(), 0);
    for (name, row) in rows.into_iter().filter(|(name, _)| name != "sample_spec") {
        let read = serde_json::from_str::<Row<'_>>(row.get()).map_err(|fault| format!("it cannot be read: {fault}"));
        let model = read.and_then(|row| {
            let model = read_row(&name, &row, filter, today)?;
            tiered += usize::from(row.is_tiered());
            Ok(model)
        });
        match model {
            Ok(model) if seen.insert(model.id.clone()) => report.models.push(model),
            Ok(model) => {
                report.skipped.push(Skipped { name, reason: format!("another row is `{}` already", model.id) });
            }
            Err(reason) => report.skipped.push(Skipped { name, reason }),
        }
    }
    report.models.sort_by(|a, b| a.id.cmp(&b.id));
    let unpriced = report.models.iter().filter(|model| model.pricing.prompt.is_none()).count();
    if unpriced > 0 {
        report.notes.push(format!("{unpriced} models list no price, or 0: their price stays unknown"));
    }
    if tiered > 0 {
        report.notes.push(format!("{tiered} models charge more for long prompts; their base price was read"));
    }
    Ok(report)
}

fn read_row(name: &str, row: &Row<'_>, filter: &ImportFilter, today: &str) -> Result<ModelSpec, String> {
    let listed = row.litellm_provider.as_deref().ok_or("it names no provider")?;
    let slug = wanted(listed, filter)?;
    match row.mode.as_deref() {
        Some("chat") => {}
        Some(mode) => return Err(format!("mode `{mode}` is not chat")),
        None => return Err("it names no mode".to_owned()),
    }
    if let Some(endpoints) = &row.supported_endpoints
        && !endpoints.iter().any(|it| it.ends_with("/chat/completions"))
    {
        return Err("its endpoints do not include chat completions".to_owned());
    }
    if let Some(end) = row.deprecation_date.as_deref().filter(|end| *end <= today) {
        return Err(format!("it was retired on {end}"));
    }
    if name.starts_with("ft:") {
        return Err("it is a template for fine-tuned models".to_owned());
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

/// The slug of a wanted provider, or why its rows are left out.
fn wanted(listed: &str, filter: &ImportFilter) -> Result<String, String> {
    let seeded = catalogue::seed().providers.iter().find(|it| it.litellm == listed);
    let slug = seeded.map_or(listed, |it| it.spec.slug.as_str());
    if filter.providers.is_empty() {
        let unknown = || format!("provider `{listed}` is not in the built-in catalogue: name it to import its models");
        return seeded.map(|_| slug.to_owned()).ok_or_else(unknown);
    }
    let named = filter.providers.iter().any(|it| it == slug || it == listed);
    named.then(|| slug.to_owned()).ok_or_else(|| format!("provider `{slug}` is not among the wanted ones"))
}

fn source_of(row: &Row<'_>, today: &str) -> String {
    match row.source.as_deref().filter(|it| it.len() <= 300) {
        Some(page) => format!("LiteLLM price list ({page}), read {today}"),
        None => format!("LiteLLM price list, read {today}"),
    }
}

impl Row<'_> {
    fn pricing(&self) -> Result<Pricing, String> {
        let prompt = price("input_cost_per_token", self.input_cost_per_token)?;
        let completion = price("output_cost_per_token", self.output_cost_per_token)?;
        let reasoning = price("output_cost_per_reasoning_token", self.output_cost_per_reasoning_token)?;
        let pricing = Pricing {
            prompt,
            completion,
            cached_prompt: price("cache_read_input_token_cost", self.cache_read_input_token_cost)?,
            cache_write: price("cache_creation_input_token_cost", self.cache_creation_input_token_cost)?,
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

fn pick<T, const N: usize>(choices: [(Option<bool>, T); N]) -> Vec<T> {
    choices.into_iter().filter(|(supported, _)| *supported == Some(true)).map(|(_, it)| it).collect()
}

/// Reads a price from the digits of its text.
fn price(field: &str, raw: Option<&RawValue>) -> Result<Option<Money>, String> {
    let Some(text) = raw.map(|raw| raw.get().trim_matches('"')).filter(|text| *text != "null") else {
        return Ok(None);
    };
    let price = Money::parse(text).map_err(|fault| format!("{field}: {fault}"))?;
    if price < Money::ZERO {
        return Err(format!("{field}: {text} is negative"));
    }
    Ok(Some(price))
}

/// Reads a count of tokens, which some rows write as `1e6` or `"1000000"`.
fn tokens(field: &str, raw: Option<&RawValue>) -> Result<Option<u64>, String> {
    let Some(text) = raw.map(|raw| raw.get().trim_matches('"')).filter(|text| *text != "null") else {
        return Ok(None);
    };
    // A count is an exact decimal too: a whole number of a unit.
    let unit = Money::from_pico(1_000_000_000_000).pico();
    let count = Money::parse(text).ok().map(Money::pico).filter(|pico| pico % unit == 0).map(|pico| pico / unit);
    let count = count.and_then(|count| u64::try_from(count).ok());
    let count = count.ok_or_else(|| format!("{field}: {text} is not a count of tokens"))?;
    // Rows write 0 for what they do not know.
    Ok(Some(count).filter(|count| *count > 0))
}

/// Fuzz entry: any bytes are read or refused.
#[doc(hidden)]
pub fn fuzz_import(bytes: &[u8]) {
    let _ = import_litellm(bytes, &ImportFilter::default());
}
