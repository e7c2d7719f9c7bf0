//! Log probabilities: lists of tokens here, an object around such a list in the canonical form.
//!
//! A token is written alike in both, but for its bytes, which streams here may leave out and others demand.

use serde::{Serialize, Serializer};

use crate::canonical::Json;
use crate::json::{Escapes, Node, quoted, utf8};

/// Reads tokens; `None` = there are none.
pub(super) fn of<'n>(tokens: impl Iterator<Item = &'n Node<'n>>) -> Option<Json> {
    let tokens: Vec<String> = tokens.map(token).collect();
    if tokens.is_empty() {
        return None;
    }
    Json::parse(format!(r#"{{"content":[{}],"refusal":null}}"#, tokens.join(",")))
}

/// Reads the tokens of the texts of an item.
pub(super) fn of_item<'n>(item: &'n Node<'n>) -> impl Iterator<Item = &'n Node<'n>> {
    let content = item.get("content").map(Node::items).unwrap_or_default();
    content.iter().flat_map(|part| part.get("logprobs").map(Node::items).unwrap_or_default())
}

fn token(node: &Node<'_>) -> String {
    let has = |name: &str| node.entries().iter().any(|(key, _)| key == name);
    let tops = node.get("top_logprobs").map(Node::items).unwrap_or_default();
    if has("bytes") && tops.iter().all(|top| top.get("bytes").is_some()) {
        return node.raw.to_owned();
    }
    let kept = node.entries().iter().filter(|(key, _)| key != "top_logprobs");
    let mut members: Vec<String> = kept.map(|(key, value)| format!("{}:{}", utf8(&quoted(key)), value.raw)).collect();
    if !has("bytes") {
        members.push(format!("\"bytes\":{:?}", node.str_of("token").unwrap_or_default().as_bytes()));
    }
    if has("top_logprobs") {
        members.push(format!("\"top_logprobs\":[{}]", tops.iter().map(token).collect::<Vec<_>>().join(",")));
    }
    format!("{{{}}}", members.join(","))
}

/// Tokens that go out, with commas between them.
#[derive(Debug, Default)]
pub(super) struct Tokens(String);

impl Tokens {
    /// The tokens of the canonical form.
    pub(super) fn of(logprobs: Option<&Json>) -> Self {
        let node = logprobs.and_then(|it| Node::parse(it.as_str(), Escapes::Lenient).ok());
        let content = node.as_ref().and_then(|it| it.get("content")).map(Node::items).unwrap_or_default();
        Self(content.iter().map(|token| token.raw).collect::<Vec<_>>().join(","))
    }

    /// Adds those that follow.
    pub(super) fn add(&mut self, more: &Self) {
        if !self.0.is_empty() && !more.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&more.0);
    }
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.collect_seq([(); 0]);
        }
        Json::parse(format!("[{}]", self.0)).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_without_bytes_get_them_and_others_stay_as_they_are() {
        let read = |tokens: &str| {
            let node = Node::parse(tokens, Escapes::Strict).unwrap();
            of(node.items().iter()).map(|it| it.as_str().to_owned())
        };
        let whole = r#"{"token":"é", "logprob":-0.5,"bytes":[195,169],"top_logprobs":[]}"#;
        assert_eq!(read(&format!("[{whole}]")), Some(format!(r#"{{"content":[{whole}],"refusal":null}}"#)));
        let bare = r#"[{"token":"é","logprob":-5e-1,"top_logprobs":[{"token":"e","logprob":-1}]}]"#;
        let expected = concat!(
            r#"{"content":[{"token":"é","logprob":-5e-1,"bytes":[195, 169],"#,
            r#""top_logprobs":[{"token":"e","logprob":-1,"bytes":[101]}]}],"refusal":null}"#
        );
        assert_eq!(read(bare).as_deref(), Some(expected));
        assert_eq!(read("[]"), None);
    }

    #[test]
    fn tokens_that_go_out_add_up() {
        let told = |token: &str| Json::parse(format!(r#"{{"content":[{{"token":"{token}"}}]}}"#)).unwrap();
        let mut tokens = Tokens::default();
        assert_eq!(serde_json::to_string(&tokens).unwrap(), "[]");
        tokens.add(&Tokens::of(Some(&told("a"))));
        tokens.add(&Tokens::of(None));
        tokens.add(&Tokens::of(Some(&told("b"))));
        assert_eq!(serde_json::to_string(&tokens).unwrap(), r#"[{"token":"a"},{"token":"b"}]"#);
    }
}
