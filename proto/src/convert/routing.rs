//! What a gateway asks of the engine and what it is told.
//!
//! [`DecideCall`] and [`DecideAnswer`] are the messages as domain types. The decision record travels as JSON, the form
//! in which it is kept; what the message repeats beside it must agree with it.

use domain::{
    AttemptOutcome, CapabilityTag, Constraints, CredentialId, CredentialState, Decision, Degradation, Facts, Features,
    Labels, MinQuality, ModelId, OrganisationId, OutputFormat, OutputTokens, Previous, RequestId, Route, Score,
    ScorerInput, SnapshotVersion, Timestamp,
};

use super::{
    ConvertError, Converted, closed, document, finite, fraction, money, parse, parse_each, parse_optional,
    read_document, required, same_variants, texts,
};
use crate::pb::routing::v1 as pb;
use crate::pb::routing::v1::route::{Models, Route as RouteKind};

/// Everything that the engine needs to decide, beside the configuration it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideCall {
    /// Whose request it is.
    pub organisation: OrganisationId,
    /// Where candidates come from.
    pub route: Route,
    /// What is known of the request.
    pub facts: Facts,
    /// What the scorer reads.
    pub text: String,
    /// The user turn before it, or its end; empty where there was none.
    pub context: String,
    /// The text is not the whole prompt.
    pub truncated: bool,
    /// Candidates whose breaker is open at the caller.
    pub unhealthy: Vec<ModelId>,
    /// The conversation's previous turn.
    pub previous: Option<Previous>,
    /// The configuration that the caller holds.
    pub version: SnapshotVersion,
    /// The seed of every draw.
    pub seed: RequestId,
    /// The caller's time.
    pub now: Timestamp,
}

/// What the engine says.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideAnswer {
    /// The score, unless scoring failed.
    pub score: Option<Score>,
    /// The decision, unless the configurations differ or no candidate was left.
    pub decision: Option<Decision>,
    /// The engine's configuration.
    pub version: SnapshotVersion,
    /// What was missing.
    pub degraded: Option<Degradation>,
}

/// How one call to a model went.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeReport {
    /// Whose request it was.
    pub organisation: OrganisationId,
    /// The model called.
    pub model: ModelId,
    /// With which secret.
    pub credential: Option<CredentialId>,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// From the call to its end, in microseconds.
    pub latency_micros: u64,
    /// From the call to the first content event, in microseconds.
    pub first_token_micros: Option<u64>,
    /// How many tokens were written.
    pub output_tokens: Option<u64>,
    /// When it ended.
    pub at: Timestamp,
}

same_variants!(pb::CredentialState, CredentialState, [Healthy, Degraded, Unavailable]);
same_variants!(pb::OutputFormat, OutputFormat, [Text, JsonObject, JsonSchema]);
same_variants!(
    pb::AttemptOutcome,
    AttemptOutcome,
    [
        Ok,
        ConnectFailed,
        TlsFailed,
        Disconnected,
        Interrupted,
        Timeout,
        RateLimited,
        Overloaded,
        ServerError,
        BadAnswer,
        Unauthorised,
        ModelNotFound,
        ContextLength,
        Refused,
        Cancelled,
        NotSent,
    ]
);

// === Facts ===

impl From<&Features> for pb::Features {
    fn from(it: &Features) -> Self {
        Self {
            input_tokens: it.input_tokens,
            max_output_tokens: it.max_output_tokens,
            stream: it.stream,
            has_tools: it.has_tools,
            forces_tool: it.forces_tool,
            has_images: it.has_images,
            has_audio: it.has_audio,
            has_files: it.has_files,
            output_format: pb::OutputFormat::from(it.output_format).into(),
            turns: it.turns,
            system_bytes: it.system_bytes,
            parameters: it.parameters.clone(),
        }
    }
}

impl TryFrom<pb::Features> for Features {
    type Error = ConvertError;
    fn try_from(it: pb::Features) -> Converted<Self> {
        let output_format = if it.output_format == i32::from(pb::OutputFormat::Unspecified) {
            OutputFormat::Text
        } else {
            closed::<pb::OutputFormat, _>("output_format", it.output_format)?
        };
        Ok(Self {
            input_tokens: it.input_tokens,
            max_output_tokens: it.max_output_tokens,
            stream: it.stream,
            has_tools: it.has_tools,
            forces_tool: it.forces_tool,
            has_images: it.has_images,
            has_audio: it.has_audio,
            has_files: it.has_files,
            output_format,
            turns: it.turns,
            system_bytes: it.system_bytes,
            parameters: it.parameters,
        })
    }
}

