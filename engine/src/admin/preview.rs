//! What a draft would have done to the requests of late: each is decided again, as it counts and with the draft.
//!
//! Nobody is asked for a score, and no model is called. Of health, what was kept is what the candidates of then were
//! like; others are taken for healthy and unobserved.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{
    Arguments, Decision, ModelId, Money, ObjectKind, OrganisationId, RecordFilter, RequestId, RequestRecord, Snapshot,
    SnapshotVersion, Tenant,
};
use policy::{Question, Step};
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::preview_draft_response::{ChangedRequest, Move};
use tonic::{Request, Status};

use super::drafts;
use crate::auth::Caller;
use crate::records::{read, reader};
use crate::replay::tenant_at;
use crate::shared::Shared;
use crate::status;

/// Requests that are decided again where nobody says how many, and at most.
const REQUESTS: (u32, u32) = (200, 10_000);
/// Rows read at a time.
const PAGE: u32 = 100;
/// Rows looked at for each request that is wanted: others have nothing that could be decided again.
const PATIENCE: usize = 10;
const EXAMPLES: usize = 20;

pub(super) async fn preview(
    shared: &Shared,
    kind: ObjectKind,
    request: Request<pb::PreviewDraftRequest>,
) -> Result<pb::PreviewDraftResponse, Status> {
    let caller = Caller::of(&request)?;
    let request = request.into_inner();
    let wanted = if request.requests == 0 { REQUESTS.0 } else { request.requests };
    if wanted > REQUESTS.1 {
        return Err(Status::invalid_argument(format!("requests: {wanted} are too many; at most {}", REQUESTS.1)));
    }
    let (organisation, draft) =
        drafts::find(shared, kind, &caller, request.organisation.as_deref(), &request.name).await?;
    let drafted = shared.registry.with_draft(&organisation, &draft).map_err(|it| status::of_apply(&it, ""))?;
    let sides = Arc::new(Sides::of(&organisation, &shared.registry.snapshot(), &drafted)?);

    let mut filter = RecordFilter { organisation: Some(organisation.clone()), limit: PAGE, ..RecordFilter::default() };
    let (mut tally, mut wanted, mut rows_left) = (Tally::default(), wanted as usize, wanted as usize * PATIENCE);
    let mut then = Then { shared, organisation: &organisation, known: None };
    while wanted > 0 && rows_left > 0 {
        let rows = read(reader(shared)?.list(filter.clone())).await?;
        filter.before_sequence = rows.last().map(|row| row.sequence);
        let is_last = rows.len() < PAGE as usize;
        rows_left = rows_left.saturating_sub(rows.len());
        let mut page = Vec::new();
        for past in rows.into_iter().filter_map(Past::of).take(wanted) {
            let is_known = !sides.asks_more_than_usual(&past) || then.suffices(&sides, &past).await?;
            page.push((past, is_known));
        }
        wanted -= page.len();
        let sides = sides.clone();
        // Thousands of decisions take a while: not on a thread that serves.
        let counted = tokio::task::spawn_blocking(move || {
            for (past, is_known) in &page {
                tally.add(&sides, past, *is_known);
            }
            tally
        });
        tally = counted.await.map_err(|_| Status::internal("a decision panicked"))?;
        if is_last {
            break;
        }
    }
    Ok(tally.message())
}

/// A request of the past that can be decided again.
struct Past {
    decision: Decision,
    arguments: Box<Arguments>,
    id: RequestId,
}

impl Past {
    fn of(row: RequestRecord) -> Option<Self> {
        let row = row.finished;
        Some(Self { decision: row.decision?, arguments: row.arguments?, id: row.started.id })
    }
}

/// The configuration as it counts and with the draft.
struct Sides {
    version: SnapshotVersion,
    live: Arc<Tenant>,
    drafted: Arc<Tenant>,
}

impl Sides {
    fn of(organisation: &OrganisationId, live: &Snapshot, drafted: &Snapshot) -> Result<Self, Status> {
        let tenant = |snapshot: &Snapshot| {
            let tenant = snapshot.tenants.get(organisation).cloned();
            tenant.ok_or_else(|| Status::not_found("organisation: was removed meanwhile; name another one"))
        };
        Ok(Self { version: live.version, live: tenant(live)?, drafted: tenant(drafted)? })
    }

