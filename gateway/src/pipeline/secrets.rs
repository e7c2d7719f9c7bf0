//! Which provider secrets a call may be made with, opened, best first.

use std::sync::Arc;

use domain::{Credential, ModelId, ProviderSlug, Tenant};
use providers::{Fault, FaultKind, Wanted};
use seal::Secret;

use crate::app::App;
use crate::error::Failure;

/// A secret and whose it is; `None` where the provider needs none.
pub(crate) type Opened = Option<(Arc<Credential>, Arc<Secret>)>;

/// Most secrets that one request tries.
const MOST: usize = 2;

/// Returns the secrets to try, in order: one empty try where none is needed.
///
/// # Errors
/// When there is none that can be used now.
pub(crate) fn usable(
    app: &App,
    tenant: &Tenant,
    provider: &ProviderSlug,
    model: &ModelId,
) -> Result<Vec<Opened>, Failure> {
    let wanted = Wanted { tenant, provider, model, source: None };
    let pool = app.vault.pool(wanted, &app.upstreams, app.clock.monotonic());
    let open = |credential: &Arc<Credential>| Some((credential.clone(), app.vault.secret(credential).ok()?));
    let opened: Vec<Opened> = pool.usable.iter().filter_map(open).take(MOST).map(Some).collect();
    if !opened.is_empty() {
        return Ok(opened);
    }
    if tenant.providers.get(provider).is_some_and(|provider| provider.allow_anonymous) {
        return Ok(vec![None]);
    }
    let message = format!("provider `{provider}` has no secret that can be used now");
    let fault = Fault { retry_after: pool.next_in, ..Fault::new(FaultKind::NotSent, message) };
    let (provider, wait) = (provider.to_string(), pool.next_in);
    Err(Failure::Exhausted { provider, fault, all_rate_limited: wait.is_some(), wait })
}
