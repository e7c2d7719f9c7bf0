//! Which call a piece of `tool_calls` belongs to.
//!
//! The dialect tells it by `index`. Servers that only resemble it leave it out, or say 0 of every call: then a new `id`
//! begins a call, and where there is no `id` either, a name does.

use crate::json::Node;

/// The calls that have begun, in their order.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    choice: u64,
    /// As the upstream counts it, if it does.
    index: Option<u64>,
    id: String,
    name: String,
    /// Some of its arguments came.
    argued: bool,
}

/// A piece of a call as it came.
pub(super) struct Piece<'a> {
    index: Option<u64>,
    id: &'a str,
    name: &'a str,
    /// Another piece stood before it in the same list.
    follows: bool,
}

impl<'a> Piece<'a> {
    pub(super) fn of(node: &'a Node<'_>, follows: bool) -> Self {
        Self {
            index: node.count_of("index"),
            id: node.str_of("id").unwrap_or_default(),
            name: node.get("function").and_then(|it| it.str_of("name")).unwrap_or_default(),
            follows,
        }
    }

    /// Whether it is more of this call, of all that it may belong to.
    fn continues(&self, call: &Call, is_last: bool) -> bool {
        let is_same_place = match (self.index, call.index) {
            (Some(index), Some(known)) => index == known,
            (_, None) | (None, _) => is_last,
        };
        if !self.id.is_empty() {
            // Some repeat the id with every piece; one that came without may get it later, but only at its own place.
            return self.id == call.id && (self.index.is_none() || is_same_place)
                || call.id.is_empty() && self.index.is_some() && self.index == call.index;
        }
        let is_new_name = !self.name.is_empty() && self.name != call.name && !call.name.is_empty();
        let is_begun_anew = match self.index {
            Some(_) => is_new_name && call.argued,
            None => is_new_name || !self.name.is_empty() && (call.argued || self.follows),
        };
        is_same_place && !is_begun_anew
    }
}

impl Calls {
    /// The call that a piece is more of, by its place among those of its choice.
    pub(super) fn continued(&self, choice: u64, piece: &Piece<'_>) -> Option<usize> {
        let last = self.of(choice).count().checked_sub(1)?;
        let is_it = |(place, call): &(usize, &Call)| piece.continues(call, *place == last);
        self.of(choice).enumerate().filter(is_it).last().map(|(place, _)| place)
    }

    /// Notes a call that begins; returns its place among those of its choice.
    pub(super) fn begin(&mut self, choice: u64, piece: &Piece<'_>) -> usize {
        let place = self.of(choice).count();
        let (id, name) = (piece.id.to_owned(), piece.name.to_owned());
        self.0.push(Call { choice, index: piece.index, id, name, argued: false });
        place
    }

    /// Notes that arguments of a call have come.
    pub(super) fn argue(&mut self, choice: u64, place: usize) {
        if let Some(call) = self.0.iter_mut().filter(|call| call.choice == choice).nth(place) {
            call.argued = true;
        }
    }

    fn of(&self, choice: u64) -> impl Iterator<Item = &Call> {
        self.0.iter().filter(move |call| call.choice == choice)
    }
}
