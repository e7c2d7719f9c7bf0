//! The gateway from outside: a real one on loopback, with scripted upstreams, a snapshot on disk, and no engine.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod cancel;
mod conversing;
mod engine;
mod fallback;
mod key_limits;
mod limits;
mod proxy;
mod redis_server;
mod requests;
mod rules;
mod stack;
mod streams;
mod upstream;
mod wire;
