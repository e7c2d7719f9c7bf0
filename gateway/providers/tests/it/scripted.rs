//! An upstream of raw TCP that does what a script says, and what tests need to call it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{AuthScheme, DialectKind, OrganisationId, Provider, ProviderSlug, Timeouts};
use providers::{CHAT_COMPLETIONS, Call, Fault, ProviderClient, TrustRoots, Upstream, Waits, tls_config};
use seal::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a connection does next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Reads one whole request.
    Read,
    /// Sends bytes.
    Send(Vec<u8>),
    /// Does nothing for a while.
    Wait(Duration),
    /// Closes in an orderly way.
    Fin,
    /// Closes with a reset.
    Reset,
    /// Says nothing until the other side closes, and reports when it did.
    Hold,
}

pub(crate) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

pub(crate) fn ok(body: &str) -> Step {
    let length = body.len();
    send(&format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"))
}

pub(crate) fn status(line: &str, headers: &str, body: &str) -> Step {
    let length = body.len();
    send(&format!("HTTP/1.1 {line}\r\n{headers}content-length: {length}\r\n\r\n{body}"))
}

pub(crate) const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A scripted upstream: each connection takes the next script.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    pub(crate) accepted: Arc<Mutex<usize>>,
    closed: mpsc::UnboundedReceiver<Instant>,
}

impl Scripted {
    pub(crate) async fn start(scripts: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, accepted) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<usize>>::default());
        let (report, closed) = mpsc::unbounded_channel();
        let mut scripts: VecDeque<_> = scripts.into_iter().collect();
        let (seen, count) = (requests.clone(), accepted.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *count.lock().unwrap() += 1;
                let script = scripts.pop_front().unwrap_or_else(|| vec![Step::Reset]);
                tokio::spawn(play(socket, script, seen.clone(), report.clone()));
            }
        });
        Self { port, requests, accepted, closed }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        *self.accepted.lock().unwrap()
    }

    /// When a held connection was closed by the client.
    pub(crate) async fn closed(&mut self) -> Instant {
        tokio::time::timeout(Duration::from_secs(5), self.closed.recv()).await.expect("never closed").unwrap()
    }
}

async fn play(
    mut socket: TcpStream,
    script: Vec<Step>,
    requests: Arc<Mutex<Vec<String>>>,
    report: mpsc::UnboundedSender<Instant>,
) {
    socket.set_nodelay(true).unwrap();
    for step in script {
        match step {
            Step::Read => match read_request(&mut socket).await {
                Some(request) => requests.lock().unwrap().push(request),
                None => return,
            },
            Step::Send(bytes) => {
                if socket.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Fin => {
                let _ = socket.shutdown().await;
                return;
            }
            Step::Reset => {
                socket.set_zero_linger().unwrap();
                return;
            }
            Step::Hold => {
                let mut rest = [0; 1024];
                while matches!(socket.read(&mut rest).await, Ok(count) if count > 0) {}
                let _ = report.send(Instant::now());
                return;
            }
        }
    }
    // A script that ends leaves the connection open, as a server that waits for the next request.
    let mut rest = [0; 1024];
    while matches!(socket.read(&mut rest).await, Ok(count) if count > 0) {}
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        let count = socket.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
    }
}

// === calling ===

pub(crate) fn client() -> ProviderClient {
    ProviderClient::new(tls_config(TrustRoots::WebPki, None).unwrap())
}

/// A provider on a private network, called with a bearer secret.
pub(crate) fn provider(base_url: &str) -> Provider {
    Provider {
        headers: std::collections::BTreeMap::new(),
        responses: false,
        slug: ProviderSlug::parse("acme").unwrap(),
        organisation: OrganisationId::from_random([1; 20]),
        dialect: DialectKind::Openai,
        base_url: base_url.to_owned(),
        auth: AuthScheme::Bearer,
        allow_anonymous: false,
        allow_private_network: true,
        zero_data_retention: None,
        collects_data: None,
        timeouts: Timeouts::default(),
        query: BTreeMap::new(),
    }
}

pub(crate) fn waits() -> Waits {
    let limit = Duration::from_secs(5);
    Waits { response_header: limit, response: limit, total: limit, ..Waits::default() }
}

pub(crate) const SECRET: &str = "sk-canary-0123456789";

pub(crate) async fn call(client: &ProviderClient, provider: &Arc<Provider>, stream: bool) -> Result<Upstream, Fault> {
    call_within(client, provider, stream, waits()).await
}

pub(crate) async fn call_within(
    client: &ProviderClient,
    provider: &Arc<Provider>,
    stream: bool,
    waits: Waits,
) -> Result<Upstream, Fault> {
    let secret = Secret::from(SECRET.to_owned());
    let body = Bytes::from_static(b"{\"model\":\"x\"}");
    let call = Call {
        provider,
        path: CHAT_COMPLETIONS,
        model: "model",
        headers: &http::HeaderMap::new(),
        body,
        secret: Some(&secret),
        stream,
        waits,
    };
    client.send(call).await
}

/// Calls and reads the whole body.
pub(crate) async fn fetch(client: &ProviderClient, provider: &Arc<Provider>) -> Result<Bytes, Fault> {
    call(client, provider, false).await?.collect(1024 * 1024, Duration::from_secs(5)).await
}
