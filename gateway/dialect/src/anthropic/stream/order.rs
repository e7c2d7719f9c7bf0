//! Blocks one after the other: other dialects may tell several calls at once, this one ends a block before the next.
//!
//! What belongs to the open block goes out at once. A block that begins while a call is still unfinished waits, and so
//! does all that follows it; how much can wait is bounded by what the upstream may write. Whether a call is finished is
//! seen from its arguments: they are one JSON object.

use std::collections::VecDeque;

/// What a block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thought,
    /// A thought that is withheld: whole from the start.
    Withheld {
        data: String,
    },
    Call {
        call: usize,
        id: String,
        name: String,
    },
}

/// A block with what was said in it and not yet written.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) said: String,
    /// The proof of a thought: written at its end, for clients keep the last piece only.
    pub(super) proof: String,
    arguments: Arguments,
}

impl Block {
    const fn new(kind: Kind) -> Self {
        Self { kind, said: String::new(), proof: String::new(), arguments: Arguments::new() }
    }

    /// Whether more of a kind goes into this block. Words after the proof of a thought are another thought.
    fn takes(&self, more: &Kind) -> bool {
        match (&self.kind, more) {
            (Kind::Text, Kind::Text) => true,
            (Kind::Thought, Kind::Thought) => self.proof.is_empty(),
            (Kind::Call { call, .. }, Kind::Call { call: more, .. }) => call == more,
            (Kind::Text | Kind::Thought | Kind::Withheld { .. } | Kind::Call { .. }, _) => false,
        }
    }

    /// Whether another may begin.
    const fn may_end(&self) -> bool {
        match self.kind {
            Kind::Call { .. } => self.arguments.complete,
            Kind::Text | Kind::Thought | Kind::Withheld { .. } => true,
        }
    }

    fn add(&mut self, text: &str) {
        if matches!(self.kind, Kind::Call { .. }) {
            self.arguments.read(text);
        }
        self.said.push_str(text);
    }
}

/// What has to be written.
pub(super) trait Write {
    /// A block begins.
    fn begin(&mut self, kind: &Kind);
    /// More of the open block.
    fn more(&mut self, kind: &Kind, text: &str);
    /// The open block ends.
    fn end(&mut self, block: &Block);
}

/// The open block and those that wait for it to end.
#[derive(Debug)]
pub(super) struct Order {
    open: Option<Block>,
    waiting: VecDeque<Block>,
    /// Calls that have begun: how many, so that pieces of one that has ended are known.
    begun: usize,
}

impl Order {
    pub(super) const fn new() -> Self {
        Self { open: None, waiting: VecDeque::new(), begun: 0 }
    }

    /// Takes a piece of a block; an empty one begins it.
    pub(super) fn say(&mut self, kind: Kind, text: &str, write: &mut impl Write) {
        match self.place(kind) {
            Place::Gone => {}
            Place::Open => {
                let Some(open) = &mut self.open else { return };
                open.add(text);
                flush(open, write);
                self.advance(write);
            }
            Place::Waiting(index) => self.waiting[index].add(text),
            Place::New(kind) => {
                let mut block = Block::new(kind);
                block.add(text);
                self.waiting.push_back(block);
                self.advance(write);
            }
        }
    }

    /// Takes a piece of a thought's proof.
    pub(super) fn prove(&mut self, piece: &str, write: &mut impl Write) {
        if !self.last().is_some_and(|block| block.kind == Kind::Thought) {
            self.say(Kind::Thought, "", write);
        }
        if let Some(block) = self.last() {
            block.proof.push_str(piece);
        }
    }

    /// The block that began last, if it has not ended.
    fn last(&mut self) -> Option<&mut Block> {
        self.waiting.back_mut().or(self.open.as_mut())
    }

    /// Ends every block.
    pub(super) fn finish(&mut self, write: &mut impl Write) {
        while let Some(open) = self.open.take().or_else(|| self.next(write)) {
            write.end(&open);
        }
    }

    fn place(&mut self, kind: Kind) -> Place {
        if let Kind::Call { call, .. } = kind {
            let is_open = self.open.as_ref().is_some_and(|block| block.takes(&kind));
            let waits = self.waiting.iter().position(|block| block.takes(&kind));
            return match (is_open, waits) {
                (true, _) => Place::Open,
                (false, Some(index)) => Place::Waiting(index),
                // After a whole object nothing but blanks can follow.
                (false, None) if call < self.begun => Place::Gone,
                (false, None) => {
                    self.begun = call + 1;
                    Place::New(kind)
                }
            };
        }
        match (self.waiting.back(), &self.open) {
            (Some(last), _) if last.takes(&kind) => Place::Waiting(self.waiting.len() - 1),
            (None, Some(open)) if open.takes(&kind) => Place::Open,
            _ => Place::New(kind),
        }
    }

