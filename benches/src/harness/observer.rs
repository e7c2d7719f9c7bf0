//! Watches a streamed answer arrive: the first text, the gaps, the transit time of every piece, and whether it ended.
//!
//! The mock writes its wall-clock time into each piece of text as `@nanoseconds@`. Loader and mock run on one machine,
//! so the difference is how long the piece travelled.

use std::time::{Instant, SystemTime};

use memchr::memmem;

use crate::harness::loader::Tally;

/// Nanoseconds since the Unix epoch, as the mock writes them.
pub fn wall_nanos() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// One streamed answer on its way in.
#[derive(Debug, Default)]
pub struct Observer {
    pending: Vec<u8>,
    last: Option<Instant>,
    /// Pieces of text so far.
    pub pieces: u64,
    /// The terminal marker came.
    pub done: bool,
}

impl Observer {
    /// Takes bytes that arrived now, for a request that was due at `due`. Without a tally, nothing is recorded.
    pub fn take(&mut self, bytes: &[u8], due: Instant, tally: Option<&mut Tally>) {
        let (now, wall) = (Instant::now(), wall_nanos());
        self.pending.extend_from_slice(bytes);
        let mut tally = tally;
        let mut used = 0;
        while let Some(end) = memmem::find(&self.pending[used..], b"\n\n") {
            let event = used..used + end;
            used += end + 2;
            self.done |= is_last(&self.pending[event.clone()]);
            let Some(born) = stamp(&self.pending[event]) else { continue };
            self.pieces += 1;
            if let Some(tally) = tally.as_deref_mut() {
                match self.last {
                    None => tally.first.saturating_record(nanos(now, due)),
                    Some(last) => tally.gap.saturating_record(nanos(now, last)),
                }
                tally.transit.saturating_record(wall.saturating_sub(born).max(1));
            }
            self.last = Some(now);
        }
        self.pending.drain(..used);
    }
}

pub(super) fn nanos(now: Instant, since: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(since).as_nanos()).unwrap_or(u64::MAX).max(1)
}

fn is_last(event: &[u8]) -> bool {
    event.ends_with(b"[DONE]") || event.starts_with(b"event: message_stop")
}

/// When the text of an event was written.
fn stamp(event: &[u8]) -> Option<u64> {
    // OpenAI's chat, and Anthropic's messages.
    const MARKS: [&[u8]; 2] = [br#""content":"@"#, br#""text":"@"#];
    let text = MARKS.iter().find_map(|mark| Some(&event[memmem::find(event, mark)? + mark.len()..]))?;
    let digits = &text[..memchr::memchr(b'@', text)?];
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn pieces_and_end_are_found_however_the_stream_is_cut() {
        let mut stream = Vec::new();
        fixtures::push_opening(&mut stream);
        for _ in 0..3 {
            fixtures::push_content(&mut stream, &format!("@{}@ tide", wall_nanos()));
        }
        fixtures::push_closing(&mut stream, 3);
        for size in 1..stream.len() {
            let (mut observer, mut tally) = (Observer::default(), Tally::default());
            for piece in stream.chunks(size) {
                observer.take(piece, Instant::now(), Some(&mut tally));
            }
            assert_eq!((observer.pieces, observer.done), (3, true), "pieces of {size}");
            assert_eq!((tally.first.len(), tally.gap.len(), tally.transit.len()), (1, 2, 3));
        }
    }

    #[test]
    fn pieces_and_end_of_the_other_dialect_are_found_too() {
        let stream = br#"event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"@17@ tide"}}

event: message_stop
data: {"type":"message_stop"}

"#;
        let mut observer = Observer::default();
        observer.take(stream, Instant::now(), None);
        assert_eq!((observer.pieces, observer.done), (1, true));
    }

    #[test]
    fn stream_without_its_end_is_not_done() {
        let mut observer = Observer::default();
        let stream = fixtures::stream(2);
        observer.take(&stream[..stream.len() - 8], Instant::now(), None);
        assert!(!observer.done);
    }
}
