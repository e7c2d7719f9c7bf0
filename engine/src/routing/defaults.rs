//! What stands in for the parts of a `Decide` that a client has left out. Gateways leave out nothing.

use domain::tokens::TokenEstimator;
use domain::{RequestId, Snapshot};
use proto::pb::routing::v1 as pb;
use proto::pb::routing::v1::route::Route;
use tonic::Status;

use crate::auth::Caller;
use crate::shared::Shared;

/// What comes before a slug, as in the `model` of a request.
const ALIAS: &str = "@alias/";
/// What a message takes beside its text.
const MESSAGE_TOKENS: u64 = 4;

/// Fills in what is missing, but for the version.
pub(super) fn fill(shared: &Shared, snapshot: &Snapshot, request: &mut pb::DecideRequest) -> Result<(), Status> {
    let is_known = snapshot.tenants.contains_key(request.organisation.as_str());
    if !is_known {
        let named = Some(request.organisation.as_str()).filter(|text| !text.is_empty());
        // Whoever may ask for decisions may ask for those of every organisation.
        request.organisation = shared.organisation(named, &Caller::Operator)?.id.to_string();
    }
    if let Some(Route::PolicyId(text)) = request.route.as_mut().and_then(|it| it.route.as_mut()) {
        *text = policy(snapshot, &request.organisation, text)?;
    }
    let facts = request.facts.get_or_insert_default();
    if facts.features.is_none() {
        facts.features = Some(features(&request.text, &request.context));
    }
    if request.seed.is_empty() {
        request.seed = drawn(shared)?.to_string();
    }
    if request.now_micros == 0 {
        request.now_micros = shared.clock.wall().unix_micros();
    }
    Ok(())
}

/// The id of a policy that is named by id, slug or name.
fn policy(snapshot: &Snapshot, organisation: &str, text: &str) -> Result<String, Status> {
    let tenant = snapshot.tenants.get(organisation);
    let found = tenant.and_then(|tenant| tenant.policy_named(text.strip_prefix(ALIAS).unwrap_or(text)));
    // An id of a newer configuration than this one is the caller's to know.
    let id = found.map(|policy| policy.id.to_string()).or_else(|| {
        let id = domain::PolicyId::parse(text).ok()?;
        Some(id.to_string())
    });
    id.ok_or_else(|| {
        Status::not_found(format!("route.policy_id: there is no policy `{text}`; give its id, slug or name"))
    })
}

/// Those of a conversation of plain messages.
fn features(text: &str, context: &str) -> pb::Features {
    let messages = 1 + u32::from(!context.is_empty());
    let mut estimator = TokenEstimator::new();
    estimator.add_text(text);
    estimator.add_text(context);
    let input_tokens = estimator.tokens() + u64::from(messages) * MESSAGE_TOKENS;
    pb::Features { input_tokens, turns: messages, ..pb::Features::default() }
}

fn drawn(shared: &Shared) -> Result<RequestId, Status> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Status::internal("the operating system gives no random bytes"))?;
    Ok(RequestId::from_parts(shared.clock.wall().unix_millis(), u128::from_be_bytes(random)))
}