    /// Opens what waits, as long as what is open may end.
    fn advance(&mut self, write: &mut impl Write) {
        while !self.waiting.is_empty() && self.open.as_ref().is_none_or(Block::may_end) {
            if let Some(done) = self.open.take() {
                write.end(&done);
            }
            self.open = self.next(write);
        }
    }

    fn next(&mut self, write: &mut impl Write) -> Option<Block> {
        let mut block = self.waiting.pop_front()?;
        write.begin(&block.kind);
        flush(&mut block, write);
        Some(block)
    }
}

fn flush(block: &mut Block, write: &mut impl Write) {
    if !block.said.is_empty() {
        write.more(&block.kind, &block.said);
        block.said.clear();
    }
}

/// Where a piece goes.
enum Place {
    Open,
    Waiting(usize),
    New(Kind),
    /// Its block has ended.
    Gone,
}

/// Follows the arguments of a call to the end of their object.
#[derive(Debug)]
struct Arguments {
    depth: usize,
    in_string: bool,
    escaped: bool,
    complete: bool,
}

impl Arguments {
    const fn new() -> Self {
        Self { depth: 0, in_string: false, escaped: false, complete: false }
    }

    fn read(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.complete |= self.depth == 0;
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes what happens as words.
    #[derive(Default)]
    struct Words(Vec<String>);

    impl Write for Words {
        fn begin(&mut self, kind: &Kind) {
            let word = match kind {
                Kind::Text => "text".to_owned(),
                Kind::Thought => "thought".to_owned(),
                Kind::Withheld { data } => format!("withheld {data}"),
                Kind::Call { call, .. } => format!("call {call}"),
            };
            self.0.push(word);
        }

        fn more(&mut self, _: &Kind, text: &str) {
            self.0.push(format!("+{text}"));
        }

        fn end(&mut self, block: &Block) {
            self.0.push(format!("end{}", block.proof));
        }
    }

    fn call(call: usize) -> Kind {
        Kind::Call { call, id: String::new(), name: String::new() }
    }

    #[track_caller]
    fn check(pieces: &[(Kind, &str)], expected: &[&str]) {
        let (mut order, mut words) = (Order::new(), Words::default());
        for (kind, text) in pieces {
            order.say(kind.clone(), text, &mut words);
        }
        order.finish(&mut words);
        assert_eq!(words.0, expected);
    }

    #[test]
    fn a_block_ends_when_another_begins() {
        check(
            &[(Kind::Thought, "a"), (Kind::Text, "b"), (Kind::Text, "c"), (Kind::Thought, "d")],
            &["thought", "+a", "end", "text", "+b", "+c", "end", "thought", "+d", "end"],
        );
    }

    #[test]
    fn calls_in_turn_go_out_at_once() {
        let (mut order, mut words) = (Order::new(), Words::default());
        for (kind, text) in [(call(0), ""), (call(0), r#"{"a":"}"#), (call(0), r#""}"#), (call(1), ""), (call(1), "{")]
        {
            order.say(kind, text, &mut words);
        }
        assert_eq!(words.0, ["call 0", r#"+{"a":"}"#, r#"+"}"#, "end", "call 1", "+{"]);
    }

    #[test]
    fn calls_told_at_once_come_one_after_the_other() {
        check(
            &[(call(0), ""), (call(1), ""), (call(0), "{"), (call(1), "{}"), (Kind::Text, "x"), (call(0), "}")],
            &["call 0", "+{", "+}", "end", "call 1", "+{}", "end", "text", "+x", "end"],
        );
    }

    #[test]
    fn what_is_unfinished_at_the_end_is_told_in_order() {
        check(
            &[(call(0), "{"), (call(1), "{\""), (Kind::Text, "x"), (call(1), "a"), (Kind::Text, "y")],
            &["call 0", "+{", "end", "call 1", "+{\"a", "end", "text", "+xy", "end"],
        );
    }

    #[test]
    fn blanks_after_the_end_of_a_call_are_nothing() {
        check(&[(call(0), "{}"), (Kind::Text, "x"), (call(0), "\n")], &["call 0", "+{}", "end", "text", "+x", "end"]);
    }

    #[test]
    fn a_proof_is_told_once_at_the_end_of_its_thought() {
        let (mut order, mut words) = (Order::new(), Words::default());
        order.say(Kind::Thought, "a", &mut words);
        order.prove("p", &mut words);
        order.prove("q", &mut words);
        order.say(Kind::Thought, "b", &mut words);
        order.prove("r", &mut words);
        order.say(Kind::Text, "c", &mut words);
        order.finish(&mut words);
        assert_eq!(words.0, ["thought", "+a", "endpq", "thought", "+b", "endr", "text", "+c", "end"]);
    }
}
