//! `[[policies]]`: which models may answer and how one of them is chosen.

use domain::desired::PolicySpec;
use domain::{
    Affinity, Axis, Candidates, Dial, InvalidDial, Lambda, MinQuality, ModelId, Optimal, Policy, PolicyModel, Strategy,
};

use crate::context::Context;
use crate::fields::{Fields, Item, shortened};
use crate::node::Value;
use crate::readers::{
    boolean, choice, items, model_id, name, not_one_of, number, object, rank, refuse_repeats, text, weight,
};
use crate::sections::rules;

/// How far a conversation may stay on one model.
const AFFINITIES: [(&str, Affinity); 1] = [("conversation", Affinity::Conversation)];
const LATER_STRATEGY: [&str; 1] = ["rank_by"];

const STRATEGIES: [&str; 8] =
    ["intelligent", "optimal", "priority", "split", "lowest_cost", "least_latency", "blend", "single"];
/// The strategies but `intelligent`, for whoever names none.
const OTHERS: &str =
    " (or \"optimal\", \"priority\", \"split\", \"lowest_cost\", \"least_latency\", \"blend\", \"single\")";
const AXES: [(&str, Axis); 5] = [
    ("cost", Axis::Cost),
    ("performance", Axis::Performance),
    ("capability", Axis::Capability),
    ("intelligence", Axis::Capability),
    ("quality", Axis::Capability),
];

