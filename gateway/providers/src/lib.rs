//! Calls providers: pooled connections with TLS and an address guard, faults with their causes, health, secrets.
//!
//! Sends bytes and returns bytes: what they mean is `dialect`'s business, what to try next the gateway's. The demo
//! provider lives here too, since it is an upstream.

mod access;
mod address;
mod breaker;
mod client;
mod connect;
mod credential_health;
pub mod demo;
mod encoding;
mod endpoint;
pub mod fault;
mod health;
mod oauth;
mod pass;
mod resolve;
mod retry_budget;
#[cfg(test)]
mod testing;
mod tls;
mod turns;
mod upstream;
mod vault;
mod waits;

pub use access::Access;
pub use address::forbidden;
pub use breaker::{Breaker, BreakerConfig, BreakerState, Verdict};
pub use client::{CHAT_COMPLETIONS, Call, ProviderClient};
pub use credential_health::CredentialStatus;
pub use fault::{Blame, Fault, FaultKind, Retry};
pub use health::{Report, Upstreams};
pub use pass::{Flowing, Pass};
pub use resolve::{Lookup, system_lookup};
pub use retry_budget::{Repeat, RetryBudget};
pub use tls::{TlsError, TrustRoots, tls_config};
pub use upstream::{ContentKind, Upstream, sniff};
pub use vault::{KeyPool, Vault, Wanted};
pub use waits::Waits;
