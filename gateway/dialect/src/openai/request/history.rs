//! The turns before this one: how the conversation began, how much of it is old, and whether it waits for tools.
//!
//! Asked for only where a policy keeps conversations on their model, so the messages are read a second time here rather
//! than remembered for everybody.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ChatRequest;
use crate::request::History;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow, default)]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
}

impl ChatRequest {
    /// Reads the history; `None` where messages have members of types that no dialect knows.
    pub fn history(&self) -> Option<History<'_>> {
        let messages: Vec<&RawValue> = serde_json::from_slice(self.member("messages")?).ok()?;
        let parsed = messages.iter().map(|message| serde_json::from_str(message.get()));
        let parsed: Vec<Message<'_>> = parsed.collect::<Result<_, _>>().ok()?;
        let last_answer = parsed.iter().rposition(|message| message.role == "assistant");
        Some(History {
            opening: opening(&parsed),
            earlier_tokens: last_answer.map_or(0, |answer| self.share(&messages, answer + 1)),
            in_tool_loop: in_tool_loop(&parsed, last_answer),
        })
    }

    /// The share of the input estimate that falls to the first messages, by their length.
    fn share(&self, messages: &[&RawValue], first: usize) -> u64 {
        let bytes = |messages: &[&RawValue]| messages.iter().map(|it| it.get().len() as u128).sum::<u128>();
        let share = u128::from(self.features().input_tokens) * bytes(&messages[..first]) / bytes(messages).max(1);
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

fn opening<'a>(messages: &[Message<'a>]) -> Vec<&'a str> {
    let content = |message: &Message<'a>| message.content.map(RawValue::get);
    let system = messages.iter().filter(|message| matches!(&*message.role, "system" | "developer")).filter_map(content);
    let user = messages.iter().find(|message| message.role == "user").and_then(content);
    system.chain(user).collect()
}

/// The last message is a tool's result, or calls of the last answer have none.
fn in_tool_loop(messages: &[Message<'_>], last_answer: Option<usize>) -> bool {
    if messages.last().is_some_and(|message| matches!(&*message.role, "tool" | "function")) {
        return true;
    }
    let Some(answer) = last_answer else { return false };
    let is_answered = |call: &ToolCall<'_>| {
        messages[answer + 1..].iter().any(|message| message.tool_call_id.is_some() && message.tool_call_id == call.id)
    };
    messages[answer].tool_calls.iter().flatten().any(|call| !is_answered(call))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;

    fn request(messages: &Value) -> ChatRequest {
        ChatRequest::decode(Bytes::from(json!({ "messages": messages }).to_string())).unwrap()
    }

    #[track_caller]
    fn check_loop(messages: &Value, expected: bool) {
        assert_eq!(request(messages).history().unwrap().in_tool_loop, expected, "{messages}");
    }

    #[test]
    fn a_tool_loop_lasts_until_every_call_has_its_result_and_an_answer() {
        let user = json!({"role": "user", "content": "x"});
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let calls = json!({"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]});
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "1"});
        let answer = json!({"role": "assistant", "content": "done"});
        check_loop(&json!([user]), false);
        check_loop(&json!([user, answer, user]), false);
        check_loop(&json!([user, calls, result("a"), result("b")]), true);
        check_loop(&json!([user, calls, result("a"), user]), true);
        check_loop(&json!([user, calls, result("a"), result("b"), user]), false);
        check_loop(&json!([user, calls, result("a"), result("b"), answer, user]), false);
        check_loop(&json!([user, calls]), true);
        check_loop(&json!([user, {"role": "function", "name": "f", "content": "1"}]), true);
    }

    #[test]
    fn the_opening_is_the_same_in_every_turn() {
        let begin = json!([{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi \u{e9}"}]);
        let mut later = begin.clone();
        let more = [json!({"role": "assistant", "content": "hello"}), json!({"role": "user", "content": "and now?"})];
        later.as_array_mut().unwrap().extend(more);
        let (first, second) = (request(&begin), request(&later));
        let (first, second) = (first.history().unwrap(), second.history().unwrap());
        assert_eq!(first.opening, second.opening);
        assert_eq!(first.opening.len(), 2);
        assert_eq!(first.earlier_tokens, 0);
        assert!((10..20).contains(&second.earlier_tokens), "{}", second.earlier_tokens);
    }

    #[test]
    fn messages_of_odd_shapes_have_no_history() {
        let odd = json!([{"role": "user", "content": "x", "tool_calls": "none"}]);
        assert_eq!(request(&odd).history(), None);
    }
}
