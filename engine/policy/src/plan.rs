//! From a route to its candidates: who may be chosen at all, in what order they were configured, by which strategy.
//!
//! Nothing is removed here but what was never meant: disabled models stay in, so that the record can say so.
//! Whether a candidate can take the request is the business of `eligible`.

use domain::{
    Ability, Axis, Blend, BlendId, Candidates, Dial, Modality, Model, ModelId, Policy, PolicyId, Provider, Route,
    Router, Strategy, Tenant,
};

use crate::capability::{self, Strength};
use crate::refusal::{Refusal, quoted};

/// How eligible candidates are put in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order<'a> {
    /// As they stand.
    Given,
    /// Ascending rank, equals by weighted draw: `priority` and `split`.
    Ranked,
    /// Ascending expected cost.
    Cheapest,
    /// Ascending observed latency.
    Fastest,
    /// Descending score in a blend; `None` when the blend is gone.
    Blended(Option<&'a Blend>),
    /// By fit to the prompt's complexity.
    Intelligent(Axis),
    /// By chance of success against cost; abilities come from the blend, if one is named and still there.
    Optimal(Option<&'a Blend>, Dial),
}

/// A candidate as configured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) id: &'a ModelId,
    /// Absent when it is no longer in the catalogue.
    pub(crate) model: Option<&'a Model>,
    pub(crate) provider: Option<&'a Provider>,
    pub(crate) has_credential: bool,
    /// Lower ranks are tried first.
    pub(crate) rank: u32,
    /// Share among equal ranks.
    pub(crate) weight: f64,
    pub(crate) strength: Strength,
}

impl Entry<'_> {
    pub(crate) fn is_enabled(&self) -> bool {
        self.model.is_some_and(|model| model.enabled)
    }

    /// Whether requests can be put into its provider's dialect. A provider that is gone is somebody else's fault.
    pub(crate) fn is_routable(&self) -> bool {
        self.provider.is_none_or(|provider| provider.dialect.is_routable())
    }
}

/// What a route comes to.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) policy: Option<&'a Policy>,
    pub(crate) router: Option<&'a Router>,
    /// What the record calls the strategy.
    pub(crate) strategy: &'static str,
    pub(crate) order: Order<'a>,
    /// Somebody wrote the order down: the chain may be tried to its end.
    pub(crate) is_explicit: bool,
    pub(crate) entries: Vec<Entry<'a>>,
}

impl Plan<'_> {
    /// Whether each request is drawn for itself.
    pub(crate) fn is_split(&self) -> bool {
        self.strategy == Strategy::<BlendId>::Split {}.as_str()
    }

    /// Whether somebody wrote the order down.
    pub(crate) fn is_given(&self) -> bool {
        self.order == Order::Given
    }

    /// What people call the source of the candidates.
    pub(crate) fn scope(&self) -> &str {
        match (self.policy, self.router, self.entries.first()) {
            (Some(policy), _, _) => &policy.name,
            (None, Some(router), _) => &router.name,
            (None, None, Some(entry)) if self.entries.len() == 1 => entry.id.as_str(),
            (None, None, _) => "the request's list",
        }
    }
}

/// Where candidates come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// A policy, ordered by a strategy of its own or of its rules, over a router's models if it came through one.
    Policy { policy: &'a Policy, strategy: &'a Strategy, router: Option<&'a Router> },
    /// A router that names no policy.
    Router(&'a Router),
    /// The request's own list.
    List(&'a [ModelId]),
    /// The model that the request names.
    Direct(&'a ModelId),
}

impl<'a> Source<'a> {
    fn router(&self) -> Option<&'a Router> {
        match self {
            Self::Policy { router, .. } => *router,
            Self::Router(router) => Some(router),
            Self::List(_) | Self::Direct(_) => None,
        }
    }
}

/// Finds where a route leads, before any rule.
pub(crate) fn source<'a>(tenant: &'a Tenant, route: &'a Route) -> Result<Source<'a>, Refusal> {
    let by_policy = |policy: &'a Policy, router| Source::Policy { policy, strategy: &policy.strategy, router };
    match route {
        Route::Policy(id) => Ok(by_policy(policy_of(tenant, id, "the request's route")?, None)),
        Route::Router(id) => {
            let router = tenant.routers.get(id).map(AsRef::as_ref);
            let router = router.ok_or_else(|| Refusal::RouterNotFound { router: quoted(id.as_str()) })?;
            match &router.policy {
                Some(id) => Ok(by_policy(policy_of(tenant, id, "the router")?, Some(router))),
                None => Ok(Source::Router(router)),
            }
        }
        Route::List(models) => Ok(Source::List(models)),
        Route::Direct(model) => Ok(Source::Direct(model)),
    }
}

/// Finds the candidates of a source.
pub(crate) fn plan<'a>(tenant: &'a Tenant, source: Source<'a>) -> Plan<'a> {
    let mut shelf = Shelf::through(tenant, source.router());
    let mut plan = match source {
        Source::Policy { policy, strategy, router } => {
            let only = router.map(|router| router.models.as_slice());
            Plan { router, ..policy_plan(&mut shelf, policy, strategy, only) }
        }
        Source::Router(router) => Plan {
            router: Some(router),
            strategy: Strategy::<BlendId>::Intelligent { axis: Axis::Performance }.as_str(),
            order: Order::Intelligent(Axis::Performance),
            is_explicit: false,
            ..given(&mut shelf, "", &router.models)
        },
        Source::List(models) => given(&mut shelf, "list", models),
        Source::Direct(model) => given(&mut shelf, "direct", std::slice::from_ref(model)),
    };
    capability::infer(tenant, plan.router, &mut plan.entries);
    plan
}

/// Finds a policy that the configuration refers to.
pub(crate) fn policy_of<'a>(tenant: &'a Tenant, id: &PolicyId, whose: &'static str) -> Result<&'a Policy, Refusal> {
    let policy = tenant.policies.get(id).map(AsRef::as_ref);
    policy.ok_or_else(|| Refusal::PolicyMissing { policy: id.to_string(), whose })
}

fn given<'a>(shelf: &mut Shelf<'a>, strategy: &'static str, models: &'a [ModelId]) -> Plan<'a> {
    let entries = models.iter().map(|id| shelf.entry(id)).collect();
    Plan { policy: None, router: None, strategy, order: Order::Given, is_explicit: true, entries }
}

