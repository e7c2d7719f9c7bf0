//! Server-sent events from bytes: the same bytes cut anywhere give the same events.
//!
//! Lines end with LF, CR or CRLF; a BOM may come first; comments are dropped; the `data` lines of one event are joined
//! with LF. Memory is bounded: an event, its current line included, may take so many bytes and no more.

use memchr::memchr2;

/// An event with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// The `event` field; empty when there is none.
    pub name: &'a [u8],
    /// The joined `data` fields.
    pub data: &'a [u8],
}

/// Bytes that are no event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseFault {
    /// An event is larger than the cap.
    #[error("an event exceeds {limit} bytes")]
    TooLong {
        /// The cap.
        limit: usize,
    },
    /// The first line is JSON or HTML.
    #[error("the body is not an event stream")]
    NotEvents,
}

/// Parses an event stream piece by piece.
#[derive(Clone, Debug)]
pub struct SseParser {
    /// The unfinished line.
    line: Vec<u8>,
    data: Vec<u8>,
    name: Vec<u8>,
    has_data: bool,
    /// The last byte was a CR, so that a LF now belongs to it.
    after_cr: bool,
    /// No line was read yet.
    at_start: bool,
    limit: usize,
}

impl SseParser {
    /// The default cap of an event.
    pub const DEFAULT_LIMIT: usize = 1 << 20;

    /// Stands before a stream whose events may take `limit` bytes.
    pub const fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            name: Vec::new(),
            has_data: false,
            after_cr: false,
            at_start: true,
            limit,
        }
    }

    /// Takes the next bytes and gives every event that they complete to `on_event`.
    pub fn push<E: From<SseFault>>(
        &mut self,
        chunk: &[u8],
        mut on_event: impl FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = chunk;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let (line, ending) = (&rest[..end], rest[end]);
            rest = &rest[end + 1..];
            if ending == b'\r' {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            self.end_line(line, &mut on_event)?;
        }
        self.extend_line(rest)?;
        Ok(())
    }

    /// Whether a line or an event has begun and not ended.
    pub fn is_within_event(&self) -> bool {
        self.has_data || !self.name.is_empty() || !self.line.is_empty()
    }

    /// Ends the stream; returns the data, as far as it came, of an event that was not completed.
    pub fn finish(&mut self) -> Result<Option<&[u8]>, SseFault> {
        let line = std::mem::take(&mut self.line);
        let cut_line = !line.is_empty() && line[0] != b':';
        if cut_line {
            self.field(&line)?;
        }
        Ok((cut_line || self.has_data).then_some(&self.data))
    }

    /// Reads a line of which the beginning may be kept already.
    fn end_line<E: From<SseFault>>(
        &mut self,
        end: &[u8],
        on_event: &mut impl FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.line.is_empty() {
            self.extend_line(end)?;
            let mut line = std::mem::take(&mut self.line);
            let result = self.whole_line(&line, on_event);
            line.clear();
            self.line = line;
            return result;
        }
        self.check_room(end.len())?;
        self.whole_line(end, on_event)
    }

    fn whole_line<E: From<SseFault>>(
        &mut self,
        line: &[u8],
        on_event: &mut impl FnMut(SseEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !line.is_empty() {
            self.field(line)?;
            return Ok(());
        }
        let result = if self.has_data { on_event(SseEvent { name: &self.name, data: &self.data }) } else { Ok(()) };
        self.data.clear();
        self.name.clear();
        self.has_data = false;
        result
    }

    fn field(&mut self, line: &[u8]) -> Result<(), SseFault> {
        let line = if std::mem::replace(&mut self.at_start, false) {
            let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
            if matches!(line.trim_ascii_start().first(), Some(b'{' | b'[' | b'<')) {
                return Err(SseFault::NotEvents);
            }
            line
        } else {
            line
        };
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            _ => {}
        }
        Ok(())
    }

    fn extend_line(&mut self, more: &[u8]) -> Result<(), SseFault> {
        self.check_room(self.line.len() + more.len())?;
        self.line.extend_from_slice(more);
        Ok(())
    }

    fn check_room(&self, line: usize) -> Result<(), SseFault> {
        let fits = self.data.len() + line <= self.limit;
        if fits { Ok(()) } else { Err(SseFault::TooLong { limit: self.limit }) }
    }
}

#[cfg(test)]
mod tests;
