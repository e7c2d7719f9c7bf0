//! What the sealed secret of an OAuth client holds, and the request that it makes.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::Uri;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use seal::Secret;
use serde::Deserialize;

use crate::endpoint::encode_query;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A client that may fetch tokens.
pub(crate) struct Grant {
    pub(crate) token_url: Uri,
    client_id: String,
    client_secret: Secret,
    scope: Option<String>,
    client_auth: ClientAuth,
}

/// Where the client's secret goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientAuth {
    /// Into the `Authorization` header, which every token server must take.
    #[default]
    Basic,
    /// Into the body, for those that take nothing else.
    Post,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    token_url: String,
    client_id: String,
    client_secret: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    client_auth: ClientAuth,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("token_url", &self.token_url).finish_non_exhaustive()
    }
}

impl Grant {
    /// Reads a secret; says what is wrong with it without repeating it.
    pub(crate) fn parse(secret: &Secret) -> Result<Self, String> {
        let members: Members = serde_json::from_slice(secret.expose()).map_err(|_| {
            "its secret is no OAuth client: expected a JSON object of `token_url`, `client_id`, `client_secret` and, \
             where needed, `scope` and `client_auth` (`basic` or `post`)"
                .to_owned()
        })?;
        let Members { token_url, client_id, client_secret, scope, client_auth } = members;
        let client_secret = Secret::from(client_secret);
        let token_url: Uri = token_url.parse().map_err(|_| "its `token_url` is no URL".to_owned())?;
        if token_url.host().is_none_or(str::is_empty) || token_url.scheme().is_none() {
            return Err("its `token_url` is no URL with a host".to_owned());
        }
        Ok(Self { token_url, client_id, client_secret, scope, client_auth })
    }

    /// The headers and the form with which a token is asked for.
    pub(crate) fn request(&self) -> Result<(HeaderMap, Bytes), String> {
        let client_secret = self.client_secret.expose_str().unwrap_or_default();
        let mut form = BTreeMap::from([("grant_type".to_owned(), "client_credentials".to_owned())]);
        form.extend(self.scope.clone().map(|scope| ("scope".to_owned(), scope)));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, FORM);
        match self.client_auth {
            ClientAuth::Basic => {
                let pair = Secret::from(format!("{}:{}", encoded(&self.client_id), encoded(client_secret)));
                let text = Secret::from(format!("Basic {}", base64(pair.expose())));
                let unusable = |_| "its client id or secret does not go into a header".to_owned();
                let mut value = HeaderValue::from_bytes(text.expose()).map_err(unusable)?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            ClientAuth::Post => {
                form.insert("client_id".to_owned(), self.client_id.clone());
                form.insert("client_secret".to_owned(), client_secret.to_owned());
            }
        }
        Ok((headers, encode_query(&form).into()))
    }

    /// Whether a text repeats the client's secret.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.client_secret.expose_str().is_some_and(|secret| !secret.is_empty() && text.contains(secret))
    }
}

/// A value as it stands in a form.
fn encoded(value: &str) -> String {
    let pair = encode_query(&BTreeMap::from([("v".to_owned(), value.to_owned())]));
    pair.strip_prefix("v=").unwrap_or_default().to_owned()
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str =
        r#"{"token_url":"https://id.example/token","client_id":"a b","client_secret":"canary:&","scope":"x y"}"#;

    fn grant(text: &str) -> Grant {
        Grant::parse(&Secret::from(text.to_owned())).expect("a client")
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_client_shows_itself_in_the_header_or_in_the_body() {
        let (headers, form) = grant(CLIENT).request().expect("request");
        assert_eq!(headers[AUTHORIZATION], format!("Basic {}", base64(b"a%20b:canary%3A%26")));
        assert!(headers[AUTHORIZATION].is_sensitive());
        assert_eq!(form, "grant_type=client_credentials&scope=x%20y");
        let post = CLIENT.replace("\"scope\"", "\"client_auth\":\"post\",\"scope\"");
        let (headers, form) = grant(&post).request().expect("request");
        assert!(!headers.contains_key(AUTHORIZATION));
        let expected = "client_id=a%20b&client_secret=canary%3A%26&grant_type=client_credentials&scope=x%20y";
        assert_eq!(form, expected);
    }

    #[test]
    fn what_is_no_client_is_refused_without_repeating_it() {
        let broken = [
            "canary".to_owned(),
            r#"{"token_url":"https://id.example","client_id":"canary"}"#.to_owned(),
            CLIENT.replace("https://id.example/token", "canary"),
            CLIENT.replace("\"scope\"", "\"canary\""),
        ];
        for text in broken {
            let refused = Grant::parse(&Secret::from(text)).expect_err("no client");
            assert!(!refused.contains("canary"), "{refused}");
        }
        assert!(!format!("{:?}", grant(CLIENT)).contains("canary"));
    }
}
