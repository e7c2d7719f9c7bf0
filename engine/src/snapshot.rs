//! `snapshot.v1.Snapshot`: hands the configuration to gateways and follows it with deltas.
//!
//! One task a watcher, which holds only the version it has sent: it computes the next step when the last one was taken,
//! so a slow watcher gets fewer, larger steps or a full copy, and never makes a queue grow.

use std::sync::Arc;

use domain::SnapshotVersion;
use metrics::{counter, gauge};
use proto::pb::snapshot::v1 as pb;
use proto::pb::snapshot::v1::snapshot_server::Snapshot;
use proto::watch::{delta_messages, full_messages, health_message, heartbeat_message};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::debug;

use crate::shared::Shared;
use crate::stream::{self, Gone};

#[cfg(test)]
mod tests;

/// Messages of at most 1 MiB that may wait for a watcher.
const BUFFER: usize = 2;

pub(crate) struct SnapshotService {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl Snapshot for SnapshotService {
    type WatchStream = ReceiverStream<Result<pb::WatchMessage, Status>>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let request = request.into_inner();
        let Ok(place) = self.shared.watchers.clone().try_acquire_owned() else {
            let limit = self.shared.limits.watchers;
            return Err(Status::resource_exhausted(format!("{limit} watches are open: close one, or add an engine")));
        };
        let (sender, receiver) = mpsc::channel(BUFFER);
        let sent = Some(SnapshotVersion { epoch: request.epoch, revision: request.from_revision });
        let watcher = Watcher {
            shared: self.shared.clone(),
            sender,
            sent: sent.filter(|version| *version != SnapshotVersion::default()),
            confirmed: false,
            health: 0,
            _place: place,
        };
        tokio::spawn(watcher.run());
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

struct Watcher {
    shared: Arc<Shared>,
    sender: mpsc::Sender<Result<pb::WatchMessage, Status>>,
    /// What the watcher holds.
    sent: Option<SnapshotVersion>,
    /// It was told at least once what is current.
    confirmed: bool,
    /// The generation of feedback that it knows.
    health: u64,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    async fn run(mut self) {
        gauge!("signalbox_watchers").increment(1.0);
        // `Gone` needs no handling: the stream has ended either way.
        let _gone = self.follow().await;
        gauge!("signalbox_watchers").decrement(1.0);
    }

    async fn follow(&mut self) -> Result<(), Gone> {
        let mut versions = self.shared.registry.subscribe();
        let mut heartbeat = interval(self.shared.limits.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.tick().await;
        let stopped = self.shared.stopped();
        tokio::pin!(stopped);
        loop {
            // Marked as seen before it is read: what changes while sending wakes the next round.
            versions.mark_unchanged();
            self.bring_up_to_date().await?;
            self.send_health().await?;
            tokio::select! {
                () = self.sender.closed() => return Err(Gone),
                () = &mut stopped => {
                    let _left = self.sender.try_send(Err(Status::unavailable("the engine is stopping: connect again")));
                    return Ok(());
                }
                changed = versions.changed() => changed.map_err(|_| Gone)?,
                _ = heartbeat.tick() => {
                    let version = self.shared.registry.version();
                    self.send(heartbeat_message(version)).await?;
                }
            }
        }
    }

    async fn bring_up_to_date(&mut self) -> Result<(), Gone> {
        let registry = &self.shared.registry;
        if self.confirmed && self.sent == Some(registry.version()) {
            return Ok(());
        }
        let known = self.sent.and_then(|sent| registry.changes_since(sent));
        let version = if let Some((version, changes)) = known {
            debug!(?version, changes = changes.len(), "sending a delta");
            for message in delta_messages(version, &changes) {
                self.send(message).await?;
            }
            version
        } else {
            counter!("signalbox_snapshot_full_copies_total").increment(1);
            self.send_full(registry.snapshot()).await?
        };
        self.sent = Some(version);
        self.confirmed = true;
        Ok(())
    }

    /// Sends everything. A large copy takes a while to write: not on a thread that serves, and no faster than it is read.
    async fn send_full(&self, snapshot: Arc<domain::Snapshot>) -> Result<SnapshotVersion, Gone> {
        let version = snapshot.version;
        let mut messages = blocking(move || full_messages(&snapshot)).await?;
        loop {
            let (message, rest) = blocking(move || (messages.next(), messages)).await?;
            let Some(message) = message else { return Ok(version) };
            messages = rest;
            self.send(message).await?;
        }
    }

    async fn send_health(&mut self) -> Result<(), Gone> {
        if let Some((generation, health)) = self.shared.feedback.newer_than(self.health) {
            self.health = generation;
            self.send(health_message(health)).await?;
        }
        Ok(())
    }

    async fn send(&self, message: pb::WatchMessage) -> Result<(), Gone> {
        stream::send(&self.sender, Ok(message), self.shared.limits.stall, "watch").await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Gone> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Gone)
}