impl From<&Constraints> for pb::Constraints {
    fn from(it: &Constraints) -> Self {
        Self {
            models: texts(&it.models),
            only_providers: texts(&it.only_providers),
            ignored_providers: texts(&it.ignored_providers),
            deny_data_collection: it.deny_data_collection,
            zero_data_retention: it.zero_data_retention,
            kept_state: it.kept_state,
            kept_by: it.kept_by.as_ref().map(ToString::to_string),
            kept_thread: it.kept_thread,
            max_cost: it.max_cost.map(|cost| cost.to_string()),
            min_quality: it.min_quality.map(MinQuality::get),
        }
    }
}

impl TryFrom<pb::Constraints> for Constraints {
    type Error = ConvertError;
    fn try_from(it: pb::Constraints) -> Converted<Self> {
        let min_quality = it.min_quality.map(MinQuality::try_new);
        Ok(Self {
            models: parse_each("models", &it.models)?,
            only_providers: parse_each("only_providers", &it.only_providers)?,
            ignored_providers: parse_each("ignored_providers", &it.ignored_providers)?,
            deny_data_collection: it.deny_data_collection,
            zero_data_retention: it.zero_data_retention,
            kept_state: it.kept_state,
            kept_by: parse_optional("kept_by", it.kept_by.as_deref())?,
            kept_thread: it.kept_thread,
            max_cost: money("max_cost", it.max_cost.as_deref())?,
            min_quality: min_quality.transpose().map_err(|fault| ConvertError::new("min_quality", fault))?,
        })
    }
}

impl From<&Facts> for pb::Facts {
    fn from(it: &Facts) -> Self {
        Self {
            features: Some((&it.features).into()),
            requested_model: it.requested_model.clone(),
            constraints: Some((&it.constraints).into()),
            allowed_models: texts(&it.allowed_models),
            labels_json: document(&it.labels, it.labels == Labels::default()),
            instructions: it.instructions.clone(),
        }
    }
}

impl TryFrom<pb::Facts> for Facts {
    type Error = ConvertError;
    fn try_from(it: pb::Facts) -> Converted<Self> {
        let features: Converted<Features> = it.features.unwrap_or_default().try_into();
        let constraints: Converted<Constraints> = it.constraints.unwrap_or_default().try_into();
        Ok(Self {
            features: features.map_err(|error| error.within("features"))?,
            requested_model: it.requested_model,
            constraints: constraints.map_err(|error| error.within("constraints"))?,
            allowed_models: parse_each("allowed_models", &it.allowed_models)?,
            labels: read_document("labels_json", &it.labels_json)?,
            instructions: it.instructions,
        })
    }
}

impl From<&Previous> for pb::Previous {
    fn from(it: &Previous) -> Self {
        Self {
            session: it.session.clone(),
            model: it.model.to_string(),
            cached_tokens: it.cached_tokens,
            in_tool_loop: it.in_tool_loop,
        }
    }
}

impl TryFrom<pb::Previous> for Previous {
    type Error = ConvertError;
    fn try_from(it: pb::Previous) -> Converted<Self> {
        Ok(Self {
            session: it.session,
            model: parse("model", &it.model)?,
            cached_tokens: it.cached_tokens,
            in_tool_loop: it.in_tool_loop,
        })
    }
}

impl From<&Route> for pb::Route {
    fn from(route: &Route) -> Self {
        let kind = match route {
            Route::Policy(id) => RouteKind::PolicyId(id.to_string()),
            Route::Router(id) => RouteKind::RouterId(id.to_string()),
            Route::List(models) => RouteKind::Models(Models { models: texts(models) }),
            Route::Direct(model) => RouteKind::Direct(model.to_string()),
        };
        Self { route: Some(kind) }
    }
}

impl TryFrom<pb::Route> for Route {
    type Error = ConvertError;
    fn try_from(route: pb::Route) -> Converted<Self> {
        Ok(match required("kind", route.route)? {
            RouteKind::PolicyId(id) => Self::Policy(parse("policy_id", &id)?),
            RouteKind::RouterId(id) => Self::Router(parse("router_id", &id)?),
            RouteKind::Models(it) => Self::List(parse_each("models", &it.models)?),
            RouteKind::Direct(model) => Self::Direct(parse("direct", &model)?),
        })
    }
}

// === Scores ===

