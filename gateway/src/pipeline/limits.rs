//! Limits and budgets of a request: reserves before it is recorded and sent, settles when it has ended.
//!
//! The estimate is what it may consume at most: its input, the output that it asks for, and the price of the dearest
//! candidate that may answer. What falls under nothing is counted all the same, so that a limit set later finds the hour
//! before it.

mod headers;

use domain::{ApiKey, BudgetMode, Finished, ModelId, Pricing, Project, Tenant, Usage};
use limits::{Cap, Consumed, Demand, Estimate, Now, Refusal, Reservation, Spender, Status, User, UserDigest};

use crate::app::App;
use crate::error::Failure;
use crate::pipeline::settle::Settle;
use crate::spend;

pub(crate) use headers::Standing;

/// Output that is reserved for a request that names no maximum, where its model may write more.
const DEFAULT_OUTPUT: u64 = 4_096;

/// What a request says of itself that limits read.
pub(crate) struct Asked {
    pub(crate) input_tokens: u64,
    /// Of each answer.
    pub(crate) max_output_tokens: Option<u64>,
    /// How many answers; at least 1.
    pub(crate) answers: u64,
    /// `user`: whom the request is for, by the caller's own word.
    pub(crate) user: Option<String>,
}

impl Asked {
    /// What a request says, in whatever dialect.
    pub(crate) fn of(request: &dialect::Request) -> Self {
        let features = request.features();
        let user = request.member("user").and_then(|json| serde_json::from_slice::<String>(json).ok());
        let in_metadata = || {
            let metadata = request.member("metadata")?;
            serde_json::from_slice::<Metadata>(metadata).ok()?.user_id
        };
        let user = user.or_else(in_metadata);
        let (input_tokens, max_output_tokens) = (features.input_tokens, features.max_output_tokens);
        Self { input_tokens, max_output_tokens, answers: request.choices().max(1), user }
    }
}

/// Where Anthropic's dialect names the user.
#[derive(serde::Deserialize)]
struct Metadata {
    user_id: Option<String>,
}

/// What a request has reserved. Dropped, it is given back.
pub(crate) struct Hold {
    reservation: Reservation,
    /// The dearest known price, where the price of a candidate is not known.
    substitute: Option<Pricing>,
}

impl Hold {
    /// Ends it: what was billed is counted, and where nothing was all is given back.
    pub(crate) fn settle(self, app: &App, record: &Finished) {
        let Some(usage) = &record.usage else { return };
        let substitute = || self.substitute.as_ref().and_then(|pricing| pricing.cost(usage));
        let cost = record.cost.or_else(substitute).unwrap_or_default();
        let consumed = Consumed { input_tokens: usage.prompt_tokens, output_tokens: usage.completion_tokens, cost };
        let now = Now { wall: app.clock.wall(), monotonic: app.clock.monotonic() };
        self.reservation.settle(now, consumed);
    }
}

/// Reserves for the request whose decision has been noted, and leaves the reservation with its account.
///
/// # Errors
/// When a limit or a hard budget is reached, or it cannot be known whether one is.
pub(crate) async fn hold(settle: &mut Settle, asked: &Asked) -> Result<(), Failure> {
    let tenant = settle.context().tenant().ok_or(Failure::NotReady)?;
    let prospect = settle.decision().map_or_else(
        || prospect(tenant, &[], std::iter::empty, asked),
        |decision| {
            let candidates: Vec<&ModelId> = decision.candidates.iter().map(|it| &it.model).collect();
            prospect(tenant, &candidates, || decision.considered(), asked)
        },
    );
    hold_for(settle, prospect, asked.user.as_deref()).await
}

/// As [`hold`], for a request that goes to one model, or to none that is known.
pub(crate) async fn hold_undecided(settle: &mut Settle, model: Option<&ModelId>, asked: &Asked) -> Result<(), Failure> {
    let tenant = settle.context().tenant().ok_or(Failure::NotReady)?;
    let models: Vec<&ModelId> = model.into_iter().collect();
    let prospect = prospect(tenant, &models, std::iter::empty, asked);
    hold_for(settle, prospect, asked.user.as_deref()).await
}

async fn hold_for(settle: &mut Settle, prospect: Prospect, user: Option<&str>) -> Result<(), Failure> {
    settle.asked_for(user);
    let context = settle.context();
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    let project = settle.project().and_then(|id| tenant.projects.get(id)).map(AsRef::as_ref);
    let Prospect { estimate, substitute } = prospect;
    let demand = Demand { estimate, ..demand(&context.key, project, tenant, user) };
    match reserve(settle, demand).await {
        Ok(reservation) => {
            settle.stands(Standing::new(reservation.status, reservation.is_degraded));
            settle.holds(Hold { reservation, substitute });
            Ok(())
        }
        Err(refusal) => Err(failure(settle, refusal)),
    }
}

