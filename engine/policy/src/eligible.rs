//! Which candidates can take the request, and why the others cannot, in the one documented order of checks.
//!
//! Unknown limits never remove a candidate; an unknown price or data policy is never taken for a good one.

use domain::{
    Ability, Constraints, Facts, Features, Health, Modality, Model, ModelId, Money, OutputFormat, Previous, Provider,
    Removal, Removed, Usage,
};

use crate::capability::{Scale, Strength};
use crate::plan::{Entry, is_chat};

/// Output tokens assumed where neither the request nor a score says anything.
const DEFAULT_OUTPUT_TOKENS: u64 = 512;

/// A candidate that can take the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contender<'a> {
    pub(crate) id: &'a ModelId,
    pub(crate) model: &'a Model,
    pub(crate) rank: u32,
    pub(crate) weight: f64,
    /// 0..=1 among the policy's enabled models.
    pub(crate) position: f64,
    pub(crate) strength: Strength,
    /// What the request would cost on it, if its price is known.
    pub(crate) cost: Option<Money>,
    /// How long the answer would take, in microseconds, if it has been observed.
    pub(crate) latency: Option<u64>,
}

impl Contender<'_> {
    /// The cheaper first, unknown prices last, then the id.
    pub(crate) fn cheaper_first(&self, other: &Self) -> std::cmp::Ordering {
        let price = |it: &Self| it.cost.map_or((true, Money::ZERO), |cost| (false, cost));
        price(self).cmp(&price(other)).then_with(|| self.id.cmp(other.id))
    }

    /// The more capable first, then the cheaper, then the id.
    pub(crate) fn stronger_first(&self, other: &Self) -> std::cmp::Ordering {
        other.position.total_cmp(&self.position).then_with(|| self.cheaper_first(other))
    }
}

impl Contender<'_> {
    /// The cheaper first, then the faster, then the id; what is unknown comes last.
    pub(crate) fn cheaper_then_faster(&self, other: &Self) -> std::cmp::Ordering {
        let key = |it: &Self| (it.cost.is_none(), it.cost, it.latency.is_none(), it.latency);
        key(self).cmp(&key(other)).then_with(|| self.id.cmp(other.id))
    }
}

/// Eligible candidates in configured order, and the others.
#[derive(Clone, Debug)]
pub(crate) struct Eligible<'a> {
    pub(crate) contenders: Vec<Contender<'a>>,
    pub(crate) removed: Vec<Removed>,
}

/// Divides the candidates by everything but their health, which comes last. `median_output` is the scorer's, if it
/// spoke; `previous` the turn before, whose model has cached a part of the prompt.
pub(crate) fn eligible<'a>(
    entries: &[Entry<'a>],
    scale: &Scale,
    facts: &Facts,
    health: &Health,
    median_output: Option<u32>,
    previous: Option<&Previous>,
) -> Eligible<'a> {
    let mut contenders = Vec::with_capacity(entries.len());
    let mut removed = Vec::new();
    let inline = &facts.constraints.models;
    for entry in entries.iter().filter(|entry| inline.is_empty() || inline.contains(entry.id)) {
        let cached = previous.filter(|it| it.model == *entry.id).map_or(0, |it| it.cached_tokens);
        match admit(entry, scale, facts, health, median_output, cached) {
            Ok(contender) => contenders.push(contender),
            Err(reason) => removed.push(Removed { model: entry.id.clone(), reason }),
        }
    }
    Eligible { contenders, removed }
}

impl Eligible<'_> {
    /// Removes what `reason` gives a reason for.
    pub(crate) fn remove_where(&mut self, mut reason: impl FnMut(&Contender<'_>) -> Option<Removal>) {
        let removed = &mut self.removed;
        self.contenders.retain(|contender| match reason(contender) {
            Some(reason) => {
                removed.push(Removed { model: contender.id.clone(), reason });
                false
            }
            None => true,
        });
    }

    /// Open breakers remove candidates only while a healthy one is left: a last resort is better than a refusal.
    pub(crate) fn remove_unhealthy(&mut self, health: &Health) {
        let is_healthy = |contender: &Contender<'_>| !health.unhealthy.contains(contender.id);
        if !health.unhealthy.is_empty() && self.contenders.iter().any(is_healthy) {
            self.remove_where(|contender| (!is_healthy(contender)).then_some(Removal::Unhealthy));
        }
    }
}

