//! The engine: scores prompts, decides, owns the configuration and hands it out.
//!
//! tonic services over the crates that do the work: `scorer` behind a micro-batching queue, the pure `policy`, and
//! `registry`. What travels is `proto`'s business, requests and providers are the gateway's. An [`Engine`] is made of
//! its [`EngineParts`] and then serves [`Listeners`] until told to stop.

mod admin;
mod auth;
mod batcher;
mod credential_states;
mod deadline;
mod explain;
mod feedback;
mod records;
mod replay;
mod routing;
mod scorers;
mod serve;
mod shared;
mod snapshot;
mod status;
mod stream;
#[cfg(test)]
mod testing;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::{Clock, RecordReader};
use registry::Registry;

pub use batcher::ScoreFailure;
pub use scorers::{StartingError, StartingScorers};
pub use serve::{Listeners, bind_unix};

use crate::shared::Shared;

/// What an engine is made of.
pub struct EngineParts {
    /// The configuration.
    pub registry: Registry,
    /// What scores prompts, and what could.
    pub scorers: StartingScorers,
    /// The ledger, where it is mounted here.
    pub records: Option<Arc<dyn RecordReader>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Bounds and waits.
    pub limits: Limits,
}

/// Bounds and waits of an engine. The defaults are the product's.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Threads that score; more than one helps only where cores are idle.
    pub scoring_threads: usize,
    /// Prompts that may wait to be scored.
    pub queue: usize,
    /// Prompts scored together.
    pub batch: usize,
    /// Scoring that takes longer has failed.
    pub scoring: Duration,
    /// Between two signs of life on a watch.
    pub heartbeat: Duration,
    /// How long a reader of a stream may take nothing before the stream is ended.
    pub stall: Duration,
    /// Watches at a time.
    pub watchers: usize,
    /// How long requests in flight may take to end when the engine stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            scoring_threads: 1,
            queue: 256,
            batch: 16,
            scoring: Duration::from_millis(500),
            heartbeat: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            watchers: 256,
            drain: Duration::from_secs(5),
        }
    }
}

/// Why an engine does not start or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No thread to score on.
    #[error("cannot start a scoring thread")]
    Thread(#[source] io::Error),
    /// Reachable from elsewhere without mutual TLS.
    #[error(
        "refusing to listen on {0}: without mutual TLS, which this version does not have, the engine listens on \
         loopback only; use 127.0.0.1 or a Unix socket"
    )]
    NotLoopback(SocketAddr),
    /// The socket cannot be made.
    #[error("cannot listen on {}", path.display())]
    Bind {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody listens already.
    #[error("another engine listens on {}: stop it, or use another data folder", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// A listener failed.
    #[error("the engine's {listener} listener failed")]
    Serve {
        /// Which.
        listener: &'static str,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The descriptors of the services are damaged.
    #[error("cannot describe the services for reflection: {0}")]
    Reflection(String),
}

/// An engine. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Makes an engine and starts its scoring threads.
    pub fn new(parts: EngineParts) -> Result<Self, EngineError> {
        Ok(Self { shared: Arc::new(Shared::new(parts)?) })
    }

    /// Serves until `shutdown` is ready, then ends streams, lets requests in flight finish, and returns.
    pub async fn serve(
        &self,
        listeners: Listeners,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), EngineError> {
        serve::serve(&self.shared, listeners, shutdown).await
    }
}