pub(crate) fn policy(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<PolicySpec> {
    let title = fields.require("name", ("\"…\"", ""), context, policy_name);
    let slug = fields.read("slug", context, alias);
    let default = fields.read("default", context, boolean).unwrap_or(false);
    let strategy = fields
        .take("strategy")
        .map_or(Some(Strategy::Intelligent { axis: Axis::default() }), |item| strategy(&item, context));
    let candidates = match (fields.take("models"), &strategy) {
        (Some(item), _) => candidates(&item, context),
        // The one model of such a policy need not be named twice.
        (None, Some(Strategy::Single { model })) => Some(Candidates::Listed(vec![plain(model.clone())])),
        (None, _) => {
            let all = context.pair("models", "[\"*\"]");
            let cure = format!("list the models it may choose from, or write {all} for all");
            fields.miss("models", format!("`models` is missing: {cure}"))
        }
    };
    let rules = fields.take("rules").map_or(Some(Vec::new()), |item| rules::rules(&item, context));
    let affinity = fields.read("affinity", context, |item, context| choice(item, context, &AFFINITIES));
    Some(PolicySpec {
        name: title?,
        slug,
        default,
        candidates: candidates?,
        strategy: strategy?,
        rules: rules?,
        affinity,
    })
}

/// A name from which an alias can be made.
fn policy_name(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let title = name(item, context)?;
    if Policy::slug_of(&title).is_empty() {
        return item.fault(context, "has no letter or digit to make an alias of: use some");
    }
    Some(title)
}

fn alias(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let slug = name(item, context)?;
    let proper = Policy::slug_of(&slug);
    match proper.as_str() {
        _ if proper == slug => Some(slug),
        "" => item.fault(context, "cannot be an alias: use lower-case letters and digits, with single `-` between"),
        _ => item.fault(context, format!("`{}` cannot be an alias: write \"{proper}\"", shortened(&slug))),
    }
}

// === Candidates ===

fn candidates(item: &Item<'_>, context: &mut Context<'_>) -> Option<Candidates> {
    if matches!(&item.node.value, Value::Text(text) if text == "*") {
        return item.fault(context, "expected a list: write [\"*\"]");
    }
    let entries = items(item, context)?;
    let is_all = |item: &Item<'_>| matches!(&item.node.value, Value::Text(text) if text == "*");
    match entries.as_slice() {
        [] => return item.fault(context, "is empty: name at least one model, or write [\"*\"] for all"),
        [only] if is_all(only) => return Some(Candidates::All),
        _ => {}
    }
    refuse_repeats(item, context);
    let mut models = Vec::new();
    for entry in &entries {
        let model = match &entry.node.value {
            Value::Text(text) if text == "*" => {
                entry.fault(context, "`*` stands alone: take the other models out, or this")
            }
            Value::Text(_) => model_id(entry, context).map(plain),
            _ => object(entry, context, &[], candidate),
        };
        models.extend(model);
    }
    Some(Candidates::Listed(models))
}

fn plain(model: ModelId) -> PolicyModel {
    PolicyModel { model, priority: None, weight: None }
}

pub(crate) fn candidate(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<PolicyModel> {
    let model = fields.require("model", ("\"provider/name\"", ""), context, model_id);
    let priority = fields.read("priority", context, rank);
    let weight = fields.read("weight", context, weight);
    Some(PolicyModel { model: model?, priority, weight })
}

// === Strategy ===

fn strategy(item: &Item<'_>, context: &mut Context<'_>) -> Option<Strategy<String>> {
    match &item.node.value {
        Value::Text(_) => {
            let kind = kind(item, context)?;
            if kind == "single" {
                let (kind, model) = (context.pair("type", "\"single\""), context.pair("model", "\"provider/name\""));
                return item.fault(context, format!("needs its model: write {{ {kind}, {model} }}"));
            }
            if kind == "blend" {
                let (kind, blend) = (context.pair("type", "\"blend\""), context.pair("blend", "\"…\""));
                return item.fault(context, format!("needs its blend: write {{ {kind}, {blend} }}"));
            }
            if kind == "optimal" {
                let (kind, dial) = (context.pair("type", "\"optimal\""), context.pair("min_quality", "0.95"));
                return item.fault(context, format!("needs its dial: write {{ {kind}, {dial} }}"));
            }
            assembled(&kind, None, None, None)
        }
        _ => object(item, context, &LATER_STRATEGY, strategy_table),
    }
}

pub(crate) fn strategy_table(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Strategy<String>> {
    let kind = fields.require("type", ("\"intelligent\"", OTHERS), context, kind);
    let (axis_item, model_item, blend_item) = (fields.take("axis"), fields.take("model"), fields.take("blend"));
    let dials = Dials::take(fields);
    let axis = match &axis_item {
        Some(item) => Some(choice(item, context, &AXES)?),
        None => None,
    };
    let model = match &model_item {
        Some(item) => Some(model_id(item, context)?),
        None => None,
    };
    let blend = match &blend_item {
        Some(item) => Some(name(item, context)?),
        None => None,
    };
    let kind = kind?;
    if let Some((name, item)) = dials.stray().filter(|_| kind != "optimal") {
        return item.fault(context, format!("`{name}` is for optimal policies: take it out of this {kind} one"));
    }
    if let Some(item) = axis_item.filter(|_| kind != "intelligent") {
        return item.fault(context, format!("`axis` is for intelligent policies: take it out of this {kind} one"));
    }
    if let Some(item) = model_item.filter(|_| kind != "single") {
        return item.fault(context, format!("`model` is for single: take it out of this {kind} policy, or use models"));
    }
    if let Some(item) = blend_item.filter(|_| kind != "blend" && kind != "optimal") {
        let message = format!("`blend` is for blend and optimal: take it out of this {kind} policy");
        return item.fault(context, message);
    }
    if kind == "blend" && blend.is_none() {
        let message = format!("`blend` is missing: write {}", context.pair("blend", "\"…\""));
        return fields.miss("blend", message);
    }
    if kind == "single" && model.is_none() {
        let message = format!("`model` is missing: write {}", context.pair("model", "\"provider/name\""));
        return fields.miss("model", message);
    }
    if kind == "optimal" {
        return Some(Strategy::Optimal(Optimal { blend, dial: dials.dial(fields, context)? }));
    }
    assembled(&kind, axis, model, blend)
}

/// The settings of `optimal` that no other strategy has.
struct Dials<'a> {
    lambda: Option<Item<'a>>,
    min_quality: Option<Item<'a>>,
}

impl<'a> Dials<'a> {
    fn take(fields: &mut Fields<'a>) -> Self {
        Self { lambda: fields.take("lambda"), min_quality: fields.take("min_quality") }
    }

    /// One that is written, for a strategy that has none.
    fn stray(&self) -> Option<(&'static str, &Item<'a>)> {
        let all = [("lambda", &self.lambda), ("min_quality", &self.min_quality)];
        all.into_iter().find_map(|(name, item)| Some((name, item.as_ref()?)))
    }

    /// The one dial of `optimal`.
    fn dial(&self, fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Dial> {
        match (&self.lambda, &self.min_quality) {
            (Some(item), None) => Some(Dial::Lambda(dial(item, context, Lambda::try_new)?)),
            (None, Some(item)) => Some(Dial::MinQuality(dial(item, context, MinQuality::try_new)?)),
            (Some(_), Some(item)) => item.fault(context, "stands beside `lambda`: take one of them out"),
            (None, None) => {
                let (worth, share) = (context.pair("lambda", "3.5"), context.pair("min_quality", "0.95"));
                let message = format!("the dial is missing: write {share}, or {worth} (chance of success per USD)");
                fields.miss("min_quality", message)
            }
        }
    }
}

fn dial<T>(item: &Item<'_>, context: &mut Context<'_>, read: impl FnOnce(f64) -> Result<T, InvalidDial>) -> Option<T> {
    read(number(item, context)?).map_or_else(|fault| item.fault(context, fault.to_string()), Some)
}

fn kind(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let kind = text(item, context)?;
    match kind.as_str() {
        known if STRATEGIES.contains(&known) => Some(kind),
        other => item.fault(context, not_one_of(other, &STRATEGIES)),
    }
}

fn assembled(
    kind: &str,
    axis: Option<Axis>,
    model: Option<ModelId>,
    blend: Option<String>,
) -> Option<Strategy<String>> {
    match kind {
        "intelligent" => Some(Strategy::Intelligent { axis: axis.unwrap_or_default() }),
        "priority" => Some(Strategy::Priority {}),
        "split" => Some(Strategy::Split {}),
        "lowest_cost" => Some(Strategy::LowestCost {}),
        "least_latency" => Some(Strategy::LeastLatency {}),
        "blend" => blend.map(|blend| Strategy::Blend { blend }),
        _ => model.map(|model| Strategy::Single { model }),
    }
}