fn admit<'a>(
    entry: &Entry<'a>,
    scale: &Scale,
    facts: &Facts,
    health: &Health,
    median_output: Option<u32>,
    cached_tokens: u64,
) -> Result<Contender<'a>, Removal> {
    let model = entry.model.filter(|model| model.enabled).ok_or(Removal::Disabled)?;
    let demand = |holds: bool, reason: Removal| if holds { Ok(()) } else { Err(reason) };
    demand(entry.is_routable(), Removal::ProxyOnly)?;
    demand(facts.allowed_models.is_empty() || facts.allowed_models.contains(entry.id), Removal::NotAllowed)?;
    demand(is_provider_wanted(entry, facts), Removal::Provider)?;
    demand(may_have_kept(entry, &facts.constraints), Removal::KeptState)?;
    supports(model, &facts.features)?;
    fits(model, &facts.features)?;
    keeps_privacy(model, entry.provider, &facts.constraints)?;
    let output = expected_output(model, &facts.features, median_output);
    let prompt_tokens = facts.features.input_tokens;
    let cached_tokens = cached_tokens.min(prompt_tokens);
    let usage = Usage { prompt_tokens, cached_tokens, completion_tokens: output, ..Usage::default() };
    let cost = model.pricing.cost(&usage);
    let is_affordable = facts.constraints.max_cost.is_none_or(|limit| cost.is_some_and(|cost| cost <= limit));
    demand(is_affordable, Removal::MaxCost)?;
    demand(entry.has_credential, Removal::NoCredential)?;
    let position = scale.position(entry.strength);
    let latency = health.latency.get(entry.id).map(|it| it.expected_micros(output));
    let Entry { id, rank, weight, strength, .. } = *entry;
    Ok(Contender { id, model, rank, weight, position, strength, cost, latency })
}

/// Whether its provider may have kept what the request goes on with, if it goes on with anything.
fn may_have_kept(entry: &Entry<'_>, constraints: &Constraints) -> bool {
    let is_keeper = constraints.kept_by.as_ref().is_none_or(|keeper| keeper.as_str() == entry.id.provider());
    let may_have_answer = is_keeper && entry.provider.is_some_and(Provider::takes_responses);
    (!constraints.kept_state || may_have_answer)
        && (!constraints.kept_thread || entry.provider.is_some_and(Provider::takes_messages))
}

fn is_provider_wanted(entry: &Entry<'_>, facts: &Facts) -> bool {
    let (only, ignored) = (&facts.constraints.only_providers, &facts.constraints.ignored_providers);
    let slug = entry.id.provider();
    (only.is_empty() || only.iter().any(|it| it.as_str() == slug)) && !ignored.iter().any(|it| it.as_str() == slug)
}

fn supports(model: &Model, features: &Features) -> Result<(), Removal> {
    let takes = |ability, modality| model.can(ability) || model.input_modalities.contains(&modality);
    let reads_all = (!features.has_images || takes(Ability::Vision, Modality::Image))
        && (!features.has_audio || takes(Ability::Audio, Modality::Audio))
        && (!features.has_files || takes(Ability::Files, Modality::File));
    if !reads_all || !is_chat(model) {
        return Err(Removal::Modality);
    }
    if features.has_tools && !model.can(Ability::Tools) {
        return Err(Removal::Tools);
    }
    if features.forces_tool && !model.can(Ability::Tools) {
        return Err(Removal::ToolChoice);
    }
    let formats = match features.output_format {
        OutputFormat::Text => true,
        OutputFormat::JsonObject => model.can(Ability::JsonObject),
        OutputFormat::JsonSchema => model.can(Ability::JsonSchema),
    };
    if !formats {
        return Err(Removal::StructuredOutput);
    }
    let knows_all = model
        .supported_parameters
        .as_ref()
        .is_none_or(|known| features.parameters.iter().all(|parameter| known.contains(parameter)));
    if knows_all { Ok(()) } else { Err(Removal::Parameter) }
}

fn fits(model: &Model, features: &Features) -> Result<(), Removal> {
    let wanted = features.max_output_tokens.unwrap_or(0);
    if model.context_length.is_some_and(|limit| features.input_tokens.saturating_add(wanted) > limit) {
        return Err(Removal::ContextLength);
    }
    if model.max_output_tokens.is_some_and(|limit| wanted > limit) {
        return Err(Removal::OutputLength);
    }
    Ok(())
}

/// Whether a model, at its provider, is known to promise what a request demands of privacy: what is not known is not
/// promised.
///
/// # Errors
/// The promise that is missing.
pub fn keeps_privacy(model: &Model, provider: Option<&Provider>, constraints: &Constraints) -> Result<(), Removal> {
    let keeps_nothing =
        model.zero_data_retention.or_else(|| provider.and_then(|provider| provider.zero_data_retention));
    if constraints.zero_data_retention && keeps_nothing != Some(true) {
        return Err(Removal::Zdr);
    }
    if constraints.deny_data_collection && provider.and_then(|provider| provider.collects_data) != Some(false) {
        return Err(Removal::DataCollection);
    }
    Ok(())
}

/// The requested maximum, else the scorer's median, else 512; never more than the model can write.
fn expected_output(model: &Model, features: &Features, median_output: Option<u32>) -> u64 {
    let median = median_output.filter(|tokens| *tokens > 0).map(u64::from);
    let wanted = features.max_output_tokens.or(median).unwrap_or(DEFAULT_OUTPUT_TOKENS);
    model.max_output_tokens.map_or(wanted, |limit| wanted.min(limit))
}
