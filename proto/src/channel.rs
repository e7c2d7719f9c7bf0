//! How a client reaches a server: in memory, over a Unix socket, or over TCP.
//!
//! All three give the same tonic [`Channel`] with the same HTTP/2 windows, and all three reconnect by themselves after
//! the server came back. Deadlines of single calls are the caller's business; only connecting has one here.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::transport::{Channel, Server, Uri};

/// What one stream may have in flight: a whole snapshot chunk.
pub const STREAM_WINDOW: u32 = 1 << 20;
/// What one connection may have in flight.
pub const CONNECTION_WINDOW: u32 = 4 << 20;
/// How long connecting may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The buffer of an in-memory connection, one way. Small: backpressure should reach the writer early.
const DUPLEX_BYTES: usize = 256 << 10;
/// In-memory connections that may wait to be accepted.
const BACKLOG: usize = 64;
/// Calls that may be open on one connection.
const STREAMS: u32 = 1024;
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The text names no server.
    #[error("`{0}` is not a server address: expected `unix:/path/to/admin.sock` or `http://host:port`")]
    Address(String),
    /// TLS is not part of this build.
    #[error(
        "`{0}` asks for TLS, which this version does not speak to engines: use a Unix socket or http:// on loopback"
    )]
    Tls(String),
    /// Nobody answers.
    #[error("cannot connect to {endpoint}: is the engine running?")]
    Connect {
        /// Whom.
        endpoint: String,
        /// Why.
        source: tonic::transport::Error,
    },
}

// === Endpoint ===

/// Where a server is.
#[derive(Clone)]
pub enum Endpoint {
    /// `http://host:port`.
    Tcp(Uri),
    /// A Unix socket.
    Unix(PathBuf),
    /// A server of this process.
    InMemory(InMemoryConnector),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(uri) => write!(f, "{}", uri.to_string().trim_end_matches('/')),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::InMemory(_) => f.write_str("the engine of this process"),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl FromStr for Endpoint {
    type Err = ChannelError;

    /// Reads `unix:/path`, `unix:///path` or `http://host:port`.
    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let invalid = || ChannelError::Address(text.to_owned());
        if let Some(path) = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:")) {
            return if path.is_empty() { Err(invalid()) } else { Ok(Self::Unix(PathBuf::from(path))) };
        }
        if text.starts_with("https://") {
            return Err(ChannelError::Tls(text.to_owned()));
        }
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) {
            return Err(invalid());
        }
        Ok(Self::Tcp(uri))
    }
}

/// Connects now, or says why not.
pub async fn connect(endpoint: &Endpoint) -> Result<Channel, ChannelError> {
    let base = base(endpoint);
    let connected = match endpoint {
        Endpoint::Tcp(_) => base.connect().await,
        Endpoint::Unix(path) => base.connect_with_connector(unix_connector(path.clone())).await,
        Endpoint::InMemory(connector) => base.connect_with_connector(memory_connector(connector.clone())).await,
    };
    connected.map_err(|source| ChannelError::Connect { endpoint: endpoint.to_string(), source })
}

/// Connects at the first call, and again whenever the connection is lost. Must be called within a tokio runtime.
pub fn connect_lazy(endpoint: &Endpoint) -> Channel {
    let base = base(endpoint);
    match endpoint {
        Endpoint::Tcp(_) => base.connect_lazy(),
        Endpoint::Unix(path) => base.connect_with_connector_lazy(unix_connector(path.clone())),
        Endpoint::InMemory(connector) => base.connect_with_connector_lazy(memory_connector(connector.clone())),
    }
}

/// A server with the same windows as the clients, to which services are added.
pub fn server() -> Server {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .tcp_nodelay(true)
        .max_concurrent_streams(STREAMS)
        // Under overload many callers give up at once: that ends their calls, and must not end the connection, which
        // all others share. The library's own bounds are against strangers (20 at a time; 1024 in a connection's life).
        .http2_max_pending_accept_reset_streams(Some(STREAMS as usize))
        .http2_max_local_error_reset_streams(None)
}

fn base(endpoint: &Endpoint) -> tonic::transport::Endpoint {
    let uri = match endpoint {
        Endpoint::Tcp(uri) => uri.clone(),
        // The connector ignores it; HTTP/2 needs an authority.
        Endpoint::Unix(_) | Endpoint::InMemory(_) => Uri::from_static("http://engine.local"),
    };
    tonic::transport::Endpoint::from(uri)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true)
        // An answer that comes after its caller gave up is late and no offence of the server.
        .http2_max_concurrent_reset_streams(STREAMS as usize)
        .http2_max_local_error_reset_streams(None)
}

fn unix_connector(
    path: PathBuf,
) -> impl tower::Service<Uri, Response = TokioIo<UnixStream>, Error = io::Error, Future: Send> + Send + Clone + 'static
{
    tower::service_fn(move |_: Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    })
}

fn memory_connector(
    connector: InMemoryConnector,
) -> impl tower::Service<Uri, Response = TokioIo<DuplexStream>, Error = io::Error, Future: Send> + Send + Clone + 'static
{
    tower::service_fn(move |_: Uri| {
        let connector = connector.clone();
        async move { connector.open().await.map(TokioIo::new) }
    })
}

// === In memory ===

/// Opens connections to a server of this process.
#[derive(Clone, Debug)]
pub struct InMemoryConnector {
    accepted: mpsc::Sender<DuplexStream>,
}

/// The server's end: a stream of connections for `serve_with_incoming`.
#[derive(Debug)]
pub struct InMemoryListener {
    incoming: mpsc::Receiver<DuplexStream>,
}

/// Makes a connector and the listener it connects to.
pub fn in_memory() -> (InMemoryConnector, InMemoryListener) {
    let (accepted, incoming) = mpsc::channel(BACKLOG);
    (InMemoryConnector { accepted }, InMemoryListener { incoming })
}

impl InMemoryConnector {
    /// Opens a connection; fails when the server has gone.
    pub async fn open(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(DUPLEX_BYTES);
        self.accepted
            .send(theirs)
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::ConnectionRefused, "the engine of this process has stopped"))?;
        Ok(ours)
    }
}

impl Stream for InMemoryListener {
    type Item = io::Result<DuplexStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: Option<&str>) {
        assert_eq!(text.parse::<Endpoint>().ok().map(|endpoint| endpoint.to_string()).as_deref(), shown, "{text}");
    }

    #[test]
    fn addresses_are_unix_sockets_or_plain_http() {
        check("unix:/run/sb/admin.sock", Some("unix:/run/sb/admin.sock"));
        check("unix:///run/sb/admin.sock", Some("unix:/run/sb/admin.sock"));
        check("http://127.0.0.1:50051", Some("http://127.0.0.1:50051"));
        check("https://engine:50051", None);
        check("engine:50051", None);
        check("unix:", None);
    }

    #[tokio::test]
    async fn connecting_to_nobody_says_whom() {
        let nobody = tempfile::tempdir().expect("a scratch folder").path().join("no.sock");
        let error = connect(&Endpoint::Unix(nobody)).await.expect_err("nobody listens");
        assert!(error.to_string().contains("no.sock"), "{error}");
    }

    #[tokio::test]
    async fn a_stopped_server_refuses_in_memory_connections() {
        let (connector, listener) = in_memory();
        drop(listener);
        assert_eq!(connector.open().await.expect_err("stopped").kind(), io::ErrorKind::ConnectionRefused);
    }
}
