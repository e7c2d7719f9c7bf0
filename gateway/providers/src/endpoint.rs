//! A provider as the client needs it: its URL taken apart once, its query made ready, its pool chosen.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use domain::{AuthScheme, DialectKind, Provider};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use seal::Secret;

use crate::client::{CHAT_COMPLETIONS, Pool};
use crate::fault::{Fault, FaultKind};

/// A provider, prepared.
pub(crate) struct Endpoint {
    /// Held so that its address stays its own: the client finds endpoints by it.
    pub(crate) provider: Arc<Provider>,
    pub(crate) pool: Arc<Pool>,
    scheme: Scheme,
    authority: Authority,
    /// The path of the base URL, without a trailing slash; it may hold `{model}`.
    prefix: String,
    /// Sent with every call.
    pub(crate) headers: HeaderMap,
    /// The provider's own query, encoded, without `?`.
    query: String,
    /// Where chat completions are, unless that depends on the model.
    chat: Option<Uri>,
    auth: Auth,
}

enum Auth {
    Bearer,
    Header(HeaderName),
    Query(String),
}

/// What the model's native name is put in place of, and what it looks like while the URL is taken apart.
const MODEL: &str = "{model}";
const MODEL_AS_URI: &str = "%7Bmodel%7D";

impl Endpoint {
    pub(crate) fn try_new(provider: &Arc<Provider>, pool: Arc<Pool>) -> Result<Self, Fault> {
        let base: Uri =
            provider.base_url.replace(MODEL, MODEL_AS_URI).parse().map_err(|_| {
                misconfigured(provider, "is not a URL: expected one such as `https://api.example.com/v1`")
            })?;
        let parts = base.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(misconfigured(
                provider,
                "lacks a scheme or a host: expected one such as `https://api.example.com/v1`",
            ));
        };
        check_base(provider, &scheme, &authority, parts.path_and_query.as_ref())?;
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        let mut endpoint = Self {
            provider: provider.clone(),
            pool,
            scheme,
            authority,
            prefix: path.trim_end_matches('/').replace(MODEL_AS_URI, MODEL),
            headers: headers_of(provider)?,
            query: encode_query(&provider.query),
            chat: None,
            auth: auth_of(provider)?,
        };
        if !endpoint.prefix.contains(MODEL) {
            endpoint.chat = Some(endpoint.build_uri(CHAT_COMPLETIONS, "", None)?);
        }
        Ok(endpoint)
    }

    /// The address of a path below the base URL; the secret only where it belongs into the query.
    pub(crate) fn uri(&self, path: &str, model: &str, secret: Option<&Secret>) -> Result<Uri, Fault> {
        let in_query = match (&self.auth, secret) {
            (Auth::Query(name), Some(secret)) => Some((name.as_str(), self.text_of(secret)?)),
            _ => None,
        };
        match &self.chat {
            Some(chat) if in_query.is_none() && path == CHAT_COMPLETIONS => Ok(chat.clone()),
            _ => self.build_uri(path, model, in_query),
        }
    }

    /// The last segment of the base path: mostly a version such as `v1`.
    pub(crate) fn last_segment(&self) -> &str {
        self.prefix.rsplit('/').next().unwrap_or_default()
    }

    /// The header that carries a secret, unless it goes into the query.
    pub(crate) fn auth_header(&self, secret: &Secret) -> Result<Option<(HeaderName, HeaderValue)>, Fault> {
        let (name, bytes) = match &self.auth {
            Auth::Query(_) => return Ok(None),
            Auth::Header(name) => (name.clone(), Bytes::copy_from_slice(secret.expose())),
            Auth::Bearer => {
                let mut bytes = Vec::with_capacity(7 + secret.len());
                bytes.extend_from_slice(b"Bearer ");
                bytes.extend_from_slice(secret.expose());
                (AUTHORIZATION, Bytes::from(bytes))
            }
        };
        let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| self.unusable_secret())?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }

    fn build_uri(&self, path: &str, model: &str, secret: Option<(&str, &str)>) -> Result<Uri, Fault> {
        let mut text = self.prefix.replace(MODEL, &Encoded(model).to_string());
        text.push_str(path);
        let mut separator = if path.contains('?') { '&' } else { '?' };
        let own = self.query_beside(path);
        if !own.is_empty() {
            let _ = write!(text, "{separator}{own}");
            separator = '&';
        }
        if let Some((name, secret)) = secret {
            let _ = write!(text, "{separator}{}={}", Encoded(name), Encoded(secret));
        }
        let builder = Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone());
        // The text may hold a secret, so it does not go into the message.
        builder.path_and_query(text).build().map_err(|_| misconfigured(&self.provider, "makes no valid address"))
    }

    /// The provider's own query without what the path says itself, such as another `api-version`.
    fn query_beside(&self, path: &str) -> Cow<'_, str> {
        let said = path.split_once('?').map_or("", |(_, query)| query);
        let is_said = |pair: &&str| said.split('&').any(|it| name_of(it) == name_of(pair));
        if said.is_empty() || !self.query.split('&').any(|pair| is_said(&pair)) {
            return Cow::Borrowed(&self.query);
        }
        let left: Vec<&str> = self.query.split('&').filter(|pair| !is_said(pair)).collect();
        Cow::Owned(left.join("&"))
    }

    fn text_of<'a>(&self, secret: &'a Secret) -> Result<&'a str, Fault> {
        secret.expose_str().ok_or_else(|| self.unusable_secret())
    }

    fn unusable_secret(&self) -> Fault {
        Fault::new(
            FaultKind::NotSent,
            format!(
                "the secret of provider `{}` holds characters that no header can carry: enter it again",
                self.provider.slug
            ),
        )
    }
}

