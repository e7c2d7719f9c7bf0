//! The caller's side: plain TCP, so that a test sees what is on the wire and can misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Nothing on loopback takes this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A POST of a body to a path with a key.
pub(crate) fn post(path: &str, key: &str, body: &str) -> String {
    post_with(path, &format!("authorization: Bearer {key}\r\ncontent-type: application/json\r\n"), body)
}

/// A POST with these header lines.
pub(crate) fn post_with(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// A GET of a path with a key.
pub(crate) fn get(path: &str, key: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\n\r\n")
}

// === Call ===

/// One connection of a caller.
pub(crate) struct Call {
    reader: BufReader<TcpStream>,
    /// Body bytes that have come and have not been asked for.
    unread: Vec<u8>,
}

/// What a body that is read event by event holds next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The lines of an event or a comment.
    Event(String),
    /// The end that the framing promises.
    CleanEnd,
    /// The connection broke.
    Broken,
}

impl Call {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { reader: BufReader::new(stream), unread: Vec::new() }
    }

    /// Sends bytes; a connection that is already closed is found out when reading.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.reader.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Reads a whole answer.
    pub(crate) fn answer(&mut self) -> Response {
        self.head().expect("an answer").read_body(&mut self.reader)
    }

    /// Reads the head of an answer; `None` when the connection ends instead.
    pub(crate) fn head(&mut self) -> Option<Response> {
        let status_line = read_line(&mut self.reader)?;
        let status = status_line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        while let Some((name, value)) = read_line(&mut self.reader)?.split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Some(Response { status, headers, body: String::new(), complete: false })
    }

    /// Reads the next event of a chunked body.
    pub(crate) fn next(&mut self) -> Next {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.unread.drain(..end + 2).collect();
                return Next::Event(String::from_utf8_lossy(&event[..end]).into_owned());
            }
            match read_chunk(&mut self.reader) {
                Some(chunk) if chunk.is_empty() => return Next::CleanEnd,
                Some(chunk) => self.unread.extend(chunk),
                None => return Next::Broken,
            }
        }
    }

    /// Reads a chunk of a chunked body.
    pub(crate) fn piece(&mut self) -> String {
        String::from_utf8(read_chunk(&mut self.reader).expect("a chunk")).expect("text")
    }

    /// Reads events until one holds a text.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            match self.next() {
                Next::Event(event) if event.contains(text) => return event,
                Next::Event(_) => {}
                end => panic!("{end:?} before `{text}`"),
            }
        }
    }

    /// The other side has closed or broken the connection, and nothing more came.
    #[track_caller]
    pub(crate) fn assert_closed(&mut self) {
        let mut byte = [0; 1];
        match self.reader.read(&mut byte) {
            Ok(0) => {}
            Ok(_) => panic!("more came: {}", byte[0]),
            Err(fault) => assert!(!is_timeout(&fault), "still open"),
        }
    }

    pub(crate) fn stop_sending(&mut self) {
        self.reader.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    /// Leaves as a killed process does: with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(self.reader.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }
}

fn is_timeout(fault: &std::io::Error) -> bool {
    matches!(fault.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).inspect_err(|fault| assert!(!is_timeout(fault), "nothing came")).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

/// Reads one chunk; empty = the last; `None` = the connection ended before it.
fn read_chunk(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let length = usize::from_str_radix(&read_line(reader)?, 16).ok()?;
    let mut chunk = vec![0; length + 2];
    reader.read_exact(&mut chunk).ok()?;
    chunk.truncate(length);
    Some(chunk)
}

// === Response ===

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The body ended as its framing says it should.
    pub(crate) complete: bool,
}

impl Response {
    fn read_body(mut self, reader: &mut impl BufRead) -> Self {
        if let Some(length) = self.header("content-length").map(|it| it.parse::<usize>().unwrap()) {
            let mut body = vec![0; length];
            self.complete = reader.read_exact(&mut body).is_ok();
            self.body = String::from_utf8_lossy(&body).into_owned();
        } else if self.header("transfer-encoding") == Some("chunked") {
            let mut body = Vec::new();
            while let Some(chunk) = read_chunk(reader) {
                if chunk.is_empty() {
                    self.complete = true;
                    break;
                }
                body.extend(chunk);
            }
            self.body = String::from_utf8_lossy(&body).into_owned();
        }
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {}", self.body))
    }

    /// The `data:` payloads of a stream.
    pub(crate) fn events(&self) -> Vec<&str> {
        self.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }

    /// The payloads that are JSON.
    pub(crate) fn chunks(&self) -> Vec<Value> {
        self.events().iter().filter_map(|event| serde_json::from_str(event).ok()).collect()
    }

    /// The text of all deltas.
    pub(crate) fn text(&self) -> String {
        let deltas = self.chunks();
        deltas.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
    }

    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, kind: &str, code: &str) {
        let error = &self.json()["error"];
        let found = (self.status, error["type"].as_str(), error["code"].as_str());
        assert_eq!(found, (status, Some(kind), Some(code)), "{}", self.body);
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{}", self.body);
        assert!(self.header("x-request-id").is_some_and(|id| id.starts_with("req_")), "{:?}", self.headers);
    }

    /// The stream said what went wrong and then broke off: no terminal marker, no clean end.
    #[track_caller]
    pub(crate) fn assert_broken_off(&self, code: &str) {
        assert_eq!(self.status, 200);
        let last = self.chunks().pop().unwrap_or_default();
        assert_eq!(last["error"]["code"], code, "{}", self.body);
        assert!(!self.body.contains("[DONE]"), "{}", self.body);
        assert!(!self.complete, "the body ended cleanly");
    }
}
