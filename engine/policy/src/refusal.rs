//! Why a request gets no decision: what is wrong, how to mend it, and the status and type under which to say so.
//!
//! The caller writes the error in its own dialect; texts here are complete sentences for people.

use domain::{ModelId, Removal, Removed};

/// How many removed candidates or matches a message lists before it says "and N more".
const LISTED: usize = 8;
/// How much of a caller's own text a message repeats, in characters.
const QUOTED: usize = 80;

/// A request that cannot be routed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No model named, and no policy that would choose one.
    #[error(
        "the request names no model and no policy applies: set `model`, or give the project or the organisation a \
         default policy"
    )]
    ModelRequired,
    /// The named model is unknown or disabled.
    #[error("`{model}` is not an enabled model: GET /v1/models lists the models that this key may use")]
    ModelNotFound {
        /// The text that names no model, cut.
        model: String,
        /// Where it stands: `model` or `models[2]`.
        param: String,
    },
    /// A bare name that several enabled models have.
    #[error("`{model}` is the name of several models: write one of {} instead", listed(matches.iter()))]
    ModelAmbiguous {
        /// The bare name.
        model: String,
        /// The models that have it.
        matches: Vec<ModelId>,
        /// Where it stands: `model` or `models[2]`.
        param: String,
    },
    /// The request came through a router that does not have the model it names.
    #[error(
        "`{model}` is not one of the models of the router `{router}`: leave `model` out, set it to `auto`, or name one \
         of {}", listed(models.iter())
    )]
    ModelNotInRouter {
        /// The text that names none of the router's models, cut.
        model: String,
        /// The router's name.
        router: String,
        /// The router's models.
        models: Vec<ModelId>,
    },
    /// The path names an unknown router.
    #[error("there is no router `{router}`: check the path, or list the routers with `signalbox routers list`")]
    RouterNotFound {
        /// The text that names no router, cut.
        router: String,
    },
    /// The request names an unknown policy.
    #[error("there is no policy `{policy}`: check {param}, or list the policies with `signalbox policies list`")]
    PolicyNotFound {
        /// The text that names no policy, cut.
        policy: String,
        /// Where it stands: `model` or `routing_policy_id`.
        param: &'static str,
    },
    /// `model` and `routing_policy_id` name different policies.
    #[error(
        "`model` and `routing_policy_id` name different policies (`{alias}` and `{policy}`): send only one of them"
    )]
    PoliciesDiffer {
        /// The policy that `model` names.
        alias: String,
        /// The policy that `routing_policy_id` names.
        policy: String,
    },
    /// The configuration refers to a policy that is gone.
    #[error("the policy `{policy}` of {whose} no longer exists: give it another policy")]
    PolicyMissing {
        /// The policy's id.
        policy: String,
        /// Who refers to it: `the key`.
        whose: &'static str,
    },
    /// The request names a project that is not the organisation's.
    #[error(
        "there is no project `{project}`: check `project_id`; projects stand under `[[projects]]` of the configuration"
    )]
    ProjectNotFound {
        /// The text that names no project, cut.
        project: String,
    },
    /// The key is bound to another project than the one named.
    #[error(
        "this key belongs to another project than `{project}`: leave `project_id` out, or use a key of that project"
    )]
    ProjectNotAllowed {
        /// The project named.
        project: String,
    },
    /// The request's `models` and the candidates of `scope` have nothing in common.
    #[error("none of `models` is a candidate of `{scope}`: name at least one of {}", listed(candidates.iter()))]
    NothingInCommon {
        /// The policy's or router's name.
        scope: String,
        /// Its candidates.
        candidates: Vec<ModelId>,
    },
    /// The request's `models` is too long.
    #[error("`models` has {count} entries: at most {limit} are allowed")]
    TooManyModels {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The request turns a dial that only `optimal` has.
    #[error(
        "`routing.min_quality` is for policies with the strategy `optimal`, and `{scope}` decides by `{strategy}`: \
         leave it out, or use a policy that is optimal"
    )]
    NotOptimal {
        /// The policy's or router's name, the named model, or `the request's list`.
        scope: String,
        /// The strategy that decides.
        strategy: &'static str,
    },
    /// The request's own needs removed every candidate.
    #[error("no model of `{scope}` can take this request ({}): {}", reasons(removed), cure(removed))]
    NoEligibleModel {
        /// The policy's or router's name, the named model, or `the request's list`.
        scope: String,
        /// Every candidate and why it is out.
        removed: Vec<Removed>,
    },
    /// The key may use none of the candidates.
    #[error("this key may not use {}: add a model to the key's allowed models, or use another key", forbidden(removed))]
    NotAllowed {
        /// Every candidate and why it is out.
        removed: Vec<Removed>,
    },
    /// No candidate can be called at present.
    #[error("nothing of `{scope}` can be called at present ({}): {}", reasons(removed), cure(removed))]
    NoCandidate {
        /// The policy's or router's name, the named model, or `the request's list`.
        scope: String,
        /// Every candidate and why it is out; empty when there was none to begin with.
        removed: Vec<Removed>,
    },
}

