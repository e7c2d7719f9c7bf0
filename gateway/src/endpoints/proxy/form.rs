//! Which model a form names, found while the form flows by: `multipart/form-data`, in pieces cut anywhere.
//!
//! Forms mostly carry a file, and clients are free to name the model behind it. Nothing is held but the head of one part
//! and the value of the field `model`, both bounded; what a file holds is searched for the next delimiter only.

use http::{HeaderMap, header};
use memchr::memmem::Finder;

/// The head of a part takes less than this; one that takes more is not looked at.
const HEAD_MOST: usize = 8 << 10;
/// A name of a model takes less than this.
const VALUE_MOST: usize = 512;
/// The longest boundary that is sent is 70 characters.
const BOUNDARY_MOST: usize = 200;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A reader of one form.
pub(super) struct FormScanner {
    /// `CRLF--boundary`: what stands between the parts.
    delimiter: Finder<'static>,
    state: State,
    /// The end of what came, or what has come of a head or a value.
    held: Vec<u8>,
    models: Models,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Where nothing is of interest but the next delimiter.
    Between,
    /// In the rest of a delimiter's line.
    Line,
    /// In the head of a part.
    Head,
    /// In the value of the field `model`.
    Value,
    /// Behind the last delimiter.
    Over,
}

/// The fields `model` so far.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Models {
    None,
    One(String),
    Several,
}

/// A form has more than one field `model`, of which readers take one or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Twice;

impl FormScanner {
    /// Stands before a form; `None` = these headers announce none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let (essence, parameters) = media_type.split_once(';')?;
        if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameter(parameters, "boundary").filter(|it| (1..=BOUNDARY_MOST).contains(&it.len()))?;
        Some(Self {
            delimiter: Finder::new(&format!("\r\n--{boundary}")).into_owned(),
            state: State::Between,
            // The first delimiter may begin the form.
            held: b"\r\n".to_vec(),
            models: Models::None,
        })
    }

    /// Reads on.
    pub(super) fn push(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            piece = match self.state {
                State::Between => self.skip(piece),
                State::Line => self.end_line(piece),
                State::Head => self.read_head(piece),
                State::Value => self.read_value(piece),
                State::Over => return,
            };
        }
    }

    /// The model that has been named so far.
    ///
    /// # Errors
    /// When two fields name one.
    pub(super) fn model(&self) -> Result<Option<&str>, Twice> {
        match &self.models {
            Models::None => Ok(None),
            Models::One(model) => Ok(Some(model)),
            Models::Several => Err(Twice),
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.held.clear();
    }

    /// Looks for a delimiter, which may have begun in what came before.
    fn skip<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let length = self.delimiter.needle().len();
        let before = self.held.len();
        self.held.extend_from_slice(&piece[..piece.len().min(length - 1)]);
        let over_the_cut = self.delimiter.find(&self.held).map(|at| at + length - before);
        if let Some(end) = over_the_cut.or_else(|| self.delimiter.find(piece).map(|at| at + length)) {
            self.enter(State::Line);
            return &piece[end..];
        }
        if piece.len() >= length {
            self.held.clear();
            self.held.extend_from_slice(&piece[piece.len() - (length - 1)..]);
        }
        self.keep_end();
        &[]
    }

    /// Keeps of what is held only what may begin a delimiter.
    fn keep_end(&mut self) {
        let spare = self.held.len().saturating_sub(self.delimiter.needle().len() - 1);
        self.held.drain(..spare);
    }

    /// Reads the end of a delimiter's line, a byte at a time: blanks and a line end, or the mark of the last one. What is
    /// followed by anything else was none.
    fn end_line<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let (byte, rest) = (piece[0], &piece[1..]);
        match (self.held.as_slice(), byte) {
            ([], b' ' | b'\t') => {}
            ([], b'\r' | b'-') => self.held.push(byte),
            (b"-", b'-') => self.enter(State::Over),
            (b"\r", b'\n') => {
                self.enter(State::Head);
                // So that a head without lines ends like every other.
                self.held.extend_from_slice(b"\r\n");
            }
            _ => {
                self.state = State::Between;
                return piece;
            }
        }
        rest
    }

    fn read_head<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let (rest, has_ended) = hold_until(&mut self.held, &Finder::new(HEAD_END), piece, HEAD_MOST);
        if has_ended {
            let is_model = field_name(&self.held).is_some_and(|name| is_model(&name));
            self.enter(if is_model { State::Value } else { State::Between });
            // A part may be empty: the end of its head then begins the delimiter.
            self.held.extend_from_slice(b"\r\n");
        } else if self.held.len() == HEAD_MOST {
            self.give_up();
        }
        rest
    }

    fn read_value<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let most = VALUE_MOST + self.delimiter.needle().len();
        let (rest, has_ended) = hold_until(&mut self.held, &self.delimiter, piece, most);
        if has_ended {
            let value = self.held.strip_prefix(b"\r\n").unwrap_or(&self.held);
            let value = String::from_utf8_lossy(value).into_owned();
            self.models = match self.models {
                Models::None => Models::One(value),
                Models::One(_) | Models::Several => Models::Several,
            };
            self.enter(State::Line);
        } else if self.held.len() == most {
            self.give_up();
        }
        rest
    }

    /// Reads no more of a head or a value that is too long.
    fn give_up(&mut self) {
        self.state = State::Between;
        self.keep_end();
    }
}

/// Holds what comes before a mark, `most` bytes with it; returns what has not been looked at, and whether the mark came.
fn hold_until<'a>(held: &mut Vec<u8>, mark: &Finder<'_>, piece: &'a [u8], most: usize) -> (&'a [u8], bool) {
    let before = held.len();
    let taken = piece.len().min(most - before);
    held.extend_from_slice(&piece[..taken]);
    let from = before.saturating_sub(mark.needle().len() - 1);
    let Some(at) = mark.find(&held[from..]) else { return (&piece[taken..], false) };
    held.truncate(from + at);
    (&piece[from + at + mark.needle().len() - before..], true)
}

/// Also as careless clients write it: servers read it all the same.
fn is_model(name: &str) -> bool {
    name.trim_matches('\'').eq_ignore_ascii_case("model")
}

/// The name of the field whose part has this head.
fn field_name(head: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let (_, parameters) = value.split_once(';')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then(|| parameter(parameters, "name"))?
    })
}

/// The value of a parameter, among those of a header: `a=b; c="d;e"`.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.rsplit(';').next().unwrap_or_default().trim();
        let (value, after) = value(after.trim_start());
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// A value, quoted or plain, and what comes after it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        return (value.trim().to_owned(), rest);
    };
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '\\' if !is_escaped => is_escaped = true,
            '"' if !is_escaped => return (value, &quoted[at + 1..]),
            letter => {
                value.push(letter);
                is_escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests;
