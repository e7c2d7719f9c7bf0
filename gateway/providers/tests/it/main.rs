//! The provider client against real sockets on loopback: scripted upstreams, TLS, and the demo provider.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod cancel;
mod connect;
mod demo;
mod guard;
mod oauth;
mod packed;
mod response;
mod scripted;
mod tls;