impl Refusal {
    /// The error's `code`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ModelRequired => "model_required",
            Self::ModelNotFound { .. } => "model_not_found",
            Self::ModelAmbiguous { .. } => "model_ambiguous",
            Self::ModelNotInRouter { .. } => "model_not_in_router",
            Self::RouterNotFound { .. } => "router_not_found",
            Self::PolicyNotFound { .. } => "policy_not_found",
            Self::PoliciesDiffer { .. } => "policies_differ",
            Self::PolicyMissing { .. } => "policy_missing",
            Self::ProjectNotFound { .. } => "project_not_found",
            Self::ProjectNotAllowed { .. } => "project_not_allowed",
            Self::NothingInCommon { .. } => "no_models_in_common",
            Self::TooManyModels { .. } => "too_many_models",
            Self::NotOptimal { .. } => "invalid_value",
            Self::NoEligibleModel { .. } => "no_eligible_model",
            Self::NotAllowed { .. } => "model_not_allowed",
            Self::NoCandidate { .. } => "no_candidate",
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::ModelRequired
            | Self::ModelAmbiguous { .. }
            | Self::ModelNotInRouter { .. }
            | Self::PolicyNotFound { .. }
            | Self::PoliciesDiffer { .. }
            | Self::NothingInCommon { .. }
            | Self::TooManyModels { .. }
            | Self::NotOptimal { .. }
            | Self::NoEligibleModel { .. } => 400,
            Self::ProjectNotAllowed { .. } | Self::NotAllowed { .. } => 403,
            Self::ModelNotFound { .. } | Self::RouterNotFound { .. } | Self::ProjectNotFound { .. } => 404,
            Self::PolicyMissing { .. } | Self::NoCandidate { .. } => 503,
        }
    }

    /// The error's `type`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NoEligibleModel { .. } => "no_eligible_model",
            Self::PolicyMissing { .. } | Self::NoCandidate { .. } => "no_candidate",
            Self::ProjectNotAllowed { .. } | Self::NotAllowed { .. } => "permission_error",
            Self::ModelNotFound { .. } | Self::RouterNotFound { .. } | Self::ProjectNotFound { .. } => {
                "not_found_error"
            }
            Self::ModelRequired
            | Self::ModelAmbiguous { .. }
            | Self::ModelNotInRouter { .. }
            | Self::PolicyNotFound { .. }
            | Self::PoliciesDiffer { .. }
            | Self::NothingInCommon { .. }
            | Self::TooManyModels { .. }
            | Self::NotOptimal { .. } => "invalid_request_error",
        }
    }

    /// The request's field at fault, if one is.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::ModelRequired | Self::ModelNotInRouter { .. } => Some("model"),
            Self::ModelNotFound { param, .. } | Self::ModelAmbiguous { param, .. } => Some(param),
            Self::PolicyNotFound { param, .. } => Some(param),
            Self::PoliciesDiffer { .. } => Some("routing_policy_id"),
            Self::ProjectNotFound { .. } | Self::ProjectNotAllowed { .. } => Some("project_id"),
            Self::NothingInCommon { .. } | Self::TooManyModels { .. } => Some("models"),
            Self::NotOptimal { .. } => Some("routing.min_quality"),
            Self::RouterNotFound { .. }
            | Self::PolicyMissing { .. }
            | Self::NoEligibleModel { .. }
            | Self::NotAllowed { .. }
            | Self::NoCandidate { .. } => None,
        }
    }

    /// Every candidate and why it is out, where that is what happened.
    pub fn removed(&self) -> &[Removed] {
        match self {
            Self::NoEligibleModel { removed, .. }
            | Self::NotAllowed { removed }
            | Self::NoCandidate { removed, .. } => removed,
            _ => &[],
        }
    }

    /// Tells whose fault it is that every candidate of `scope` was removed.
    ///
    /// Candidates that are disabled, or reachable through the provider proxy only, are passed over: they would serve
    /// nobody. Of the others, one that meets every need but
    /// cannot be called makes it the platform's fault; else a single unmet need makes it the request's.
    pub(crate) fn nobody_left(scope: &str, removed: Vec<Removed>) -> Self {
        let serves_nobody = |reason: &Removal| matches!(reason, Removal::Disabled | Removal::ProxyOnly);
        let mut live = removed.iter().map(|it| it.reason).filter(|reason| !serves_nobody(reason)).peekable();
        let is_platform = |reason: Removal| {
            matches!(reason, Removal::NoCredential | Removal::Unhealthy | Removal::Unscored | Removal::MissingCoverage)
        };
        let scope = scope.to_owned();
        if live.peek().is_none() || live.clone().any(is_platform) {
            Self::NoCandidate { scope, removed }
        } else if live.any(Removal::is_the_requests_need) {
            Self::NoEligibleModel { scope, removed }
        } else {
            Self::NotAllowed { removed }
        }
    }
}

