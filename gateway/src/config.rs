//! What the gateway must be told before it starts. Every default stands here, with its reason.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::SecretText;
use providers::TrustRoots;

use crate::tls::TlsFiles;

/// Settings of one gateway process.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// With which certificate callers are spoken to; `None` = in the clear.
    pub tls: Option<TlsFiles>,
    /// Where the last good snapshot is kept.
    pub data_dir: PathBuf,
    /// I/O threads; each runs a runtime of its own.
    pub threads: usize,
    /// Which certificate authorities vouch for providers.
    pub trust_roots: TrustRoots,
    /// A PEM file of further authorities, such as a company's own.
    pub extra_ca: Option<PathBuf>,
    /// Bounds and waits.
    pub limits: Limits,
    /// Where keys' limits are counted together with other gateways; absent = in this process alone.
    pub shared_limits: Option<SharedLimits>,
}

/// The store in which gateways count keys' limits and budgets together.
#[derive(Clone, Debug)]
pub struct SharedLimits {
    /// `redis://[user:password@]host:port/number`, `rediss://` for TLS, or `redis+unix:///path`. A secret: it may hold a password.
    pub url: SecretText,
    /// How many gateways share the limits while the store is away; absent = those that were last seen.
    pub replicas: Option<u64>,
    /// How long a request waits for the store.
    pub wait: Duration,
}

impl SharedLimits {
    /// The store at an address. One on the same network answers in under a millisecond; 50 is a store in trouble.
    pub fn at(url: SecretText) -> Self {
        Self { url, replicas: None, wait: Duration::from_millis(50) }
    }
}

/// Bounds and waits of one gateway process.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections; half of a common file descriptor limit, since each may need an upstream.
    pub connections: usize,
    /// Requests in flight; beyond it 503 with `Retry-After: 1`. As many as there are connections: each may hold a stream,
    /// which mostly waits, and what bodies take is bounded apart.
    pub requests_in_flight: usize,
    /// Bytes of one request body (`reliability.md` row 44).
    pub body_bytes: usize,
    /// Bytes of a body that is passed on to a provider's own path while it comes; nothing of it is held.
    pub upload_bytes: u64,
    /// Bytes of all request bodies in memory together.
    pub body_bytes_in_flight: usize,
    /// Bytes of one buffered (non-stream) answer.
    pub answer_bytes: usize,
    /// Bytes of one event of a stream.
    pub event_bytes: usize,
    /// Request head must be complete within this.
    pub header_wait: Duration,
    /// A connection may be idle between two requests for this long.
    pub idle_wait: Duration,
    /// The next piece of a request body must come within this.
    pub body_wait: Duration,
    /// The engine must have answered within this, connecting included.
    pub engine_wait: Duration,
    /// The response head of a stream is held for content at most this long.
    pub head_hold: Duration,
    /// How often a waiting stream gets a comment.
    pub keep_alive: Duration,
    /// A caller that takes nothing for this long is gone.
    pub write_stall: Duration,
    /// An error event may take this long to leave before the connection is broken.
    pub abort_linger: Duration,
    /// Running requests may finish within this when the gateway stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            requests_in_flight: 10_000,
            body_bytes: 32 << 20,
            upload_bytes: 2 << 30,
            body_bytes_in_flight: 1 << 30,
            answer_bytes: 64 << 20,
            event_bytes: 1 << 20,
            header_wait: Duration::from_secs(10),
            // Longer than balancers keep their connections, so that it is they who close first.
            idle_wait: Duration::from_secs(75),
            body_wait: Duration::from_secs(30),
            engine_wait: Duration::from_millis(50),
            head_hold: Duration::from_secs(10),
            keep_alive: Duration::from_secs(10),
            write_stall: Duration::from_mins(1),
            abort_linger: Duration::from_millis(40),
            drain: Duration::from_mins(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_may_hold_a_stream() {
        let limits = Limits::default();
        assert!(limits.requests_in_flight >= limits.connections);
    }
}
