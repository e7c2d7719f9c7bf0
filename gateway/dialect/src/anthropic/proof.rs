//! Proofs of thought: a provider takes its own and refuses the whole request for any other.
//!
//! Callers give back what they were given, whoever had thought it. So thoughts of others are left out on the way to an
//! upstream of this dialect, even where the rest of the request goes on byte for byte.

use crate::canonical::{Loss, Message, Part, Request, Role};
use crate::json::{Edit, Escapes, Member, Node, Scanner, members_of, splice};

/// How proofs of others begin: Gemini's as the canonical form marks them, `OpenAI`'s as they come.
const FOREIGN: [&str; 2] = ["gemini:", "gAAAA"];
/// Why a thought was left out.
pub(super) const REFUSED: &str = "thoughts without this provider's own proof are refused by this dialect";

/// Whether a proof is known to be another's; an empty one is none.
pub(super) fn is_foreign(proof: &str) -> bool {
    proof.is_empty() || FOREIGN.iter().any(|beginning| proof.starts_with(beginning))
}

/// Why nothing is thought about the results that have come in.
pub(super) const LOOP_WITHOUT_THOUGHT: &str =
    "this dialect thinks about results of tools only if it was told its thought before the calls";

/// Whether a part is a thought that an upstream of this dialect refuses.
fn is_refused(part: &Part) -> bool {
    match part {
        Part::Reasoning { signature, .. } => signature.as_deref().is_none_or(is_foreign),
        Part::Text { .. }
        | Part::Refusal { .. }
        | Part::Image { .. }
        | Part::Audio { .. }
        | Part::File { .. }
        | Part::ToolCall { .. }
        | Part::ToolResult { .. } => false,
    }
}

/// Whether results of calls have just come in, and no thought of the provider's own stands with the calls: models that
/// think by a budget refuse to think then.
pub(crate) fn is_loop_without_thought(messages: &[Message]) -> bool {
    let Some(last) = messages.iter().rposition(|message| message.role == Role::Assistant) else { return false };
    let results = messages[last..].iter().any(|message| message.role == Role::Tool);
    let turn = messages[..=last].iter().rev().take_while(|message| message.role == Role::Assistant);
    let is_own = |part: &Part| matches!(part, Part::Reasoning { .. }) && !is_refused(part);
    results && !turn.flat_map(|message| &message.parts).any(is_own)
}

/// What keeps a request from an upstream of its own dialect.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    /// The `messages` without thoughts of others, if there were any.
    pub(crate) messages: Option<Vec<u8>>,
    /// Without them the model must not be asked to think by a budget.
    pub(crate) forbids_thinking: bool,
}

/// Finds thoughts of others in a request that is to stay in the dialect.
pub(crate) fn foreign(request: &Request, body: &str, loss: &mut Loss) -> Foreign {
    let messages = without_foreign(request, body, loss);
    let asked = request.reasoning.as_ref().and_then(|asked| asked.budget_tokens).is_some_and(|budget| budget > 0);
    let forbids_thinking = messages.is_some() && asked && is_loop_without_thought(&request.messages);
    if forbids_thinking {
        loss.note("thinking", LOOP_WITHOUT_THOUGHT);
    }
    Foreign { messages, forbids_thinking }
}

/// Returns the `messages` of a body without thoughts of others; `None` = there are none of them.
fn without_foreign(request: &Request, body: &str, loss: &mut Loss) -> Option<Vec<u8>> {
    if !request.messages.iter().flat_map(|message| &message.parts).any(is_refused) {
        return None;
    }
    let node = Node::parse(body, Escapes::Strict).ok()?;
    let mut kept: Vec<String> = Vec::new();
    for (index, message) in node.get("messages")?.items().iter().enumerate() {
        let blocks = message.get("content").map(Node::items).unwrap_or_default();
        if !blocks.iter().any(is_foreign_block) {
            kept.push(message.raw.to_owned());
            continue;
        }
        for (place, _) in blocks.iter().enumerate().filter(|(_, block)| is_foreign_block(block)) {
            loss.note(format!("messages[{index}].content[{place}]"), REFUSED);
        }
        // Of a turn that was all thought nothing remains to be told.
        let own: Vec<&str> = blocks.iter().filter(|block| !is_foreign_block(block)).map(|block| block.raw).collect();
        if !own.is_empty() {
            kept.push(with_content(message.raw, &format!("[{}]", own.join(","))));
        }
    }
    Some(format!("[{}]", kept.join(",")).into_bytes())
}