/// Cuts a caller's text to what a message may repeat.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

fn listed<'a>(models: impl ExactSizeIterator<Item = &'a ModelId>) -> String {
    join(models.map(|model| format!("`{model}`")))
}

fn forbidden(removed: &[Removed]) -> String {
    let forbidden: Vec<_> = removed.iter().filter(|it| it.reason == Removal::NotAllowed).collect();
    listed(forbidden.iter().map(|it| &it.model))
}

fn reasons(removed: &[Removed]) -> String {
    if removed.is_empty() {
        return "it has no candidates".to_owned();
    }
    join(removed.iter().map(|it| format!("{}: {}", it.model, it.reason.as_str())))
}

fn join(items: impl ExactSizeIterator<Item = String>) -> String {
    let hidden = items.len().saturating_sub(LISTED);
    let text = items.take(LISTED).collect::<Vec<_>>().join(", ");
    if hidden == 0 { text } else { format!("{text} and {hidden} more") }
}

/// The cure of what stands most in the way: of the reasons given, the one checked last came closest to passing.
fn cure(removed: &[Removed]) -> &'static str {
    let closest = removed.iter().map(|it| it.reason).filter(|reason| *reason != Removal::NotAllowed);
    closest.max_by_key(|reason| *reason as u8).map_or("add a model that has a credential", cure_of)
}

const fn cure_of(reason: Removal) -> &'static str {
    match reason {
        Removal::Disabled => "enable one of its models",
        Removal::ProxyOnly => "call its provider through the provider proxy, or name a model of another provider",
        Removal::NotAllowed => "add a model to the key's allowed models",
        Removal::Provider => "widen `provider.only` or `provider.ignore`",
        Removal::KeptState => {
            "send the whole conversation, not what a provider has kept of it, or add a model of a provider that keeps it"
        }
        Removal::Modality => "leave the images, audio or files out, or add a model that takes them",
        Removal::Tools => "leave `tools` out, or add a model that supports tools",
        Removal::ToolChoice => "leave `tool_choice` out, or add a model that supports it",
        Removal::StructuredOutput => "leave `response_format` out, or add a model that supports it",
        Removal::Parameter => "leave the unsupported parameters out, or add a model that supports them",
        Removal::ContextLength => "shorten the prompt, ask for less output, or add a model with a longer context",
        Removal::OutputLength => "ask for less output, or add a model with a longer output",
        Removal::Zdr => "leave `provider.zdr` out, or add a model known to keep no data",
        Removal::DataCollection => "leave `provider.data_collection` out, or add a provider known to collect no data",
        Removal::MaxCost => "raise `routing.max_cost_usd`, shorten the request, or add a cheaper model of known price",
        Removal::NoCredential => "add a credential for its provider",
        Removal::Unhealthy => "wait for its provider to recover",
        Removal::Instructions => "take what names it out of `routing.instructions`",
        Removal::Unscored => "add its scores to a benchmark of the blend, or give the blend a `fallback_model`",
        Removal::MissingCoverage => {
            "add the missing scores, choose another `missing` than `exclude`, or give the blend a `fallback_model`"
        }
    }
}
