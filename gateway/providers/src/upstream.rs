//! A successful answer of a provider: its status, the headers that may be passed on, and its body as it arrives.
//!
//! Dropping it closes the connection unless the body was read to its end. What the bytes mean is `dialect`'s business.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::{Body, Incoming};

use crate::encoding::{Decoder, PackingFault};
use crate::fault::{Fault, FaultKind, from_body_error, retry_after_of};
use crate::pass::goes_on;

/// What a body claims or seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentKind {
    /// One JSON document.
    Json,
    /// Server-sent events.
    EventStream,
    /// Something else, or nothing said.
    Unknown,
}

/// A successful answer.
#[derive(Debug)]
pub struct Upstream {
    /// Its status, 2xx.
    pub status: StatusCode,
    kind: ContentKind,
    request_id: Option<Box<str>>,
    /// Of an answer that is passed on as it is.
    headers: HeaderMap,
    body: Plain,
}

impl Upstream {
    pub(crate) fn from_response(response: Response<Incoming>) -> Result<Self, Fault> {
        let (parts, body) = response.into_parts();
        let status = Some(parts.status.as_u16());
        let body = Plain::new(body, &parts.headers).map_err(|fault| Fault { status, ..fault })?;
        check_media_type(&parts)?;
        // Of the head only copies are kept: it lies in the connection's buffer, which has to be free for what follows.
        Ok(Self {
            status: parts.status,
            kind: content_kind(&parts.headers),
            request_id: request_id(&parts.headers).map(Box::from),
            headers: HeaderMap::new(),
            body,
        })
    }

    /// An answer of any status, not looked at.
    pub(crate) fn passed(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        // Packed or not, it goes on as it is.
        Self {
            status: parts.status,
            kind: content_kind(&parts.headers),
            request_id: request_id(&parts.headers).map(Box::from),
            headers: parts.headers,
            body: Plain { body, decoder: None },
        }
    }

    /// The headers of the answer that mean something beyond this connection.
    pub fn passed_headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().filter(|(name, _)| goes_on(name) && **name != SET_COOKIE)
    }

    /// Whether nothing more comes, as after the head of an answer to `HEAD`.
    pub fn is_at_end(&self) -> bool {
        self.body.body.is_end_stream()
    }

    /// How long the body would be, where an answer to `HEAD` tells.
    pub fn announced_length(&self) -> Option<&HeaderValue> {
        self.headers.get(CONTENT_LENGTH)
    }

    /// How long the provider asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after_of(&self.headers)
    }

    /// What the provider says the body is.
    pub fn content_kind(&self) -> ContentKind {
        self.kind
    }

    /// The provider's own name for the request, for support questions.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The next bytes of the body, `None` at its clean end.
    ///
    /// A body that ends before its announced length, or without its last chunk, is a fault. One that announces neither
    /// ends cleanly whenever the connection does: only its content can tell whether it is complete.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// As [`Self::next_chunk`], for callers that are polled themselves.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault>> {
        self.body.poll_data(cx)
    }

    /// As [`Self::next_chunk`], but no longer than `wait`.
    pub async fn next_chunk_within(&mut self, wait: Duration) -> Result<Option<Bytes>, Fault> {
        match tokio::time::timeout(wait, self.next_chunk()).await {
            Ok(chunk) => chunk,
            Err(_) => Err(too_slow("nothing more of the response body", wait)),
        }
    }

    /// The whole body, at most `cap` bytes of it, no longer than `wait`.
    pub async fn collect(mut self, cap: usize, wait: Duration) -> Result<Bytes, Fault> {
        match tokio::time::timeout(wait, collect(&mut self.body, cap)).await {
            Ok(collected) => collected,
            Err(_) => Err(too_slow("no complete response body", wait)),
        }
    }
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

fn content_kind(headers: &HeaderMap) -> ContentKind {
    match media_type(headers) {
        Some(kind) if kind.eq_ignore_ascii_case("text/event-stream") => ContentKind::EventStream,
        Some(kind) if kind.eq_ignore_ascii_case("application/json") => ContentKind::Json,
        _ => ContentKind::Unknown,
    }
}

fn request_id(headers: &HeaderMap) -> Option<&str> {
    // OpenAI and most others; Anthropic.
    let named = headers.get("x-request-id").or_else(|| headers.get("request-id"));
    named.and_then(|value| value.to_str().ok())
}