/// The plan of a policy by a strategy, over `only` these models if given. Ranks are those of the whole policy.
pub(crate) fn policy_plan<'a>(
    shelf: &mut Shelf<'a>,
    policy: &'a Policy,
    strategy: &'a Strategy,
    only: Option<&[ModelId]>,
) -> Plan<'a> {
    let is_wanted = |id: &ModelId| only.is_none_or(|models| models.contains(id));
    let is_listed = matches!(policy.candidates, Candidates::Listed(_));
    let blend_of = |id: &BlendId| shelf.tenant.blends.get(id).map(AsRef::as_ref);
    let (order, is_explicit) = match strategy {
        Strategy::Single { .. } => (Order::Given, true),
        Strategy::Priority {} => (Order::Ranked, is_listed),
        Strategy::Split {} => (Order::Ranked, false),
        Strategy::LowestCost {} => (Order::Cheapest, false),
        Strategy::LeastLatency {} => (Order::Fastest, false),
        Strategy::Blend { blend } => (Order::Blended(blend_of(blend)), false),
        Strategy::Intelligent { axis } => (Order::Intelligent(*axis), false),
        Strategy::Optimal(it) => (Order::Optimal(it.blend.as_ref().and_then(blend_of), it.dial), false),
    };
    let rank_of = |priority: Option<u32>, place: usize| match strategy {
        Strategy::Priority {} => priority.unwrap_or(place as u32),
        Strategy::Split {} => priority.unwrap_or(0),
        Strategy::Single { .. }
        | Strategy::LowestCost {}
        | Strategy::LeastLatency {}
        | Strategy::Blend { .. }
        | Strategy::Intelligent { .. }
        | Strategy::Optimal(_) => 0,
    };
    let entries = match (strategy, &policy.candidates) {
        (Strategy::Single { model }, _) => is_wanted(model).then(|| shelf.entry(model)).into_iter().collect(),
        (_, Candidates::Listed(models)) => models
            .iter()
            .enumerate()
            .filter(|(_, it)| is_wanted(&it.model))
            .map(|(place, it)| Entry {
                rank: rank_of(it.priority, place),
                weight: it.weight.unwrap_or(1.0),
                ..shelf.entry(&it.model)
            })
            .collect(),
        (_, Candidates::All) => shelf
            .callable_chat_models()
            .enumerate()
            .filter(|(_, entry)| is_wanted(entry.id))
            .map(|(place, entry)| Entry { rank: rank_of(None, place), ..entry })
            .collect(),
    };
    Plan { policy: Some(policy), router: None, strategy: strategy.as_str(), order, is_explicit, entries }
}

/// Whether a model answers with text. Embedding models are in the catalogue too.
pub(crate) fn is_chat(model: &Model) -> bool {
    let says_text = model.output_modalities.contains(&Modality::Text);
    says_text || (model.output_modalities.is_empty() && !model.can(Ability::Embeddings))
}

/// Looks models up, remembering the last provider: neighbours in a list mostly share one.
pub(crate) struct Shelf<'a> {
    tenant: &'a Tenant,
    /// Through which router the request came: it says whose secrets count.
    router: Option<&'a Router>,
    last: Option<(&'a str, Option<&'a Provider>, bool)>,
}

impl<'a> Shelf<'a> {
    pub(crate) fn new(tenant: &'a Tenant) -> Self {
        Self { tenant, router: None, last: None }
    }

    fn through(tenant: &'a Tenant, router: Option<&'a Router>) -> Self {
        Self { router, ..Self::new(tenant) }
    }

    pub(crate) fn entry(&mut self, id: &'a ModelId) -> Entry<'a> {
        let model = self.tenant.models.get(id).map(AsRef::as_ref);
        self.entry_of(id, model)
    }

    fn entry_of(&mut self, id: &'a ModelId, model: Option<&'a Model>) -> Entry<'a> {
        let (provider, has_credential) = self.provider(id);
        let strength = model.map_or(Strength::UNKNOWN, Strength::of);
        Entry { id, model, provider, has_credential, rank: 0, weight: 1.0, strength }
    }

    fn provider(&mut self, id: &'a ModelId) -> (Option<&'a Provider>, bool) {
        let slug = id.provider();
        if let Some((_, provider, has_credential)) = self.last.filter(|(known, _, _)| *known == slug) {
            return (provider, has_credential);
        }
        let provider = self.tenant.providers.get(slug).map(AsRef::as_ref);
        let has_credential = provider.is_some_and(|provider| {
            let source = self.router.map(|router| router.source_of(&provider.slug));
            self.tenant.can_open_from(provider, source)
        });
        self.last = Some((slug, provider, has_credential));
        (provider, has_credential)
    }

    /// Every chat model that is enabled and whose provider can be called, by id.
    pub(crate) fn callable_chat_models(&mut self) -> impl Iterator<Item = Entry<'a>> {
        let models = self.tenant.models.values().filter(|model| model.enabled && is_chat(model));
        let entries = models.map(|model| self.entry_of(&model.id, Some(model)));
        entries.filter(|entry| entry.has_credential && entry.is_routable())
    }
}
