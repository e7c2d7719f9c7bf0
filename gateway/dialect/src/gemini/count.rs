//! Bodies of `countTokens`, which tells the tokens of a request without answering it.
//!
//! They hold contents alone or, where more is to be counted, a whole request in `generateContentRequest`.

use bytes::Bytes;

use crate::Dialect;
use crate::json::{Edit, Escapes, Member, Node, Scanner, checked_utf8, members_of, quoted, splice, utf8};
use crate::request::{BadRequest, Request, Target, extensions};

const WHOLE: &str = "generateContentRequest";

/// Reads the body of a `countTokens` call as the request whose tokens are asked for.
///
/// # Errors
/// A body that is not the dialect's, with the path of the field at fault within that request.
pub(crate) fn decode(body: Bytes, target: Target) -> Result<Request, BadRequest> {
    let text = checked_utf8(&body).map_err(|fault| BadRequest::not_utf8(&fault))?;
    let node = Node::parse(text, Escapes::Strict)?;
    let whole = node.get(WHOLE).or_else(|| node.get("generate_content_request"));
    let whole = whole.map(|whole| with_own_members(whole, &node));
    Request::decode(Dialect::Gemini, whole.unwrap_or(body), target)
}

/// Returns the body of a `countTokens` call for a request in the dialect, as [`Request::encode_for`] writes it.
pub(crate) fn question(request: &[u8], native_model: &str) -> Bytes {
    let model = quoted(&format!("models/{native_model}"));
    let mut body = format!("{{\"{WHOLE}\":").into_bytes();
    splice(request, &members(request), &[Edit::set("model", &model)], &mut body);
    body.push(b'}');
    body.into()
}

/// The inner request with our own members, which stand beside it.
fn with_own_members(whole: &Node<'_>, outer: &Node<'_>) -> Bytes {
    if !matches!(whole.value, crate::json::Value::Object(_)) {
        return Bytes::copy_from_slice(whole.raw.as_bytes());
    }
    let own = extensions::NAMES.into_iter().filter_map(|name| Some(Edit::set(name, outer.get(name)?.raw.as_bytes())));
    let mut body = Vec::with_capacity(outer.raw.len());
    splice(whole.raw.as_bytes(), &members(whole.raw.as_bytes()), &own.collect::<Vec<_>>(), &mut body);
    body.into()
}

fn members(object: &[u8]) -> Vec<Member> {
    let mut members = Vec::with_capacity(8);
    // What is no object has no members, and is refused where it is read.
    let _ = members_of(&mut Scanner::new(utf8(object), Escapes::Lenient), &mut members);
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count;

    fn read(body: &'static str) -> Result<Request, BadRequest> {
        count::decode(
            Dialect::Gemini,
            Bytes::from_static(body.as_bytes()),
            Target { model: Some("acme/small".into()), stream: None },
        )
    }

    #[test]
    fn contents_alone_and_whole_requests_are_counted_alike() {
        let contents = r#"{"contents":[{"parts":[{"text":"how many words are in this?"}]}]}"#;
        let whole = r#"{"generateContentRequest":{"model":"models/x","contents":[{"parts":[{"text":"how many words are in this?"}]}]},"tags":[{"key":"a","value":"b"}]}"#;
        let (contents, whole) = (read(contents).unwrap(), read(whole).unwrap());
        assert_eq!(contents.features().input_tokens, whole.features().input_tokens);
        assert!(whole.features().input_tokens > 4);
        assert_eq!(whole.extensions().tags.len(), 1);
        assert_eq!(whole.model(), Some("acme/small"));
    }

    #[test]
    fn faults_name_their_field() {
        let fault = read(r#"{"generateContentRequest":{"contents":[{"parts":[{"text":7}]}]}}"#).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("contents[0].parts[0].text"));
        assert_eq!(read(r#"{"generateContentRequest":7}"#).unwrap_err().code, "invalid_type");
    }

    #[test]
    fn a_call_carries_the_whole_request() {
        let request = read(r#"{"contents":[{"parts":[{"text":"x"}]}],"tags":[]}"#).unwrap();
        let body = count::question(&request, Dialect::Gemini, "gemini-3-flash");
        let expected =
            r#"{"generateContentRequest":{"contents":[{"parts":[{"text":"x"}]}],"model":"models/gemini-3-flash"}}"#;
        assert_eq!(body.unwrap(), expected);
    }
}
