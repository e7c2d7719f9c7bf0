//! Accepts connections: one current-thread runtime per I/O thread, each with its own listening socket on the same
//! address, so that a request lives and dies on one thread.
//!
//! Knows connections, not requests: what a request means is `app`'s business.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::app::{App, Cut, Worker};
use crate::config::Limits;
use crate::io::{Protocol, StallGuard, Transport, protocol};
use crate::layers::head::MOST_OF_HTTP2;
use crate::tls::ServerTls;

/// How long to wait after an accept failed, typically for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Those who are cut at the end of the drain wait may take this long to be told.
const FAREWELL: Duration = Duration::from_millis(250);
/// So long a connection may take to be heard after the gateway has begun to stop.
const FIRST_WORD: Duration = Duration::from_millis(50);
/// Of a request line with its header fields.
const HEADER_BYTES: usize = 128 * 1024;
/// Beyond this the library refuses by itself, without a word: what is too much, `layers::head` says before.
const HTTP2_HEADER_BYTES: u32 = 2 * MOST_OF_HTTP2;
const HTTP2_STREAMS: u32 = 256;
const HTTP2_WINDOW: u32 = 1 << 20;
/// Streams that a caller resets before they are taken, and such as we reset for its mistakes: beyond these the
/// connection ends with `ENHANCE_YOUR_CALM`.
const HTTP2_PENDING_RESETS: usize = 32;
const HTTP2_OWN_RESETS: usize = 256;

/// The listening sockets of all I/O threads, bound to one address.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<std::net::TcpListener>,
    /// The address, with the port that was picked.
    pub address: SocketAddr,
}

impl Listeners {
    /// Binds as many sockets as there are threads to one address.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub fn bind(address: SocketAddr, threads: usize) -> io::Result<Self> {
        // SO_REUSEPORT would let two servers share a port in silence: a plain bind finds out first.
        let probe = socket(address, false)?;
        let address = probe.local_addr()?.as_socket().unwrap_or(address);
        drop(probe);
        let sockets = (0..threads.max(1)).map(|_| socket(address, true).map(Into::into)).collect::<io::Result<_>>()?;
        Ok(Self { sockets, address })
    }
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket)
}

/// The running I/O threads.
#[derive(Debug)]
pub(crate) struct Server {
    threads: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Starts one thread per listening socket.
    ///
    /// # Errors
    /// When a thread or its runtime cannot be made.
    pub(crate) fn start(app: &Arc<App>, listeners: Listeners, tls: Option<&ServerTls>) -> io::Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let connections = Arc::new(AtomicUsize::new(0));
        let mut threads = Vec::new();
        for (index, listener) in listeners.sockets.into_iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (app, connections, stopping) = (app.clone(), connections.clone(), stopping.clone());
            let tls = tls.cloned();
            let thread = std::thread::Builder::new().name(format!("gateway-{index}")).spawn(move || {
                runtime.block_on(async move {
                    match TcpListener::from_std(listener) {
                        Ok(listener) => serve(app, listener, tls, connections, stopping).await,
                        Err(fault) => tracing::error!(%fault, "a listening socket cannot be used"),
                    }
                });
            })?;
            threads.push(thread);
        }
        Ok(Self { threads, stop })
    }

    /// Stops accepting, lets running requests finish within the drain wait, then ends the threads. Blocks.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(true);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("an I/O thread had panicked");
            }
        }
    }
}

