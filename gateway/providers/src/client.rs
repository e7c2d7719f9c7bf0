//! The client of one I/O thread: pooled connections to every provider, one call at a time as the gateway asks.
//!
//! A call is sent once. Only when a pooled connection turns out to have been closed by the other side before a byte
//! came back is it sent again, on a fresh one. Everything else is the gateway's to decide. Nothing is spawned for a
//! call: dropping its future, or what it returned, closes the connection.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::Provider;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use http::{Extensions, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use seal::Secret;

use crate::connect::{ConnectPolicy, Connector, History};
use crate::endpoint::Endpoint;
use crate::fault::{Fault, FaultKind, from_send_error, from_status};
use crate::pass::Flowing;
use crate::resolve::{Lookup, Names, system_lookup};
use crate::upstream::Upstream;
use crate::waits::Waits;

/// The path of chat completions below a base URL.
pub const CHAT_COMPLETIONS: &str = "/chat/completions";

/// Idle connections are closed before common servers close them.
const POOL_IDLE: Duration = Duration::from_secs(20);
const IDLE_PER_HOST: usize = 1_024;
/// What one slow reader may hold of an answer.
const READ_BUFFER: usize = 64 * 1024;
/// Endpoints of providers that are gone are dropped when there are this many.
const ENDPOINTS: usize = 256;
/// An error's body is read so far and for so long.
const ERROR_BODY_CAP: usize = 64 * 1024;
const ERROR_BODY_WAIT: Duration = Duration::from_secs(5);

