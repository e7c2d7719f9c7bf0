//! From words to wishes, sentence by sentence.
//!
//! A sentence that begins with a task is a prompt that went astray and is passed over. In any other, words of wanting
//! and refusing say what becomes of the names and qualities after them, and a condition guards the wishes of its clause.

use super::names::{Names, Target};
use super::words::{Meaning, Pole, Token, meaning};
use super::{Guard, Intent, Need, Wish};

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Word(Meaning),
    Name(Target),
    Unknown,
    Comma,
}

/// What becomes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Neutral,
    Want,
    Only,
    Not,
    /// It is mentioned, and neither wanted nor refused.
    Nothing,
}

/// Reads tokens. Wishes come in the order of the text, none twice.
pub(super) fn read(tokens: &[Token], names: &Names) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for sentence in tokens.split(|token| *token == Token::Stop) {
        let pieces = pieces(sentence, names);
        for wish in Reader::new(&pieces).read() {
            if !wishes.contains(&wish) {
                wishes.push(wish);
            }
        }
    }
    wishes
}

fn pieces(sentence: &[Token], names: &Names) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for clause in sentence.split_inclusive(|token| *token == Token::Comma) {
        let words: Vec<&str> = clause
            .iter()
            .filter_map(|token| match token {
                Token::Word(word) => Some(word.as_str()),
                Token::Comma | Token::Stop => None,
            })
            .collect();
        let mut place = 0;
        while place < words.len() {
            let rest = &words[place..];
            let word = meaning(rest);
            let name = names.longest(rest, |word| meaning(&[word]).is_some());
            let (piece, count) = match (name, word) {
                (Some((name, length)), word) if word.is_none_or(|(_, other)| length >= other) => {
                    (Piece::Name(name), length)
                }
                (_, Some((word, count))) => (Piece::Word(word), count),
                (_, None) => (Piece::Unknown, 1),
            };
            pieces.push(piece);
            place += count;
        }
        if clause.last() == Some(&Token::Comma) {
            pieces.push(Piece::Comma);
        }
    }
    pieces
}

struct Reader<'a> {
    pieces: &'a [Piece],
    wishes: Vec<Wish>,
    mode: Mode,
    /// A word of refusal has just been read, and nothing that it refuses.
    is_negated: bool,
    /// A comma has been read since the mode was set: names go on, qualities begin anew.
    is_list: bool,
    guard: Option<Guard>,
    last_guard: Option<Guard>,
    /// Where the wishes of this clause begin.
    clause: usize,
}

impl<'a> Reader<'a> {
    fn new(pieces: &'a [Piece]) -> Self {
        Self {
            pieces,
            wishes: Vec::new(),
            mode: Mode::Neutral,
            is_negated: false,
            is_list: false,
            guard: None,
            last_guard: None,
            clause: 0,
        }
    }

    fn read(mut self) -> Vec<Wish> {
        let first = self.pieces.iter().find(|piece| !matches!(piece, Piece::Word(Meaning::Filler) | Piece::Comma));
        if first == Some(&Piece::Word(Meaning::Task)) {
            return Vec::new();
        }
        let mut place = 0;
        while let Some(piece) = self.pieces.get(place) {
            place += match piece {
                Piece::Comma => {
                    self.is_list = true;
                    1
                }
                Piece::Unknown => {
                    self.is_negated = false;
                    1
                }
                Piece::Name(target) => {
                    self.name(target, place);
                    1
                }
                Piece::Word(word) => self.word(*word, place),
            };
        }
        self.wishes
    }

