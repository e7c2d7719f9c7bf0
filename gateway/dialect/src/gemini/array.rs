//! A stream as one JSON array that grows: what Gemini answers where `alt=sse` is not asked for.
//!
//! Made of the events of the other form, which have been written here and are bounded already.

use bytes::{Bytes, BytesMut};

use crate::sse::{SseFault, SseParser};

/// Turns events into the elements of an array.
#[derive(Debug)]
pub struct ArrayWriter {
    parser: SseParser,
    is_open: bool,
    has_elements: bool,
}

impl Default for ArrayWriter {
    fn default() -> Self {
        Self { parser: SseParser::new(usize::MAX), is_open: false, has_elements: false }
    }
}

impl ArrayWriter {
    /// Takes the next bytes of the events; returns at least a byte for them, so that what keeps a connection alive goes
    /// on doing so.
    pub fn push(&mut self, events: &[u8]) -> Bytes {
        let Self { parser, is_open, has_elements } = self;
        let mut out = BytesMut::with_capacity(events.len() + 2);
        // The first byte of all: some clients look at no other to know what comes.
        if !std::mem::replace(is_open, true) {
            out.extend_from_slice(b"[");
        }
        // Of events of any size none is too long.
        let _ = parser.push(events, |event| {
            if std::mem::replace(has_elements, true) {
                out.extend_from_slice(b",\r\n");
            }
            out.extend_from_slice(event.data);
            Ok::<_, SseFault>(())
        });
        if out.is_empty() {
            out.extend_from_slice(b"\n");
        }
        out.freeze()
    }

    /// What ends the array after the last event.
    pub fn end(&self) -> Bytes {
        Bytes::from_static(if self.is_open { b"]" } else { b"[]" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes an array of events that come in these pieces.
    fn written(pieces: &[&[u8]]) -> String {
        let mut writer = ArrayWriter::default();
        let mut out: Vec<Bytes> = pieces.iter().map(|piece| writer.push(piece)).collect();
        assert!(out.iter().all(|bytes| !bytes.is_empty()), "every piece is a sign of life");
        out.push(writer.end());
        String::from_utf8(out.concat()).unwrap()
    }

    #[test]
    fn events_cut_anywhere_are_the_elements_of_one_array() {
        let events = b": wait\n\ndata: {\"a\":1}\n\ndata: {\"a\":2}\n\n";
        for at in 0..events.len() {
            let text = written(&[&events[..at], &events[at..]]);
            assert!(text.starts_with('['), "{text}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&text).unwrap(),
                serde_json::json!([{"a": 1}, {"a": 2}])
            );
        }
        assert_eq!(written(&[]), "[]");
    }
}
