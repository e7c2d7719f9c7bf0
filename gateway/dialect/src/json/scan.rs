//! A strict JSON scanner: checks every byte once, allocates nothing, and says where values begin and end.
//!
//! Accepts what `serde_json` accepts (a property test compares the two), including its depth limit; the reader pulls
//! members and elements and either reads or skips each value. Strings are checked and counted here, decoded in `text`.

use std::borrow::Cow;

use super::plain::plain_run;
use super::text::{decode_into, read_escape};
use domain::tokens::TokenEstimator;

/// Nesting at which a document is refused: `serde_json`'s limit, so that no reader behind us chokes on what we let pass.
const DEPTH_LIMIT: u32 = 128;

/// A range of bytes of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// Returns the bytes of the range.
    pub(crate) fn of<'a>(&self, document: &'a [u8]) -> &'a [u8] {
        &document[self.start..self.end]
    }

    /// How many bytes.
    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }
}

/// What is wrong with a document, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {at}")]
pub(crate) struct SyntaxFault {
    /// The offset of the offending byte.
    pub(crate) at: usize,
    /// What is wrong.
    pub(crate) kind: SyntaxKind,
}

/// The ways to be no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SyntaxKind {
    /// The text ends inside a value.
    #[error("unexpected end")]
    End,
    /// Something else should stand here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A byte below 0x20 inside a string.
    #[error("unescaped control character in a string")]
    ControlCharacter,
    /// `\x`, or `\u` without four hex digits.
    #[error("invalid escape in a string")]
    Escape,
    /// Half of a surrogate pair.
    #[error("lone surrogate in a string")]
    LoneSurrogate,
    /// U+0000, which databases and C libraries cut at.
    #[error("NUL character in a string")]
    Nul,
    /// Deeper than [`DEPTH_LIMIT`].
    #[error("nested 128 levels deep or more")]
    Depth,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

impl Kind {
    /// The kind as people say it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// How strings are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Lone surrogates and NUL are refused: what callers send.
    Strict,
    /// They pass: upstreams split surrogate pairs between chunks.
    Lenient,
}

/// A checked string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    /// The bytes between the quotes, still escaped.
    pub(crate) span: Span,
    /// It holds a backslash.
    pub(crate) escaped: bool,
    /// Its decoded characters, counted.
    pub(crate) count: TokenEstimator,
}

/// A checked value that was not looked into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skipped {
    /// All of it.
    pub(crate) span: Span,
    /// Its text, less blanks between tokens, strings decoded.
    pub(crate) count: TokenEstimator,
}

/// The way through an object or an array.
#[derive(Debug)]
pub(crate) struct Progress {
    first: bool,
}

/// Reads one document from its start to its end.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: u32,
    escapes: Escapes,
}

impl<'a> Scanner<'a> {
    /// Stands before the document.
    pub(crate) const fn new(text: &'a str, escapes: Escapes) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, depth: 0, escapes }
    }

