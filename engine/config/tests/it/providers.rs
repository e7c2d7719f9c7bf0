//! What providers and their credentials become, dialect by dialect.

use config::{Format, Secrets};
use domain::catalogue::AuthScheme;
use domain::desired::{CredentialSpec, ProviderSpec};
use domain::{ClientCredentials, CredentialKind, DialectKind, Owner};

use crate::support::{FakeEnv, toml};

fn provider(lines: &str) -> ProviderSpec {
    let text = format!("[[providers]]\nslug = \"a\"\n{lines}");
    toml(&text).unwrap_or_else(|faults| panic!("{faults}")).desired.providers.remove(0)
}

fn credential(fields: &str) -> CredentialSpec {
    let env = FakeEnv { variables: [("A", "client-secret")].into(), ..FakeEnv::default() };
    let text = format!(
        "[[providers]]\nslug = \"a\"\nbase_url = \"https://a.example/v1\"\n\
         credentials = [{{ name = \"main\", secret_env = \"A\"{fields} }}]"
    );
    let loaded = config::parse(&text, Format::Toml, "a.toml", Secrets::Resolve(&env));
    let mut provider = loaded.unwrap_or_else(|faults| panic!("{faults}")).desired.providers.remove(0);
    provider.credentials.as_mut().unwrap().remove(0)
}

#[test]
fn secret_is_sent_as_vendors_of_the_dialect_want_it_unless_it_is_said() {
    let auth = |dialect: &str, more: &str| {
        let spec = provider(&format!("dialect = \"{dialect}\"\nbase_url = \"https://a.example\"\n{more}"));
        assert_eq!(spec.dialect.as_str(), dialect);
        spec.auth
    };
    let header = |name: &str| AuthScheme::Header(name.to_owned());
    assert_eq!(auth("openai", ""), AuthScheme::Bearer);
    assert_eq!(auth("openai_responses", ""), AuthScheme::Bearer);
    assert_eq!(auth("anthropic", ""), header("x-api-key"));
    assert_eq!(auth("gemini", ""), header("x-goog-api-key"));
    assert_eq!(auth("custom", ""), AuthScheme::Bearer);
    assert_eq!(auth("anthropic", "auth = \"bearer\""), AuthScheme::Bearer);
    assert_eq!(auth("gemini", "auth = \"query:key\""), AuthScheme::Query("key".to_owned()));
}

#[test]
fn responses_go_as_they_are_to_the_vendor_itself_unless_it_is_said() {
    let responses = |url: &str, more: &str| provider(&format!("base_url = \"{url}\"\n{more}")).responses;
    assert!(responses("https://api.openai.com/v1", ""));
    assert!(!responses("https://api.openai.com/v1", "responses = false"));
    assert!(!responses("https://openrouter.ai/api/v1", ""));
    assert!(responses("https://openrouter.ai/api/v1", "responses = true"));
}

#[test]
fn headers_are_kept_in_lower_case() {
    let spec = provider(
        "dialect = \"anthropic\"\nbase_url = \"https://api.anthropic.com/v1\"\n\
         headers = { Anthropic-Beta = \"tools-2026-01-01\" }",
    );
    assert_eq!(spec.headers, [("anthropic-beta".to_owned(), "tools-2026-01-01".to_owned())].into());
}

#[test]
fn deployment_stands_where_its_placeholder_does() {
    let spec = provider(
        "base_url = \"https://x.openai.azure.com/openai/deployments/{model}\"\nauth = \"header:api-key\"\n\
         query = { api-version = \"2026-01-01\" }",
    );
    assert_eq!((spec.dialect, spec.base_url.contains("{model}")), (DialectKind::Openai, true));
}

#[test]
fn credential_is_an_api_key_of_the_platform_and_of_weight_one_unless_it_is_said() {
    let spec = credential("");
    assert_eq!(
        (spec.kind, spec.owner, spec.user.as_deref(), spec.weight),
        (CredentialKind::ApiKey, Owner::Managed, None, 1)
    );
    let spec = credential(", owner = \"user\", user = \"dana\", weight = 1000");
    assert_eq!((spec.owner, spec.user.as_deref(), spec.weight), (Owner::User, Some("dana"), 1000));
    assert_eq!(spec.secret.expose(), "client-secret");
}

#[test]
fn secret_of_an_oauth_client_holds_all_that_a_token_takes() {
    let client =
        "kind = \"oauth_client_credentials\", token_url = \"https://login.example.com/token\", client_id = \"me\"";
    let read = |fields: &str| {
        let spec = credential(fields);
        assert_eq!(spec.kind, CredentialKind::OauthClientCredentials);
        assert!(!format!("{spec:?}").contains("client-secret"));
        ClientCredentials::parse(spec.secret.expose()).unwrap()
    };
    let without_scope = read(&format!(", {client}"));
    assert_eq!(
        (without_scope.token_url.as_str(), without_scope.client_id.as_str(), without_scope.client_secret.as_str()),
        ("https://login.example.com/token", "me", "client-secret")
    );
    assert_eq!(without_scope.scope, None);
    assert_eq!(read(&format!(", {client}, scope = \"a b\"")).scope.as_deref(), Some("a b"));
}
