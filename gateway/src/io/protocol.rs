//! Which protocol a connection speaks, from its TLS handshake or its first bytes, which stay where they are.
//!
//! The HTTP library can find out by itself, but then reads the first bytes apart from the rest, and keeps twice the
//! buffer for each connection from there on.

use std::io;
use std::time::Duration;

use tokio::io::Interest;

use crate::io::Transport;

/// What an HTTP/2 connection begins with. Whatever else comes is HTTP/1.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A preface that comes in pieces is looked at again after this.
const AGAIN: Duration = Duration::from_millis(5);

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Waits until a connection has shown what it speaks; how long is the caller's business.
///
/// # Errors
/// When the connection ends before.
pub(crate) async fn protocol(transport: &Transport) -> io::Result<Protocol> {
    let stream = match transport {
        Transport::Plain(stream) => stream,
        Transport::Tls(stream) => {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            return Ok(if is_http2 { Protocol::Http2 } else { Protocol::Http1 });
        }
    };
    let mut first = [0; PREFACE.len()];
    loop {
        let come = stream.peek(&mut first).await?;
        if come == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(protocol) = protocol_of(&first[..come]) {
            return Ok(protocol);
        }
        // What lies there hides that no more will come. HTTP/1 knows what to do with half a word.
        if stream.ready(Interest::READABLE).await?.is_read_closed() {
            return Ok(Protocol::Http1);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The protocol that first bytes tell; `None` = more must come.
fn protocol_of(first: &[u8]) -> Option<Protocol> {
    if first == PREFACE {
        return Some(Protocol::Http2);
    }
    (!PREFACE.starts_with(first)).then_some(Protocol::Http1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_tells_and_only_all_of_it() {
        assert_eq!(protocol_of(PREFACE), Some(Protocol::Http2));
        assert!((1..PREFACE.len()).all(|come| protocol_of(&PREFACE[..come]).is_none()));
        for other in [&b"P"[..1], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", b"POST / HTTP/1.1\r\n", b"GET", b"\x16\x03"] {
            let expected = (other != b"P").then_some(Protocol::Http1);
            assert_eq!(protocol_of(other), expected, "{other:?}");
        }
    }
}
