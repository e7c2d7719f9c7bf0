//! What the limiter must be told: what keys consumed before this process began, and what was spent of a budget.
//!
//! The ledger knows. The last hour is read once, at the start; a budget when the first request falls under it, whether
//! it is new, its period is, or the process is. Every wait has a deadline; what was not read is told to the caller.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::{OrganisationId, RequestId, SecretText, Timestamp};
use ledger::SpentBy;
use limits::{Limiter, Refusal, SharedConfig, SharedError, Spender, Unloaded};
use rustls::ClientConfig;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::timeout;

use crate::app::App;
use crate::config::GatewayConfig;

/// Reading a budget may take this long; a month of rows is read in less.
const READING: Duration = Duration::from_secs(5);
/// Records that are still in the spool may take this long.
const FLUSHING: Duration = Duration::from_secs(3);
/// Windows reach back an hour and a minute, and a request that ended in them may have begun this much earlier.
const HOUR_AND_MORE: i64 = (61 + 16) * 60_000_000;
/// A reservation whose gateway has died is given back after this: a minute more than any request may take.
const RESERVATION: Duration = Duration::from_mins(16);
/// The file that holds what other gateways know this one by.
const NAME_FILE: &str = "gateway-name";

/// Asks the limiter; where it does not know yet what was spent, tells it and asks again.
pub(crate) async fn informed<T, F: Future<Output = Result<T, Refusal>>>(
    app: &App,
    now: Timestamp,
    organisation: &OrganisationId,
    ask: impl Fn() -> F,
) -> Result<T, Refusal> {
    let first = ask().await;
    let Err(Refusal::Unloaded(_)) = first else { return first };
    let Ok(_reading) = timeout(READING, app.spend.reading.lock()).await else { return Err(Refusal::Unavailable) };
    // Whoever was reading may have told it.
    let second = ask().await;
    let Err(Refusal::Unloaded(what)) = second else { return second };
    load(app, now, organisation, &what).await?;
    ask().await
}

/// Why there is no limiter.
#[derive(Debug)]
pub(crate) enum LimiterError {
    Address(SharedError),
    Name(String),
}

/// Makes the limiter that a configuration asks for.
pub(crate) fn limiter(
    config: &GatewayConfig,
    tls: &Arc<ClientConfig>,
    started: Timestamp,
) -> Result<Limiter, LimiterError> {
    let Some(shared) = &config.shared_limits else { return Ok(Limiter::in_process()) };
    let replica = name(&config.data_dir).map_err(LimiterError::Name)?;
    let url = SecretText::expose(&shared.url).to_owned();
    let (replicas, wait) = (shared.replicas, shared.wait);
    let shared = SharedConfig { url, tls: tls.clone(), replica, replicas, wait, lives: RESERVATION };
    Limiter::shared(shared, started).map_err(LimiterError::Address)
}

/// The name of this gateway, which stays the same: what it spent is told to the shared store once.
fn name(folder: &Path) -> Result<String, String> {
    let file = folder.join(NAME_FILE);
    if let Ok(name) = std::fs::read_to_string(&file)
        && RequestId::parse(&name).is_ok()
    {
        return Ok(name);
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|fault| fault.to_string())?;
    let name = RequestId::from_value(u128::from_be_bytes(random)).to_string();
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&file, &name))
        .map_err(|fault| format!("{}: {fault}", file.display()))?;
    Ok(name)
}

/// What has been read of the ledger.
pub(crate) struct Spend {
    /// When this process began: what came later it counts itself.
    started: Timestamp,
    recalled: OnceCell<()>,
    /// One reads at a time: whoever waits finds it read.
    reading: Mutex<()>,
}

impl Spend {
    pub(crate) fn new(started: Timestamp) -> Self {
        Self { started, recalled: OnceCell::new(), reading: Mutex::new(()) }
    }

    /// Tells the limiter what keys consumed in the hour before this process. Once; without a ledger it goes on without.
    pub(crate) async fn recall(&self, app: &App) {
        self.recalled
            .get_or_init(|| async {
                let since = Timestamp(self.started.0.saturating_sub(HOUR_AND_MORE));
                let read = timeout(READING, async {
                    app.ledger.flush(FLUSHING).await.map_err(|fault| fault.to_string())?;
                    app.ledger.consumed(since, self.started).await.map_err(|fault| fault.to_string())
                });
                match read.await.unwrap_or_else(|_| Err("it took too long".to_owned())) {
                    Ok(rows) => {
                        let (now, wall) = (app.clock.monotonic(), app.clock.wall());
                        for row in rows {
                            let micros = u64::try_from(wall.0.saturating_sub(row.minute.0)).unwrap_or(0);
                            let ago = Duration::from_micros(micros);
                            app.limiter.restore(now, &row.key, ago, row.prompt_tokens, row.completion_tokens);
                        }
                    }
                    Err(fault) => tracing::warn!(fault, "what keys consumed in the last hour cannot be read"),
                }
            })
            .await;
    }
}

/// Tells the limiter what was spent of budgets.
async fn load(app: &App, now: Timestamp, organisation: &OrganisationId, unloaded: &[Unloaded]) -> Result<(), Refusal> {
    let read = timeout(READING, async {
        app.ledger.flush(FLUSHING).await.map_err(|fault| unread(&fault))?;
        for what in unloaded {
            let by = match &what.spender {
                Spender::Key(id) => SpentBy::Key(id.clone()),
                Spender::Project(id) => SpentBy::Project(id.clone()),
                Spender::Organisation(id) => SpentBy::Organisation(id.clone()),
            };
            let spent = app.ledger.spent(&by, what.since).await.map_err(|fault| unread(&fault))?;
            app.limiter.load(now, organisation, what, spent).await?;
        }
        Ok(())
    });
    read.await.unwrap_or_else(|_| Err(unread(&"it took too long")))
}

fn unread(fault: &dyn std::fmt::Display) -> Refusal {
    tracing::warn!(%fault, "what was spent of a budget cannot be read");
    Refusal::Unavailable
}
