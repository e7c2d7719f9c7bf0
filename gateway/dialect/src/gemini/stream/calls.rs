//! Calls whose arguments come in pieces, for a dialect that tells each call at once.

use crate::canonical::Part;
use crate::gemini::types;

/// The calls that have begun and were not told yet, in their order.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    choice: u64,
    place: usize,
    part: Part,
}

impl Calls {
    pub(super) fn begin(&mut self, choice: u64, call: usize, id: &str, name: &str, signature: Option<&String>) {
        let part = Part::ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
            signature: signature.cloned(),
        };
        self.0.push(Call { choice, place: call, part });
    }

    pub(super) fn add(&mut self, choice: u64, call: usize, text: &str) {
        let open = self.0.iter_mut().rev().find(|it| (it.choice, it.place) == (choice, call));
        if let Some(Part::ToolCall { arguments, .. }) = open.map(|it| &mut it.part) {
            arguments.push_str(text);
        }
    }

    /// Takes the first call, if its arguments are whole: something else is said now, and nothing can follow an object.
    pub(super) fn take_whole(&mut self) -> Option<(u64, Part)> {
        let is_whole =
            |it: &Call| matches!(&it.part, Part::ToolCall { arguments, .. } if types::object(arguments).is_some());
        if self.0.first().is_some_and(is_whole) { self.take_first() } else { None }
    }

    /// Takes the first call as it is: the answer has ended.
    pub(super) fn take_first(&mut self) -> Option<(u64, Part)> {
        (!self.0.is_empty()).then(|| self.0.remove(0)).map(|it| (it.choice, it.part))
    }
}
