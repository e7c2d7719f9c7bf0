//! TLS: who is trusted, who is not, and HTTP/2 over it.

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use providers::{FaultKind, ProviderClient, TrustRoots, tls_config};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::scripted::{Scripted, Step, call, fetch, ok, provider};

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(issuer.pem().as_bytes()).unwrap();
        Self { issuer, file }
    }

    fn client(&self) -> ProviderClient {
        ProviderClient::new(tls_config(TrustRoots::WebPki, Some(self.file.path())).unwrap())
    }

    /// A server with a certificate for a name; `protocol` is what it agrees to speak.
    async fn serve(&self, name: &str, protocol: &[u8], change: impl FnOnce(&mut CertificateParams)) -> Server {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let mut config = builder
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![protocol.to_vec()];
        Server::start(TlsAcceptor::from(Arc::new(config))).await
    }
}

struct Server {
    port: u16,
    accepted: Arc<AtomicUsize>,
    abandoned: mpsc::UnboundedReceiver<()>,
}

/// Says so when the request it belongs to is given up.
struct Abandoned(mpsc::UnboundedSender<()>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl Server {
    async fn start(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (report, abandoned) = mpsc::unbounded_channel();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (acceptor, report) = (acceptor.clone(), report.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(socket).await else { return };
                    let service = service_fn(move |request| answer(request, report.clone()));
                    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port, accepted, abandoned }
    }

    fn base_url(&self) -> String {
        format!("https://localhost:{}/v1", self.port)
    }
}

async fn answer(
    request: http::Request<hyper::body::Incoming>,
    report: mpsc::UnboundedSender<()>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    if request.uri().path().starts_with("/silent") {
        let _abandoned = Abandoned(report);
        std::future::pending::<()>().await;
    }
    Ok(http::Response::new(Full::new(Bytes::from(format!("{:?}", request.version())))))
}

fn unchanged(_: &mut CertificateParams) {}

#[tokio::test]
async fn both_versions_of_http_are_spoken_and_connections_reused() {
    let authority = Authority::new();
    for (protocol, version) in [(&b"http/1.1"[..], "HTTP/1.1"), (b"h2", "HTTP/2.0")] {
        let server = authority.serve("localhost", protocol, unchanged).await;
        let (client, provider) = (authority.client(), Arc::new(provider(&server.base_url())));
        for _ in 0..3 {
            assert_eq!(fetch(&client, &provider).await.unwrap(), version);
        }
        assert_eq!(server.accepted.load(Ordering::Relaxed), 1, "{version}");
    }
}

#[tokio::test]
async fn a_dropped_call_resets_its_http2_stream() {
    let authority = Authority::new();
    let mut server = authority.serve("localhost", b"h2", unchanged).await;
    let (client, mut silent) = (authority.client(), provider(&server.base_url()));
    silent.base_url = server.base_url().replace("/v1", "/silent");
    let silent = Arc::new(silent);
    // Long enough for the request to arrive; the drop of the handler proves that it did.
    let dropped = tokio::time::timeout(Duration::from_millis(200), call(&client, &silent, true)).await;
    assert!(dropped.is_err());
    tokio::time::timeout(Duration::from_millis(100), server.abandoned.recv()).await.expect("reset in time");
}

async fn refusal(client: &ProviderClient, base_url: &str) -> String {
    let fault = call(client, &Arc::new(provider(base_url)), false).await.unwrap_err();
    assert_eq!((fault.kind, fault.possibly_charged), (FaultKind::TlsFailed, false), "{fault}");
    fault.message
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let server = authority.serve("other.example", b"h2", unchanged).await;
    let message = refusal(&authority.client(), &server.base_url()).await;
    assert!(message.contains("not valid for name"), "{message}");
}

#[tokio::test]
async fn an_unknown_authority_is_refused() {
    let server = Authority::new().serve("localhost", b"h2", unchanged).await;
    let message = refusal(&crate::scripted::client(), &server.base_url()).await;
    assert!(message.contains("UnknownIssuer"), "{message}");
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let expire = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    };
    let server = authority.serve("localhost", b"h2", expire).await;
    let message = refusal(&authority.client(), &server.base_url()).await;
    assert!(message.contains("expired"), "{message}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_refused() {
    let upstream = Scripted::start([vec![ok("{}"), Step::Fin]]).await;
    refusal(&crate::scripted::client(), &format!("https://localhost:{}/v1", upstream.port)).await;
}

#[tokio::test]
async fn a_connection_made_without_the_guard_does_not_serve_behind_it() {
    let authority = Authority::new();
    let server = authority.serve("localhost", b"h2", unchanged).await;
    let (client, open) = (authority.client(), provider(&server.base_url()));
    fetch(&client, &Arc::new(open.clone())).await.unwrap();
    let mut guarded = open;
    guarded.allow_private_network = false;
    let fault = fetch(&client, &Arc::new(guarded)).await.unwrap_err();
    assert_eq!((fault.kind, server.accepted.load(Ordering::Relaxed)), (FaultKind::NotSent, 1), "{fault}");
}