async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    tls: Option<ServerTls>,
    connections: Arc<AtomicUsize>,
    mut stopping: watch::Receiver<bool>,
) {
    let limits = app.limits().clone();
    let (cut, cutting) = watch::channel(false);
    let door = Door {
        worker: Arc::new(Worker::new(app, Cut(cutting))),
        tls,
        connections,
        protocols: Arc::new(Protocols::new(&limits)),
        graceful: GracefulShutdown::new(),
        stopping: stopping.clone(),
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(fault) => {
                metrics::counter!("signalbox_accept_failures_total").increment(1);
                tracing::warn!(%fault, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        door.let_in(stream);
    }
    // Whoever stands in the queue has been promised to be heard: closing it would turn them away with a reset.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        door.let_in(stream);
    }
    drop(listener);
    // A connection that is closed before its first request is read is closed in its caller's face.
    tokio::time::sleep(FIRST_WORD).await;
    let Door { worker, graceful, .. } = door;
    let mut shutdown = pin!(graceful.shutdown());
    if tokio::time::timeout(limits.drain, &mut shutdown).await.is_err() {
        tracing::warn!("requests are still running at the end of the drain wait and are cut");
        worker.app.cutting.store(true, Ordering::Relaxed);
        let _ = cut.send(true);
        let _ = tokio::time::timeout(limits.abort_linger + FAREWELL, shutdown).await;
    }
}

/// Where connections of one I/O thread come in.
struct Door {
    worker: Arc<Worker>,
    tls: Option<ServerTls>,
    connections: Arc<AtomicUsize>,
    protocols: Arc<Protocols>,
    graceful: GracefulShutdown,
    stopping: watch::Receiver<bool>,
}

impl Door {
    /// Serves a connection beside the others, if there is room.
    fn let_in(&self, stream: TcpStream) {
        let Some(place) = Place::take(&self.connections, self.worker.app.limits().connections) else {
            metrics::counter!("signalbox_connections_refused_total").increment(1);
            return;
        };
        let (worker, tls, protocols) = (self.worker.clone(), self.tls.clone(), self.protocols.clone());
        let (watcher, mut stopping) = (self.graceful.watcher(), self.stopping.clone());
        tokio::spawn(async move {
            let _place = place;
            let prepared = tokio::select! {
                biased;
                prepared = prepare(stream, tls.as_ref(), &worker.app) => prepared,
                // Who has not said a word by then is not waited for.
                () = async {
                    let _ = stopping.wait_for(|stop| *stop).await;
                    tokio::time::sleep(FIRST_WORD).await;
                } => None,
            };
            let Some((io, protocol)) = prepared else { return };
            let service = service_fn(move |request| {
                let worker = worker.clone();
                async move { Ok::<_, Infallible>(worker.answer(request).await) }
            });
            // A broken connection is the caller's way of leaving; the settle guard has recorded what was lost.
            let served = match protocol {
                Protocol::Http1 => watcher.watch(protocols.http1.serve_connection(io, service)).await,
                // Boxed, so that the many of the other kind are not as large.
                Protocol::Http2 => watcher.watch(protocols.http2.serve_connection(io, service)).boxed().await,
            };
            if let Err(fault) = served {
                tracing::debug!(%fault, "a connection ended early");
            }
        });
    }
}

/// Makes a connection ready to be read from, and finds out what it speaks; `None` = it is none.
async fn prepare(
    stream: TcpStream,
    tls: Option<&ServerTls>,
    app: &Arc<App>,
) -> Option<(TokioIo<StallGuard>, Protocol)> {
    let limits = app.limits();
    // Without it, the first streamed token waits for the caller's delayed acknowledgement.
    stream.set_nodelay(true).ok()?;
    let transport = match tls {
        None => Transport::Plain(stream),
        Some(tls) => match tokio::time::timeout(limits.header_wait, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => Transport::Tls(Box::new(stream)),
            Ok(Err(fault)) => return no_handshake("failed", &fault),
            Err(late) => return no_handshake("late", &late),
        },
    };
    let Ok(protocol) = tokio::time::timeout(limits.header_wait, protocol(&transport)).await else {
        metrics::counter!("signalbox_silent_connections_total").increment(1);
        return None;
    };
    let protocol = protocol.ok()?;
    Some((TokioIo::new(StallGuard::new(transport, protocol, app.clone())), protocol))
}

fn no_handshake<T>(reason: &'static str, fault: &dyn std::fmt::Display) -> Option<T> {
    metrics::counter!("signalbox_tls_handshake_failures_total", "reason" => reason).increment(1);
    tracing::debug!(%fault, "a caller's TLS handshake did not come about");
    None
}

/// How connections are served.
struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    fn new(limits: &Limits) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            // For a head that has begun the connection has a wait of its own, which tells the caller.
            .header_read_timeout(limits.idle_wait)
            .max_header_size(HEADER_BYTES)
            .max_buf_size(HEADER_BYTES)
            .keep_alive(true);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS)
            .max_header_list_size(HTTP2_HEADER_BYTES)
            .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS)
            .max_local_error_reset_streams(HTTP2_OWN_RESETS)
            .initial_stream_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(4 * HTTP2_WINDOW)
            .keep_alive_interval(Some(Duration::from_secs(30)))
            .keep_alive_timeout(Duration::from_secs(20));
        Self { http1, http2 }
    }
}

/// One of the connections that may be open at once; given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(connections: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let place = Self(connections.clone());
        (connections.fetch_add(1, Ordering::Relaxed) < limit).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