fn is_foreign_block(block: &Node<'_>) -> bool {
    match block.str_of("type") {
        Some("thinking") => block.str_of("signature").is_none_or(is_foreign),
        Some("redacted_thinking") => block.str_of("data").is_none_or(is_foreign),
        Some(_) | None => false,
    }
}

fn with_content(message: &str, content: &str) -> String {
    let mut members: Vec<Member> = Vec::new();
    members_of(&mut Scanner::new(message, Escapes::Strict), &mut members).expect("the document was read before");
    let mut out = Vec::with_capacity(message.len());
    splice(message.as_bytes(), &members, &[Edit::set("content", content.as_bytes())], &mut out);
    String::from_utf8(out).expect("texts put together")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::{Dialect, Request, Target};

    fn sent(messages: &str) -> (String, Vec<String>) {
        sent_with("", messages)
    }

    fn sent_with(members: &str, messages: &str) -> (String, Vec<String>) {
        let body = format!(r#"{{"model":"auto","max_tokens":9, {members}"future":1,"messages":{messages}}}"#);
        let request = Request::decode(Dialect::Anthropic, Bytes::from(body), Target::default()).expect("a request");
        let encoded = request.encode_for(Dialect::Anthropic, "claude-opus-5").unwrap();
        let lost = encoded.loss.iter().map(|lost| lost.path.clone()).collect();
        (String::from_utf8(encoded.body.to_vec()).expect("text"), lost)
    }

    #[test]
    fn own_thoughts_go_on_byte_for_byte() {
        let messages = r#"[ {"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"EqQB"} ]} ]"#;
        let (body, lost) = sent(messages);
        assert!(body.contains(messages) && lost.is_empty(), "{body}");
    }

    #[test]
    fn thoughts_of_others_stay_here_and_are_reported() {
        let (body, lost) = sent(
            r#"[{"role":"user","content":"x"},
            {"role":"assistant","future":2,"content":[{"type":"thinking","thinking":"a","signature":"gemini:Cg=="},
                {"type":"redacted_thinking","data":"gAAAAABx"}, {"type":"text","text":"b","future":3}]},
            {"role":"assistant","content":[{"type":"thinking","thinking":"c","signature":""}]}]"#,
        );
        let expected = concat!(
            r#"{"model":"claude-opus-5","max_tokens":9, "future":1,"messages":[{"role":"user","content":"x"},"#,
            r#"{"role":"assistant","future":2,"content":[{"type":"text","text":"b","future":3}]}]}"#
        );
        assert_eq!(body, expected);
        assert_eq!(lost, ["messages[1].content[0]", "messages[1].content[1]", "messages[2].content[0]"]);
    }

    #[test]
    fn a_loop_whose_thought_was_anothers_goes_on_without_thinking() {
        let thinking = r#""thinking":{"type":"enabled","budget_tokens":2000},"#;
        let turns = |proof: &str| {
            format!(
                r#"[{{"role":"user","content":"x"}},{{"role":"assistant","content":[
                {{"type":"thinking","thinking":"a","signature":"{proof}"}},
                {{"type":"tool_use","id":"t","name":"n","input":{{}}}}]}},
                {{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t","content":"1"}}]}}]"#
            )
        };
        let (body, lost) = sent_with(thinking, &turns("gAAAAB"));
        assert!(!body.contains("thinking"), "{body}");
        assert_eq!(lost, ["messages[1].content[0]", "thinking"]);
        let (body, lost) = sent_with(thinking, &turns("EqQB"));
        assert!(body.contains("budget_tokens") && lost.is_empty(), "{body}");
    }
}
