//! Reads rows of models.dev: providers with their models (`api.json`), or one row a line. Prices are per million tokens.

use std::collections::BTreeMap;

use domain::desired::ModelSpec;
use domain::{Ability, Modality, ModelId, Money, Pricing};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Left, Read, Wanted, pick, price, tokens};

/// A row, as far as it is used. Figures stay text until they are read exactly.
#[derive(Deserialize)]
struct Row<'a> {
    id: String,
    name: Option<String>,
    family: Option<String>,
    release_date: Option<String>,
    status: Option<String>,
    #[serde(default)]
    tool_call: bool,
    #[serde(default)]
    structured_output: bool,
    #[serde(default)]
    reasoning: bool,
    #[serde(borrow, default)]
    cost: Cost<'a>,
    #[serde(borrow, default)]
    limit: Limit<'a>,
    #[serde(default)]
    modalities: Modalities,
}

#[derive(Default, Deserialize)]
struct Cost<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_read: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_write: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    tiers: Option<&'a RawValue>,
    #[serde(borrow)]
    context_over_200k: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Limit<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Modalities {
    input: Vec<String>,
    output: Vec<String>,
}

#[derive(Deserialize)]
struct Provider<'a> {
    #[serde(borrow)]
    models: BTreeMap<String, &'a RawValue>,
}

#[derive(Deserialize)]
struct Line {
    provider: String,
    id: String,
}

/// Every row with its name and provider; `None` when the text is not of models.dev.
pub(super) fn rows(text: &[u8]) -> Option<Vec<(String, String, &RawValue)>> {
    let text = std::str::from_utf8(text).ok()?;
    lines(text).or_else(|| providers(text))
}

fn providers(text: &str) -> Option<Vec<(String, String, &RawValue)>> {
    let providers: BTreeMap<String, Provider<'_>> = serde_json::from_str(text).ok()?;
    let rows = providers.into_iter().flat_map(|(provider, it)| {
        it.models.into_iter().map(move |(id, row)| (format!("{provider}/{id}"), provider.clone(), row))
    });
    Some(rows.collect()).filter(|rows: &Vec<_>| !rows.is_empty())
}

fn lines(text: &str) -> Option<Vec<(String, String, &RawValue)>> {
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Line { provider, id } = serde_json::from_str(line).ok()?;
        rows.push((format!("{provider}/{id}"), provider, serde_json::from_str(line).ok()?));
    }
    Some(rows).filter(|rows| !rows.is_empty())
}

/// Reads one row.
pub(super) fn read(provider: &str, row: &RawValue, wanted: &Wanted<'_>, today: &str) -> Result<Read, Left> {
    let slug = wanted.slug(provider, |seeded| &seeded.models_dev)?;
    let row: Row<'_> = serde_json::from_str(row.get()).map_err(|fault| format!("it cannot be read: {fault}"))?;
    if row.status.as_deref() == Some("deprecated") {
        return Err("it is deprecated".into());
    }
    if !row.modalities.output.iter().any(|it| it == "text") {
        return Err("it does not answer with text".into());
    }
    // Embedding models are listed with text as their output.
    if [Some(row.id.as_str()), row.family.as_deref()].into_iter().flatten().any(|it| it.contains("embed")) {
        return Err("it makes embeddings".into());
    }
    let id = ModelId::parse(&format!("{slug}/{}", row.id)).map_err(|fault| fault.to_string())?;
    let model = ModelSpec {
        id,
        native: None,
        enabled: true,
        context_length: tokens("limit.context", row.limit.context)?,
        max_output_tokens: tokens("limit.output", row.limit.output)?,
        dimensions: None,
        pricing: row.cost.pricing()?,
        capability: None,
        capabilities: row.abilities(),
        input_modalities: modalities(&row.modalities.input),
        output_modalities: modalities(&row.modalities.output),
        supported_parameters: None,
        released: row.release_date,
        zero_data_retention: None,
        name: row.name,
        source: Some(format!("models.dev, read {today}")),
    };
    Ok(Read { model, is_tiered: row.cost.tiers.is_some() || row.cost.context_over_200k.is_some() })
}

impl Row<'_> {
    fn abilities(&self) -> Vec<Ability> {
        let takes = |modality: &str| self.modalities.input.iter().any(|it| it == modality);
        pick([
            (Some(self.tool_call), Ability::Tools),
            (Some(self.structured_output), Ability::JsonSchema),
            (Some(takes("image")), Ability::Vision),
            (Some(takes("audio")), Ability::Audio),
            (Some(takes("pdf")), Ability::Files),
            (Some(self.reasoning), Ability::Reasoning),
        ])
    }
}

impl Cost<'_> {
    fn pricing(&self) -> Result<Pricing, String> {
        let per_million = |field: &str, raw| price(field, raw, -6);
        let prompt = per_million("cost.input", self.input)?;
        let completion = per_million("cost.output", self.output)?;
        // 0 stands for what is not known as well as for what is free; unknown is the safe reading, since a free model
        // would win every choice by price.
        let is_charged = |it: &Money| *it != Money::ZERO;
        let nothing = prompt.is_none_or(|it| !is_charged(&it)) && completion.is_none_or(|it| !is_charged(&it));
        let pricing = Pricing {
            prompt,
            completion,
            cached_prompt: per_million("cost.cache_read", self.cache_read)?.filter(is_charged),
            cache_write: per_million("cost.cache_write", self.cache_write)?.filter(is_charged),
            reasoning: per_million("cost.reasoning", self.reasoning)?.filter(|it| Some(*it) != completion),
        };
        Ok(if nothing { Pricing::default() } else { pricing })
    }
}

fn modalities(names: &[String]) -> Vec<Modality> {
    let has = |name: &str| Some(names.iter().any(|it| it == name));
    pick([
        (has("text"), Modality::Text),
        (has("image"), Modality::Image),
        (has("audio"), Modality::Audio),
        (has("video"), Modality::Video),
        (has("pdf"), Modality::File),
    ])
}
