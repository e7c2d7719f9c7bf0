//! What the scorer reads of a conversation: the last user turn, and apart from it the end of the user turn before.
//!
//! A system prompt says who answers, not how hard the question is, so it is not read. The turn before is a question of its
//! own, and only tells what a follow-up follows. See the decision record on what the scorer reads.
//!
//! While the messages are scanned only places are kept, a fixed number of them; text is cut by bytes before it is
//! decoded. A prompt of 10 MB therefore costs no more here than one of 4 KiB.

use crate::json::{Span, decode_into, head, tail};

/// Bytes kept of each end of the last user turn.
const TURN_END: usize = 1024;
/// Bytes kept of the end of the user turn before it.
const CONTEXT_END: usize = 512;
/// Pieces of text kept of one message: half from its start, half from its end.
const PIECES: usize = 4;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// `system` or `developer`.
    System,
    /// `user`.
    User,
    /// Anybody else.
    Other,
}

/// Where the text of one message stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turn {
    pieces: [Span; PIECES],
    count: usize,
    /// Some of its pieces are not among `pieces`.
    omitted: bool,
}

impl Turn {
    /// Adds a piece of text: the content, or the text of a part.
    pub(crate) fn push(&mut self, piece: Span) {
        if piece.len() == 0 {
            return;
        }
        if self.count == PIECES {
            self.pieces[PIECES / 2..].rotate_left(1);
            self.count -= 1;
            self.omitted = true;
        }
        self.pieces[self.count] = piece;
        self.count += 1;
    }

    fn pieces<'a>(&'a self, body: &'a [u8]) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator {
        self.pieces[..self.count].iter().map(|piece| piece.of(body))
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn bytes(&self) -> usize {
        self.pieces[..self.count].iter().map(Span::len).sum()
    }

    /// Returns the pieces, still escaped, or those within reach of the two ends; and whether something was left out.
    fn ends<'a>(&'a self, body: &'a [u8]) -> (Vec<&'a str>, bool) {
        if self.omitted {
            let mut ends: Vec<_> = heads(self.pieces(body).take(PIECES / 2), TURN_END).collect();
            ends.extend(tails(self.pieces(body).skip(PIECES / 2), TURN_END));
            return (ends, true);
        }
        if self.bytes() <= 2 * TURN_END {
            return (heads(self.pieces(body), 2 * TURN_END).collect(), false);
        }
        let mut ends: Vec<_> = heads(self.pieces(body), TURN_END).collect();
        ends.extend(tails(self.pieces(body), TURN_END));
        (ends, true)
    }
}

/// Returns the first `limit` bytes of consecutive pieces.
fn heads<'a>(pieces: impl Iterator<Item = &'a [u8]>, limit: usize) -> impl Iterator<Item = &'a str> {
    let mut left = limit;
    pieces.map_while(move |piece| {
        let part = (left > 0).then(|| head(piece, left));
        left = left.saturating_sub(piece.len());
        part
    })
}

/// Returns the last `limit` bytes of consecutive pieces, in order.
fn tails<'a>(pieces: impl DoubleEndedIterator<Item = &'a [u8]>, limit: usize) -> Vec<&'a str> {
    let mut left = limit;
    let reversed = pieces.rev().map_while(|piece| {
        let part = (left > 0).then(|| tail(piece, left));
        left = left.saturating_sub(piece.len());
        part
    });
    let mut parts: Vec<_> = reversed.collect();
    parts.reverse();
    parts
}

/// The places of a conversation that the scorer may read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ScorerText {
    /// The last user turn; in a conversation without one, the first turn of anybody else.
    task: Option<(Speaker, Turn)>,
    /// The user turn before it.
    before: Option<Turn>,
}

impl ScorerText {
    /// Adds the next message.
    pub(crate) fn push(&mut self, speaker: Speaker, turn: Turn) {
        let weight = |speaker| match speaker {
            Speaker::System => 0,
            Speaker::Other => 1,
            Speaker::User => 2,
        };
        let known = self.task.map(|(speaker, _)| weight(speaker));
        let replaces = known.is_none_or(|known| weight(speaker) > known || speaker == Speaker::User);
        if replaces && !turn.is_empty() {
            self.before = self.task.filter(|(before, _)| *before == Speaker::User).map(|(_, turn)| turn);
            self.task = Some((speaker, turn));
        }
    }

    /// Returns the text, and whether any of that turn is missing in it.
    pub(crate) fn render(&self, body: &[u8]) -> (String, bool) {
        let mut text = String::new();
        let Some((_, task)) = &self.task else { return (text, false) };
        let (parts, cut) = task.ends(body);
        write_turn(&parts, &mut text);
        (text, cut)
    }

    /// Returns the end of the user turn before that, for a follow-up to be understood by.
    pub(crate) fn render_context(&self, body: &[u8]) -> String {
        let mut text = String::new();
        if let Some(before) = &self.before {
            write_turn(&tails(before.pieces(body), CONTEXT_END), &mut text);
        }
        text
    }
}

/// Appends the decoded pieces of a turn, one a line.
fn write_turn(pieces: &[&str], text: &mut String) {
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        decode_into(piece, text);
    }
}
