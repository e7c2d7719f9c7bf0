//! `[[models]]`: catalogue entries with their prices.

use domain::catalogue::{Ability, Modality, Pricing};
use domain::desired::ModelSpec;

use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::readers::{
    boolean, choice, count, date, fraction, list, model_id, name, not_one_of, object, price, text, texts,
};

/// Keys of features to come.
pub(crate) const LATER: [&str; 3] = ["tokenizer", "instruct_type", "parent"];
const LATER_PRICES: [&str; 1] = ["image"];

/// No embedding is nearly as long.
const MAX_DIMENSIONS: u32 = 1_000_000;

const MODALITIES: [(&str, Modality); 5] = [
    ("text", Modality::Text),
    ("image", Modality::Image),
    ("audio", Modality::Audio),
    ("video", Modality::Video),
    ("file", Modality::File),
];

/// What a model takes in and gives out.
#[derive(Default)]
pub(crate) struct Modalities {
    input: Vec<Modality>,
    output: Vec<Modality>,
}

pub(crate) fn model(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<ModelSpec> {
    let id = fields.require("id", ("\"provider/name\"", ""), context, model_id);
    if let Some(item) = fields.take("description")
        && text(&item, context).is_some()
    {
        let message = "descriptions are not kept by this version: use name for what people should see";
        context.warn(&item.path, item.node.spot, message);
    }
    let modalities = fields.read("modalities", context, |item, context| object(item, context, &[], modalities));
    let modalities = modalities.unwrap_or_default();
    let pricing = fields.read("pricing", context, |item, context| object(item, context, &LATER_PRICES, pricing));
    let spec = ModelSpec {
        native: fields.read("native", context, name),
        name: fields.read("name", context, name),
        enabled: fields.read("enabled", context, boolean).unwrap_or(true),
        context_length: fields.read("context_length", context, count),
        max_output_tokens: fields.read("max_output_tokens", context, count),
        dimensions: fields.read("dimensions", context, dimensions),
        pricing: pricing.unwrap_or_default(),
        capability: fields.read("capability", context, fraction),
        capabilities: fields
            .read("capabilities", context, |item, context| list(item, context, ability))
            .unwrap_or_default(),
        input_modalities: modalities.input,
        output_modalities: modalities.output,
        supported_parameters: fields.read("supported_parameters", context, texts),
        released: fields.read("released", context, date),
        zero_data_retention: fields.read("zdr", context, boolean),
        source: fields.read("source", context, name),
        id: id?,
    };
    Some(spec)
}

/// The length of an embedding.
fn dimensions(item: &Item<'_>, context: &mut Context<'_>) -> Option<u32> {
    let number = count(item, context)?;
    let fits = u32::try_from(number).ok().filter(|number| *number <= MAX_DIMENSIONS);
    fits.or_else(|| item.fault(context, format!("{number} is out of range: write 1 to {MAX_DIMENSIONS}")))
}

fn ability(item: &Item<'_>, context: &mut Context<'_>) -> Option<Ability> {
    let word = text(item, context)?;
    match word.parse() {
        Ok(ability) => Some(ability),
        Err(_) => item.fault(context, not_one_of(&word, &Ability::ALL.map(Ability::as_str))),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "readers of tables have one signature")]
pub(crate) fn modalities(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Modalities> {
    let words = |item: &Item<'_>, context: &mut Context<'_>| {
        list(item, context, |item, context| choice(item, context, &MODALITIES))
    };
    let input = fields.read("input", context, words).unwrap_or_default();
    let output = fields.read("output", context, words).unwrap_or_default();
    Some(Modalities { input, output })
}

#[expect(clippy::unnecessary_wraps, reason = "readers of tables have one signature")]
pub(crate) fn pricing(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Pricing> {
    let (prompt, completion) = (fields.read("prompt", context, price), fields.read("completion", context, price));
    let (cached_prompt, cached_read) = (fields.take("cached_prompt"), fields.take("cached_read"));
    if let (Some(_), Some(item)) = (&cached_prompt, &cached_read) {
        item.fault::<()>(context, "`cached_prompt` and `cached_read` mean the same and are both given: keep one");
    }
    let pricing = Pricing {
        prompt,
        completion,
        cached_prompt: cached_prompt.or(cached_read).and_then(|item| price(&item, context)),
        cache_write: fields.read("cache_write", context, price),
        reasoning: fields.read("reasoning", context, price),
    };
    Some(pricing)
}
