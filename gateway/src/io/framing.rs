//! Refuses HTTP/1 requests that two readers could cut differently, before the HTTP library sees them.
//!
//! The library forgives what a proxy in front may read otherwise: a length beside chunks, a length said twice, lines
//! that end without CR. That difference is how one caller's bytes become another caller's request. So the framing of
//! every request is followed here as well. An ambiguous line is cut off before its end, and [`POISON`] takes the place
//! of whatever follows: the library then answers 400 by itself, after the answers that are due before it, and closes.
//! What a request means is not looked at, and bodies are only counted.

use memchr::memchr;

/// Of a line that comes in pieces so much is kept: those that are read are short.
const KEPT: usize = 256;

/// What no head and no chunk may hold, and the end of a head: the library looks at nothing before that has come.
pub(super) const POISON: &[u8] = b"\0\r\n\r\n";

/// Follows the framing of one connection.
#[derive(Debug, Default)]
pub(crate) struct FramingGuard {
    place: Place,
    line: Partial,
    head: Head,
}

/// Where in the framing the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before a request line.
    #[default]
    Start,
    /// Among header lines.
    Head,
    /// So many bytes of a body are to come.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk are to come.
    Chunk(u64),
    /// So many bytes of the line end behind a chunk are to come.
    ChunkEnd(u8),
    Trailers,
    /// Nothing that comes is a request any more.
    Refused,
}

/// A line whose end has not come.
#[derive(Debug, Default)]
struct Partial {
    kept: Vec<u8>,
    length: usize,
    last: u8,
}

/// What a head has said of its body.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    length: Option<u64>,
    chunked: bool,
}

/// So many bytes on, a request has turned out to be ambiguous.
struct Ambiguous {
    after: usize,
}

/// The line is ambiguous.
struct BadLine;

impl FramingGuard {
    /// Looks at the bytes that have come and says how many of them are clear: all, or those before the place at which a
    /// request has turned out to be ambiguous. After that none are.
    pub(crate) fn inspect(&mut self, bytes: &[u8]) -> usize {
        let mut clear = 0;
        while clear < bytes.len() {
            match self.step(&bytes[clear..]) {
                Ok(taken) => clear += taken,
                Err(Ambiguous { after }) => {
                    self.place = Place::Refused;
                    return clear + after;
                }
            }
        }
        clear
    }

    /// Whether a head has begun to come and is not complete.
    pub(crate) fn is_within_head(&self) -> bool {
        self.place == Place::Head || (self.place == Place::Start && self.line.length > 0)
    }

    /// Takes bytes up to the next boundary and says how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Ambiguous> {
        match self.place {
            Place::Start | Place::Head | Place::ChunkSize | Place::Trailers => self.step_line(bytes),
            Place::Body(left) => {
                let taken = at_most(left, bytes.len());
                let left = left - taken as u64;
                self.place = if left == 0 { Place::Start } else { Place::Body(left) };
                Ok(taken)
            }
            Place::Chunk(left) => {
                let taken = at_most(left, bytes.len());
                let left = left - taken as u64;
                self.place = if left == 0 { Place::ChunkEnd(2) } else { Place::Chunk(left) };
                Ok(taken)
            }
            Place::ChunkEnd(left) => {
                let (expected, next) = if left == 2 { (b'\r', Place::ChunkEnd(1)) } else { (b'\n', Place::ChunkSize) };
                self.place = next;
                if bytes[0] == expected { Ok(1) } else { Err(Ambiguous { after: 0 }) }
            }
            Place::Refused => Err(Ambiguous { after: 0 }),
        }
    }

    fn step_line(&mut self, bytes: &[u8]) -> Result<usize, Ambiguous> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.line.push(bytes);
            return Ok(bytes.len());
        };
        let read = if self.line.length == 0 {
            self.read_line(bytes[..end].strip_suffix(b"\r"))
        } else {
            self.line.push(&bytes[..end]);
            let partial = std::mem::take(&mut self.line);
            self.read_line(partial.without_cr())
        };
        read.map(|()| end + 1).map_err(|BadLine| Ambiguous { after: end })
    }

    /// Reads a line that is complete; `None` = it ended without CR.
    fn read_line(&mut self, line: Option<&[u8]>) -> Result<(), BadLine> {
        let line = line.ok_or(BadLine)?;
        self.place = match self.place {
            Place::Start | Place::Trailers if line.is_empty() => Place::Start,
            Place::Start => Place::Head,
            Place::Head if line.is_empty() => std::mem::take(&mut self.head).body(),
            Place::Head => {
                self.head.read(line)?;
                Place::Head
            }
            Place::ChunkSize => match chunk_size(line)? {
                0 => Place::Trailers,
                size => Place::Chunk(size),
            },
            Place::Trailers => Place::Trailers,
            place @ (Place::Body(_) | Place::Chunk(_) | Place::ChunkEnd(_) | Place::Refused) => place,
        };
        Ok(())
    }
}

impl Head {
    fn read(&mut self, line: &[u8]) -> Result<(), BadLine> {
        match line[0] {
            // A line that continues the one before: gone from HTTP, and read in two ways ever since.
            b' ' | b'\t' => return Err(BadLine),
            b'c' | b'C' | b't' | b'T' => {}
            _ => return Ok(()),
        }
        let Some(colon) = memchr(b':', line) else { return Ok(()) };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value).filter(|_| self.length.is_none() && !self.chunked).ok_or(BadLine)?;
            self.length = Some(length);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.chunked || self.length.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(BadLine);
            }
            self.chunked = true;
        } else if is_lookalike(name) {
            return Err(BadLine);
        }
        Ok(())
    }

    fn body(self) -> Place {
        match self.length {
            _ if self.chunked => Place::ChunkSize,
            None | Some(0) => Place::Start,
            Some(length) => Place::Body(length),
        }
    }
}

impl Partial {
    fn push(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..room]);
        self.length += bytes.len();
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    /// The line, or its begin if it is long; `None` = it ends without CR.
    fn without_cr(&self) -> Option<&[u8]> {
        (self.last == b'\r').then(|| self.kept.get(..self.length - 1).unwrap_or(&self.kept))
    }
}

/// Names that some servers take for the real ones.
fn is_lookalike(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    let is = |real: &[u8]| {
        name.len() == real.len()
            && name
                .iter()
                .zip(real)
                .all(|(byte, real)| byte.eq_ignore_ascii_case(real) || (*real == b'-' && *byte == b'_'))
    };
    is(b"content-length") || is(b"transfer-encoding")
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

/// The size that a chunk begins with; extensions are not looked at.
fn chunk_size(line: &[u8]) -> Result<u64, BadLine> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if !matches!(line.get(digits), None | Some(b';' | b' ' | b'\t')) {
        return Err(BadLine);
    }
    let text = std::str::from_utf8(&line[..digits]).map_err(|_| BadLine)?;
    u64::from_str_radix(text, 16).map_err(|_| BadLine)
}

fn at_most(left: u64, there: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(there)
}

#[cfg(test)]
mod tests;
