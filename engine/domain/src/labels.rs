//! What a request says of itself and its sender beside the conversation: tags, headers, metadata, user, project, key.
//!
//! Only tag rules read these. Values may be personal, so `Debug` prints names and hides values; headers that carry
//! secrets cannot get in at all.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::ProjectId;

/// Headers that carry secrets: of callers, of providers behind a proxy, of browsers.
const SECRET_HEADERS: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "x-auth-token",
];

/// The readable headers of a request: names in lower case, none of them a secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct Headers(BTreeMap<String, String>);

impl Headers {
    /// Whether no rule may read the header. The name is compared in lower case.
    pub fn is_secret(name: &str) -> bool {
        SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
    }

    /// Adds a header; secret ones are left out, repeated ones are joined by `, ` as HTTP has it.
    pub fn add(&mut self, name: &str, value: &str) {
        if Self::is_secret(name) {
            return;
        }
        let known = self.0.entry(name.to_ascii_lowercase());
        known.and_modify(|text| *text = format!("{text}, {value}")).or_insert_with(|| value.to_owned());
    }

    /// The value of a header, by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Takes a header out, by its name in lower case.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every header, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl From<BTreeMap<String, String>> for Headers {
    fn from(headers: BTreeMap<String, String>) -> Self {
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(headers: I) -> Self {
        let mut readable = Self::default();
        for (name, value) in headers {
            readable.add(name, value);
        }
        readable
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What rules read of a request beside its features and the model it names.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Labels {
    /// Tags by key: see [`Labels::tag`].
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The readable headers.
    #[serde(skip_serializing_if = "Headers::is_empty")]
    pub headers: Headers,
    /// The body's `metadata`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
    /// The body's `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The project to which the request is attributed. Rules may write its id or its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// The name of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
}

impl Labels {
    /// Sets tags, the later of equal keys winning. Give the header's first: the body's win over them.
    pub fn tag<'a>(&mut self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.tags.extend(tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labels")
            .field("tags", &self.tags.keys())
            .field("headers", &self.headers)
            .field("metadata", &self.metadata.keys())
            .field("user", &self.user.as_ref().map(|_| "***"))
            .field("project", &self.project)
            .field("key_name", &self.key_name)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_headers_cannot_get_in() {
        let read = r#"{"Authorization": "Bearer sk-1", "X-API-Key": "sk-1", "COOKIE": "a=b", "X-Region": "eu"}"#;
        let headers: Headers = serde_json::from_str(read).unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-region", "eu")]);
        let given: Headers = SECRET_HEADERS.into_iter().map(|name| (name, "sk-1")).collect();
        assert_eq!(given, Headers::default());
    }

    #[test]
    fn repeated_headers_are_joined() {
        let headers: Headers = [("X-Team", "a"), ("x-team", "b")].into_iter().collect();
        assert_eq!(headers.get("x-team"), Some("a, b"));
    }

    #[test]
    fn the_last_of_equal_tags_wins() {
        let mut labels = Labels::default();
        labels.tag([("tier", "basic"), ("region", "eu"), ("tier", "plus")]);
        labels.tag([("tier", "premium")]);
        assert_eq!(labels.tags, BTreeMap::from([("region".into(), "eu".into()), ("tier".into(), "premium".into())]));
    }

    #[test]
    fn values_are_not_printed() {
        let labels: Labels = serde_json::from_str(
            r#"{"tags": {"tier": "hidden"}, "headers": {"x-a": "hidden"}, "metadata": {"m": ["hidden"]},
                "user": "hidden", "key_name": "checkout"}"#,
        )
        .unwrap();
        let printed = format!("{labels:?}");
        assert!(!printed.contains("hidden"), "{printed}");
        for shown in ["tier", "x-a", "m", "checkout"] {
            assert!(printed.contains(shown), "{printed}");
        }
        assert_eq!(serde_json::from_value::<Labels>(serde_json::to_value(&labels).unwrap()).unwrap(), labels);
    }
}
