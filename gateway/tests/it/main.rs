//! The gateway from outside: a real one on loopback, with scripted upstreams, a snapshot on disk, and no engine.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod bodies;
mod cancel;
mod conversing;
mod counting;
mod embeddings;
mod endings;
mod engine;
mod fallback;
mod gemini;
mod http2;
mod idempotency;
mod kept;
mod key_limits;
mod limits;
mod models;
mod oauth;
mod privacy;
mod probes;
mod proxy;
mod proxy_usage;
mod records;
// The one helper, kept beside those who need it most.
#[path = "../../limits/src/shared/tests/server.rs"]
mod redis_server;
mod requests;
mod responses;
mod revocation;
mod rules;
mod stack;
mod streams;
mod threads;
mod tls;
mod upstream;
mod wire;