    /// Returns the characters of a string of the document.
    pub(crate) fn decode(&self, text: &Text) -> Cow<'a, str> {
        let raw = &self.text[text.span.start..text.span.end];
        if !text.escaped {
            return Cow::Borrowed(raw);
        }
        let mut decoded = String::with_capacity(raw.len());
        decode_into(raw, &mut decoded);
        Cow::Owned(decoded)
    }

    /// Returns a range of the document.
    pub(crate) fn slice(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    /// Where the scanner stands.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// Says what the next value is, without reading it.
    pub(crate) fn peek(&mut self) -> Result<Kind, SyntaxFault> {
        self.skip_blanks();
        match self.bytes.get(self.at) {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(_) => Err(self.fault(SyntaxKind::Expected("a value"))),
            None => Err(self.fault(SyntaxKind::End)),
        }
    }

    /// Enters the object that comes next.
    pub(crate) fn enter_object(&mut self) -> Result<Progress, SyntaxFault> {
        self.enter(b'{', "an object")
    }

    /// Enters the array that comes next.
    pub(crate) fn enter_array(&mut self) -> Result<Progress, SyntaxFault> {
        self.enter(b'[', "an array")
    }

    /// Reads the next key of an object and stands before its value; `None` = the object has ended.
    pub(crate) fn next_key(&mut self, progress: &mut Progress) -> Result<Option<Text>, SyntaxFault> {
        if !self.advance(progress, b'}', "`,` or `}`")? {
            return Ok(None);
        }
        let key = self.string()?;
        self.skip_blanks();
        self.expect(b':', "`:`")?;
        Ok(Some(key))
    }

    /// Stands before the next element of an array; `false` = the array has ended.
    pub(crate) fn next_element(&mut self, progress: &mut Progress) -> Result<bool, SyntaxFault> {
        self.advance(progress, b']', "`,` or `]`")
    }

    /// Checks a value of any kind and stands behind it.
    pub(crate) fn skip(&mut self) -> Result<Skipped, SyntaxFault> {
        let kind = self.peek()?;
        let start = self.at;
        let count = match kind {
            Kind::Object => self.skip_object()?,
            Kind::Array => self.skip_array()?,
            Kind::String => with_ascii(self.string()?.count, "\"\"".len()),
            Kind::Number => with_ascii(TokenEstimator::new(), self.number()?.len()),
            Kind::Bool | Kind::Null => with_ascii(TokenEstimator::new(), self.literal()?.len()),
        };
        Ok(Skipped { span: Span { start, end: self.at }, count })
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> Result<Text, SyntaxFault> {
        self.skip_blanks();
        self.expect(b'"', "a string")?;
        let start = self.at;
        let mut count = TokenEstimator::new();
        let mut escaped = false;
        loop {
            let run = plain_run(&self.bytes[self.at..]);
            count.add_ascii(run);
            self.at += run;
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let span = Span { start, end: self.at };
                    self.at += 1;
                    return Ok(Text { span, escaped, count });
                }
                Some(b'\\') => {
                    escaped = true;
                    count.add_char(self.escape()?);
                }
                Some(0x80..) => self.at += count.add_wide_run(&self.bytes[self.at..]),
                Some(_) => return Err(self.fault(SyntaxKind::ControlCharacter)),
                None => return Err(self.fault(SyntaxKind::End)),
            }
        }
    }

    /// Reads a number.
    pub(crate) fn number(&mut self) -> Result<Span, SyntaxFault> {
        self.skip_blanks();
        let start = self.at;
        self.accept(b"-");
        if !self.accept(b"0") {
            self.digits()?;
        }
        if self.accept(b".") {
            self.digits()?;
        }
        if self.accept(b"eE") {
            self.accept(b"+-");
            self.digits()?;
        }
        Ok(Span { start, end: self.at })
    }

    /// Reads `true`, `false` or `null`.
    pub(crate) fn literal(&mut self) -> Result<Span, SyntaxFault> {
        self.skip_blanks();
        let start = self.at;
        for word in ["true", "false", "null"] {
            if self.bytes[start..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(Span { start, end: self.at });
            }
        }
        Err(self.fault(SyntaxKind::Expected("`true`, `false` or `null`")))
    }

    /// Checks that nothing but blanks follows.
    pub(crate) fn finish(mut self) -> Result<(), SyntaxFault> {
        self.skip_blanks();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.fault(SyntaxKind::Expected("the end"))) }
    }

    fn skip_object(&mut self) -> Result<TokenEstimator, SyntaxFault> {
        let mut count = with_ascii(TokenEstimator::new(), "{}".len());
        let mut progress = self.enter_object()?;
        let mut punctuation = "\"\":".len();
        while let Some(key) = self.next_key(&mut progress)? {
            count += with_ascii(key.count, punctuation);
            count += self.skip()?.count;
            punctuation = ",\"\":".len();
        }
        Ok(count)
    }

    fn skip_array(&mut self) -> Result<TokenEstimator, SyntaxFault> {
        let mut count = with_ascii(TokenEstimator::new(), "[]".len());
        let mut progress = self.enter_array()?;
        let mut punctuation = 0;
        while self.next_element(&mut progress)? {
            count += with_ascii(self.skip()?.count, punctuation);
            punctuation = ",".len();
        }
        Ok(count)
    }

    fn enter(&mut self, opening: u8, expected: &'static str) -> Result<Progress, SyntaxFault> {
        self.skip_blanks();
        self.depth += 1;
        if self.depth >= DEPTH_LIMIT {
            return Err(self.fault(SyntaxKind::Depth));
        }
        self.expect(opening, expected)?;
        Ok(Progress { first: true })
    }

    /// Moves past a separator to the next item, or past the closing bracket.
    fn advance(&mut self, progress: &mut Progress, closing: u8, expected: &'static str) -> Result<bool, SyntaxFault> {
        self.skip_blanks();
        let first = std::mem::replace(&mut progress.first, false);
        match self.bytes.get(self.at) {
            Some(byte) if *byte == closing => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            Some(_) => Err(self.fault(SyntaxKind::Expected(expected))),
            None => Err(self.fault(SyntaxKind::End)),
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), SyntaxFault> {
        match self.bytes.get(self.at) {
            Some(found) if *found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.fault(SyntaxKind::Expected(expected))),
            None => Err(self.fault(SyntaxKind::End)),
        }
    }

    fn accept(&mut self, any_of: &[u8]) -> bool {
        let found = self.bytes.get(self.at).is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self) -> Result<(), SyntaxFault> {
        let run = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += run;
        if run > 0 { Ok(()) } else { Err(self.fault(SyntaxKind::Expected("a digit"))) }
    }

    /// Reads one escape (a surrogate pair is one) and returns a character that counts the same; a lone surrogate counts
    /// as U+FFFD.
    fn escape(&mut self) -> Result<char, SyntaxFault> {
        let start = self.at;
        if let Some(b'n' | b'"' | b'\\' | b't' | b'r' | b'/' | b'b' | b'f') = self.bytes.get(start + 1) {
            self.at += 2;
            // Which one does not matter to the count.
            return Ok(' ');
        }
        let Some((character, length)) = read_escape(&self.bytes[start..]) else {
            return Err(self.fault(SyntaxKind::Escape));
        };
        self.at += length;
        match (character, self.escapes) {
            (Some('\0'), Escapes::Strict) => Err(SyntaxFault { at: start, kind: SyntaxKind::Nul }),
            (None, Escapes::Strict) => Err(SyntaxFault { at: start, kind: SyntaxKind::LoneSurrogate }),
            (character, _) => Ok(character.unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }

    const fn fault(&self, kind: SyntaxKind) -> SyntaxFault {
        SyntaxFault { at: self.at, kind }
    }
}

fn with_ascii(mut count: TokenEstimator, bytes: usize) -> TokenEstimator {
    count.add_ascii(bytes);
    count
}

#[cfg(test)]
mod tests;
