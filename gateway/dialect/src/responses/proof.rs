//! A request that stays in the dialect, as far as what others thought does not: callers give back the items they were
//! given, whoever had thought them, and the vendor refuses thoughts that it has not made, by their proof or their name,
//! and the proofs of others beside calls.
//!
//! Everything else goes on byte for byte.

use std::borrow::Cow;

use super::types;
use crate::canonical::{Loss, Part, Request, Role};
use crate::json::{Edit, Escapes, Member, Node, Scanner, members_of, splice};

const FOREIGN: &str = "another provider's thoughts are refused by this dialect";

/// Returns the `input` of a body without what others thought; `None` = nothing is.
pub(crate) fn without_foreign(request: &Request, body: &str, loss: &mut Loss) -> Option<Vec<u8>> {
    if !has_foreign(request) {
        return None;
    }
    let node = Node::parse(body, Escapes::Strict).ok()?;
    let items = node.get("input")?.items();
    let kept: Vec<_> = items.iter().enumerate().filter_map(|(index, item)| kept(index, item, loss)).collect();
    let is_same = kept.len() == items.len() && kept.iter().all(|item| matches!(item, Cow::Borrowed(_)));
    (!is_same).then(|| format!("[{}]", kept.join(",")).into_bytes())
}

/// Whether anything may be foreign, judged without reading the body again.
fn has_foreign(request: &Request) -> bool {
    let may_be = |part: &Part| match part {
        Part::Reasoning { signature, .. } => !signature.as_deref().is_some_and(types::is_own_proof),
        Part::ToolCall { signature, .. } => signature.is_some(),
        Part::Text { .. }
        | Part::Refusal { .. }
        | Part::Image { .. }
        | Part::Audio { .. }
        | Part::File { .. }
        | Part::ToolResult { .. } => false,
    };
    let mut said = request.messages.iter().filter(|it| it.role == Role::Assistant).flat_map(|it| &it.parts);
    said.any(may_be)
}

/// The item as it goes on; `None` = it does not.
fn kept<'n>(index: usize, item: &'n Node<'_>, loss: &mut Loss) -> Option<Cow<'n, str>> {
    match item.str_of("type") {
        Some("reasoning") if is_foreign(item) => {
            loss.note(format!("input[{index}]"), FOREIGN);
            None
        }
        Some("function_call") if types::call_signature(item).is_some() => {
            loss.note(format!("input[{index}].extra_content"), FOREIGN);
            Some(Cow::Owned(without(item, "extra_content")))
        }
        Some(_) | None => Some(Cow::Borrowed(item.raw)),
    }
}

/// Thoughts that we have told for a provider of another dialect, by their name or proof. Compatible servers make proofs
/// of their own kinds, so that an unknown one alone says nothing.
fn is_foreign(item: &Node<'_>) -> bool {
    let proof = item.str_of("encrypted_content").unwrap_or_default();
    let is_ours = item.str_of("id").is_some_and(types::is_item_id) || proof.starts_with("gemini:");
    is_ours && !types::is_own_proof(proof)
}

fn without(item: &Node<'_>, member: &str) -> String {
    let mut members: Vec<Member> = Vec::new();
    members_of(&mut Scanner::new(item.raw, Escapes::Strict), &mut members).expect("the document was read before");
    let mut kept = Vec::with_capacity(item.raw.len());
    splice(item.raw.as_bytes(), &members, &[Edit::remove(member)], &mut kept);
    String::from_utf8(kept).expect("texts put together")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::{Dialect, Request, Target};

    #[track_caller]
    fn sent(input: &str, expected: &str, lost: &[&str]) {
        let body = format!(r#"{{"model":"auto","input":[{input}],"future":1}}"#);
        let request = Request::decode(Dialect::OpenaiResponses, Bytes::from(body), Target::default()).unwrap();
        let encoded = request.encode_for(Dialect::OpenaiResponses, "n").unwrap();
        assert_eq!(encoded.body, format!(r#"{{"model":"n","input":[{expected}],"future":1}}"#));
        assert_eq!(encoded.loss.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), lost);
    }

    const USER: &str = r#"{ "role":"user","content":"hi" }"#;

    #[test]
    fn own_thoughts_and_those_of_unknown_servers_go_on_byte_for_byte() {
        for thought in [
            r#"{"type":"reasoning","id":"rs_0a1b","summary":[],"encrypted_content":"gAAAABx","future":2}"#,
            r#"{"type":"reasoning","id":"rs_x1_0","summary":[],"encrypted_content":"gAAAABx"}"#,
            r#"{"type":"reasoning","id":"rs_0a1b","summary":[]}"#,
            r#"{"type":"reasoning","summary":[],"encrypted_content":"made by a compatible server"}"#,
        ] {
            let input = format!("{USER}, {thought}");
            sent(&input, &input, &[]);
        }
    }

    #[test]
    fn thoughts_told_for_others_stay_behind() {
        for thought in [
            r#"{"type":"reasoning","id":"rs_x1_0","summary":[{"type":"summary_text","text":"Hm."}]}"#,
            r#"{"type":"reasoning","id":"rs_x1_12","summary":[],"encrypted_content":"ErUBCkYI"}"#,
            r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gemini:Cg=="}"#,
        ] {
            sent(&format!("{USER},{thought}"), USER, &["input[1]"]);
        }
    }

    #[test]
    fn calls_go_on_without_anothers_proof() {
        let call = r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}","extra_content":{"google":{"thought_signature":"Cg=="}}}"#;
        let kept = r#"{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}"#;
        sent(&format!("{USER},{call}"), &format!("{USER},{kept}"), &["input[1].extra_content"]);
    }
}
