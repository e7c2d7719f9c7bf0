//! TLS towards callers: both versions of HTTP, certificates that change without dropping anybody, handshakes in time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway::{Limits, TlsFiles};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stack::{KEY, Setup, TestStack, ask, limits};
use crate::upstream::Upstream;

/// A certificate with its key, both written to files.
struct Identity {
    files: TlsFiles,
    certificate: CertificateDer<'static>,
}

impl Identity {
    fn write(folder: &Path) -> Self {
        let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let files = TlsFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
        std::fs::write(&files.certificate, signed.cert.pem()).unwrap();
        std::fs::write(&files.key, signed.signing_key.serialize_pem()).unwrap();
        Self { files, certificate: signed.cert.der().clone() }
    }

    /// A handshake that trusts this certificate only.
    async fn connect(&self, stack: &TestStack, protocol: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(stack.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

fn serving(files: &TlsFiles, limits: Limits) -> (TestStack, Upstream) {
    let upstream = Upstream::good();
    let setup = Setup { upstreams: vec![upstream.address], limits, tls: Some(files.clone()), ..Setup::default() };
    (TestStack::start(setup), upstream)
}

fn request(authority: &str) -> http::Request<Full<Bytes>> {
    http::Request::post(format!("{authority}/v1/chat/completions"))
        .header("host", "localhost")
        .header("authorization", format!("Bearer {KEY}"))
        .body(Full::new(Bytes::from(ask(""))))
        .unwrap()
}

#[test]
fn both_versions_of_http_are_spoken_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write(folder.path());
    let (stack, _upstream) = serving(&identity.files, limits());
    stack.runtime().block_on(async {
        let stream = identity.connect(&stack, b"h2").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        for _ in 0..3 {
            let answer = sender.send_request(request("https://localhost")).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
            assert!(answer.into_body().collect().await.unwrap().to_bytes().starts_with(b"{"));
        }

        let stream = identity.connect(&stack, b"http/1.1").await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let answer = sender.send_request(request("")).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_11));
    });
}

#[test]
fn another_certificate_takes_over_without_dropping_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let first = Identity::write(folder.path());
    let (stack, _upstream) = serving(&first.files, limits());
    stack.runtime().block_on(async {
        let stream = first.connect(&stack, b"http/1.1").await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);

        let second = Identity::write(folder.path());
        first.connect(&stack, b"h2").await.expect("until it is read, the old one is shown");
        stack.gateway().reload_tls().unwrap();
        second.connect(&stack, b"h2").await.expect("the new one is shown");
        assert!(first.connect(&stack, b"h2").await.is_err(), "the old one is not shown any more");

        // A key that does not fit changes nothing.
        std::fs::write(&first.files.certificate, rcgen_certificate()).unwrap();
        let fault = stack.gateway().reload_tls().unwrap_err();
        assert!(fault.to_string().contains("does not fit"), "{fault}");
        second.connect(&stack, b"h2").await.expect("what was in force stays in force");

        let answer = sender.send_request(request("")).await.unwrap();
        assert_eq!(answer.status(), 200, "the first connection lives on");
    });
}

fn rcgen_certificate() -> String {
    rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem()
}

#[test]
fn a_handshake_that_does_not_come_about_is_closed_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write(folder.path());
    let limits = Limits { header_wait: Duration::from_millis(50), ..limits() };
    let (stack, _upstream) = serving(&identity.files, limits);
    for begin in ["", "\x16\x03\x01", "GET / HTTP/1.1\r\nhost: a\r\n\r\n"] {
        let mut call = stack.call();
        call.send(begin);
        let mut rest = Vec::new();
        // At most an alert comes, and then the end.
        let _ = std::io::Read::read_to_end(&mut call.stream(), &mut rest);
        assert!(rest.len() < 16, "{begin:?}: {rest:?}");
    }
}

#[test]
fn a_connection_for_http2_that_says_nothing_is_closed_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write(folder.path());
    let limits = Limits { header_wait: Duration::from_millis(50), ..limits() };
    let (stack, _upstream) = serving(&identity.files, limits);
    stack.runtime().block_on(async {
        let mut stream = identity.connect(&stack, b"h2").await.unwrap();
        let mut said = Vec::new();
        let end = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut said);
        let _ = tokio::time::timeout(Duration::from_secs(10), end).await.expect("it is closed");
    });
}

#[test]
fn a_stopping_gateway_does_not_wait_for_handshakes() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write(folder.path());
    let (mut stack, _upstream) = serving(&identity.files, limits());
    let mut call = stack.call();
    stack.begin_to_stop().join().unwrap();
    call.assert_closed();
}