impl From<&ScorerInput> for pb::ScorerInput {
    fn from(it: &ScorerInput) -> Self {
        Self {
            text: it.text.clone(),
            truncated: it.truncated,
            features: Some((&it.features).into()),
            context: it.context.clone(),
        }
    }
}

impl TryFrom<pb::ScorerInput> for ScorerInput {
    type Error = ConvertError;
    fn try_from(it: pb::ScorerInput) -> Converted<Self> {
        let features: Converted<Features> = it.features.unwrap_or_default().try_into();
        Ok(Self {
            text: it.text,
            context: it.context,
            truncated: it.truncated,
            features: features.map_err(|error| error.within("features"))?,
        })
    }
}

/// Writes tags with their probabilities.
pub fn capabilities_to_pb(capabilities: &[(CapabilityTag, f64)]) -> Vec<pb::Capability> {
    capabilities
        .iter()
        .map(|(tag, probability)| pb::Capability { tag: tag.to_string(), probability: *probability })
        .collect()
}

/// Reads tags with their probabilities, each 0..=1.
pub fn capabilities_from_pb(capabilities: &[pb::Capability]) -> Result<Vec<(CapabilityTag, f64)>, ConvertError> {
    let read = |(index, it): (usize, &pb::Capability)| {
        let field = |name| format!("capabilities[{index}].{name}");
        Ok((parse(&field("tag"), &it.tag)?, fraction(&field("probability"), it.probability)?))
    };
    capabilities.iter().enumerate().map(read).collect()
}

impl From<&Score> for pb::Score {
    fn from(it: &Score) -> Self {
        Self {
            complexity: it.complexity,
            difficulty: it.difficulty,
            capabilities: capabilities_to_pb(&it.capabilities),
            expected_output_tokens_p50: it.expected_output_tokens.p50,
            expected_output_tokens_p90: it.expected_output_tokens.p90,
            uncertainty: it.uncertainty,
            truncated: it.truncated,
            micros: it.micros,
            version: it.version.to_string(),
        }
    }
}

impl TryFrom<pb::Score> for Score {
    type Error = ConvertError;
    fn try_from(it: pb::Score) -> Converted<Self> {
        Ok(Self {
            complexity: fraction("complexity", it.complexity)?,
            difficulty: finite("difficulty", it.difficulty)?,
            capabilities: capabilities_from_pb(&it.capabilities)?,
            expected_output_tokens: OutputTokens {
                p50: it.expected_output_tokens_p50,
                p90: it.expected_output_tokens_p90,
            },
            uncertainty: finite("uncertainty", it.uncertainty)?,
            truncated: it.truncated,
            micros: it.micros,
            version: it.version.into(),
        })
    }
}

// === Decisions ===

impl From<&DecideCall> for pb::DecideRequest {
    fn from(it: &DecideCall) -> Self {
        Self {
            organisation: it.organisation.to_string(),
            route: Some((&it.route).into()),
            facts: Some((&it.facts).into()),
            text: it.text.clone(),
            context: it.context.clone(),
            truncated: it.truncated,
            unhealthy: texts(&it.unhealthy),
            previous: it.previous.as_ref().map(Into::into),
            version: Some(it.version.into()),
            seed: it.seed.to_string(),
            now_micros: it.now.unix_micros(),
        }
    }
}

impl TryFrom<pb::DecideRequest> for DecideCall {
    type Error = ConvertError;
    fn try_from(it: pb::DecideRequest) -> Converted<Self> {
        let facts: Converted<Facts> = required("facts", it.facts)?.try_into();
        let route: Converted<Route> = required("route", it.route)?.try_into();
        let previous: Option<Converted<Previous>> = it.previous.map(TryInto::try_into);
        Ok(Self {
            organisation: parse("organisation", &it.organisation)?,
            route: route.map_err(|error| error.within("route"))?,
            facts: facts.map_err(|error| error.within("facts"))?,
            text: it.text,
            context: it.context,
            truncated: it.truncated,
            unhealthy: parse_each("unhealthy", &it.unhealthy)?,
            previous: previous.transpose().map_err(|error| error.within("previous"))?,
            version: required("version", it.version)?.into(),
            seed: parse("seed", &it.seed)?,
            now: Timestamp(it.now_micros),
        })
    }
}