    /// Reads a word; returns how many pieces it took.
    fn word(&mut self, word: Meaning, place: usize) -> usize {
        match word {
            Meaning::Quality(pole, more) => {
                // What follows is described by it, and is no model: "a faster sorting algorithm".
                let follower = self.pieces.get(place + 1);
                let is_free = !matches!(follower, Some(Piece::Unknown | Piece::Word(Meaning::Prompt | Meaning::Task)));
                if is_free {
                    self.pole(pole, more);
                }
            }
            Meaning::Aim(pole, more) => self.pole(pole, more),
            Meaning::Noun(pole) => self.noun(pole, place),
            Meaning::Tag(tag) => {
                let is_wanted = place > 0 && self.pieces[place - 1] == Piece::Word(Meaning::Want);
                let is_thing = self.pieces.get(place + 1) == Some(&Piece::Word(Meaning::Thing));
                if matches!(self.mode, Mode::Want | Mode::Neutral) && (is_wanted || is_thing) {
                    self.push(Intent::Capability(tag));
                }
            }
            Meaning::Region(name) => {
                if matches!(self.mode, Mode::Want | Mode::Only | Mode::Neutral) {
                    self.push(Intent::Region(name));
                }
            }
            Meaning::Not => {
                let is_double = self.is_negated;
                self.set(if is_double { Mode::Nothing } else { Mode::Not });
                self.is_negated = !is_double;
            }
            Meaning::Less => self.set(Mode::Nothing),
            Meaning::Spare => self.set(if self.mode == Mode::Not { Mode::Want } else { Mode::Not }),
            Meaning::Only => self.only(place),
            // "do not use", "only use": the word before says what is meant.
            Meaning::Want => {
                if !self.is_negated && (self.mode != Mode::Only || self.is_list) {
                    self.set(Mode::Want);
                }
            }
            Meaning::Unless | Meaning::If => return self.condition(word == Meaning::If, place),
            Meaning::Then => self.set(Mode::Neutral),
            Meaning::Otherwise => {
                self.begin_clause();
                self.guard = self.last_guard.map(|guard| Guard { holds: !guard.holds, ..guard });
            }
            Meaning::But => {
                self.begin_clause();
                self.guard = None;
            }
            Meaning::For => return self.purpose(place),
            Meaning::And
            | Meaning::Need(_)
            | Meaning::Stress
            | Meaning::Shrug
            | Meaning::Thing
            | Meaning::Prompt
            | Meaning::Task
            | Meaning::Filler => {}
        }
        1
    }

    // === Wishes ===

    fn name(&mut self, target: &Target, place: usize) {
        let target = target.clone();
        match self.mode {
            Mode::Want => self.push(Intent::Prefer(target)),
            Mode::Only => self.push(Intent::Only(target)),
            Mode::Not => self.push(Intent::Avoid(target)),
            Mode::Nothing => {}
            // A bare name is a wish where nothing else is said: "openai please".
            Mode::Neutral => {
                let is_alone = !self.clause_around(place).contains(&Piece::Unknown);
                if is_alone {
                    self.push(Intent::Prefer(target));
                }
            }
        }
        self.is_negated = false;
    }

    fn only(&mut self, place: usize) {
        let follows_name = place > 0 && matches!(self.pieces[place - 1], Piece::Name(_));
        if let (true, Some(Wish { intent, .. })) = (follows_name, self.wishes.last_mut())
            && let Intent::Prefer(target) = intent
        {
            *intent = Intent::Only(target.clone());
            return self.set(Mode::Neutral);
        }
        self.set(if self.is_negated { Mode::Nothing } else { Mode::Only });
    }

    fn pole(&mut self, pole: Pole, more: bool) {
        let more = match self.mode {
            Mode::Not if !self.is_list => !more,
            Mode::Nothing if !self.is_list => return,
            Mode::Neutral | Mode::Want | Mode::Only | Mode::Not | Mode::Nothing => more,
        };
        self.is_negated = false;
        match (pole, more) {
            (Pole::Cheap, true) | (Pole::Strong, false) => self.push(Intent::Cheaper),
            (Pole::Strong, true) | (Pole::Cheap, false) => self.push(Intent::MoreCapable),
            (Pole::Fast, true) => self.push(Intent::Faster),
            // That there is no hurry asks for nothing.
            (Pole::Fast, false) => {}
        }
    }

    /// A noun is a wish when it is stressed, wanted, or, where less is better, refused.
    fn noun(&mut self, pole: Pole, place: usize) {
        let mut near = self.pieces[place + 1..].iter().take(4).take_while(|piece| **piece != Piece::Comma);
        let verdict = near.find_map(|piece| match piece {
            Piece::Word(Meaning::Stress | Meaning::Less) => Some(true),
            Piece::Word(Meaning::Shrug) => Some(false),
            Piece::Word(_) | Piece::Name(_) | Piece::Unknown | Piece::Comma => None,
        });
        let mode = if self.is_list { Mode::Neutral } else { self.mode };
        let is_wish = match (verdict, mode) {
            (Some(false), _) | (_, Mode::Nothing) | (None, Mode::Neutral) => false,
            (Some(true), Mode::Neutral) | (_, Mode::Want | Mode::Only) => true,
            (_, Mode::Not) => pole != Pole::Strong,
        };
        if is_wish {
            self.set(Mode::Want);
            self.pole(pole, true);
        }
    }

    // === Conditions ===

    /// `if …`, `unless …`: guards what the clause has said before, or else what follows.
    fn condition(&mut self, holds: bool, place: usize) -> usize {
        let (found, length) = needed(&self.pieces[place + 1..]);
        if let Some((need, is_there)) = found {
            self.guard_by(Guard { need, holds: holds == is_there });
        }
        1 + length
    }

