//! What a request asked for, told again in its answer as the vendor does: clients show it, and some read their own
//! functions from there. What the request did not say is told as the vendor's default.
//!
//! Not told again: the tier, which stands there for the one that really answered, and the wish to have the answer kept.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::canonical::Json;
use crate::json::{Escapes, Member, Node, utf8};

/// The members that are told again, and what is told where the request says nothing; `None` = nothing is.
const MEMBERS: [(&str, Option<&str>); 17] = [
    ("instructions", Some("null")),
    ("max_output_tokens", Some("null")),
    ("max_tool_calls", None),
    ("metadata", Some("{}")),
    ("parallel_tool_calls", Some("true")),
    ("previous_response_id", Some("null")),
    ("prompt_cache_key", None),
    ("reasoning", None),
    ("safety_identifier", None),
    ("temperature", Some("null")),
    ("text", Some(r#"{"format":{"type":"text"}}"#)),
    ("tool_choice", Some("\"auto\"")),
    ("tools", Some("[]")),
    ("top_logprobs", None),
    ("top_p", Some("null")),
    ("truncation", Some("\"disabled\"")),
    ("user", None),
];

/// What a request asked for, for the answer that repeats it.
#[derive(Clone, Default)]
pub struct Echo(Vec<(&'static str, Json)>);

impl Echo {
    /// Of a request that asked for nothing of the kind.
    pub const NONE: Self = Self(Vec::new());

    /// Finds it among the members of a request that was sound.
    pub(crate) fn of(body: &[u8], members: &[Member]) -> Self {
        let said = |(name, _): (&'static str, Option<&str>)| {
            let value = utf8(members.iter().rfind(|member| member.is_named(body, name))?.value.of(body));
            let value = if name == "tools" { tools(value) } else { value.to_owned() };
            Json::parse(value).filter(|value| value.as_str() != "null").map(|value| (name, value))
        };
        Self(MEMBERS.into_iter().filter_map(said).collect())
    }

    fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(said, _)| *said == name).map(|(_, value)| value)
    }
}

impl Serialize for Echo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, default) in MEMBERS {
            match (self.get(name), default) {
                (Some(said), _) => map.serialize_entry(name, said)?,
                (None, Some(default)) => map.serialize_entry(name, &Json::parse(default))?,
                (None, None) => {}
            }
        }
        map.end()
    }
}

/// Instructions are the caller's own: they are not for logs.
impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Tools as they were written; of functions the members too that every answer has.
fn tools(written: &str) -> String {
    let Ok(tools) = Node::parse(written, Escapes::Lenient) else { return written.to_owned() };
    let told = tools.items().iter().map(|tool| {
        let lacks = |name: &&str| !tool.entries().iter().any(|(key, _)| key == name);
        let open = tool.raw.strip_suffix('}').filter(|_| tool.str_of("type") == Some("function"));
        open.map_or_else(
            || tool.raw.to_owned(),
            |open| {
                let missing = ["parameters", "strict"].into_iter().filter(lacks);
                missing.fold(open.to_owned(), |told, name| format!("{told},\"{name}\":null")) + "}"
            },
        )
    });
    if tools.items().is_empty() { written.to_owned() } else { format!("[{}]", told.collect::<Vec<_>>().join(",")) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::{Dialect, Request, Target};

    #[test]
    fn what_was_asked_for_is_told_again_and_the_rest_by_default() {
        let body = concat!(
            r#"{"model":"auto","input":"x","instructions":"be brief","temperature":0.50,"top_p":null,"store":true,"#,
            r#""service_tier":"flex","text":{"verbosity":"low"},"reasoning":{"effort":"low"},"metadata":{"a":"b"},"#,
            r#""tools":[{"type":"function","name":"now"},{"type":"web_search"}],"tool_choice":"required"}"#
        );
        let request = Request::decode(Dialect::OpenaiResponses, Bytes::from_static(body.as_bytes()), Target::default());
        let request = request.expect("a request");
        let expected = concat!(
            r#"{"instructions":"be brief","max_output_tokens":null,"metadata":{"a":"b"},"parallel_tool_calls":true,"#,
            r#""previous_response_id":null,"reasoning":{"effort":"low"},"temperature":0.50,"text":{"verbosity":"low"},"#,
            r#""tool_choice":"required","tools":[{"type":"function","name":"now","parameters":null,"strict":null},"#,
            r#"{"type":"web_search"}],"top_p":null,"truncation":"disabled"}"#
        );
        let echo = request.echo_for(Dialect::Anthropic);
        assert_eq!(serde_json::to_string(&echo).expect("JSON"), expected);
        assert!(!format!("{echo:?}").contains("brief"));
        let as_it_came = request.echo_for(Dialect::OpenaiResponses);
        assert!(as_it_came.get("instructions").is_none());
    }
}
