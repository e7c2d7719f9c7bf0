//! Calls in a provider's own words: any method and path, body and answer as they are. For the provider proxy.
//!
//! Keeps what makes a call safe: our connections, our secret, no header of the caller that speaks of him or of the
//! connection. What an answer costs is found out by whoever passes it on.

use std::sync::Arc;

use bytes::Bytes;
use domain::Provider;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use seal::Secret;

use crate::client::{ProviderClient, exchange, within};
use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::upstream::Upstream;
use crate::waits::Waits;

/// A call that is passed on.
#[derive(Clone, Debug)]
pub struct Pass<'a> {
    /// To whom.
    pub provider: &'a Arc<Provider>,
    /// How.
    pub method: &'a Method,
    /// Below the base URL, starting with `/`, with its query.
    pub path: &'a str,
    /// What stands in the place of `{model}` in the base URL.
    pub model: &'a str,
    /// The caller's headers; those that must not go on are taken out here.
    pub headers: &'a HeaderMap,
    /// What.
    pub body: &'a Bytes,
    /// With which secret.
    pub secret: Option<&'a Secret>,
    /// How long to wait.
    pub waits: Waits,
}

/// A body that is passed on while it comes.
pub type Flowing = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Headers that end with the hop, or that would show who calls or give our keys away.
const DROPPED: [HeaderName; 17] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::FORWARDED,
    header::EXPECT,
    header::ACCEPT_ENCODING,
    header::ORIGIN,
    header::REFERER,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];
/// Beginnings of names of the same kind, and of headers that are meant for the gateway.
const DROPPED_FAMILIES: [&str; 9] = [
    "x-forwarded-",
    "x-real-ip",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "x-routing-",
    "x-tags",
    "x-project-id",
    "x-no-log",
];

/// Whether a header may go on to the other side.
pub(crate) fn goes_on(name: &HeaderName) -> bool {
    !DROPPED.contains(name) && !DROPPED_FAMILIES.iter().any(|family| name.as_str().starts_with(family))
}

impl ProviderClient {
    /// Sends a call as it is and waits for the head of whatever is answered.
    ///
    /// # Errors
    /// Only faults of the way there: an answer of any status is an answer.
    pub async fn pass(&self, pass: Pass<'_>) -> Result<Upstream, Fault> {
        let endpoint = self.endpoint(pass.provider)?;
        let build = || request_of(&endpoint, &pass, Full::new(pass.body.clone()));
        let response = within(pass.waits.until_head(false), exchange(&endpoint, build)).await?;
        Ok(Upstream::passed(response))
    }

    /// As [`Self::pass`], with a body that comes meanwhile in place of the one of `pass`. It is sent once, on a
    /// connection of its own: none that was kept could turn out to be closed.
    ///
    /// # Errors
    /// As [`Self::pass`]; also when the body breaks off.
    pub async fn pass_flowing(&self, pass: Pass<'_>, body: Flowing) -> Result<Upstream, Fault> {
        let endpoint = self.endpoint(pass.provider)?;
        let request = request_of(&endpoint, &pass, body)?;
        let sent = async { endpoint.pool.send_flowing(request).await };
        Ok(Upstream::passed(within(pass.waits.until_head(false), sent).await?))
    }
}

fn request_of<B>(endpoint: &Endpoint, pass: &Pass<'_>, body: B) -> Result<Request<B>, Fault> {
    let mut headers: HeaderMap = endpoint.headers.clone();
    for (name, value) in pass.headers.iter().filter(|(name, _)| goes_on(name)) {
        headers.insert(name.clone(), value.clone());
    }
    headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
    if let Some((name, value)) = pass.secret.map(|secret| endpoint.auth_header(secret)).transpose()?.flatten() {
        headers.insert(name, value);
    }
    let mut request = Request::new(body);
    *request.method_mut() = pass.method.clone();
    *request.uri_mut() = endpoint.uri(&below_base(endpoint, pass.path), pass.model, pass.secret)?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Vendors' clients repeat the version that the base URL ends with: it is taken once.
fn below_base(endpoint: &Endpoint, path: &str) -> String {
    let version = endpoint.last_segment();
    let rest = path.strip_prefix('/').and_then(|rest| rest.strip_prefix(version)).filter(|_| !version.is_empty());
    rest.filter(|rest| rest.starts_with('/')).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_caller_or_the_hop_goes_on() {
        for name in [
            "authorization",
            "x-api-key",
            "x-goog-api-key",
            "api-key",
            "cookie",
            "x-forwarded-for",
            "te",
            "x-routing-policy-id",
        ] {
            assert!(!goes_on(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["content-type", "openai-beta", "anthropic-version", "range", "idempotency-key", "accept"] {
            assert!(goes_on(&HeaderName::from_static(name)), "{name}");
        }
    }
}
