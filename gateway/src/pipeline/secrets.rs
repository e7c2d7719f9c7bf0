//! Which provider secrets a call may be made with, opened, best first.

use std::sync::Arc;

use domain::{Credential, ModelId, Provider};
use providers::{Access, Fault, FaultKind, Wanted};
use seal::Secret;
use tokio::time::Instant;

use crate::app::Worker;
use crate::context::RequestContext;
use crate::error::Failure;

/// A secret and whose it is; `None` where the provider needs none.
pub(crate) type Opened = Option<(Arc<Credential>, Arc<Secret>)>;

/// Most secrets that one request tries.
const MOST: usize = 2;

/// Tells that the provider refused what was sent: a token that it does not take is not sent again.
pub(crate) fn refused(worker: &Worker, opened: &Opened) {
    if let Some((credential, secret)) = opened {
        worker.app.vault.refused(credential, secret);
    }
}

/// Returns the secrets to try, in order: one empty try where none is needed.
///
/// # Errors
/// When there is none that can be used now.
pub(crate) async fn usable(
    worker: &Worker,
    context: &RequestContext,
    provider: &Provider,
    model: Option<&ModelId>,
) -> Result<Vec<Opened>, Failure> {
    let tenant = context.tenant().ok_or(Failure::NotReady)?;
    let Worker { app, client, .. } = worker;
    let access = Access { router: None, user: context.key.user.as_deref() };
    let wanted = Wanted { tenant, provider: &provider.slug, model, access, preferred: None };
    let pool = app.vault.pool(wanted, &app.upstreams, app.clock.monotonic());
    let (mut opened, mut unusable) = (Vec::new(), None);
    for credential in pool.usable {
        let remaining = context.deadline.saturating_duration_since(Instant::now());
        match app.vault.to_send(client, provider, &credential, remaining).await {
            Ok(secret) => opened.push(Some((credential, secret))),
            Err(fault) => unusable = Some(fault),
        }
        if opened.len() == MOST {
            break;
        }
    }
    if !opened.is_empty() {
        return Ok(opened);
    }
    if provider.allow_anonymous {
        return Ok(vec![None]);
    }
    let provider = &provider.slug;
    let message = format!("provider `{provider}` has no secret that can be used now");
    let fault = unusable.unwrap_or_else(|| Fault::new(FaultKind::NotSent, message));
    let fault = Fault { retry_after: pool.next_in, ..fault };
    let (provider, wait) = (provider.to_string(), pool.next_in);
    Err(Failure::Exhausted { provider, fault, all_rate_limited: wait.is_some(), wait })
}