/// What the requests of a key fall under, with nothing asked for.
pub(crate) fn demand(key: &ApiKey, project: Option<&Project>, tenant: &Tenant, user: Option<&str>) -> Demand {
    let caps = [
        key.budget.map(|budget| Cap { spender: Spender::Key(key.id.clone()), budget }),
        project.and_then(|it| Some(Cap { spender: Spender::Project(it.id.clone()), budget: it.budget? })),
        tenant
            .organisation
            .budget
            .map(|budget| Cap { spender: Spender::Organisation(tenant.organisation.id.clone()), budget }),
    ];
    let user = user.filter(|user| !user.is_empty() && !key.per_user.is_empty());
    Demand {
        organisation: key.organisation.clone(),
        key: key.id.clone(),
        limits: key.limits,
        user: user.map(|user| User { digest: digest(user), limits: key.per_user }),
        caps: caps.into_iter().flatten().collect(),
        estimate: Estimate::default(),
    }
}

fn digest(user: &str) -> UserDigest {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(user.as_bytes()).as_bytes()[..16]);
    UserDigest(digest)
}

/// What a request may consume at most, and the price that stands in for one that is not known.
struct Prospect {
    estimate: Estimate,
    substitute: Option<Pricing>,
}

/// Estimates over the candidates; where the price of one is not known, over all that the policy considered.
fn prospect<'a, I: Iterator<Item = &'a ModelId>>(
    tenant: &Tenant,
    candidates: &[&ModelId],
    considered: impl FnOnce() -> I,
    asked: &Asked,
) -> Prospect {
    let output_of = |id: &ModelId| {
        let most = tenant.models.get(id).and_then(|model| model.max_output_tokens).unwrap_or(DEFAULT_OUTPUT);
        let of_each = asked.max_output_tokens.unwrap_or_else(|| most.min(DEFAULT_OUTPUT));
        of_each.saturating_mul(asked.answers)
    };
    let price_of = |id: &ModelId| {
        let usage = Usage { prompt_tokens: asked.input_tokens, completion_tokens: output_of(id), ..Usage::default() };
        let pricing = tenant.models.get(id)?.pricing;
        Some((pricing.cost(&usage)?, pricing))
    };
    let priced: Vec<_> = candidates.iter().filter_map(|id| price_of(id)).collect();
    let is_known = priced.len() == candidates.len();
    let others = (!is_known).then(considered);
    let dearest = priced.into_iter().chain(others.into_iter().flatten().filter_map(price_of));
    let dearest = dearest.max_by_key(|(cost, _)| *cost);
    // Nothing that is known to answer writes nothing that is known: a list of files, for example.
    let output_tokens = candidates.iter().map(|id| output_of(id)).max().unwrap_or(0);
    let cost = dearest.map(|(cost, _)| cost);
    let substitute = dearest.filter(|_| !is_known).map(|(_, pricing)| pricing);
    Prospect { estimate: Estimate { input_tokens: asked.input_tokens, output_tokens, cost }, substitute }
}

/// Reserves. Soft budgets of which nothing can be known refuse nobody.
async fn reserve(settle: &Settle, mut demand: Demand) -> Result<Reservation, Refusal> {
    let (app, context) = (settle.app(), settle.context());
    let now = || Now { wall: context.now, monotonic: app.clock.monotonic() };
    app.spend.recall(app).await;
    let reserved =
        spend::informed(app, context.now, &demand.organisation, || app.limiter.reserve(now(), &demand)).await;
    let is_capped = demand.caps.iter().any(|cap| cap.budget.mode == BudgetMode::Hard);
    if is_capped || demand.caps.is_empty() || !matches!(reserved, Err(Refusal::Unavailable)) {
        return reserved;
    }
    metrics::counter!("signalbox_limits_degraded_total", "outcome" => "unbudgeted").increment(1);
    demand.caps.clear();
    app.limiter.reserve(now(), &demand).await
}

/// What a refusal means for the caller; how its limits stand is kept for the head of the answer.
fn failure(settle: &mut Settle, refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Limit(refused, status) => {
            let is_degraded = !settle.app().limiter.is_whole();
            settle.stands(Standing::new(*status, is_degraded));
            metrics::counter!("signalbox_limited_total", "limit" => refused.limit.as_str()).increment(1);
            Failure::RateLimited(refused)
        }
        Refusal::Budget(spent, status) => {
            settle.stands(Standing::new(*status, false));
            metrics::counter!("signalbox_limited_total", "limit" => "budget").increment(1);
            Failure::BudgetExceeded(spent)
        }
        Refusal::Unloaded(_) | Refusal::Unavailable => {
            settle.stands(Standing::new(Status::default(), true));
            Failure::LimitsUnavailable
        }
    }
}

#[cfg(test)]
mod tests;
