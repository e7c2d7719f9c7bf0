//! Messages as turns that alternate, system text before them, results of tools first in the user's turn.

use serde::Serialize;

use super::super::types::Block;
use super::blocks::Writer;
use crate::canonical::{Loss, Message, Role};

/// A turn.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

/// Writes the system text and the turns.
pub(super) fn write<'a>(messages: &'a [Message], loss: &mut Loss) -> (Vec<Block<'a>>, Vec<Turn<'a>>) {
    let mut system = Vec::new();
    let mut turns: Vec<Turn<'a>> = Vec::with_capacity(messages.len());
    for (index, message) in messages.iter().enumerate() {
        let path = format!("messages[{index}]");
        if message.name.is_some() {
            loss.note(format!("{path}.name"), "speakers have no names in this dialect");
        }
        let blocks = Writer { path: &path, role: message.role, loss }.blocks(&message.parts);
        let role = match message.role {
            Role::System => {
                if !turns.is_empty() && !blocks.is_empty() {
                    loss.note(path, "system text stands before the conversation in this dialect");
                }
                system.extend(blocks);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        match turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.add(blocks),
            None if blocks.is_empty() => {}
            None => {
                let mut turn = Turn { role, content: Vec::with_capacity(blocks.len()) };
                turn.add(blocks);
                turns.push(turn);
            }
        }
    }
    if turns.is_empty() && !system.is_empty() {
        loss.note("messages", "a conversation needs a turn in this dialect: the system text is told as the user's");
        turns.push(Turn { role: "user", content: std::mem::take(&mut system) });
    }
    (system, turns)
}

impl<'a> Turn<'a> {
    fn add(&mut self, blocks: Vec<Block<'a>>) {
        for block in blocks {
            let is_result = |block: &Block<'_>| matches!(block, Block::ToolResult { .. });
            if is_result(&block) {
                let place = self.content.iter().take_while(|it| is_result(it)).count();
                self.content.insert(place, block);
            } else {
                self.content.push(block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::Part;

    #[track_caller]
    fn check(messages: &[Message], expected: &serde_json::Value, lost: &[&str]) {
        let mut loss = Loss::default();
        let (system, turns) = write(messages, &mut loss);
        let found = serde_json::json!({ "system": system, "messages": turns });
        assert_eq!(&found, expected);
        assert_eq!(loss.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), lost);
    }

    fn text(text: &str) -> serde_json::Value {
        serde_json::json!({ "type": "text", "text": text })
    }

    #[test]
    fn neighbours_of_one_role_become_one_turn() {
        let messages = [
            Message::text(Role::System, "be brief"),
            Message::text(Role::User, "a"),
            Message::text(Role::User, "b"),
            Message::text(Role::Assistant, "c"),
        ];
        let expected = serde_json::json!({
            "system": [text("be brief")],
            "messages": [
                { "role": "user", "content": [text("a"), text("b")] },
                { "role": "assistant", "content": [text("c")] },
            ],
        });
        check(&messages, &expected, &[]);
    }

    #[test]
    fn results_stand_first_in_the_turn_of_the_user() {
        let result = |call: &str| {
            let call = call.to_owned();
            Part::ToolResult { call, name: None, content: vec![Part::text("4")], is_error: false, cache: None }
        };
        let messages = [
            Message::text(Role::User, "and now?"),
            Message::new(Role::Tool, vec![result("one")]),
            Message::new(Role::Tool, vec![result("two")]),
        ];
        let wire = |id: &str| serde_json::json!({ "type": "tool_result", "tool_use_id": id, "content": [text("4")] });
        let expected = serde_json::json!({
            "system": [],
            "messages": [{ "role": "user", "content": [wire("one"), wire("two"), text("and now?")] }],
        });
        check(&messages, &expected, &[]);
    }

    #[test]
    fn late_system_text_is_told_before_and_reported() {
        let messages = [Message::text(Role::User, "a"), Message::text(Role::System, "s")];
        let expected = serde_json::json!({
            "system": [text("s")],
            "messages": [{ "role": "user", "content": [text("a")] }],
        });
        check(&messages, &expected, &["messages[1]"]);
    }

    #[test]
    fn system_text_alone_is_the_users_turn() {
        let expected = serde_json::json!({
            "system": [],
            "messages": [{ "role": "user", "content": [text("s")] }],
        });
        check(&[Message::text(Role::System, "s")], &expected, &["messages"]);
    }
}