fn check_base(
    provider: &Provider,
    scheme: &Scheme,
    authority: &Authority,
    path: Option<&PathAndQuery>,
) -> Result<(), Fault> {
    if *scheme != Scheme::HTTPS && *scheme != Scheme::HTTP {
        return Err(misconfigured(provider, "must start with https://"));
    }
    if *scheme == Scheme::HTTP && !provider.allow_private_network {
        return Err(misconfigured(
            provider,
            "is not https: secrets would travel in the clear (set `allow_private_network` for a server of your own network)",
        ));
    }
    if authority.as_str().contains('@') {
        return Err(misconfigured(provider, "holds a user name: give the secret as a credential instead"));
    }
    if path.is_some_and(|path| path.query().is_some()) {
        return Err(misconfigured(provider, "holds a query: give it as `query` of the provider instead"));
    }
    Ok(())
}

fn auth_of(provider: &Provider) -> Result<Auth, Fault> {
    Ok(match &provider.auth {
        AuthScheme::Bearer => Auth::Bearer,
        AuthScheme::Query(name) => Auth::Query(name.clone()),
        AuthScheme::Header(name) => {
            let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).map_err(|_| {
                let slug = &provider.slug;
                Fault::new(
                    FaultKind::NotSent,
                    format!("`auth.header` of provider `{slug}` is no header name: {name:?}"),
                )
            })?;
            Auth::Header(name)
        }
    })
}

/// What a dialect wants with every call, and what the provider's configuration adds.
fn headers_of(provider: &Provider) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    if provider.dialect == DialectKind::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    for (name, value) in &provider.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = name.ok_or_else(|| {
            Fault::new(FaultKind::NotSent, format!("`headers` of provider `{}` hold what no header can", provider.slug))
        })?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn misconfigured(provider: &Provider, what: &str) -> Fault {
    Fault::new(FaultKind::NotSent, format!("`base_url` of provider `{}` {what}", provider.slug))
}

fn name_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

pub(crate) fn encode_query(query: &std::collections::BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = query.iter().map(|(name, value)| format!("{}={}", Encoded(name), Encoded(value))).collect();
    pairs.join("&")
}

/// Percent-encodes everything but unreserved characters.
struct Encoded<'a>(&'a str);

impl std::fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}
