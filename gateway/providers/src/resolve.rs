//! Names to addresses, in bounded time, and every address checked before anyone may connect to it.
//!
//! The connection goes to one of the checked addresses and to nothing else, so a name that answers differently the
//! second time gains nothing. When the name service is away, the last good answer is used for a while.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::address::forbidden;
use crate::connect::{ConnectError, ConnectStep};

/// Looks a name up.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<io::Result<Vec<IpAddr>>> + Send + Sync>;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The operating system's lookup, on a thread of its own.
pub fn system_lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    })
}

/// A lookup may take this long; the rest of the connect deadline is for connecting.
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);
/// A lookup that does not answer holds a thread, so only so many may be under way.
const LOOKUPS_AT_ONCE: usize = 16;
/// How long an old answer may stand in for the name service.
const STALE_LIMIT: Duration = Duration::from_mins(10);
/// Names whose last answer is kept.
const REMEMBERED: usize = 256;

/// Shared by the connectors of one client.
pub(crate) struct Names {
    lookup: Lookup,
    slots: Semaphore,
    last_good: Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>,
}

impl Names {
    pub(crate) fn new(lookup: Lookup) -> Self {
        Self { lookup, slots: Semaphore::new(LOOKUPS_AT_ONCE), last_good: Mutex::default() }
    }

    async fn find(&self, host: &str) -> Result<Vec<IpAddr>, ConnectError> {
        let answer = tokio::time::timeout(LOOKUP_LIMIT, async {
            let _slot = self.slots.acquire().await.map_err(io::Error::other)?;
            (self.lookup)(host.to_owned()).await
        })
        .await;
        let reason = match answer {
            Ok(Ok(addresses)) if !addresses.is_empty() => {
                self.remember(host, &addresses);
                return Ok(addresses);
            }
            Ok(Ok(_)) => format!("`{host}` has no address"),
            Ok(Err(error)) => format!("looking up `{host}` failed: {error}"),
            Err(_) => format!("looking up `{host}` took more than {} s", LOOKUP_LIMIT.as_secs()),
        };
        if let Some(addresses) = self.recall(host) {
            metrics::counter!("signalbox_upstream_stale_dns_total").increment(1);
            tracing::warn!(%reason, "using the last known addresses");
            return Ok(addresses);
        }
        Err(ConnectError::new(ConnectStep::Lookup, reason))
    }

    fn remember(&self, host: &str, addresses: &[IpAddr]) {
        let mut known = self.last_good.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(host) {
            known.retain(|_, (at, _)| at.elapsed() < STALE_LIMIT / 2);
            if known.len() >= REMEMBERED {
                return;
            }
        }
        known.insert(host.to_owned(), (Instant::now(), addresses.to_vec()));
    }

    fn recall(&self, host: &str) -> Option<Vec<IpAddr>> {
        let known = self.last_good.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).filter(|(at, _)| at.elapsed() < STALE_LIMIT).map(|(_, addresses)| addresses.clone())
    }
}

/// Refuses a target if any of its addresses is not public: one good address beside a bad one is an attack, not luck.
pub(crate) fn check(host: &str, addresses: &[IpAddr]) -> Result<(), ConnectError> {
    for address in addresses {
        if let Some(kind) = forbidden(*address) {
            metrics::counter!("signalbox_upstream_address_refused_total").increment(1);
            return Err(ConnectError::new(
                ConnectStep::Address,
                format!(
                    "`{host}` is {address}, a {kind} address: set `allow_private_network` on the provider if that is meant"
                ),
            ));
        }
    }
    Ok(())
}

/// Looks names up for hyper's connector, which connects to nothing but what this returns.
#[derive(Clone)]
pub(crate) struct Resolver {
    pub(crate) names: Arc<Names>,
    pub(crate) guarded: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ConnectError;
    type Future = BoxFuture<Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (names, guarded) = (self.names.clone(), self.guarded);
        Box::pin(async move {
            let addresses = names.find(name.as_str()).await?;
            if guarded {
                check(name.as_str(), &addresses)?;
            }
            Ok(addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect::<Vec<_>>().into_iter())
        })
    }
}