    fn each(&self) -> [&Tenant; 2] {
        [&self.live, &self.drafted]
    }

    /// Whether a decision may read something that is kept only where it is read.
    fn asks_more_than_usual(&self, past: &Past) -> bool {
        let route = &past.arguments.route;
        self.each().into_iter().any(|it| !policy::label_fields(it, route).is_empty() || policy::has_affinity(it, route))
    }
}

/// The configuration of then, kept from row to row: neighbours mostly share one.
struct Then<'a> {
    shared: &'a Shared,
    organisation: &'a OrganisationId,
    known: Option<(SnapshotVersion, Option<Arc<Tenant>>)>,
}

impl Then<'_> {
    /// Whether what was kept of a request is all that the two sides read. It is not where then is no longer known.
    async fn suffices(&mut self, sides: &Sides, past: &Past) -> Result<bool, Status> {
        let version = past.decision.snapshot;
        if version == sides.version {
            return Ok(sides.each().into_iter().all(|it| policy::suffices(&sides.live, it, &past.arguments.route)));
        }
        let then = match &self.known {
            Some((known, tenant)) if *known == version => tenant.clone(),
            _ => {
                let tenant = tenant_at(self.shared, self.organisation, version).await?.ok();
                self.known = Some((version, tenant.clone()));
                tenant
            }
        };
        let route = &past.arguments.route;
        Ok(then.is_some_and(|then| sides.each().into_iter().all(|it| policy::suffices(&then, it, route))))
    }
}

/// Sums of a preview.
#[derive(Default)]
struct Tally {
    requests: u64,
    changed: u64,
    unjudged: u64,
    before: Money,
    after: Money,
    moves: BTreeMap<(String, String), u64>,
    examples: Vec<ChangedRequest>,
}

/// Who would answer, and for how much; nobody, where the request is refused.
type Choice = Option<(ModelId, Option<Money>)>;

impl Tally {
    fn add(&mut self, sides: &Sides, past: &Past, is_known: bool) {
        let choices = sides.each().map(|tenant| choice(tenant, past));
        let [Some(before), Some(after)] = choices else {
            self.unjudged += 1;
            return;
        };
        if !is_known {
            self.unjudged += 1;
            return;
        }
        self.requests += 1;
        let cost = |choice: &Choice| choice.as_ref().and_then(|(_, cost)| *cost);
        if let Some((cost_before, cost_after)) = cost(&before).zip(cost(&after)) {
            self.before += cost_before;
            self.after += cost_after;
        }
        let name = |choice: &Choice| choice.as_ref().map(|(model, _)| model.to_string()).unwrap_or_default();
        let (from_model, to_model) = (name(&before), name(&after));
        if from_model == to_model {
            return;
        }
        self.changed += 1;
        *self.moves.entry((from_model.clone(), to_model.clone())).or_default() += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(ChangedRequest { request: past.id.to_string(), from_model, to_model });
        }
    }

    fn message(self) -> pb::PreviewDraftResponse {
        let moves = self.moves.into_iter();
        let mut moves: Vec<_> =
            moves.map(|((from_model, to_model), requests)| Move { from_model, to_model, requests }).collect();
        moves.sort_by_key(|it| std::cmp::Reverse(it.requests));
        pb::PreviewDraftResponse {
            requests: self.requests,
            changed: self.changed,
            moves,
            expected_cost_before: self.before.to_string(),
            expected_cost_after: self.after.to_string(),
            examples: self.examples,
            unjudged: self.unjudged,
        }
    }
}

/// Who would answer; `None` = a score matters that nobody asked for then.
fn choice(tenant: &Tenant, past: &Past) -> Option<Choice> {
    match policy::decide(&Question::again(tenant, &past.decision, &past.arguments)) {
        Ok(Step::Decided(decision)) => {
            let cost = decision.candidates.first().and_then(|it| it.expected_cost_usd);
            Some(Some((decision.selected_model, cost)))
        }
        Ok(Step::NeedsScore) => None,
        Err(_) => Some(None),
    }
}
