//! A request that stays in the dialect, as far as its proofs of thought do not: callers give back what they were given,
//! whoever had thought it, and Google refuses the whole request for a proof of another's, or for a call without any.
//!
//! Everything else goes on byte for byte.

use std::borrow::Cow;

use super::{proof, types};
use crate::canonical::{Loss, Part, Request, Role};
use crate::json::{Edit, Escapes, Kind, Member, Node, Scanner, members_of, quoted, splice};

/// Returns the `contents` of a body with proofs that Google takes; `None` = they are.
pub(crate) fn contents(request: &Request, body: &str, native_model: &str, loss: &mut Loss) -> Option<Vec<u8>> {
    let vouches = !types::is_older(native_model);
    if !lacks(request, vouches) {
        return None;
    }
    let node = Node::parse(body, Escapes::Strict).ok()?;
    let mut voucher = Voucher { vouches, has_called: false, loss };
    let kept = elements(node.get("contents")?)
        .iter()
        .enumerate()
        .filter_map(|(index, content)| voucher.content(index, content));
    Some(format!("[{}]", kept.collect::<Vec<_>>().join(",")).into_bytes())
}

fn lacks(request: &Request, vouches: bool) -> bool {
    let is_foreign = |part: &Part| matches!(part, Part::Reasoning { signature: Some(signature), .. } if proof::for_google(signature).is_none());
    let mut messages = request.messages.iter().filter(|message| message.role == Role::Assistant);
    messages.any(|message| {
        let mut calls = message.parts.iter().filter(|part| matches!(part, Part::ToolCall { .. }));
        let is_unproven = matches!(calls.next(), Some(Part::ToolCall { signature: None, .. }));
        (vouches && is_unproven) || message.parts.iter().any(is_foreign)
    })
}

struct Voucher<'l> {
    /// The model asks for a proof of the first call of each turn.
    vouches: bool,
    /// The turn has a call; the events of a stream, which come back as turns, are one.
    has_called: bool,
    loss: &'l mut Loss,
}

impl Voucher<'_> {
    fn content<'n>(&mut self, index: usize, content: &'n Node<'_>) -> Option<Cow<'n, str>> {
        if content.str_of("role") != Some("model") {
            self.has_called = false;
            return Some(Cow::Borrowed(content.raw));
        }
        let parts = content.get("parts").map(elements).unwrap_or_default();
        let vouched = parts.iter().enumerate().filter_map(|(place, part)| {
            let path = format!("contents[{index}].parts[{place}].thoughtSignature");
            self.part(part, path)
        });
        let vouched: Vec<_> = vouched.collect();
        if vouched.len() == parts.len() && vouched.iter().all(|part| matches!(part, Cow::Borrowed(_))) {
            return Some(Cow::Borrowed(content.raw));
        }
        let parts = format!("[{}]", vouched.join(","));
        // A turn of no parts would be refused.
        (!vouched.is_empty()).then(|| Cow::Owned(with(content, Edit::set("parts", parts.as_bytes()))))
    }

    fn part<'n>(&mut self, part: &'n Node<'_>, path: String) -> Option<Cow<'n, str>> {
        let is_call = ["functionCall", "function_call"].iter().any(|name| part.get(name).is_some());
        let needs_proof = is_call && self.vouches && !self.has_called;
        self.has_called |= is_call;
        let stand_in = quoted(proof::NO_PROOF);
        let given = ["thoughtSignature", "thought_signature"].into_iter().find(|name| part.str_of(name).is_some());
        let is_foreign = |name: &str| part.str_of(name).is_some_and(proof::is_foreign);
        match given {
            Some(name) if is_foreign(name) => {
                self.loss.note(path, proof::FOREIGN);
                let says_nothing = !is_call && part.str_of("text").is_none_or(str::is_empty);
                let edit = if needs_proof { Edit::set(name, &stand_in) } else { Edit::remove(name) };
                (!says_nothing).then(|| Cow::Owned(with(part, edit)))
            }
            None if needs_proof => Some(Cow::Owned(with(part, Edit::set("thoughtSignature", &stand_in)))),
            Some(_) | None => Some(Cow::Borrowed(part.raw)),
        }
    }
}