/// Refuses what cannot be an answer: a web page.
fn check_media_type(head: &Parts) -> Result<(), Fault> {
    if media_type(&head.headers).is_some_and(|kind| kind.eq_ignore_ascii_case("text/html")) {
        let what = "answered with a web page instead of an API response: check `base_url` of the provider";
        return Err(Fault { status: Some(head.status.as_u16()), ..Fault::new(FaultKind::BadAnswer, what).charged() });
    }
    Ok(())
}

/// What a body seems to be from its first bytes, where its headers do not say.
pub fn sniff(first: &[u8]) -> ContentKind {
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
    match first {
        [b'{' | b'[', ..] => ContentKind::Json,
        [b':', ..] => ContentKind::EventStream,
        _ if [&b"data:"[..], b"event:", b"id:", b"retry:"].iter().any(|field| first.starts_with(field)) => {
            ContentKind::EventStream
        }
        _ => ContentKind::Unknown,
    }
}

fn too_slow(what: &str, wait: Duration) -> Fault {
    Fault::new(FaultKind::Timeout, format!("{what} within {} ms", wait.as_millis())).charged()
}

/// A body without its packing.
#[derive(Debug)]
struct Plain {
    body: Incoming,
    decoder: Option<Decoder>,
}

impl Plain {
    fn new(body: Incoming, headers: &HeaderMap) -> Result<Self, Fault> {
        Ok(Self { body, decoder: Decoder::of(headers).map_err(|fault| unpackable(&fault))? })
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault>> {
        loop {
            let packed = ready!(poll_data(&mut self.body, cx))?;
            let Some(decoder) = &mut self.decoder else { return Poll::Ready(Ok(packed)) };
            let Some(packed) = packed else {
                return Poll::Ready(decoder.end().map(|()| None).map_err(|fault| unpackable(&fault)));
            };
            let plain = decoder.push(&packed).map_err(|fault| unpackable(&fault))?;
            if !plain.is_empty() {
                return Poll::Ready(Ok(Some(plain)));
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }

    /// How many bytes are announced at least; nothing is known of packed ones.
    fn announced(&self) -> u64 {
        if self.decoder.is_some() { 0 } else { self.body.size_hint().lower() }
    }
}

fn unpackable(fault: &PackingFault) -> Fault {
    Fault::new(FaultKind::BadAnswer, fault.to_string()).charged()
}

fn poll_data(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault>> {
    loop {
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Ok(None)),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(from_body_error(&error))),
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Poll::Ready(Ok(Some(data))),
                // Trailers say nothing that we need.
                Ok(_) | Err(_) => {}
            },
        }
    }
}

async fn collect(body: &mut Plain, cap: usize) -> Result<Bytes, Fault> {
    let announced = body.announced();
    if announced > cap as u64 {
        return Err(too_large(cap));
    }
    let Some(first) = body.next().await? else { return Ok(Bytes::new()) };
    if first.len() as u64 == announced && body.body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len().max(announced as usize));
    whole.extend_from_slice(&first);
    while whole.len() <= cap {
        match body.next().await? {
            Some(chunk) => whole.extend_from_slice(&chunk),
            None => return Ok(whole.freeze()),
        }
    }
    Err(too_large(cap))
}

fn too_large(cap: usize) -> Fault {
    Fault::new(FaultKind::BadAnswer, format!("the response body is larger than {cap} bytes")).charged()
}

/// As much of a body as comes within the limits; for errors, where the status matters more.
pub(crate) async fn read_some(body: Incoming, headers: &HeaderMap, cap: usize, wait: Duration) -> Bytes {
    let mut read = BytesMut::new();
    let Ok(mut body) = Plain::new(body, headers) else { return Bytes::new() };
    let _ = tokio::time::timeout(wait, async {
        while read.len() < cap {
            match body.next().await {
                Ok(Some(chunk)) => read.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
    })
    .await;
    read.truncate(cap);
    read.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_json_from_events() {
        for (first, kind) in [
            (&b" \n{\"id\""[..], ContentKind::Json),
            (b"\xef\xbb\xbfdata: {}", ContentKind::EventStream),
            (b": ping\n", ContentKind::EventStream),
            (b"event: error", ContentKind::EventStream),
            (b"<!doctype html>", ContentKind::Unknown),
            (b"", ContentKind::Unknown),
        ] {
            assert_eq!(sniff(first), kind, "{}", String::from_utf8_lossy(first));
        }
    }
}
