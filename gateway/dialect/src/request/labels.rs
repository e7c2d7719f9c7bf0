//! What tag rules read of a request, put together from its body and its headers.
//!
//! Asked for only where there are rules. Who sends the request (key, project) is known to others, who add it.

use std::collections::BTreeMap;

use domain::Labels;
use serde_json::Value;

use super::Envelope;
use super::fault::BadRequest;
use super::tags::{HEADER, Tag};
use crate::json::Path;

/// Longest `metadata`, in bytes of JSON.
const MAX_METADATA: usize = 16 << 10;
/// Longest `user`, in characters.
const MAX_USER: usize = 1024;

impl Envelope {
    /// Returns the tags of the headers, then those of the body, which win.
    ///
    /// # Errors
    /// A header `X-Tags` that is no list of tags, or too long.
    pub fn tags<'a>(&self, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<Tag>, BadRequest> {
        let of_headers: Vec<&str> =
            headers.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(HEADER)).map(|(_, text)| text).collect();
        let mut tags = Tag::of_header(&of_headers.join(","))?;
        tags.extend_from_slice(&self.extensions.tags);
        Ok(tags)
    }

    /// Returns what rules read of the request: these tags, the readable headers, `metadata` and `user`.
    ///
    /// # Errors
    /// `metadata` or `user` that are too long: cut, they could make another rule hold.
    pub fn labels<'a>(
        &self,
        tags: &[Tag],
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Labels, BadRequest> {
        let mut labels = Labels {
            headers: headers.into_iter().collect(),
            metadata: self.metadata()?,
            user: self.user()?,
            ..Labels::default()
        };
        labels.tag(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
        Ok(labels)
    }

    /// The entries of `metadata`; what is no object has none.
    fn metadata(&self) -> Result<BTreeMap<String, Value>, BadRequest> {
        let Some(json) = self.member("metadata") else { return Ok(BTreeMap::new()) };
        if json.len() > MAX_METADATA {
            let problem = format!("must be at most {MAX_METADATA} bytes of JSON where routing rules may read it");
            return Err(BadRequest::invalid(&Path::top("metadata"), &problem));
        }
        Ok(serde_json::from_slice(json).unwrap_or_default())
    }

    /// The text of `user`; what is no text counts as none.
    fn user(&self) -> Result<Option<String>, BadRequest> {
        let user: Option<String> = self.member("user").and_then(|json| serde_json::from_slice(json).ok());
        if user.as_ref().is_some_and(|user| user.chars().nth(MAX_USER).is_some()) {
            let problem = format!("must be at most {MAX_USER} characters long where routing rules may read it");
            return Err(BadRequest::invalid(&Path::top("user"), &problem));
        }
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use crate::openai::ChatRequest;
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn decode(more: &Value) -> Result<ChatRequest, BadRequest> {
        let mut body = json!({"messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ChatRequest::decode(Bytes::from(body.to_string()))
    }

    fn labels(more: &Value, headers: &[(&str, &str)]) -> Result<Labels, BadRequest> {
        let request = decode(more)?;
        let headers = || headers.iter().copied();
        request.labels(&request.tags(headers())?, headers())
    }

    #[track_caller]
    fn tags(more: &Value, headers: &[(&str, &str)], expected: &[(&str, &str)]) {
        let found = labels(more, headers).unwrap().tags;
        assert_eq!(found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_body_wins_over_the_header_and_the_last_of_equals_over_the_first() {
        tags(
            &json!({}),
            &[("x-tags", "tier=basic , region = eu,tier=a=b,,empty=")],
            &[("empty", ""), ("region", "eu"), ("tier", "a=b")],
        );
        let twice = json!({"tags": [{"key": "tier", "value": "plus"}, {"key": "tier", "value": "premium"}]});
        tags(
            &twice,
            &[("X-TAGS", "tier=basic,region=eu"), ("x-tags", "region=uk")],
            &[("region", "uk"), ("tier", "premium")],
        );
    }

    #[test]
    fn the_request_is_labelled_with_what_rules_may_read() {
        let more = json!({"user": "u-1", "metadata": {"plan": "gold", "seats": 3}});
        let headers = [("Authorization", "Bearer sk-1"), ("X-Region", "eu-west"), ("cookie", "a=b")];
        let found = labels(&more, &headers).unwrap();
        assert_eq!(found.headers.iter().collect::<Vec<_>>(), [("x-region", "eu-west")]);
        assert_eq!((found.user.as_deref(), &found.metadata["seats"]), (Some("u-1"), &json!(3)));
        for none in [json!({"user": 7, "metadata": ["a"]}), json!({"user": null, "metadata": null})] {
            let found = labels(&none, &[]).unwrap();
            assert_eq!((found.user, found.metadata.len()), (None, 0));
        }
    }

    #[track_caller]
    fn refused(more: &Value, header: &str, param: &str) {
        let fault = labels(more, &[("x-tags", header)]).unwrap_err();
        assert_eq!((fault.param.as_deref(), fault.code), (Some(param), "invalid_value"), "{fault}");
    }

    #[test]
    fn what_is_too_much_is_refused_by_its_field() {
        let none = json!({});
        let tag = |key: &str, value: &str| json!({"tags": [{"key": "a", "value": "b"}, {"key": key, "value": value}]});
        refused(&none, "tier", "X-Tags[0]");
        refused(&none, "a=b, =premium", "X-Tags[1].key");
        refused(&none, &format!("{}=b", "k".repeat(129)), "X-Tags[0].key");
        refused(&none, &format!("a={}", "v".repeat(1025)), "X-Tags[0].value");
        refused(&none, &"a=b,".repeat(65), "X-Tags");
        refused(&tag("", "b"), "", "tags[1].key");
        refused(&tag(&"ü".repeat(129), "b"), "", "tags[1].key");
        refused(&tag("b", &"v".repeat(1025)), "", "tags[1].value");
        refused(&json!({"tags": vec![json!({"key": "a", "value": "b"}); 65]}), "", "tags");
        refused(&json!({"metadata": {"a": "x".repeat(16 << 10)}}), "", "metadata");
        refused(&json!({"user": "u".repeat(1025)}), "", "user");
        tags(
            &tag(&"ü".repeat(128), &"v".repeat(1024)),
            &[("x-tags", &"a=b,".repeat(64))],
            &[("a", "b"), (&"ü".repeat(128), &"v".repeat(1024))],
        );
    }
}
