//! A request as it is given to `explain`, and the question to the engine that it comes to.

use std::collections::BTreeMap;

use bytes::Bytes;
use dialect::error::{ErrorBody, Source};
use dialect::{BadRequest, Dialect, Request, Surface, Target};
use domain::{Facts, Labels, ModelId, Previous, RouterId};
use proto::pb::admin::v1 as pb;
use proto::pb::routing::v1 as routing;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A request; only `body` is required.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    #[serde(default)]
    path: Option<String>,
    /// A router by name or id, instead of the path that names its id.
    #[serde(default)]
    router: Option<String>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Who answered the turn before.
    #[serde(default)]
    previous: Option<ModelId>,
    body: Box<RawValue>,
}

/// What is put in the place of what would be found.
#[derive(Default)]
pub(super) struct Injected {
    /// Decide by this policy.
    pub(super) policy: Option<String>,
    /// Instead of the scorer's.
    pub(super) complexity: Option<f64>,
    /// Instead of the scorer's.
    pub(super) difficulty: Option<f64>,
    pub(super) capabilities: Vec<routing::Capability>,
}

impl Given {
    /// The question to the engine, or the error object that the gateway would send for such a body.
    pub(super) fn question(&self, injected: Injected) -> Result<pb::ExplainRequest, Vec<u8>> {
        self.decoded(injected).map_err(|fault| error_object(&fault))
    }

    fn decoded(&self, injected: Injected) -> Result<pb::ExplainRequest, BadRequest> {
        let surface = self.path.as_deref().and_then(Surface::of);
        let (dialect, target) = surface.map_or((Dialect::Openai, Target::default()), |it| (it.dialect, it.target));
        let request = Request::decode(dialect, Bytes::from(self.body.get().to_owned()), target)?;
        let facts = Facts {
            features: request.features().clone(),
            requested_model: request.model().map(str::to_owned),
            constraints: request.constraints(),
            allowed_models: Vec::new(),
            labels: self.labels(&request)?,
            instructions: request.extensions().routing.instructions.clone(),
        };
        let extensions = request.extensions();
        let input = request.scorer_input();
        Ok(pb::ExplainRequest {
            organisation: None,
            key: self.key.clone(),
            router: self.router.clone().or_else(|| self.path.as_deref().and_then(router_of)),
            routing_policy: extensions.routing_policy_id.clone().or_else(|| self.header("x-routing-policy-id")),
            project: extensions.project_id.clone().or_else(|| self.header("x-project-id")),
            policy: injected.policy,
            facts: Some((&facts).into()),
            text: input.text,
            context: input.context,
            truncated: input.truncated,
            complexity: injected.complexity,
            difficulty: injected.difficulty,
            capabilities: injected.capabilities,
            seed: None,
            models: extensions.models.clone().unwrap_or_default(),
            influences: false,
            previous: self.turn_before(&request).as_ref().map(Into::into),
        })
    }

    fn turn_before(&self, request: &Request) -> Option<Previous> {
        let history = request.history();
        Some(Previous {
            session: self.header("x-session-id").unwrap_or_else(|| "of this request".to_owned()),
            model: self.previous.clone()?,
            cached_tokens: history.as_ref().map_or(0, |it| it.earlier_tokens),
            in_tool_loop: history.as_ref().is_some_and(|it| it.in_tool_loop),
        })
    }

    /// What rules read of the request; key and project are found by the engine.
    fn labels(&self, request: &Request) -> Result<Labels, BadRequest> {
        let headers = || self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        request.labels(&request.tags(headers())?, headers())
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    }
}

/// The router of a path such as `/rtr_…/chat/completions`.
fn router_of(path: &str) -> Option<String> {
    let first = path.trim_start_matches('/').split('/').next()?;
    first.starts_with(RouterId::PREFIX).then(|| first.to_owned())
}

/// What the gateway would send for a body that it refuses.
fn error_object(fault: &BadRequest) -> Vec<u8> {
    let body = ErrorBody {
        status: 400,
        message: &fault.message,
        kind: "invalid_request_error",
        param: fault.param.as_deref(),
        code: Some(fault.code),
        source: Source::Gateway,
        provider: None,
        request_id: None,
        own_type: None,
        details: fault.details(),
        extra: &[("status", b"400")],
    };
    body.to_json(Dialect::Openai).to_vec()
}
