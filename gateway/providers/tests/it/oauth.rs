//! Tokens of OAuth clients, from a scripted token server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{
    Credential, CredentialId, CredentialKind, Organisation, OrganisationId, Owner, Provider, ProviderSlug, SealedBytes,
    Snapshot, Tenant,
};
use futures_util::future::join_all;
use providers::{Fault, FaultKind, ProviderClient, Retry, Vault};
use seal::{Aad, Keyring, SealingKey, Secret};

use crate::scripted::{Scripted, Step, client, ok, provider, status};

const CANARY: &str = "canary-client-secret";

/// A gateway's vault and an OAuth client whose tokens come from a scripted server.
struct Story {
    vault: Vault,
    keyring: Keyring,
    client: ProviderClient,
    provider: Provider,
    token_url: String,
}

impl Story {
    fn over(server: &Scripted) -> Self {
        Self::at(&format!("http://127.0.0.1:{}/token", server.port))
    }

    fn at(token_url: &str) -> Self {
        let keyring = Keyring::new(SealingKey::from_bytes([3; 32]));
        let provider = provider("https://api.example/v1");
        Self {
            vault: Vault::new(keyring.clone()),
            keyring,
            client: client(),
            provider,
            token_url: token_url.to_owned(),
        }
    }

    fn credential(&self, version: u32) -> Credential {
        let mut credential = Credential {
            kind: CredentialKind::OauthClientCredentials,
            user: None,
            weight: 1,
            id: CredentialId::from_random([1; 20]),
            organisation: OrganisationId::from_random([1; 20]),
            provider: ProviderSlug::parse("acme").unwrap(),
            name: "sso".to_owned(),
            owner: Owner::Managed,
            version,
            sealed: SealedBytes(Vec::new()),
            hint: String::new(),
        };
        let secret = serde_json::json!({
            "token_url": self.token_url, "client_id": "gateway", "client_secret": CANARY, "scope": "models"
        });
        credential.sealed = self.keyring.seal(&Aad::credential(&credential), secret.to_string().as_bytes());
        credential
    }

    async fn token(&self) -> Result<String, Fault> {
        self.token_within(Duration::from_secs(5)).await
    }

    async fn token_within(&self, wait: Duration) -> Result<String, Fault> {
        self.token_of(1, wait).await.map(|token| token.expose_str().unwrap().to_owned())
    }

    async fn token_of(&self, version: u32, wait: Duration) -> Result<Arc<Secret>, Fault> {
        self.vault.to_send(&self.client, &self.provider, &self.credential(version), wait).await
    }

    /// The token server is in trouble: nothing was sent, another key may do, and no secret is repeated.
    async fn refused(&self, says: &str) {
        let fault = self.token().await.unwrap_err();
        assert_eq!((fault.kind, fault.retry), (FaultKind::NotSent, Retry::NextCredential));
        assert!(fault.message.contains(says), "{fault}");
        assert!(fault.message.contains("the key `sso` of `acme`"), "{fault}");
        assert!(!format!("{fault:?}").contains("canary"), "{fault:?}");
    }
}

fn granted(token: &str, life: &str) -> Vec<Step> {
    let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{life}}}"#);
    vec![Step::Read, ok(&body)]
}

#[tokio::test]
async fn a_token_is_fetched_once_and_kept_for_its_life() {
    let server = Scripted::start([granted("token-1", "3600")]).await;
    let story = Story::over(&server);
    for _ in 0..3 {
        assert_eq!(story.token().await.unwrap(), "token-1");
    }
    let requests = server.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 1);
    let request = requests[0].to_ascii_lowercase();
    assert!(request.starts_with("post /token http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: basic "), "{request}");
    assert!(request.ends_with("\r\n\r\ngrant_type=client_credentials&scope=models"), "{request}");
}

