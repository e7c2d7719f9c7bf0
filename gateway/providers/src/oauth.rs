//! Tokens for providers that take no fixed secret: OAuth 2.0 client credentials (RFC 6749, section 4.4).
//!
//! The sealed secret names the token server and the client; what is sent to the provider is a token, kept in memory that
//! is wiped, for each version of the secret. One caller fetches, the others wait for it; a token that nears its end is
//! fetched anew by one of them while the rest go on with the old one. A failure is remembered for a moment, so that a
//! token server in trouble is not asked by everybody in turn. Token servers are reached as providers are: guarded.

mod exchange;
mod grant;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Credential, CredentialId, Provider};
use seal::Secret;
use tokio::time::{Instant, timeout};

use crate::client::ProviderClient;
use crate::fault::{Fault, FaultKind, Retry};
use crate::oauth::grant::Grant;

/// Fetching a token, and waiting for whoever fetches it, may take so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// A failure stands for so long before the token server is asked again.
const FAILED_FOR: Duration = Duration::from_secs(2);
/// A token should not be used in the last part of its life: clocks differ, and calls take their time.
const MARGIN: Duration = Duration::from_mins(1);
/// Tokens that say nothing of their life are taken to last so long.
const LIFE: Duration = Duration::from_mins(5);
/// No life is believed to be longer.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// The tokens in use, shared by all threads.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<CredentialId, Arc<Slot>>>,
}

/// The token of one version of a secret.
#[derive(Debug)]
struct Slot {
    version: u32,
    held: Mutex<Held>,
    /// Held by whoever fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Held {
    token: Option<Token>,
    failure: Option<(Fault, Instant)>,
}

#[derive(Clone, Debug)]
struct Token {
    secret: Arc<Secret>,
    refresh_at: Instant,
    expires_at: Instant,
}

/// What a slot has to offer.
enum Offer {
    /// A token to use.
    Token(Arc<Secret>),
    /// A token to use, and somebody should fetch the next one.
    Ageing(Arc<Secret>),
    /// The fetch has failed just now.
    Failed(Fault),
    /// Nothing.
    None,
}

impl Tokens {
    /// The token to send with a call, fetched if need be.
    pub(crate) async fn token(
        &self,
        client: &ProviderClient,
        provider: &Provider,
        credential: &Credential,
        secret: &Secret,
        wait: Duration,
    ) -> Result<Arc<Secret>, Fault> {
        let slot = self.slot(credential);
        let fetch = || slot.fetch(client, provider, credential, secret);
        match slot.offer(Instant::now()) {
            Offer::Token(token) => return Ok(token),
            Offer::Failed(fault) => return Err(fault),
            Offer::Ageing(token) => {
                let Ok(_turn) = slot.turn.try_lock() else { return Ok(token) };
                return Ok(timeout(wait, fetch()).await.ok().and_then(Result::ok).unwrap_or(token));
            }
            Offer::None => {}
        }
        let fetched = timeout(wait.min(PATIENCE), async {
            let _turn = slot.turn.lock().await;
            match slot.offer(Instant::now()) {
                Offer::Token(token) | Offer::Ageing(token) => Ok(token),
                Offer::Failed(fault) => Err(fault),
                Offer::None => fetch().await,
            }
        });
        fetched.await.unwrap_or_else(|_| Err(no_token(credential, "the token server takes too long")))
    }

    /// Forgets a token that the provider refused, unless there is another one by now.
    pub(crate) fn forget(&self, credential: &CredentialId, refused: &Arc<Secret>) {
        if let Some(slot) = lock(&self.slots).get(credential) {
            let mut held = lock(&slot.held);
            if held.token.as_ref().is_some_and(|token| Arc::ptr_eq(&token.secret, refused)) {
                held.token = None;
            }
        }
    }

    /// Forgets the tokens of secrets for which `keep` says no.
    pub(crate) fn retain(&self, keep: impl Fn(&CredentialId, u32) -> bool) {
        lock(&self.slots).retain(|id, slot| keep(id, slot.version));
    }

