//! The caller's side on plain sockets: what came, and how it ended.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use memchr::memmem;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::faults::speech::{Reading, Speech};

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// As its framing promised.
    Clean,
    /// The connection ended before that.
    Broken,
    /// Nothing more came for too long.
    Silent,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its status; 0 where there was no head.
    pub status: u16,
    /// Its head.
    pub head: String,
    /// Its body, unframed.
    pub body: String,
    /// How it ended.
    pub end: End,
    /// From the request's last byte to the answer's.
    pub took: Duration,
}

impl Seen {
    /// A header of it.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// What its body says, in a dialect.
    pub fn reading(&self, speech: Speech) -> Reading {
        match self.header("content-type") {
            Some(kind) if kind.starts_with("text/event-stream") => speech.read_stream(&self.body),
            _ => speech.read_whole(&self.body),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// A request in a dialect.
pub fn request(speech: Speech, stream: bool, key: &str, body: &str) -> Vec<u8> {
    let credential = match speech {
        Speech::Openai | Speech::Responses => format!("authorization: Bearer {key}"),
        Speech::Anthropic => format!("x-api-key: {key}\r\nanthropic-version: 2023-06-01"),
        Speech::Gemini => format!("x-goog-api-key: {key}"),
    };
    format!(
        "POST {} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n{credential}\r\ncontent-length: {}\r\n\r\n{body}",
        speech.path(stream),
        body.len()
    )
    .into_bytes()
}

/// One connection.
#[derive(Debug)]
pub struct Call {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Call {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Sends bytes; a connection that is closed already is found out when reading.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Says that nothing more will be sent.
    pub async fn stop_sending(&mut self) {
        // A connection that is closed already has stopped too.
        let _ = self.stream.shutdown().await;
    }

    /// Reads a whole answer, of which each piece must come within `wait`.
    pub async fn answer(&mut self, wait: Duration) -> Seen {
        let began = Instant::now();
        let mut seen =
            Seen { status: 0, head: String::new(), body: String::new(), end: End::Clean, took: Duration::ZERO };
        match self.read_answer(wait, &mut seen).await {
            Ok(()) => {}
            Err(End::Silent) => seen.end = End::Silent,
            Err(_) => seen.end = End::Broken,
        }
        seen.took = began.elapsed();
        seen
    }

    async fn read_answer(&mut self, wait: Duration, seen: &mut Seen) -> Result<(), End> {
        let end = self.find(b"\r\n\r\n", wait).await?;
        seen.head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        self.unread.drain(..end + 4);
        seen.status = seen.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        let read = self.read_body(&seen.head, wait, &mut body).await;
        seen.body = String::from_utf8_lossy(&body).into_owned();
        read
    }

    async fn read_body(&mut self, head: &str, wait: Duration, body: &mut Vec<u8>) -> Result<(), End> {
        if let Some(length) = header(head, "content-length").and_then(|length| length.parse::<usize>().ok()) {
            return self.take(length, wait, body).await;
        }
        if header(head, "transfer-encoding").is_none() {
            return Ok(());
        }
        loop {
            let line = self.find(b"\r\n", wait).await?;
            let size = std::str::from_utf8(&self.unread[..line]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok()).ok_or(End::Broken)?;
            self.unread.drain(..line + 2);
            self.take(size, wait, body).await?;
            let mut end = Vec::new();
            self.take(2, wait, &mut end).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn find(&mut self, what: &[u8], wait: Duration) -> Result<usize, End> {
        loop {
            if let Some(place) = memmem::find(&self.unread, what) {
                return Ok(place);
            }
            self.fill(wait).await?;
        }
    }

    async fn take(&mut self, mut left: usize, wait: Duration, into: &mut Vec<u8>) -> Result<(), End> {
        loop {
            let taken = left.min(self.unread.len());
            into.extend(self.unread.drain(..taken));
            left -= taken;
            if left == 0 {
                return Ok(());
            }
            self.fill(wait).await?;
        }
    }

    async fn fill(&mut self, wait: Duration) -> Result<(), End> {
        match timeout(wait, self.stream.read_buf(&mut self.unread)).await {
            Err(_) => Err(End::Silent),
            Ok(Ok(1..)) => Ok(()),
            Ok(Ok(0) | Err(_)) => Err(End::Broken),
        }
    }

    /// Reads until a text has come; `false` when it does not.
    pub async fn until(&mut self, text: &str, wait: Duration) -> bool {
        self.find(text.as_bytes(), wait).await.is_ok()
    }

    /// How the other side ends the connection: nothing more is expected.
    pub async fn closed(&mut self, wait: Duration) -> bool {
        loop {
            match self.fill(wait).await {
                Ok(()) => {}
                Err(End::Silent) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Goes on with a connection that was kept, or opens one.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn kept_or_open(kept: Option<Self>, address: SocketAddr) -> io::Result<Self> {
        match kept {
            Some(call) => Ok(call),
            None => Self::open(address).await,
        }
    }

    /// Leaves as a killed process does: with a reset.
    pub fn reset(self) {
        // Where it fails the connection is closed, which is leaving too.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
