//! Tells the engine how calls to models went: collected by the I/O threads, sent in batches off the request path.
//!
//! Reports are a hint for policies, not an account: when the engine is away or slow they are dropped, and counted.

use std::time::Duration;

use proto::pb::routing::v1::ReportRequest;
use proto::pb::routing::v1::routing_client::RoutingClient;
use proto::{CredentialReport, OutcomeReport};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::transport::Channel;

/// Reports that may wait.
const WAITING: usize = 4_096;
const EVERY: Duration = Duration::from_secs(1);
/// How secrets do is told every so many rounds.
const STATES_EVERY: u32 = 4;
const LAST_ROUND: u32 = STATES_EVERY - 1;
const WAIT: Duration = Duration::from_secs(2);

/// Takes reports from any thread, never waits.
pub(crate) struct Reporter(Sender<OutcomeReport>);

/// The other end: what the engine is told from.
pub(crate) struct Reports(Receiver<OutcomeReport>);

/// Makes both ends.
pub(crate) fn reporter() -> (Reporter, Reports) {
    let (sender, receiver) = channel(WAITING);
    (Reporter(sender), Reports(receiver))
}

impl Reporter {
    pub(crate) fn report(&self, outcome: OutcomeReport) {
        if self.0.try_send(outcome).is_err() {
            dropped(1);
        }
    }
}

impl Reports {
    /// Sends what has come, once a second, until the future is dropped; and now and then how secrets do.
    pub(crate) async fn send_to(mut self, engine: Channel, states: impl Fn() -> Vec<CredentialReport>) {
        let mut client = RoutingClient::new(engine);
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        for round in 0_u32.. {
            tick.tick().await;
            let credentials: Vec<_> = match round % STATES_EVERY {
                LAST_ROUND => states().iter().map(Into::into).collect(),
                _ => Vec::new(),
            };
            while let Ok(outcome) = self.0.try_recv() {
                batch.push((&outcome).into());
            }
            if batch.is_empty() && credentials.is_empty() {
                continue;
            }
            let count = batch.len();
            let request = ReportRequest { outcomes: std::mem::take(&mut batch), credentials };
            if !matches!(timeout(WAIT, client.report(request)).await, Ok(Ok(_))) {
                dropped(count as u64);
            }
        }
    }
}

fn dropped(count: u64) {
    metrics::counter!("signalbox_outcome_reports_dropped_total").increment(count);
}
