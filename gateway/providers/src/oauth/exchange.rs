//! One request to a token server, and what it answers.

use std::time::Duration;

use domain::Provider;
use http::header::{ACCEPT, HeaderValue};
use http::{Method, Request};
use http_body_util::Full;
use seal::Secret;
use serde::Deserialize;

use crate::client::ProviderClient;
use crate::oauth::grant::Grant;
use crate::upstream::read_some;

/// No token is longer than this, with what stands around it.
const ANSWER_CAP: usize = 64 * 1024;
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Of the server's own word for what is wrong.
const WORD_CHARS: usize = 64;

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<Seconds>,
}

/// Some servers write numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// Fetches a token; returns it with its life, if that is told. What went wrong is told without any secret.
pub(crate) async fn fetch(
    client: &ProviderClient,
    provider: &Provider,
    grant: &Grant,
) -> Result<(Secret, Option<Duration>), String> {
    let (mut headers, form) = grant.request()?;
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let mut request = Request::new(Full::new(form));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = grant.token_url.clone();
    *request.headers_mut() = headers;
    let response = client.send_fresh(provider, request).await.map_err(|fault| fault.message)?;
    let (head, body) = response.into_parts();
    let status = head.status;
    let body = Secret::new(read_some(body, &head.headers, ANSWER_CAP, ANSWER_WAIT).await.into());
    if !status.is_success() {
        let host = grant.token_url.host().unwrap_or_default();
        let word = refusal_of(&body, grant).map(|word| format!(" ({word})")).unwrap_or_default();
        return Err(format!("the token server `{host}` answered {status}{word}"));
    }
    let granted: Granted = serde_json::from_slice(body.expose())
        .map_err(|_| "the token server's answer holds no `access_token`".to_owned())?;
    let token = Secret::from(granted.access_token);
    if token.is_empty() || !token.expose().iter().all(u8::is_ascii_graphic) {
        return Err("the token server's `access_token` does not go into a header".to_owned());
    }
    Ok((token, granted.expires_in.and_then(life)))
}

fn life(seconds: Seconds) -> Option<Duration> {
    let seconds = match seconds {
        Seconds::Number(seconds) => seconds,
        Seconds::Text(text) => text.trim().parse().ok()?,
    };
    // What is past or no number ends at once; what is absurd is capped by whoever keeps it.
    Some(Duration::try_from_secs_f64(seconds.clamp(0.0, 1e9)).unwrap_or_default())
}

/// The server's word for what is wrong: `invalid_client`.
fn refusal_of(body: &Secret, grant: &Grant) -> Option<String> {
    let refused: Refused = serde_json::from_slice(body.expose()).ok()?;
    let is_word = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
    let word: String = refused.error.chars().filter(|it| is_word(*it)).take(WORD_CHARS).collect();
    (!word.is_empty() && !grant.is_in(&refused.error)).then_some(word)
}
