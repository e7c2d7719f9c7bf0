//! The demo provider's HTTP side: a loopback listener, `/v1/models`, `/v1/chat/completions`, whole and as a stream.
//!
//! Runs on the runtime that starts it and ends when its handle is dropped.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{io, iter};

use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::answer::answer;
use super::model::{self, DemoModel, MODELS};
use super::wire::{Answer, ApiError, ChatRequest};

const BODY_CAP: usize = 32 * 1024 * 1024;
const BODY_WAIT: Duration = Duration::from_secs(30);
const HEADER_WAIT: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 4_096;
/// After a failed accept (as when descriptors run out).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A running demo provider. Dropping it ends it with all its connections.
#[derive(Debug)]
pub struct DemoServer {
    base_url: String,
    task: JoinHandle<()>,
}

impl DemoServer {
    /// Serves on a loopback port of the system's choice.
    pub async fn start() -> io::Result<Self> {
        Self::serve(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?)
    }

    /// Serves on a listener, on the current runtime.
    pub fn serve(listener: TcpListener) -> io::Result<Self> {
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        let task = tokio::spawn(accept(listener));
        Ok(Self { base_url, task })
    }

    /// The URL for [`super::provider`].
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener) {
    let serial = Arc::new(AtomicU64::new(1));
    // Owned by this task, so that ending it ends them.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((socket, _)) => {
                connections.spawn(connection(socket, serial.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the demo provider cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, serial: Arc<AtomicU64>) {
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| {
        let serial = serial.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, Infallible>(route(request, serial).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::trace!(%error, "a connection to the demo provider ended early");
    }
}

async fn route(request: Request<Incoming>, serial: u64) -> Response<Body> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/v1/models") => document(StatusCode::OK, &list()),
        (&Method::POST, "/v1/chat/completions") => match chat(request, serial).await {
            Ok(response) => response,
            Err(error) => refuse(&error),
        },
        (_, "/v1/models" | "/v1/chat/completions") => {
            refuse(&ApiError::new(405, format!("{} is not allowed for {path}", request.method()), None, None))
        }
        _ => refuse(&ApiError::new(404, format!("the demo provider has no {path}"), None, None)),
    }
}

async fn chat(request: Request<Incoming>, serial: u64) -> Result<Response<Body>, ApiError> {
    let body = read(request).await?;
    let request: ChatRequest = serde_json::from_slice(&body)
        .map_err(|error| ApiError::new(400, format!("The request is not valid: {error}"), None, None))?;
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let answer = answer(&request, serial, created)?;
    let Some(model) = model::find(answer.model) else {
        return Err(ApiError::new(404, "no such demo model", Some("model"), Some("model_not_found")));
    };
    if request.stream == Some(true) {
        let include_usage = request.stream_options.and_then(|options| options.include_usage).unwrap_or(false);
        return Ok(events(model, &answer, include_usage));
    }
    let tokens = u32::try_from(answer.completion_tokens).unwrap_or(u32::MAX);
    tokio::time::sleep(model.first_token + model.per_token * tokens).await;
    Ok(document(StatusCode::OK, &answer.document()))
}

async fn read(request: Request<Incoming>) -> Result<Bytes, ApiError> {
    let body = Limited::new(request.into_body(), BODY_CAP).collect();
    match tokio::time::timeout(BODY_WAIT, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(_)) => Err(ApiError::new(413, format!("the body is cut off or exceeds {BODY_CAP} bytes"), None, None)),
        Err(_) => Err(ApiError::new(408, "the body did not arrive in time", None, None)),
    }
}

/// The stream: the first event with its delay, then one at a time at the model's pace.
fn events(model: &'static DemoModel, answer: &Answer, include_usage: bool) -> Response<Body> {
    let chunks = answer.chunks(include_usage).into_iter().map(|chunk| format!("data: {chunk}\n\n"));
    let queue: VecDeque<_> = chunks.chain(iter::once("data: [DONE]\n\n".to_owned())).map(Bytes::from).collect();
    let frames = stream::unfold((queue, model.first_token), move |(mut queue, wait)| async move {
        let event = queue.pop_front()?;
        // The end follows the last token at once.
        if queue.len() > 1 {
            tokio::time::sleep(wait).await;
        }
        Some((Ok(Frame::data(event)), (queue, model.per_token)))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn list() -> Value {
    let models = MODELS.map(|model| json!({"id": model.native, "object": "model", "created": 0, "owned_by": "demo"}));
    json!({"object": "list", "data": models})
}

fn refuse(error: &ApiError) -> Response<Body> {
    document(StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &error.body)
}

fn document(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
