//! Traces reach a collector that speaks OTLP: spans with their attributes, under the caller's trace, without its words.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rustls::pki_types::PrivateKeyDer;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::server::{Scratch, Server, exchange, get};

const CANARY: &str = "canary-4711-of-the-prompt";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// A collector and its address; it runs as long as the runtime.
    fn start(runtime: &tokio::runtime::Runtime) -> (Self, String) {
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().unwrap();
        let scopes = requests.iter().flat_map(|it| &it.resource_spans).flat_map(|it| &it.scope_spans);
        scopes.flat_map(|it| it.spans.clone()).collect()
    }

    fn wait_for(&self, requests: usize) -> Vec<Span> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let spans = self.spans();
            if spans.iter().filter(|span| span.kind() == SpanKind::Server).count() >= requests {
                return spans;
            }
            assert!(Instant::now() < until, "no traces came: {spans:?}");
            std::thread::yield_now();
        }
    }
}

fn text(span: &Span, name: &str) -> Option<String> {
    let value = span.attributes.iter().find(|it| it.key == name)?.value.clone()?.value?;
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(is) => is.to_string(),
        other => format!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|it| char::from_digit(it.into(), 16)).collect()
}

fn ask(server: &Server, key: &str, headers: &str, more: &str) -> u16 {
    let body =
        format!(r#"{{"model":"demo/small","messages":[{{"role":"user","content":"What is 2+2? {CANARY}"}}]{more}}}"#);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(&server.gateway(), &request).unwrap().status
}

#[track_caller]
fn wait_for_metric(server: &Server, line: &str) {
    let until = Instant::now() + Duration::from_secs(10);
    while !get(&server.console(), "/metrics").body.contains(line) {
        assert!(Instant::now() < until, "{line} is not counted");
        std::thread::yield_now();
    }
}

#[test]
fn requests_become_spans_under_the_callers_trace_and_without_its_words() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (collector, address) = Collector::start(&runtime);
    let scratch = Scratch::new();
    let mut server = scratch.start(&["--demo", "--otlp-endpoint", &address]);
    let key = server.key();
    assert_eq!(ask(&server, &key, &format!("traceparent: 00-{TRACE}-{SPAN}-01\r\n"), ""), 200);
    assert_eq!(ask(&server, &key, "", r#","stream":true"#), 200);
    // A caller whose trace is not recorded is not traced here either, and a wrong key leaves nothing.
    assert_eq!(ask(&server, &key, &format!("traceparent: 00-{TRACE}-{SPAN}-00\r\n"), ""), 200);
    assert_eq!(ask(&server, "sk-unknown", "", ""), 401);
    assert_eq!(ask(&server, &key, "", r#","n":"x""#), 400);

    let spans = collector.wait_for(3);
    let roots: Vec<_> = spans.iter().filter(|span| span.kind() == SpanKind::Server).collect();
    assert_eq!(roots.len(), 3, "{roots:#?}");
    let root = roots.iter().find(|span| hex(&span.trace_id) == TRACE).expect("the caller's trace");
    assert_eq!((hex(&root.parent_span_id).as_str(), root.name.as_str()), (SPAN, "chat demo/small"));
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "demo/small"),
        ("gen_ai.provider.name", "demo"),
        ("signalbox.outcome", "completed"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(text(root, name).as_deref(), Some(value), "{name}");
    }
    assert!(text(root, "gen_ai.usage.input_tokens").is_some_and(|tokens| tokens.parse::<u64>().unwrap() > 0));
    assert!(text(root, "gen_ai.response.model").is_some() && text(root, "signalbox.request.id").is_some());

    for root in roots.iter().filter(|root| text(root, "signalbox.outcome").as_deref() == Some("completed")) {
        let children: Vec<_> = spans.iter().filter(|span| span.parent_span_id == root.span_id).collect();
        let names: Vec<_> = children.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["decide", "chat demo/small"]);
        for child in children {
            assert_eq!(child.trace_id, root.trace_id);
            let times = [root.start_time_unix_nano, child.start_time_unix_nano, child.end_time_unix_nano];
            assert!(times.is_sorted() && child.end_time_unix_nano <= root.end_time_unix_nano, "{root:?} {child:?}");
        }
    }
    let failed = roots.iter().find(|span| text(span, "error.type").is_some()).expect("the one that was refused");
    assert_eq!(text(failed, "http.response.status_code").as_deref(), Some("400"));

    let all = format!("{:?}", collector.0.lock().unwrap());
    assert!(!all.contains(CANARY) && !all.contains(&key), "words of a caller are among the spans");
    wait_for_metric(&server, "signalbox_spans_exported_total ");

    // What has not been sent yet is sent at the end.
    assert_eq!(ask(&server, &key, "", ""), 200);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(collector.spans().iter().filter(|span| span.kind() == SpanKind::Server).count(), 4);
}

#[test]
fn a_collector_that_is_away_harms_nobody() {
    let scratch = Scratch::new();
    let mut server = scratch.start(&["--demo", "--otlp-endpoint", "http://127.0.0.1:1"]);
    let key = server.key();
    assert_eq!(ask(&server, &key, "", ""), 200);
    wait_for_metric(&server, "signalbox_traces_dropped_total{reason=\"export\"} 1");
    // The count goes before the line.
    let until = Instant::now() + Duration::from_secs(10);
    while !server.log().contains("traces were not sent") {
        assert!(Instant::now() < until, "nothing is said of it: {}", server.log());
        std::thread::yield_now();
    }
    let log = server.log();
    let (_, fault) = log.split_once("fault=").expect("a fault");
    assert!(fault.starts_with("the collector cannot be reached: ") && fault.contains("onnection refused"), "{log}");
    assert!(!["Err(", "InternalFailure", "Tonic", "\\\""].iter().any(|name| log.contains(name)), "{log}");
    assert_eq!(server.stop(), Some(0));
}

/// What stands in front of a collector and ends TLS, with a certificate for `localhost`; its address and the certificate.
fn secured(runtime: &tokio::runtime::Runtime, collector: &str) -> (String, String) {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(crypto).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(vec![signed.cert.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let behind = collector.strip_prefix("http://").unwrap().to_owned();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let Ok(mut outside) = acceptor.accept(stream).await else { return };
                let mut inside = tokio::net::TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (address, signed.cert.pem())
}

#[test]
fn a_collector_is_reached_over_tls_if_its_certificate_is_trusted() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (collector, behind) = Collector::start(&runtime);
    let (address, certificate) = secured(&runtime, &behind);
    let scratch = Scratch::new();
    let file = scratch.write("collector.crt", &certificate);
    let mut server = scratch.start(&["--demo", "--otlp-endpoint", &address]);
    let key = server.key();
    assert_eq!(ask(&server, &key, "", ""), 200);
    wait_for_metric(&server, "signalbox_traces_dropped_total{reason=\"export\"} 1");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(collector.spans().len(), 0, "nobody vouches for it");

    let trusting = ["--demo", "--otlp-endpoint", &address, "--extra-ca", file.to_str().unwrap()];
    let mut server = scratch.start(&trusting);
    assert_eq!(ask(&server, &key, "", ""), 200);
    assert!(!collector.wait_for(1).is_empty());
    assert_eq!(server.stop(), Some(0));
}