    /// `for …`: a condition where something else is wished, else a capability.
    fn purpose(&mut self, place: usize) -> usize {
        let rest = &self.pieces[place + 1..];
        let skipped = rest.iter().take_while(|piece| **piece == Piece::Word(Meaning::Filler)).count();
        let clause_has_wish = self.wishes[self.clause..].iter().any(|wish| wish.intent != Intent::MoreCapable);
        let (need, tag) = match rest.get(skipped) {
            Some(Piece::Word(Meaning::Need(need))) => (*need, None),
            Some(Piece::Word(Meaning::Tag(tag))) => (Need::Tag(*tag), Some(*tag)),
            Some(Piece::Word(_) | Piece::Name(_) | Piece::Unknown | Piece::Comma) | None => return 1,
        };
        let is_guard = clause_has_wish || self.wishes.len() == self.clause && wishes_follow(&rest[skipped + 1..]);
        match tag {
            _ if is_guard => self.guard_by(Guard { need, holds: true }),
            Some(tag) if self.mode != Mode::Not => self.push(Intent::Capability(tag)),
            Some(_) | None => {}
        }
        skipped + 2
    }

    fn guard_by(&mut self, guard: Guard) {
        self.last_guard = Some(guard);
        let said = &mut self.wishes[self.clause..];
        if said.is_empty() {
            self.guard = Some(guard);
        } else {
            said.iter_mut().filter(|wish| wish.guard.is_none()).for_each(|wish| wish.guard = Some(guard));
            self.guard = None;
            self.begin_clause();
        }
        self.mode = Mode::Neutral;
        self.is_list = false;
    }

    // === State ===

    fn push(&mut self, intent: Intent) {
        let wish = Wish { intent, guard: self.guard };
        if !self.wishes.contains(&wish) {
            self.wishes.push(wish);
        }
    }

    fn set(&mut self, mode: Mode) {
        self.mode = mode;
        self.is_negated = false;
        self.is_list = false;
    }

    fn begin_clause(&mut self) {
        self.clause = self.wishes.len();
        self.set(Mode::Neutral);
    }

    fn clause_around(&self, place: usize) -> &[Piece] {
        let start = self.pieces[..place].iter().rposition(|piece| *piece == Piece::Comma).map_or(0, |comma| comma + 1);
        let end = self.pieces[place..].iter().position(|piece| *piece == Piece::Comma);
        &self.pieces[start..end.map_or(self.pieces.len(), |comma| place + comma)]
    }
}

/// Whether something is wished in what follows, before the next purpose or condition.
fn wishes_follow(pieces: &[Piece]) -> bool {
    let ends = |piece: &&Piece| {
        !matches!(piece, Piece::Word(Meaning::For | Meaning::If | Meaning::Unless | Meaning::Otherwise | Meaning::But))
    };
    pieces.iter().take_while(ends).any(|piece| {
        matches!(piece, Piece::Name(_) | Piece::Word(Meaning::Quality(..) | Meaning::Aim(..) | Meaning::Region(_)))
    })
}

/// Reads a condition: what must be there, whether it must, and how many pieces that takes. `None` where it says no more
/// than "if possible".
fn needed(pieces: &[Piece]) -> (Option<(Need, bool)>, usize) {
    let (mut found, mut is_there, mut says_something) = (None, true, false);
    let mut length = 0;
    for piece in pieces {
        let next = pieces.get(length + 1);
        match piece {
            Piece::Comma | Piece::Word(Meaning::Then | Meaning::Otherwise | Meaning::But) => break,
            Piece::Word(Meaning::Not)
                if found.is_some() && !matches!(next, None | Some(Piece::Word(Meaning::Filler))) =>
            {
                break;
            }
            Piece::Word(Meaning::Not | Meaning::Shrug) => is_there = !is_there,
            Piece::Name(_)
            | Piece::Word(Meaning::Want | Meaning::Only | Meaning::Quality(..) | Meaning::Aim(..) | Meaning::Noun(_))
                if found.is_some() =>
            {
                break;
            }
            Piece::Word(Meaning::Need(need)) => found = found.or(Some(*need)),
            Piece::Word(Meaning::Tag(tag)) => found = found.or(Some(Need::Tag(*tag))),
            Piece::Word(Meaning::Filler | Meaning::Thing | Meaning::And) => {}
            Piece::Name(_) | Piece::Unknown | Piece::Word(_) => says_something = true,
        }
        length += 1;
    }
    match found {
        Some(need) => (Some((need, is_there)), length),
        None if says_something => (Some((Need::Unclear, is_there)), length),
        None => (None, length),
    }
}
