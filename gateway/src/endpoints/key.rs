//! `GET /v1/key`: what the calling key may do, what it has used, and what its budgets have left.

use domain::{Budget, BudgetMode, BudgetPeriod, Limits, ModelId, Money, ProjectId, Timestamp};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use limits::{BudgetStatus, Now, Usage};
use serde::Serialize;

use crate::app::App;
use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::error::Failure;
use crate::pipeline::limits::demand;
use crate::spend;

/// Answers with the caller's own key.
pub(crate) async fn answer(app: &App, context: &RequestContext) -> Response<GatewayBody> {
    match look(app, context).await {
        Ok(body) => {
            let mut response = Response::new(GatewayBody::full(body));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(failure) => context.voice.response(&failure),
    }
}

async fn look(app: &App, context: &RequestContext) -> Result<Vec<u8>, Failure> {
    let (key, tenant) = (&context.key, context.tenant().ok_or(Failure::NotReady)?);
    let project = key.project.as_ref().and_then(|id| tenant.projects.get(id)).map(AsRef::as_ref);
    let demand = demand(key, project, tenant, None);
    let now = || Now { wall: context.now, monotonic: app.clock.monotonic() };
    app.spend.recall(app).await;
    let (usage, budgets) = spend::informed(app, context.now, &demand.organisation, || app.limiter.look(now(), &demand))
        .await
        .map_err(|_| Failure::LimitsUnavailable)?;
    let answer = Answer {
        object: "key",
        id: key.id.as_str(),
        name: &key.name,
        project: key.project.as_ref(),
        expires_at: key.expires_at.map(|at| at.to_string()),
        allowed_models: &key.allowed_models,
        limits: key.limits,
        per_user: key.per_user,
        usage: usage.into(),
        budgets: budgets.iter().map(Into::into).collect(),
    };
    serde_json::to_vec(&answer).map_err(|_| Failure::Internal)
}

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    id: &'a str,
    name: &'a str,
    project: Option<&'a ProjectId>,
    expires_at: Option<String>,
    /// Empty = all.
    allowed_models: &'a [ModelId],
    limits: Limits,
    per_user: Limits,
    usage: UsageAnswer,
    budgets: Vec<BudgetAnswer<'a>>,
}

/// The window as it stands: tokens of the last hour with what is reserved, requests of the last minute.
#[derive(Serialize)]
struct UsageAnswer {
    total_tokens: u64,
    input_tokens: u64,
    output_tokens: u64,
    requests: u64,
    concurrent_requests: u64,
}

impl From<Usage> for UsageAnswer {
    fn from(usage: Usage) -> Self {
        Self {
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            requests: usage.requests,
            concurrent_requests: usage.running,
        }
    }
}

#[derive(Serialize)]
struct BudgetAnswer<'a> {
    /// `key`, `project` or `organisation`.
    scope: &'static str,
    id: &'a str,
    amount_usd: Money,
    period: BudgetPeriod,
    mode: BudgetMode,
    spent_usd: Money,
    /// What running requests may cost besides.
    reserved_usd: Money,
    resets_at: Option<String>,
}

impl<'a> From<&'a BudgetStatus> for BudgetAnswer<'a> {
    fn from(status: &'a BudgetStatus) -> Self {
        let BudgetStatus { spender, budget: Budget { amount, period, mode }, spent, reserved, until } = status;
        Self {
            scope: spender.kind(),
            id: spender.id(),
            amount_usd: *amount,
            period: *period,
            mode: *mode,
            spent_usd: *spent,
            reserved_usd: *reserved,
            resets_at: until.map(|until: Timestamp| until.to_string()),
        }
    }
}