impl TryFrom<&Decision> for pb::Decision {
    type Error = ConvertError;
    fn try_from(it: &Decision) -> Converted<Self> {
        Ok(Self {
            selected_model: it.selected_model.to_string(),
            candidates: it.candidates.iter().map(|candidate| candidate.model.to_string()).collect(),
            reason: it.reason.clone(),
            record_json: serde_json::to_vec(it).map_err(|error| ConvertError::new("record_json", error))?,
        })
    }
}

impl TryFrom<pb::Decision> for Decision {
    type Error = ConvertError;
    fn try_from(it: pb::Decision) -> Converted<Self> {
        let decision: Self =
            serde_json::from_slice(&it.record_json).map_err(|error| ConvertError::new("record_json", error))?;
        if decision.selected_model.as_str() != it.selected_model {
            return Err(ConvertError::new(
                "selected_model",
                format_args!("is `{}` but the record says `{}`", it.selected_model, decision.selected_model),
            ));
        }
        let recorded = decision.candidates.iter().map(|candidate| candidate.model.as_str());
        if !recorded.eq(it.candidates.iter().map(String::as_str)) {
            return Err(ConvertError::new("candidates", "are not those of the record, in its order"));
        }
        Ok(decision)
    }
}

impl TryFrom<&DecideAnswer> for pb::DecideResponse {
    type Error = ConvertError;
    fn try_from(it: &DecideAnswer) -> Converted<Self> {
        Ok(Self {
            score: it.score.as_ref().map(Into::into),
            decision: it.decision.as_ref().map(TryInto::try_into).transpose()?,
            version: Some(it.version.into()),
            degraded: it.degraded.map(|degraded| degraded.as_str().to_owned()),
        })
    }
}

impl TryFrom<pb::DecideResponse> for DecideAnswer {
    type Error = ConvertError;
    fn try_from(it: pb::DecideResponse) -> Converted<Self> {
        let score: Option<Converted<Score>> = it.score.map(TryInto::try_into);
        let decision: Option<Converted<Decision>> = it.decision.map(TryInto::try_into);
        Ok(Self {
            score: score.transpose().map_err(|error| error.within("score"))?,
            decision: decision.transpose().map_err(|error| error.within("decision"))?,
            version: required("version", it.version)?.into(),
            degraded: it.degraded.as_deref().map(degradation).transpose()?,
        })
    }
}

fn degradation(text: &str) -> Converted<Degradation> {
    [Degradation::Engine, Degradation::Scorer, Degradation::Limits]
        .into_iter()
        .find(|known| known.as_str() == text)
        .ok_or_else(|| ConvertError::new("degraded", format_args!("`{text}` is not engine, scorer or limits")))
}

// === Reports ===

/// How a provider secret does at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialReport {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Which.
    pub credential: CredentialId,
    /// How it does.
    pub state: CredentialState,
}

impl From<&CredentialReport> for pb::CredentialReport {
    fn from(it: &CredentialReport) -> Self {
        Self {
            organisation: it.organisation.to_string(),
            credential: it.credential.to_string(),
            state: pb::CredentialState::from(it.state).into(),
        }
    }
}

impl TryFrom<pb::CredentialReport> for CredentialReport {
    type Error = ConvertError;
    fn try_from(it: pb::CredentialReport) -> Converted<Self> {
        Ok(Self {
            organisation: parse("organisation", &it.organisation)?,
            credential: parse("credential", &it.credential)?,
            state: closed::<pb::CredentialState, _>("state", it.state)?,
        })
    }
}

impl From<&OutcomeReport> for pb::OutcomeReport {
    fn from(it: &OutcomeReport) -> Self {
        Self {
            organisation: it.organisation.to_string(),
            model: it.model.to_string(),
            credential: it.credential.as_ref().map(ToString::to_string),
            outcome: pb::AttemptOutcome::from(it.outcome).into(),
            latency_micros: it.latency_micros,
            first_token_micros: it.first_token_micros,
            output_tokens: it.output_tokens,
            at_micros: it.at.unix_micros(),
        }
    }
}

impl TryFrom<pb::OutcomeReport> for OutcomeReport {
    type Error = ConvertError;
    fn try_from(it: pb::OutcomeReport) -> Converted<Self> {
        Ok(Self {
            organisation: parse("organisation", &it.organisation)?,
            model: parse("model", &it.model)?,
            credential: parse_optional("credential", it.credential.as_deref())?,
            outcome: closed::<pb::AttemptOutcome, _>("outcome", it.outcome)?,
            latency_micros: it.latency_micros,
            first_token_micros: it.first_token_micros,
            output_tokens: it.output_tokens,
            at: Timestamp(it.at_micros),
        })
    }
}
