//! Finds out by itself whether a provider secret that was refused works again, so that no caller has to.
//!
//! Only a 401 is looked into, with the provider's list of models: it costs nothing and wants the secret alone. Where it
//! answers anybody it tells nothing of a secret, so a good answer counts only if the same question without one is
//! refused. What the list cannot tell (secrets without credit or with failing calls, providers without a list) is left
//! to real requests, as the first of which one is tried whenever a wait is over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::{AttemptOutcome, Credential, CredentialId, DialectKind, Provider, outgoing};
use http::{HeaderMap, Method, StatusCode};
use providers::{Fault, Pass, ProviderClient, Waits};
use seal::Secret;
use tokio::time::{sleep, timeout};

use crate::app::App;

/// How often it is looked whose wait is over; a random part of it is added, lest gateways ask together.
const EVERY: Duration = Duration::from_secs(1);
/// A question must be answered within this.
const PATIENCE: Duration = Duration::from_secs(10);
/// Secrets that are tried one after the other in a round.
const MOST: usize = 16;
const MODELS: &str = "/models";

/// Runs until it is dropped.
pub(crate) async fn keep_probing(app: &App) {
    let client = ProviderClient::new(app.tls.clone());
    // Of whom the list tells nothing.
    let mut left_alone = HashSet::new();
    loop {
        sleep(EVERY + EVERY.mul_f64(random_share())).await;
        let due = app.upstreams.refused_and_due(app.clock.monotonic());
        left_alone.retain(|it| due.contains(it));
        let wanted: Vec<_> = due.into_iter().filter(|it| !left_alone.contains(it)).take(MOST).collect();
        for (id, version) in wanted {
            if probe(app, &client, &id, version).await.is_none() {
                left_alone.insert((id, version));
            }
        }
    }
}

/// Tries a secret and notes what came of it; `None` = that cannot be told.
async fn probe(app: &App, client: &ProviderClient, id: &CredentialId, version: u32) -> Option<()> {
    let live = app.snapshots.live()?;
    let held = |tenant: &Arc<domain::Tenant>| {
        let credential = tenant.credentials.get(id).filter(|it| it.version == version)?;
        Some((credential.clone(), tenant.providers.get(&credential.provider)?.clone()))
    };
    let (credential, provider) = live.snapshot.tenants.values().find_map(held)?;
    if !has_list(&provider) || !app.upstreams.take_probe(&credential, app.clock.monotonic()) {
        return None;
    }
    let (outcome, status) = match asked(app, client, &provider, &credential).await {
        Some(StatusCode::UNAUTHORIZED) => (AttemptOutcome::Unauthorised, StatusCode::UNAUTHORIZED),
        Some(status) if status.is_success() => (AttemptOutcome::Ok, status),
        // The probe is given back.
        Some(_) | None => (AttemptOutcome::NotSent, StatusCode::OK),
    };
    app.upstreams.report_probe(&credential, outcome, status.as_u16(), app.clock.monotonic());
    (outcome != AttemptOutcome::NotSent).then_some(())
}

/// Whether the list stands where it can be asked for.
fn has_list(provider: &Provider) -> bool {
    let speaks_known_dialect = match provider.dialect {
        DialectKind::Openai | DialectKind::OpenaiResponses | DialectKind::Anthropic | DialectKind::Gemini => true,
        DialectKind::Custom => false,
    };
    speaks_known_dialect && !provider.base_url.contains(outgoing::MODEL_PLACEHOLDER)
}

/// What the provider says to the secret: a refusal, or a success that others do not have.
async fn asked(
    app: &App,
    client: &ProviderClient,
    provider: &Arc<Provider>,
    credential: &Credential,
) -> Option<StatusCode> {
    let secret = app.vault.to_send(client, provider, credential, PATIENCE).await.ok()?;
    let status = list(client, provider, Some(&secret)).await.ok()?;
    if status == StatusCode::UNAUTHORIZED {
        app.vault.refused(credential, &secret);
        return Some(status);
    }
    let others = if status.is_success() { list(client, provider, None).await.ok()? } else { return None };
    matches!(others, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN).then_some(status)
}

async fn list(client: &ProviderClient, provider: &Arc<Provider>, secret: Option<&Secret>) -> Result<StatusCode, Fault> {
    let (headers, body) = (HeaderMap::new(), bytes::Bytes::new());
    let waits = Waits::resolve(&provider.timeouts).within(PATIENCE);
    let pass =
        Pass { provider, method: &Method::GET, path: MODELS, model: "", headers: &headers, body: &body, secret, waits };
    let late = |_| Fault::new(providers::FaultKind::Timeout, "the list of models took too long");
    timeout(PATIENCE, client.pass(pass)).await.map_err(late)?.map(|upstream| upstream.status)
}

/// From 0 to 1. Without randomness all ask together, which is no more than impolite.
fn random_share() -> f64 {
    let mut byte = [0_u8; 1];
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}
