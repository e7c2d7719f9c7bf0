//! Follows the engine's configuration: asks for what happened since the version in force, applies it, stores it.
//!
//! Storing is a task beside it, which takes what is newest when it comes round: a large configuration takes longer to
//! write than the next change takes to arrive. Whatever is in doubt ends the stream; the next one asks again and gets a full copy if that is what it takes. While the
//! engine is away, what is in force stays in force.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::ConvertError;
use proto::pb::snapshot::v1::WatchRequest;
use proto::pb::snapshot::v1::snapshot_client::SnapshotClient;
use proto::watch::{Assembler, Event};
use tokio::sync::Notify;
use tonic::transport::Channel;

use crate::latencies::Latencies;
use crate::snapshots::{InstallError, Snapshots, chain};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The engine sends heartbeats far more often than this.
const SILENCE: Duration = Duration::from_secs(45);
const MESSAGE_BYTES: usize = 4 << 20;
/// After storing, so many times as long as that took, nothing is stored.
const REST: u32 = 4;

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("the engine does not answer")]
    Engine(#[from] tonic::Status),
    #[error("the engine has been silent for {} s", SILENCE.as_secs())]
    Silence,
    #[error("the engine ended the stream")]
    End,
    #[error("the engine sent something unexpected")]
    Message(#[from] ConvertError),
    #[error("the engine's configuration cannot be put in force")]
    Install(#[from] InstallError),
}

/// Follows the engine until the future is dropped.
pub(crate) async fn follow(snapshots: Arc<Snapshots>, latencies: Arc<Latencies>, channel: Channel) {
    let installed = Notify::new();
    tokio::join!(keep_following(&snapshots, &latencies, &channel, &installed), keep_storing(&snapshots, &installed));
}

/// Stores whenever something was installed since it last did; several changes at once if they come faster.
async fn keep_storing(snapshots: &Arc<Snapshots>, installed: &Notify) {
    loop {
        installed.notified().await;
        let (began, storing) = (Instant::now(), snapshots.clone());
        if tokio::task::spawn_blocking(move || storing.save()).await.is_err() {
            tracing::error!("storing the configuration panicked");
        }
        tokio::time::sleep(began.elapsed() * REST).await;
    }
}

async fn keep_following(snapshots: &Arc<Snapshots>, latencies: &Latencies, channel: &Channel, installed: &Notify) {
    let mut pause = FIRST_PAUSE;
    loop {
        let before = snapshots.version();
        let Err(fault) = watch(snapshots, latencies, channel.clone(), installed).await;
        if snapshots.version() != before {
            pause = FIRST_PAUSE;
        }
        tracing::warn!(fault = %chain(&fault), retry_in = ?pause, "the configuration is not being followed");
        metrics::counter!("signalbox_watch_failures_total").increment(1);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn watch(
    snapshots: &Snapshots,
    latencies: &Latencies,
    channel: Channel,
    installed: &Notify,
) -> Result<Infallible, WatchError> {
    let held = snapshots.live().map(|live| live.snapshot.clone());
    let from = held.as_ref().map(|snapshot| snapshot.version).unwrap_or_default();
    let mut assembler = Assembler::new(held);
    let mut client = SnapshotClient::new(channel).max_decoding_message_size(MESSAGE_BYTES);
    let mut stream = client.watch(WatchRequest { epoch: from.epoch, from_revision: from.revision }).await?.into_inner();
    loop {
        let message = tokio::time::timeout(SILENCE, stream.message()).await.map_err(|_| WatchError::Silence)??;
        match assembler.take(message.ok_or(WatchError::End)?)? {
            Event::Committed(snapshot) => {
                snapshots.install(snapshot)?;
                installed.notify_one();
            }
            Event::Health(health) => latencies.replace(&health),
            Event::Partial | Event::Heartbeat(_) => {}
        }
    }
}
