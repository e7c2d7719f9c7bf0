//! TLS towards a collector, with the authorities that vouch for providers.
//!
//! The exporter could speak TLS by itself, with roots of its own; then an authority that an operator has named would
//! count for providers and not here.

use std::io;
use std::sync::Arc;

use anyhow::Context;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

/// The port of OTLP over gRPC.
const PORT: u16 = 4317;

/// A channel that connects when it is first used, and anew whenever it has to.
pub(super) fn channel(endpoint: &str, tls: &ClientConfig) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(endpoint.to_owned()).context("traces cannot be sent")?;
    let mut tls = tls.clone();
    // gRPC is HTTP/2 and nothing else.
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let tls = Arc::new(tls);
    let connector = tower::service_fn(move |address: Uri| {
        let tls = tls.clone();
        async move { connect(&address, tls).await.map(TokioIo::new) }
    });
    Ok(endpoint.connect_with_connector_lazy(connector))
}

async fn connect(address: &Uri, tls: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let host = address.host().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = TcpStream::connect((host, address.port_u16().unwrap_or(PORT))).await?;
    TlsConnector::from(tls).connect(name, stream).await
}
