//! Sending on a stream whose reader may be slow or gone.

use std::time::Duration;

use metrics::counter;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::warn;

/// The reader has left, or takes nothing any more: the stream ends.
pub(crate) struct Gone;

/// Sends, waiting for the reader at most `stall`.
pub(crate) async fn send<T>(
    sender: &mpsc::Sender<T>,
    item: T,
    stall: Duration,
    stream: &'static str,
) -> Result<(), Gone> {
    if let Ok(sent) = timeout(stall, sender.send(item)).await {
        return sent.map_err(|_| Gone);
    }
    counter!("signalbox_streams_stalled_total", "stream" => stream).increment(1);
    warn!(stream, "the reader of a stream takes nothing: the stream is ended");
    Err(Gone)
}
