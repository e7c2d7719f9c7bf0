//! Providers and their secrets: kinds, users, weights, headers, dialects.

use domain::{ClientCredentials, Credential, CredentialKind, DialectKind, Owner};
use serde_json::{Value, json};

use crate::story::{Story, provider};

const CLIENT: &str =
    r#"{"token_url":"https://login.example.com/token","client_id":"me","client_secret":"0123456789abcdef0123"}"#;

fn with_credential(more: &Value) -> Value {
    let mut provider = provider("acme-ai");
    for (field, value) in more.as_object().unwrap() {
        provider["credentials"][0][field] = value.clone();
    }
    json!({"providers": [provider]})
}

fn held(story: &Story) -> Credential {
    Credential::clone(story.tenant().credentials.values().next().unwrap())
}

#[tokio::test]
async fn what_is_said_of_a_secret_changes_without_sealing_it_anew() {
    let mut story = Story::furnished().await;
    let before = held(&story);
    let mut dana = with_credential(&json!({"owner": "user", "user": "dana", "weight": 3}));
    let sources = json!({"acme-ai": "user"});
    dana["routers"] =
        json!([{"name": "edge", "models": ["acme-ai/small"], "policy": "Support", "credentials": sources}]);
    let diff = story.apply(dana.clone()).await;
    let line = diff.lines.iter().find(|line| line.kind == "credential").unwrap();
    assert_eq!(line.changes, ["owner: managed -> user", "user: none -> dana", "weight: 1 -> 3"]);
    let after = held(&story);
    assert_eq!((after.owner, after.user.as_deref(), after.weight), (Owner::User, Some("dana"), 3));
    assert_eq!((&after.sealed, after.version), (&before.sealed, before.version));
    assert!(story.apply(dana).await.is_empty());
    story.reopen().await;
    assert_eq!(held(&story), after);
}

#[tokio::test]
async fn secret_of_an_oauth_client_is_sealed_whole_and_known_by_the_end_of_the_clients_secret() {
    let story = Story::furnished().await;
    let client = json!({"kind": "oauth_client_credentials", "secret": CLIENT});
    let diff = story.apply(with_credential(&client)).await;
    let line = diff.lines.iter().find(|line| line.kind == "credential").unwrap();
    assert_eq!(line.changes, ["kind: api_key -> oauth_client_credentials", "secret: *** -> ***"]);
    let credential = held(&story);
    assert_eq!((credential.kind, credential.hint.as_str()), (CredentialKind::OauthClientCredentials, "…0123"));
    let opened = crate::story::keyring().open(&seal::Aad::credential(&credential), &credential.sealed).unwrap();
    let opened = ClientCredentials::parse(opened.expose_str().unwrap()).unwrap();
    assert_eq!((opened.client_id.as_str(), opened.scope), ("me", None));
}

#[tokio::test]
async fn faulty_credentials_are_refused_and_their_secrets_do_not_show() {
    let story = Story::furnished().await;
    for (more, expected) in [
        (json!({"weight": 0}), "weight: 0 is out of range: write a whole number from 1 to 1000"),
        (json!({"weight": 1001}), "weight: 1001 is out of range: write a whole number from 1 to 1000"),
        (json!({"user": "dana"}), "user: stands beside owner \"managed\": write owner = \"user\", or take it out"),
        (
            json!({"kind": "oauth_client_credentials", "secret": "hunter2-hunter2"}),
            "secret: is not what tokens are fetched with: give a JSON object with `token_url`, `client_id`, \
             `client_secret` and, where it is needed, `scope`",
        ),
        (
            json!({"kind": "oauth_client_credentials", "secret": CLIENT.replace("https://", "ftp://")}),
            "secret: `token_url` is not a web address: start it with https://",
        ),
    ] {
        let faults = story.refused(with_credential(&more)).await;
        assert_eq!(faults, [format!("providers[0].credentials[0].{expected}")]);
    }
}

#[tokio::test]
async fn faulty_headers_and_addresses_are_refused_wherever_they_come_from() {
    let story = Story::furnished().await;
    let refused = |dialect: &str, url: &str, headers: Value, responses: bool| {
        let mut provider = provider("other");
        provider["dialect"] = json!(dialect);
        provider["base_url"] = json!(url);
        provider["headers"] = headers;
        provider["responses"] = json!(responses);
        json!({"providers": [provider]})
    };
    let azure = "https://x.openai.azure.com/openai/deployments/{model}";
    story.apply(refused("openai", azure, json!({"x-title": "shop"}), true)).await;
    let saved = story.tenant().providers["other"].clone();
    assert_eq!(
        (saved.dialect, saved.headers["x-title"].as_str(), saved.responses),
        (DialectKind::Openai, "shop", true)
    );
    let faults = story.refused(refused(
        "anthropic",
        "https://api.example.com/{deployment}/v1/messages",
        json!({"x-api-key": "hunter2", "Host": "x", "x-empty": ""}),
        true,
    ));
    let faults = faults.await;
    let told: Vec<_> = faults.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(
        told,
        [
            "providers[0].base_url",
            "providers[0].headers.Host",
            "providers[0].headers.x-api-key",
            "providers[0].headers.x-empty",
            "providers[0].responses",
        ]
    );
    assert!(!faults.join(" ").contains("hunter2"));
}

#[tokio::test]
async fn models_of_a_custom_provider_are_nobodys_candidates() {
    let story = Story::furnished().await;
    let mut own = provider("own");
    own["dialect"] = json!("custom");
    story.apply(json!({"providers": [own], "models": [{"id": "own/ranker"}]})).await;
    let tenant = story.tenant();
    assert!(!tenant.is_callable(&tenant.models["own/ranker"]));
    let refusal = "the model `own/ranker` is of the provider `own`, whose dialect is custom: it can be called through \
                   the provider proxy only, so take it out";
    let listed = json!([{"model": "own/ranker"}, {"model": "acme-ai/small"}]);
    let policy = json!({"name": "p", "strategy": {"type": "priority"}, "candidates": {"listed": listed}});
    assert_eq!(story.refused(json!({"policies": [policy]})).await, [format!("policies[0].models[0]: {refusal}")]);
    let single = json!({"name": "p", "strategy": {"type": "single", "model": "own/ranker"}, "candidates": "all"});
    assert_eq!(story.refused(json!({"policies": [single]})).await, [format!("policies[0].strategy.model: {refusal}")]);
    let router = json!({"name": "r", "models": ["acme-ai/small", "own/ranker"]});
    assert_eq!(story.refused(json!({"routers": [router]})).await, [format!("routers[0].models[1]: {refusal}")]);
}

#[tokio::test]
async fn provider_whose_models_are_candidates_does_not_become_custom() {
    let story = Story::furnished().await;
    let mut custom = provider("acme-ai");
    custom["dialect"] = json!("custom");
    let faults = story.refused(json!({"providers": [custom]})).await;
    let told: Vec<_> = faults.iter().map(|fault| fault.split(": the model").next().unwrap()).collect();
    assert_eq!(told, ["policy `Support`: models[0]", "policy `Support`: models[1]", "router `edge`: models[0]"]);
}
