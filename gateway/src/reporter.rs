//! Tells the engine how calls to models went: collected by the I/O threads, sent in batches off the request path.
//!
//! Reports are a hint for policies, not an account: when the engine is away or slow they are dropped, and counted.

use std::time::Duration;

use proto::OutcomeReport;
use proto::pb::routing::v1::ReportRequest;
use proto::pb::routing::v1::routing_client::RoutingClient;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::transport::Channel;

/// Reports that may wait.
const WAITING: usize = 4_096;
const EVERY: Duration = Duration::from_secs(1);
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
    /// Sends what has come, once a second, until the future is dropped.
    pub(crate) async fn send_to(mut self, engine: Channel) {
        let mut client = RoutingClient::new(engine);
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tick.tick().await;
            while let Ok(outcome) = self.0.try_recv() {
                batch.push((&outcome).into());
            }
            if batch.is_empty() {
                continue;
            }
            let count = batch.len();
            let request = ReportRequest { outcomes: std::mem::take(&mut batch) };
            if !matches!(timeout(WAIT, client.report(request)).await, Ok(Ok(_))) {
                dropped(count as u64);
            }
        }
    }
}

fn dropped(count: u64) {
    metrics::counter!("signalbox_outcome_reports_dropped_total").increment(count);
}
