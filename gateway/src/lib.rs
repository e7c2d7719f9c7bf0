//! The gateway: authenticates, decides (or asks the engine), calls providers, streams, falls back, settles.
//!
//! Stateless but for the last good snapshot on disk; records go to the `ledger`. What is spoken is `dialect`'s business,
//! who is called `providers`', which model is best `policy`'s. The tree follows the request: `server`, `app` (the order of
//! the layers), `layers`, `endpoints`, `pipeline`.

mod app;
mod body;
mod clock;
mod config;
mod context;
mod endpoints;
mod engine_client;
mod error;
mod idempotency;
mod io;
mod kept;
mod latencies;
mod layers;
mod meters;
mod pipeline;
mod probes;
mod recent;
mod reporter;
mod revocation;
mod server;
mod sessions;
mod snapshot_store;
mod snapshots;
mod spend;
mod start;
mod substitutions;
mod tls;
mod traces;
mod watch;

pub use clock::SystemClock;
pub use config::{GatewayConfig, Limits, SharedLimits};
pub use server::Listeners;
pub use snapshot_store::{SnapshotFileError, SnapshotStore};
pub use start::{Gateway, GatewayParts, StartError};
pub use tls::{ServerTlsError, TlsFiles};
pub use traces::{Period, RequestTrace, TraceParent, Traces};
