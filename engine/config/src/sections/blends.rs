//! `[[blends]]`: weighted benchmarks.

use domain::desired::BlendSpec;
use domain::{Blend, BlendWeight, Override, RankBy};

use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::readers::{choice, figure, items, model_id, moment, name, object};
use crate::sections::scorecards::MISSING;

const RANKS: [(&str, RankBy); 2] = [("mean", RankBy::Mean), ("lcb", RankBy::Lcb)];

pub(crate) fn blend(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<BlendSpec> {
    let title = fields.require("name", ("\"…\"", ""), context, name);
    let example = "[{ benchmark = \"…\", weight = 1.0 }]";
    let weights = fields.require("weights", (example, ", which sum to 1"), context, weights);
    let spec = BlendSpec {
        missing: fields.read("missing", context, |item, context| choice(item, context, &MISSING)),
        boost: fields.read("boost", context, figure).unwrap_or(Blend::default_boost()),
        rank_by: fields.read("rank_by", context, |item, context| choice(item, context, &RANKS)).unwrap_or_default(),
        z: fields.read("z", context, figure).unwrap_or(Blend::default_z()),
        overrides: fields.read("overrides", context, overrides).unwrap_or_default(),
        fallback_model: fields.read("fallback_model", context, model_id),
        name: title?,
        weights: weights?,
    };
    Some(spec)
}

fn weights(item: &Item<'_>, context: &mut Context<'_>) -> Option<Vec<BlendWeight<String>>> {
    let weights = items(item, context)?;
    Some(weights.iter().filter_map(|it| object(it, context, &[], weight)).collect())
}

pub(crate) fn weight(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<BlendWeight<String>> {
    let benchmark = fields.require("benchmark", ("\"…\"", ", the name of a scorecard"), context, name);
    let weight = fields.require("weight", ("0.5", ", its part of the whole"), context, figure);
    let missing = fields.read("missing", context, |item, context| choice(item, context, &MISSING));
    Some(BlendWeight { benchmark: benchmark?, weight: weight?, missing })
}

fn overrides(item: &Item<'_>, context: &mut Context<'_>) -> Option<Vec<Override<String>>> {
    let overrides = items(item, context)?;
    Some(overrides.iter().filter_map(|it| object(it, context, &[], correction)).collect())
}

pub(crate) fn correction(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Override<String>> {
    let benchmark = fields.require("benchmark", ("\"…\"", ", the name of a scorecard"), context, name);
    let model = fields.require("model", ("\"provider/name\"", ""), context, model_id);
    let score = fields.require("score", ("0.5", ", in the unit of the benchmark"), context, figure);
    let author = fields.require("author", ("\"…\"", ", who says so"), context, name);
    let reason = fields.require("reason", ("\"…\"", ", why the score is wrong"), context, name);
    let expires_at = fields.read("expires_at", context, moment);
    Some(Override { benchmark: benchmark?, model: model?, score: score?, author: author?, reason: reason?, expires_at })
}