const USER_AGENT_VALUE: HeaderValue = HeaderValue::from_static(concat!("signalbox/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// One call of a provider.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Whom.
    pub provider: &'a Arc<Provider>,
    /// Below the base URL, starting with `/`; it may have a query.
    pub path: &'a str,
    /// The model's native name, for base URLs that hold `{model}`.
    pub model: &'a str,
    /// More headers, which go before the provider's own of the same name.
    pub headers: &'a HeaderMap,
    /// What; an empty body makes it a GET.
    pub body: Bytes,
    /// With which secret; `None` only where the provider may be called without.
    pub secret: Option<&'a Secret>,
    /// The answer will be an event stream.
    pub stream: bool,
    /// How long to wait.
    pub waits: Waits,
}

/// Pooled connections to providers, for one thread.
pub struct ProviderClient {
    tls: Arc<ClientConfig>,
    names: Arc<Names>,
    pools: Mutex<HashMap<ConnectPolicy, Arc<Pool>>>,
    endpoints: Mutex<HashMap<usize, Arc<Endpoint>>>,
}

impl ProviderClient {
    /// A client with a TLS configuration that may be shared by all threads.
    pub fn new(tls: Arc<ClientConfig>) -> Self {
        Self::with_lookup(tls, system_lookup())
    }

    /// A client that finds names its own way.
    pub fn with_lookup(tls: Arc<ClientConfig>, lookup: Lookup) -> Self {
        Self { tls, names: Arc::new(Names::new(lookup)), pools: Mutex::default(), endpoints: Mutex::default() }
    }

    /// Sends a request that is none of the provider's API, under the provider's policy, on a connection of its own.
    pub(crate) async fn send_fresh(
        &self,
        provider: &Provider,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Fault> {
        self.pool(provider).fresh.request(request).await.map_err(|error| from_send_error(&error))
    }

    /// Sends a call and waits for the head of a successful answer.
    pub async fn send(&self, call: Call<'_>) -> Result<Upstream, Fault> {
        if call.secret.is_none() && !call.provider.allow_anonymous {
            let slug = &call.provider.slug;
            return Err(Fault::new(
                FaultKind::NotSent,
                format!("provider `{slug}` has no secret: add a credential, or set `allow_anonymous`"),
            ));
        }
        let endpoint = self.endpoint(call.provider)?;
        let wait = call.waits.until_head(call.stream);
        let response = within(wait, exchange(&endpoint, || request_of(&endpoint, &call))).await?;
        if response.status().is_success() {
            return Upstream::from_response(response);
        }
        Err(refusal(response, call.secret).await)
    }

    pub(crate) fn endpoint(&self, provider: &Arc<Provider>) -> Result<Arc<Endpoint>, Fault> {
        let key = Arc::as_ptr(provider) as usize;
        if let Some(endpoint) = lock(&self.endpoints).get(&key) {
            return Ok(endpoint.clone());
        }
        let endpoint = Arc::new(Endpoint::try_new(provider, self.pool(provider))?);
        let mut endpoints = lock(&self.endpoints);
        if endpoints.len() >= ENDPOINTS {
            endpoints.retain(|_, endpoint| Arc::strong_count(&endpoint.provider) > 1);
        }
        endpoints.insert(key, endpoint.clone());
        Ok(endpoint)
    }

    fn pool(&self, provider: &Provider) -> Arc<Pool> {
        let policy = ConnectPolicy {
            guarded: !provider.allow_private_network,
            deadline: Waits::resolve(&provider.timeouts).connect,
        };
        let mut pools = lock(&self.pools);
        let pool = pools.entry(policy).or_insert_with(|| {
            let connector = Connector::new(self.names.clone(), self.tls.clone(), policy);
            Arc::new(Pool::new(&connector))
        });
        pool.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) async fn within<T>(wait: Duration, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let Ok(result) = tokio::time::timeout(wait, work).await else {
        let message = format!("no response head within {} ms", wait.as_millis());
        return Err(Fault::new(FaultKind::Timeout, message).charged());
    };
    result
}

/// Sends the call, a second time if the first met a connection that was already closed.
pub(crate) async fn exchange(
    endpoint: &Endpoint,
    build: impl Fn() -> Result<Request<Full<Bytes>>, Fault>,
) -> Result<Response<Incoming>, Fault> {
    let error = match endpoint.pool.pooled.request(build()?).await {
        Ok(response) => return Ok(response),
        Err(error) => error,
    };
    if !is_stale(&error) {
        return Err(from_send_error(&error));
    }
    metrics::counter!("signalbox_upstream_stale_connections_total").increment(1);
    tracing::debug!(provider = %endpoint.provider.slug, "pooled connection was closed, sending again on a fresh one");
    endpoint.pool.fresh.request(build()?).await.map_err(|error| from_send_error(&error))
}

fn request_of(endpoint: &Endpoint, call: &Call<'_>) -> Result<Request<Full<Bytes>>, Fault> {
    let mut headers = HeaderMap::with_capacity(8 + endpoint.headers.len() + call.headers.len());
    headers.extend(endpoint.headers.clone());
    call.headers.iter().for_each(|(name, value)| drop(headers.insert(name, value.clone())));
    headers.insert(ACCEPT, if call.stream { EVENT_STREAM } else { JSON });
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    headers.insert(USER_AGENT, USER_AGENT_VALUE);
    if !call.body.is_empty() {
        headers.insert(CONTENT_TYPE, JSON);
    }
    if let Some(secret) = call.secret
        && let Some((name, value)) = endpoint.auth_header(secret)?
    {
        headers.insert(name, value);
    }
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = if call.body.is_empty() { Method::GET } else { Method::POST };
    *request.uri_mut() = endpoint.uri(call.path, call.model, call.secret)?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The connection had answered before, and this time not a byte came back: the other side had closed it.
fn is_stale(error: &legacy::Error) -> bool {
    let Some(connected) = error.connect_info() else { return false };
    let mut extras = Extensions::new();
    connected.get_extras(&mut extras);
    extras.get::<History>().is_some_and(History::is_stale)
}

async fn refusal(response: Response<Incoming>, secret: Option<&Secret>) -> Fault {
    let (parts, body) = response.into_parts();
    // A body that is too long or breaks off still leaves the status.
    let body = crate::upstream::read_some(body, &parts.headers, ERROR_BODY_CAP, ERROR_BODY_WAIT).await;
    from_status(parts.status, &parts.headers, &body, secret.and_then(Secret::expose_str))
}

// === Pool ===

type HttpClient = Client<Connector, Full<Bytes>>;

/// Connections under one policy: those that are kept, and those that are made for one request.
pub(crate) struct Pool {
    pooled: HttpClient,
    fresh: HttpClient,
    flowing: Client<Connector, Flowing>,
}

impl Pool {
    fn new(connector: &Connector) -> Self {
        Self {
            pooled: client(connector.clone(), IDLE_PER_HOST),
            fresh: client(connector.clone(), 0),
            flowing: client(connector.clone(), 0),
        }
    }

    /// Sends a body while it comes.
    pub(crate) async fn send_flowing(&self, request: Request<Flowing>) -> Result<Response<Incoming>, Fault> {
        self.flowing.request(request).await.map_err(|error| from_send_error(&error))
    }
}

fn client<B>(connector: Connector, idle: usize) -> Client<Connector, B>
where
    B: http_body::Body + Send,
    B::Data: Send,
{
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(idle)
        .http1_max_buf_size(READ_BUFFER)
        .http2_initial_stream_window_size(1024 * 1024)
        .http2_initial_connection_window_size(4 * 1024 * 1024)
        .http2_max_header_list_size(64 * 1024)
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .build(connector)
}
