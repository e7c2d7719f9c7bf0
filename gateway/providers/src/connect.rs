//! Connections to providers: TCP without delay, TLS, and the guard, all within one deadline.
//!
//! Runs only when a connection is made; a request on a pooled one pays nothing. Each step marks its own failure, so
//! that nobody has to guess from an error's text what happened.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use crate::fault::cause;
use crate::resolve::{BoxFuture, Names, Resolver, check};

/// Where making a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectStep {
    /// The address is not one that may be called.
    Address,
    /// The name was not found.
    Lookup,
    /// TCP.
    Tcp,
    /// TLS.
    Tls,
    /// All of it took too long.
    Deadline,
}

/// A connection that was not made.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ConnectError {
    pub(crate) step: ConnectStep,
    message: String,
}

impl ConnectError {
    pub(crate) fn new(step: ConnectStep, message: String) -> Self {
        Self { step, message }
    }
}

/// What a connector may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnectPolicy {
    /// Only public addresses, only https.
    pub(crate) guarded: bool,
    /// Lookup, TCP and TLS together.
    pub(crate) deadline: Duration,
}

/// Makes connections under one policy.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: Arc<ClientConfig>,
    policy: ConnectPolicy,
}

/// A silent peer is noticed after idle + 3 × interval = 50 s.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
/// Keepalive does not run while sent bytes wait for their acknowledgement; this does.
const UNACKNOWLEDGED: Duration = Duration::from_secs(50);

impl Connector {
    pub(crate) fn new(names: Arc<Names>, tls: Arc<ClientConfig>, policy: ConnectPolicy) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { names, guarded: policy.guarded });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE_IDLE));
        tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
        tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        Self { tcp, tls, policy }
    }

    async fn connect(mut self, target: Uri) -> Result<Stream, ConnectError> {
        let host = target.host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let secure = target.scheme() == Some(&Scheme::HTTPS);
        if self.policy.guarded {
            // hyper's connector does not look up what is an address already, so that is checked here.
            if let Ok(address) = host.parse::<IpAddr>() {
                check(&host, &[address])?;
            }
            if !secure {
                return Err(ConnectError::new(ConnectStep::Address, format!("`{host}` is not called over https")));
            }
        }
        let tcp = self.tcp.call(target).await.map_err(|error| tcp_failed(&host, &error))?.into_inner();
        if secure { self.secure(&host, tcp).await } else { Ok(Stream::new(Transport::Plain(tcp))) }
    }

    async fn secure(&self, host: &str, tcp: TcpStream) -> Result<Stream, ConnectError> {
        let failed = |error: &dyn std::fmt::Display| {
            ConnectError::new(ConnectStep::Tls, format!("TLS with `{host}` failed: {error}"))
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, tcp).await.map_err(|error| failed(&error))?;
        Ok(Stream::new(Transport::Tls(Box::new(stream))))
    }
}

fn tcp_failed(host: &str, error: &(dyn std::error::Error + 'static)) -> ConnectError {
    let mut innermost = error;
    while let Some(next) = cause(innermost) {
        if let Some(ours) = next.downcast_ref::<ConnectError>() {
            return ours.clone();
        }
        innermost = next;
    }
    ConnectError::new(ConnectStep::Tcp, format!("connecting to `{host}` failed: {innermost}"))
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = BoxFuture<Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.tcp.poll_ready(cx).map_err(|error| tcp_failed("", &error))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let (deadline, connector) = (self.policy.deadline, self.clone());
        Box::pin(async move {
            let host = target.host().unwrap_or_default().to_owned();
            let result = tokio::time::timeout(deadline, connector.connect(target)).await.unwrap_or_else(|_| {
                let waited = deadline.as_millis();
                let message = format!("no connection to `{host}` within {waited} ms");
                Err(ConnectError::new(ConnectStep::Deadline, message))
            });
            count(&result);
            result.map(TokioIo::new)
        })
    }
}

fn count(result: &Result<Stream, ConnectError>) {
    let step = match result {
        Ok(_) => "ok",
        Err(ConnectError { step: ConnectStep::Address, .. }) => "address_refused",
        Err(ConnectError { step: ConnectStep::Lookup, .. }) => "lookup_failed",
        Err(ConnectError { step: ConnectStep::Tcp, .. }) => "tcp_failed",
        Err(ConnectError { step: ConnectStep::Tls, .. }) => "tls_failed",
        Err(ConnectError { step: ConnectStep::Deadline, .. }) => "timeout",
    };
    metrics::counter!("signalbox_upstream_connections_total", "outcome" => step).increment(1);
}

// === Stream ===

/// What is known of a connection when a request on it fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    marks: Arc<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    /// An answer, or part of one, has come over it.
    answered: AtomicBool,
    /// Something was written since the last byte was read.
    awaiting: AtomicBool,
}

impl History {
    /// The connection had served a request before, and not a byte came back for the one that failed.
    pub(crate) fn is_stale(&self) -> bool {
        self.marks.answered.load(Ordering::Relaxed) && self.marks.awaiting.load(Ordering::Relaxed)
    }
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that remembers whether it has answered.
pub(crate) struct Stream {
    transport: Transport,
    history: History,
}

impl Stream {
    fn new(transport: Transport) -> Self {
        Self { transport, history: History::default() }
    }

    fn note_read(&self) {
        self.history.marks.answered.store(true, Ordering::Relaxed);
        self.history.marks.awaiting.store(false, Ordering::Relaxed);
    }

    fn note_write(&self) {
        self.history.marks.awaiting.store(true, Ordering::Relaxed);
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.history.clone());
        match &self.transport {
            Transport::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => connected.negotiated_h2(),
            Transport::Tls(_) | Transport::Plain(_) => connected,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        if buffer.filled().len() > before {
            self.note_read();
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.note_write();
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.note_write();
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