    fn slot(&self, credential: &Credential) -> Arc<Slot> {
        let fresh = || {
            Arc::new(Slot { version: credential.version, held: Mutex::default(), turn: tokio::sync::Mutex::default() })
        };
        let mut slots = lock(&self.slots);
        let slot = slots.entry(credential.id.clone()).or_insert_with(fresh);
        if slot.version < credential.version {
            *slot = fresh();
        }
        // A request that began under an older version of the secret fetches a token of its own.
        if slot.version == credential.version { slot.clone() } else { fresh() }
    }
}

impl Slot {
    fn offer(&self, now: Instant) -> Offer {
        let held = lock(&self.held);
        let failed = held.failure.as_ref().filter(|(_, at)| now < *at + FAILED_FOR).map(|(fault, _)| fault);
        match (&held.token, failed) {
            (Some(token), Some(_)) if now < token.expires_at => Offer::Token(token.secret.clone()),
            (Some(token), None) if now < token.refresh_at => Offer::Token(token.secret.clone()),
            (Some(token), None) if now < token.expires_at => Offer::Ageing(token.secret.clone()),
            (_, Some(fault)) => Offer::Failed(fault.clone()),
            (_, None) => Offer::None,
        }
    }

    async fn fetch(
        &self,
        client: &ProviderClient,
        provider: &Provider,
        credential: &Credential,
        secret: &Secret,
    ) -> Result<Arc<Secret>, Fault> {
        let fetched = async {
            let grant = Grant::parse(secret)?;
            match timeout(PATIENCE, exchange::fetch(client, provider, &grant)).await {
                Ok(fetched) => fetched,
                Err(_) => Err(format!("no token within {} s", PATIENCE.as_secs())),
            }
        };
        let fetched = fetched.await;
        let outcome = if fetched.is_ok() { "ok" } else { "failed" };
        metrics::counter!("signalbox_oauth_tokens_total", "outcome" => outcome).increment(1);
        let now = Instant::now();
        let mut held = lock(&self.held);
        match fetched {
            Ok((token, life)) => {
                let token = Token::new(token, life, now);
                let secret = token.secret.clone();
                *held = Held { token: Some(token), failure: None };
                Ok(secret)
            }
            Err(why) => {
                let fault = no_token(credential, &why);
                tracing::error!(credential = %credential.id, provider = %credential.provider, %why, "no token");
                held.failure = Some((fault.clone(), now));
                Err(fault)
            }
        }
    }
}

impl Token {
    /// It is fetched anew when four fifths of its life are over, or a minute before its end if that is sooner; one that
    /// lives no two minutes, at half of it.
    fn new(secret: Secret, life: Option<Duration>, now: Instant) -> Self {
        let life = life.unwrap_or(LIFE).min(LONGEST_LIFE);
        let young = life.mul_f64(0.8).min(life.saturating_sub(MARGIN).max(life / 2));
        Self { secret: Arc::new(secret), refresh_at: now + young, expires_at: now + life }
    }
}

/// Nothing was sent to the provider: another of its keys may do.
fn no_token(credential: &Credential, why: &str) -> Fault {
    let (name, provider) = (&credential.name, &credential.provider);
    let message = format!("no token could be had for the key `{name}` of `{provider}`: {why}");
    Fault { retry: Retry::NextCredential, ..Fault::new(FaultKind::NotSent, message) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_fetched_anew_well_before_their_end() {
        let refreshed = |life: Option<u64>| {
            let now = Instant::now();
            let token = Token::new(Secret::new(Vec::new()), life.map(Duration::from_secs), now);
            ((token.refresh_at - now).as_secs(), (token.expires_at - now).as_secs())
        };
        assert_eq!(refreshed(Some(3_600)), (2_880, 3_600));
        assert_eq!(refreshed(Some(200)), (140, 200), "a minute before the end");
        assert_eq!(refreshed(Some(60)), (30, 60));
        assert_eq!(refreshed(Some(0)), (0, 0));
        assert_eq!(refreshed(None), (240, 300));
        assert_eq!(refreshed(Some(u64::MAX / 4)).1, 86_400);
    }

    #[test]
    fn tokens_do_not_print() {
        let token = Token::new(Secret::from("canary".to_owned()), None, Instant::now());
        assert!(!format!("{token:?}").contains("canary"));
    }
}