/// The elements of an array, or the one that stands without brackets.
fn elements<'r, 'a>(node: &'r Node<'a>) -> &'r [Node<'a>] {
    if node.kind() == Kind::Object { std::slice::from_ref(node) } else { node.items() }
}

fn with(object: &Node<'_>, edit: Edit<'_>) -> String {
    let mut members: Vec<Member> = Vec::new();
    members_of(&mut Scanner::new(object.raw, Escapes::Strict), &mut members).expect("the document was read before");
    let mut out = Vec::with_capacity(object.raw.len() + 64);
    splice(object.raw.as_bytes(), &members, &[edit], &mut out);
    String::from_utf8(out).expect("texts put together")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Dialect, Target};

    #[track_caller]
    fn check(model: &str, contents: &str, expected: &str, lost: &[&str]) {
        let body = Bytes::from(format!(r#"{{"new":1,"contents":{contents}}}"#));
        let request = crate::Request::decode(Dialect::Gemini, body, Target::default()).unwrap();
        let encoded = request.encode_for(Dialect::Gemini, model).unwrap();
        let body = String::from_utf8(encoded.body.to_vec()).unwrap();
        assert_eq!(body, format!(r#"{{"new":1,"contents":{expected}}}"#));
        assert_eq!(encoded.loss.iter().map(|lost| lost.path.as_str()).collect::<Vec<_>>(), lost);
    }

    #[test]
    fn own_proofs_go_on_byte_for_byte() {
        let contents = r#"[ {"role":"model","parts":[{"text":"a","thoughtSignature":"AQID"},
            {"functionCall":{"name":"f"}, "thoughtSignature":"AQID"},{"functionCall":{"name":"g"}}]} ]"#;
        check("gemini-3-flash", contents, contents, &[]);
    }

    #[test]
    fn calls_of_others_are_vouched_for_once_a_turn() {
        let contents = concat!(
            r#"[{"parts":{"text":"x"}},{"role":"model","parts":[{"functionCall":{"name":"f"},"new":2}]},"#,
            r#"{"role":"model","parts":[{"functionCall":{"name":"g"}}]}]"#
        );
        let vouched = concat!(
            r#"[{"parts":{"text":"x"}},{"role":"model","parts":[{"functionCall":{"name":"f"},"new":2,"#,
            r#""thoughtSignature":"skip_thought_signature_validator"}]},"#,
            r#"{"role":"model","parts":[{"functionCall":{"name":"g"}}]}]"#
        );
        check("gemini-3-flash", contents, vouched, &[]);
        check("gemini-2.5-flash", contents, contents, &[]);
    }

    #[test]
    fn proofs_of_others_stay_here_and_are_reported() {
        let (text, redacted) = (proof::for_caller("EqQB", false), proof::for_caller("abc", true));
        let contents = format!(
            concat!(
                r#"[{{"role":"model","parts":[{{"text":"hm","thought":true,"thoughtSignature":"{text}"}}]}},"#,
                r#"{{"role":"model","parts":[{{"text":"","thought":true,"thought_signature":"{redacted}"}}]}},"#,
                r#"{{"role":"model","parts":[{{"text":"hello"}}]}}]"#
            ),
            text = text,
            redacted = redacted
        );
        let expected =
            r#"[{"role":"model","parts":[{"text":"hm","thought":true}]},{"role":"model","parts":[{"text":"hello"}]}]"#;
        let lost = ["contents[0].parts[0].thoughtSignature", "contents[1].parts[0].thoughtSignature"];
        check("gemini-2.5-flash", &contents, expected, &lost);
    }
}
