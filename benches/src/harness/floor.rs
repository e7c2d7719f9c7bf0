//! The floor: the least that a gateway on hyper can do. Accept, forward over pooled connections, pass the answer on.
//!
//! No keys, parsing, records or limits. What the product costs is told as a share of this.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use hyper::http::uri::Authority;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Upstream = Client<HttpConnector, Incoming>;
type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// Serves for ever on the calling thread, forwarding to `upstream`.
///
/// # Errors
/// When accepting fails.
pub fn serve(listener: std::net::TcpListener, upstream: SocketAddr) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client: Upstream = Client::builder(TokioExecutor::new()).build(connector);
        let upstream: Authority = upstream.to_string().parse()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (client, upstream) = (client.clone(), upstream.clone());
            let service = service_fn(move |request| forward(client.clone(), upstream.clone(), request));
            tokio::spawn(async move {
                // A caller that has gone is no failure of the floor.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn forward(client: Upstream, upstream: Authority, mut request: Request<Incoming>) -> Result<Answer, Infallible> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let target = Uri::builder().scheme("http").authority(upstream).path_and_query(path).build();
    let Ok(target) = target else { return Ok(bad_gateway()) };
    *request.uri_mut() = target;
    for name in [HOST, CONNECTION] {
        request.headers_mut().remove(name);
    }
    Ok(match client.request(request).await {
        Ok(mut answer) => {
            for name in [CONNECTION, TRANSFER_ENCODING] {
                answer.headers_mut().remove(name);
            }
            answer.map(BodyExt::boxed)
        }
        Err(_) => bad_gateway(),
    })
}

fn bad_gateway() -> Answer {
    let mut answer = Response::new(Empty::new().map_err(|never: Infallible| match never {}).boxed());
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}
