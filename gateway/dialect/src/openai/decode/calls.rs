//! Calls and their results in a conversation, brought together where names do not do it.
//!
//! Before there were tools, a turn had one `function_call` without an id, and a message of the role `function` answered
//! it by its name. Such calls are given ids. A call that other dialects do not have stays behind, and its result with it:
//! no vendor takes a result without its call.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::canonical::{Loss, Message, Part};
use crate::json::Node;
use crate::openai::unsaid;

/// The ids of calls that stay behind.
pub(super) fn left_behind(messages: Option<&Node<'_>>) -> HashSet<String> {
    let messages = messages.map(Node::items).unwrap_or_default();
    let calls = messages.iter().filter_map(|message| message.get("tool_calls")).flat_map(Node::items);
    calls.filter(|call| unsaid::is_custom(call)).filter_map(|call| call.string_of("id")).collect()
}

/// Calls that were given an id, until they are answered.
#[derive(Default)]
struct Open {
    /// Of each function, in order.
    ids: HashMap<String, VecDeque<String>>,
    /// The functions in the order of their calls, with those that are answered.
    order: VecDeque<String>,
}

impl Open {
    fn begin(&mut self, function: &str, id: &str) {
        self.ids.entry(function.to_owned()).or_default().push_back(id.to_owned());
        self.order.push_back(function.to_owned());
    }

    /// The call that a result answers: the first of its function, or of any where it names none.
    fn answer(&mut self, function: Option<&str>) -> Option<String> {
        if let Some(function) = function {
            return self.ids.get_mut(function)?.pop_front();
        }
        loop {
            let function = self.order.pop_front()?;
            if let Some(id) = self.ids.get_mut(&function).and_then(VecDeque::pop_front) {
                return Some(id);
            }
        }
    }
}

/// Gives calls without an id one, and their results the same; leaves results behind whose calls are not there.
pub(super) fn pair(messages: &mut [Message], left_behind: &HashSet<String>, loss: &mut Loss) {
    let mut open = Open::default();
    for (turn, message) in messages.iter_mut().enumerate() {
        let mut orphans = Vec::new();
        for (place, part) in message.parts.iter_mut().enumerate() {
            match part {
                Part::ToolCall { id, name, .. } if id.is_empty() => {
                    *id = format!("call_{turn}_{place}");
                    open.begin(name, id);
                }
                Part::ToolResult { call, name, .. } if call.is_empty() => match open.answer(name.as_deref()) {
                    Some(id) => *call = id,
                    None => orphans.push((place, "answers a call that is not there")),
                },
                Part::ToolResult { call, .. } if left_behind.contains(call) => {
                    orphans.push((place, "answers a call that is left behind"));
                }
                Part::ToolCall { .. }
                | Part::ToolResult { .. }
                | Part::Text { .. }
                | Part::Refusal { .. }
                | Part::Reasoning { .. }
                | Part::Image { .. }
                | Part::Audio { .. }
                | Part::File { .. } => {}
            }
        }
        for (place, reason) in orphans.into_iter().rev() {
            leave(message, place, reason, loss);
        }
    }
}

fn leave(message: &mut Message, place: usize, reason: &'static str, loss: &mut Loss) {
    loss.note(message.places.get(place).unwrap_or_default(), reason);
    message.parts.remove(place);
    message.places.remove(place);
}
