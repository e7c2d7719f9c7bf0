//! As little HTTP/1.1 as a loader and a mock need: heads, lengths and chunks, on blocking sockets.
//!
//! Knows its two peers and nothing else; whatever it does not expect is an error, never a guess.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::ops::Range;

use memchr::memmem;

const BUFFER: usize = 64 << 10;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// With an empty chunk.
    Chunked,
}

/// One connection and what was read from it but not used.
#[derive(Debug)]
pub struct Wire<S = TcpStream> {
    stream: S,
    buffer: Vec<u8>,
    unread: Range<usize>,
    head: Vec<u8>,
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

impl<S: Read + Write> Wire<S> {
    /// Takes a connection.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: vec![0; BUFFER], unread: 0..0, head: Vec::with_capacity(1_024) }
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// As of the socket.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads the next head; `false` when the peer has closed instead.
    ///
    /// # Errors
    /// As of the socket; when the head is cut or larger than 64 KiB.
    pub fn read_head(&mut self) -> Result<bool> {
        let mut searched = 0;
        loop {
            let unread = &self.buffer[self.unread.clone()];
            // The blank line may lie across two reads.
            let from = searched.min(unread.len());
            if let Some(found) = memmem::find(&unread[from..], b"\r\n\r\n") {
                let end = from + found + 4;
                self.head.clear();
                self.head.extend_from_slice(&unread[..end]);
                self.unread.start += end;
                return Ok(true);
            }
            searched = unread.len().saturating_sub(3);
            if self.fill()? == 0 {
                return if self.unread.is_empty() { Ok(false) } else { Err(malformed("the head was cut")) };
            }
        }
    }

    /// The first line of the last head.
    pub fn first_line(&self) -> &str {
        let end = memchr::memchr(b'\r', &self.head).unwrap_or(self.head.len());
        std::str::from_utf8(&self.head[..end]).unwrap_or_default()
    }

    /// The status of the last head; 0 when it is none.
    pub fn status(&self) -> u16 {
        self.first_line().split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// A header of the last head.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.head).ok()?;
        let mut pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        pairs.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// How the body of the last head ends.
    ///
    /// # Errors
    /// When the head does not say.
    pub fn framing(&self) -> Result<Framing> {
        if let Some(length) = self.header("content-length") {
            return length.parse().map(Framing::Length).map_err(|_| malformed("content-length is no number"));
        }
        match self.header("transfer-encoding") {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            _ => Err(malformed("neither content-length nor chunks")),
        }
    }

    /// Gives the body to `on_data` piece by piece, as it arrives.
    ///
    /// # Errors
    /// As of the socket; when the body is cut or wrongly framed.
    pub fn read_body(&mut self, framing: Framing, on_data: &mut impl FnMut(&[u8])) -> Result<()> {
        match framing {
            Framing::Length(bytes) => self.pass(bytes, on_data),
            Framing::Chunked => loop {
                let size = self.chunk_size()?;
                self.pass(size, on_data)?;
                // No trailers are expected, so that the empty chunk too ends with an empty line.
                if !self.line()?.is_empty() {
                    return Err(malformed("a chunk does not end where it should"));
                }
                if size == 0 {
                    return Ok(());
                }
            },
        }
    }

    fn pass(&mut self, mut left: u64, on_data: &mut impl FnMut(&[u8])) -> Result<()> {
        while left > 0 {
            if self.unread.is_empty() && self.fill()? == 0 {
                return Err(malformed("the body was cut"));
            }
            let taken = self.unread.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            on_data(&self.buffer[self.unread.start..self.unread.start + taken]);
            self.unread.start += taken;
            left -= taken as u64;
        }
        Ok(())
    }

    fn chunk_size(&mut self) -> Result<u64> {
        let line = self.line()?;
        let text = std::str::from_utf8(&self.buffer[line]).unwrap_or_default();
        let digits = text.split(';').next().unwrap_or_default().trim();
        u64::from_str_radix(digits, 16).map_err(|_| malformed("a chunk size is no number"))
    }

    /// The next line without its end, as a range of the buffer.
    fn line(&mut self) -> Result<Range<usize>> {
        loop {
            let start = self.unread.start;
            if let Some(length) = memmem::find(&self.buffer[self.unread.clone()], b"\r\n") {
                self.unread.start += length + 2;
                return Ok(start..start + length);
            }
            if self.fill()? == 0 {
                return Err(malformed("the body was cut"));
            }
        }
    }

    /// Reads once; 0 when the peer has closed.
    fn fill(&mut self) -> Result<usize> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end == self.buffer.len() {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.buffer.len() {
            return Err(malformed("a head or line of more than 64 KiB"));
        }
        let count = self.stream.read(&mut self.buffer[self.unread.end..])?;
        self.unread.end += count;
        Ok(count)
    }
}

/// Appends one chunk of a chunked body. An empty one ends the body.
pub fn push_chunk(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Where chat completions are asked for.
pub const CHAT: &str = "/v1/chat/completions";

/// Renders a whole request.
pub fn post(address: std::net::SocketAddr, path: &str, key: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         authorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of a size.
    struct Pieces(Vec<u8>, usize);

    impl Read for Pieces {
        fn read(&mut self, out: &mut [u8]) -> Result<usize> {
            let count = self.1.min(self.0.len()).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn answers_are_the_same_however_they_are_cut() {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        push_chunk(&mut bytes, b"hello ");
        push_chunk(&mut bytes, b"world");
        push_chunk(&mut bytes, b"");
        bytes.extend_from_slice(b"HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nabc");
        for size in 1..bytes.len() {
            let mut wire = Wire::new(Pieces(bytes.clone(), size));
            let mut read = || {
                assert!(wire.read_head().expect("a head"));
                let (status, framing) = (wire.status(), wire.framing().expect("framed"));
                let mut body = Vec::new();
                wire.read_body(framing, &mut |piece| body.extend_from_slice(piece)).expect("a body");
                (status, body)
            };
            assert_eq!(read(), (200, b"hello world".to_vec()), "pieces of {size}");
            assert_eq!(read(), (503, b"abc".to_vec()), "pieces of {size}");
            assert!(!wire.read_head().expect("closed"));
        }
    }

    #[test]
    fn cut_body_is_an_error() {
        let mut wire = Wire::new(Pieces(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_vec(), 100));
        assert!(wire.read_head().expect("a head"));
        let framing = wire.framing().expect("framed");
        assert!(wire.read_body(framing, &mut |_| {}).is_err());
    }
}