#[tokio::test]
async fn many_who_need_a_token_fetch_one() {
    let slow = [vec![Step::Read, Step::Wait(Duration::from_millis(50))], granted("token-1", "3600")[1..].to_vec()];
    let server = Scripted::start([slow.concat()]).await;
    let story = Story::over(&server);
    for token in join_all((0..50).map(|_| story.token())).await {
        assert_eq!(token.unwrap(), "token-1");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_token_that_has_ended_is_fetched_again() {
    let server = Scripted::start([granted("token-1", "0"), granted("token-2", "\"3600\"")]).await;
    let story = Story::over(&server);
    assert_eq!(story.token().await.unwrap(), "token-1", "whoever fetched it may try it");
    assert_eq!(story.token().await.unwrap(), "token-2");
    assert_eq!(story.token().await.unwrap(), "token-2", "a life written as text is read");
}

#[tokio::test]
async fn a_token_that_the_provider_refused_is_fetched_again() {
    let server = Scripted::start([granted("token-1", "3600"), granted("token-2", "3600")]).await;
    let story = Story::over(&server);
    let first = story.token_of(1, Duration::from_secs(5)).await.unwrap();
    story.vault.refused(&story.credential(1), &first);
    assert_eq!(story.token().await.unwrap(), "token-2");
    story.vault.refused(&story.credential(1), &first);
    assert_eq!(story.token().await.unwrap(), "token-2", "a late word about the one before changes nothing");
}

#[tokio::test]
async fn a_new_version_of_the_secret_has_a_token_of_its_own_while_the_old_one_goes_on() {
    let scripts = [granted("token-1", "3600"), granted("token-2", "3600"), granted("token-3", "3600")];
    let server = Scripted::start(scripts).await;
    let story = Story::over(&server);
    let wait = Duration::from_secs(5);
    for (version, expected) in [(1, "token-1"), (2, "token-2"), (2, "token-2"), (1, "token-3")] {
        let token = story.token_of(version, wait).await.unwrap();
        assert_eq!(token.expose_str(), Some(expected));
    }
}

#[tokio::test]
async fn tokens_of_secrets_that_are_gone_are_forgotten() {
    let server = Scripted::start([granted("token-1", "3600"), granted("token-2", "3600")]).await;
    let story = Story::over(&server);
    story.token().await.unwrap();
    let organisation: Organisation = serde_json::from_value(serde_json::json!({
        "id": OrganisationId::from_random([1; 20]), "name": "a", "default_policy": null
    }))
    .unwrap();
    let tenant = Tenant::new(Arc::new(organisation));
    let tenants = BTreeMap::from([(tenant.organisation.id.clone(), Arc::new(tenant))]);
    story.vault.retain(&Snapshot { tenants, ..Snapshot::default() });
    assert_eq!(story.token().await.unwrap(), "token-2");
}

#[tokio::test]
async fn refusals_are_told_by_their_word_and_stand_for_a_moment() {
    let body = format!(r#"{{"error":"invalid_client","error_description":"{CANARY}"}}"#);
    let server = Scripted::start([vec![Step::Read, status("401 Unauthorized", "", &body)]]).await;
    let story = Story::over(&server);
    story.refused("the token server `127.0.0.1` answered 401 Unauthorized (invalid_client)").await;
    story.refused("invalid_client").await;
    assert_eq!(server.connections(), 1, "the second one did not ask");
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    for (body, says) in [
        ("{}", "no `access_token`"),
        ("not json canary-client-secret", "no `access_token`"),
        (r#"{"access_token":""}"#, "does not go into a header"),
        (r#"{"access_token":"a\nb"}"#, "does not go into a header"),
    ] {
        let server = Scripted::start([vec![Step::Read, ok(body)]]).await;
        Story::over(&server).refused(says).await;
    }
    let echo = format!(r#"{{"error":"{CANARY}"}}"#);
    let server = Scripted::start([vec![Step::Read, status("400 Bad Request", "", &echo)]]).await;
    Story::over(&server).refused("400 Bad Request").await;
    let server =
        Scripted::start([vec![Step::Read, status("302 Found", "location: http://169.254.169.254/\r\n", "")]]).await;
    Story::over(&server).refused("302 Found").await;
}

#[tokio::test]
async fn a_silent_token_server_is_given_up_in_time() {
    let mut server = Scripted::start([vec![Step::Read, Step::Hold]]).await;
    let story = Story::over(&server);
    let fault = story.token_within(Duration::from_millis(100)).await.unwrap_err();
    assert!(fault.message.contains("takes too long"), "{fault}");
    server.closed().await;
}

#[tokio::test]
async fn a_token_server_in_a_forbidden_place_is_not_called() {
    let server = Scripted::start([granted("token-1", "3600")]).await;
    let mut story = Story::over(&server);
    story.provider.allow_private_network = false;
    story.refused("127.0.0.1").await;
    assert_eq!(server.connections(), 0);
    let mut story = Story::at("http://token.example/token");
    story.provider.allow_private_network = false;
    story.token().await.unwrap_err();
}
