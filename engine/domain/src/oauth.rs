//! The secret of a provider that gives tokens to clients (OAuth 2.0, client credentials), as it is sealed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a token is fetched with. The client's secret never prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCredentials {
    /// Where tokens are given out.
    pub token_url: String,
    /// Who asks.
    pub client_id: String,
    /// The proof of it.
    pub client_secret: String,
    /// What for; absent = what the provider gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Something wrong with a field of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsFault {
    /// Which field: `token_url`.
    pub field: &'static str,
    /// What is wrong and how to mend it; never the value.
    pub message: &'static str,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCredentials({})", self.token_url)
    }
}

impl ClientCredentials {
    /// Reads what [`Self::to_secret`] wrote. `None` where the text is none; it is a secret, so why is not told.
    pub fn parse(secret: &str) -> Option<Self> {
        serde_json::from_str(secret).ok()
    }

    /// The text that is sealed.
    ///
    /// # Panics
    /// Never: texts under fixed keys are always JSON.
    pub fn to_secret(&self) -> String {
        serde_json::to_string(self).expect("texts with fixed keys are always JSON")
    }

    /// The first thing wrong with it.
    pub fn fault(&self) -> Option<CredentialsFault> {
        let fault = |field, message| Some(CredentialsFault { field, message });
        if let Some(message) = url_fault(&self.token_url) {
            return fault("token_url", message);
        }
        let printable = |text: &str| !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if !printable(&self.client_id) || self.client_id.len() > 1024 {
            return fault("client_id", "is empty or has characters outside ASCII: copy it again");
        }
        if !printable(&self.client_secret) {
            return fault("client_secret", "is empty or has characters outside ASCII: copy it again");
        }
        // RFC 6749, appendix A.4: tokens with one space between.
        let is_scope = |text: &str| {
            text.split(' ').all(|part| printable(part) && !part.contains(['"', '\\'])) && text.len() < 4096
        };
        if self.scope.as_deref().is_some_and(|scope| !is_scope(scope)) {
            return fault("scope", "is no scope: write words with one space between");
        }
        None
    }
}

fn url_fault(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return Some("is not a web address: start it with https://");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some("has a space or a character outside ASCII: encode it, or take it out")
    } else if host.is_empty() || host.starts_with(':') {
        Some("has no host: write it as https://login.example.com/oauth2/token")
    } else if host.contains('@') {
        Some("holds a user or password: take it out and use client_id and the secret")
    } else if url.contains('#') {
        Some("has a fragment (#…): take it out")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> ClientCredentials {
        ClientCredentials {
            token_url: "https://login.example.com/oauth2/token".to_owned(),
            client_id: "client".to_owned(),
            client_secret: "hunter2".to_owned(),
            scope: Some("models.read models.call".to_owned()),
        }
    }

    #[test]
    fn secret_is_read_back_and_does_not_print() {
        assert_eq!(ClientCredentials::parse(&good().to_secret()), Some(good()));
        assert_eq!(good().fault(), None);
        assert!(!format!("{:?}", good()).contains("hunter2"));
        assert_eq!(ClientCredentials::parse("sk-1"), None);
    }

    #[test]
    fn first_faulty_field_is_named() {
        let check = |change: fn(&mut ClientCredentials), field: &str| {
            let mut it = good();
            change(&mut it);
            assert_eq!(it.fault().expect("faulty").field, field);
        };
        check(|it| it.token_url = "login.example.com".to_owned(), "token_url");
        check(|it| it.token_url = "https://user:pw@login.example.com".to_owned(), "token_url");
        check(|it| it.token_url = "https://".to_owned(), "token_url");
        check(|it| it.client_id = String::new(), "client_id");
        check(|it| it.client_secret = "a\nb".to_owned(), "client_secret");
        check(|it| it.scope = Some("a  b".to_owned()), "scope");
        check(|it| it.scope = Some("\"a\"".to_owned()), "scope");
    }
}
