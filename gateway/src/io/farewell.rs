//! Says in our words why a connection ends whose bytes never became a request.
//!
//! The HTTP library answers those by itself, in their turn behind the answers that are due before: with a status and
//! nothing else. Such a bare answer is known by what it lacks, since all of ours name their request, and is replaced on
//! its way out. An answer that some later library writes otherwise would go out as it is.

use std::fmt::Write;

use bytes::{Buf, Bytes};
use dialect::Dialect;
use http::StatusCode;
use memchr::memmem;

use crate::app::{App, REQUEST_ID};
use crate::error::Failure;
use crate::error::render::Voice;

/// No bare answer is longer.
const BARE: usize = 256;

/// Why what came is refused that the library would have taken, or waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It could be cut in two ways.
    Ambiguous,
    /// Its head does not end.
    Late,
}

/// Last words, as far as they are not out.
#[derive(Debug)]
pub(super) struct Farewell(Bytes);

/// The status of a bare answer; `None` = these bytes are none.
pub(super) fn status_of(bytes: &[u8]) -> Option<u16> {
    // Most that is written ends here.
    let rest = bytes.strip_prefix(b"HTTP/1.")?.get(2..).filter(|rest| rest.first() == Some(&b'4'))?;
    let is_bare = bytes.len() <= BARE
        && bytes.ends_with(b"\r\n\r\n")
        && memmem::find(bytes, b"\r\ncontent-length: 0\r\n").is_some()
        && memmem::find(bytes, REQUEST_ID.as_str().as_bytes()).is_none();
    let status = StatusCode::from_bytes(rest.get(..3)?).ok()?;
    is_bare.then_some(status.as_u16())
}

impl Farewell {
    /// What is said in place of a bare answer with this status.
    pub(super) fn new(app: &App, refusal: Option<Refusal>, status: u16, bare: &[u8]) -> Self {
        let failure = match (refusal, status) {
            (Some(Refusal::Ambiguous), _) => Failure::AmbiguousRequest,
            (Some(Refusal::Late), _) => Failure::SlowHead,
            (None, 414) => Failure::TargetTooLong,
            (None, 431) => Failure::HeadTooLarge,
            (None, _) => Failure::NoRequest,
        };
        let answer = failure.answer();
        let code = answer.code.unwrap_or_default().to_owned();
        let voice = Voice { dialect: Dialect::Openai, id: app.ids.next(app.clock.wall()) };
        tracing::debug!(request_id = %voice.id, code, "a caller was refused before it had made a request");
        metrics::counter!("signalbox_requests_refused_total", "code" => code).increment(1);
        Self(written(voice, &failure, answer.status, date_of(bare)).into())
    }
}

fn written(voice: Voice, failure: &Failure, status: u16, date: &str) -> Vec<u8> {
    let body = voice.body(failure);
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let mut head = format!("HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n");
    // Writing into a string never fails.
    let _ =
        write!(head, "content-length: {}\r\n{REQUEST_ID}: {}\r\nconnection: close\r\n{date}\r\n", body.len(), voice.id);
    [head.as_bytes(), &body].concat()
}

/// The line that tells the time, with its end.
fn date_of(bare: &[u8]) -> &str {
    let line = memmem::find(bare, b"date: ").map(|start| &bare[start..]).unwrap_or_default();
    let end = memmem::find(line, b"\r\n").map_or(0, |end| end + 2);
    std::str::from_utf8(&line[..end]).unwrap_or_default()
}

impl Farewell {
    /// What is still to be written.
    pub(super) fn rest(&self) -> &[u8] {
        &self.0
    }

    /// So many bytes of it are out.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.0.advance(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
                        date: Mon, 23 Nov 2026 04:00:00 GMT\r\n\r\n";

    #[test]
    fn only_answers_of_the_library_itself_are_taken_for_bare() {
        assert_eq!(status_of(BARE.as_bytes()), Some(431));
        assert_eq!(date_of(BARE.as_bytes()), "date: Mon, 23 Nov 2026 04:00:00 GMT\r\n");
        for other in [
            BARE.replace("431", "200"),
            BARE.replace("date", "x-request-id: req_1\r\ndate"),
            BARE.replace("content-length: 0", "content-length: 9"),
            BARE.replace("HTTP/1.1", "data: HTTP/1.1"),
            format!("{BARE}more"),
            "HTTP/1.1 4".to_owned(),
        ] {
            assert_eq!(status_of(other.as_bytes()), None, "{other}");
        }
    }
}
