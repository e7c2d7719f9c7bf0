//! Limits, budgets, dialects and kinds of secrets through the services that edit one object.

use proto::mask;
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::credentials_client::CredentialsClient;
use proto::pb::admin::v1::keys_client::KeysClient;
use proto::pb::admin::v1::organisations_client::OrganisationsClient;
use proto::pb::admin::v1::providers_client::ProvidersClient;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{Stack, soon};

#[expect(clippy::unnecessary_wraps, reason = "requests hold objects like this")]
fn of(kind: Kind) -> Option<object::Object> {
    Some(object::Object { object: Some(kind) })
}

fn key_of(object: Option<object::Object>) -> object::Key {
    match object.and_then(|it| it.object) {
        Some(Kind::Key(key)) => key,
        other => panic!("no key: {other:?}"),
    }
}

fn credential_of(object: Option<object::Object>) -> object::Credential {
    match object.and_then(|it| it.object) {
        Some(Kind::Credential(credential)) => credential,
        other => panic!("no credential: {other:?}"),
    }
}

fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    status.get_details_bad_request().unwrap().field_violations.into_iter().map(|it| it.field).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "objects hold budgets like this")]
fn budget(amount: &str) -> Option<object::Budget> {
    let period = object::BudgetPeriod::Month.into();
    Some(object::Budget { amount_usd: amount.to_owned(), period, mode: object::BudgetMode::Hard.into() })
}

#[tokio::test]
async fn limits_of_a_key_change_one_by_one() {
    let stack = Stack::start().await;
    let mut keys = KeysClient::new(stack.over_unix().await);
    let limits =
        object::Limits { requests_per_minute: Some(600), concurrent_requests: Some(32), ..object::Limits::default() };
    let wanted = pb::CreateKeyRequest {
        name: "app".into(),
        limits: Some(limits),
        budget: budget("50"),
        user: Some("dana".into()),
        ..pb::CreateKeyRequest::default()
    };
    let made = key_of(soon(keys.create(wanted)).await.unwrap().into_inner().object);
    assert_eq!((made.limits, made.budget.clone(), made.user.as_deref()), (Some(limits), budget("50"), Some("dana")));

    let change = |key: object::Key, paths: &[&str]| pb::UpdateRequest {
        name: "app".into(),
        object: of(Kind::Key(key)),
        update_mask: Some(mask::of(paths)),
        ..pb::UpdateRequest::default()
    };
    let tokens = object::Limits { total_tokens_per_hour: Some(7), ..object::Limits::default() };
    let wanted = object::Key { limits: Some(tokens), ..object::Key::default() };
    let paths = ["limits.total_tokens_per_hour", "limits.concurrent_requests", "user"];
    let changed = key_of(soon(keys.update(change(wanted, &paths))).await.unwrap().into_inner().object);
    let expected = object::Limits { total_tokens_per_hour: Some(7), concurrent_requests: None, ..limits };
    assert_eq!((changed.limits, changed.budget, changed.user), (Some(expected), made.budget, None));

    let wrong = object::Key {
        limits: Some(object::Limits { requests_per_minute: Some(0), ..object::Limits::default() }),
        budget: budget("-1"),
        ..object::Key::default()
    };
    let status = soon(keys.update(change(wrong, &["limits", "budget"]))).await.unwrap_err();
    assert_eq!(fields(&status), ["budget.amount_usd", "limits.requests_per_minute"]);
    let wrong = object::Key { budget: budget("fifty"), ..object::Key::default() };
    let status = soon(keys.update(change(wrong, &["budget"]))).await.unwrap_err();
    assert_eq!(fields(&status), ["budget.amount_usd"]);
}

#[tokio::test]
async fn organisation_gets_its_budget_once_it_is_there() {
    let stack = Stack::start().await;
    let mut organisations = OrganisationsClient::new(stack.over_unix().await);
    let wanted = || object::Organisation { name: "north".into(), budget: budget("9"), ..Default::default() };
    let create = pb::CreateRequest { object: of(Kind::Organisation(wanted())), ..Default::default() };
    assert_eq!(fields(&soon(organisations.create(create)).await.unwrap_err()), ["budget"]);
    let update = pb::UpdateRequest {
        name: "default".into(),
        object: of(Kind::Organisation(wanted())),
        update_mask: Some(mask::of(&["budget"])),
        ..Default::default()
    };
    let changed = soon(organisations.update(update)).await.unwrap().into_inner();
    let Some(Kind::Organisation(changed)) = changed.object.unwrap().object else { panic!("asked for") };
    assert_eq!((changed.name.as_str(), changed.budget), ("default", budget("9")));
}

#[tokio::test]
async fn new_provider_takes_its_secret_as_its_dialect_does() {
    let stack = Stack::start().await;
    let mut providers = ProvidersClient::new(stack.over_unix().await);
    let provider = |slug: &str, dialect: object::Dialect| {
        let provider = object::Provider {
            slug: slug.to_owned(),
            dialect: dialect.into(),
            base_url: "https://api.example.com/v1".to_owned(),
            ..object::Provider::default()
        };
        pb::CreateRequest { object: of(Kind::Provider(provider)), ..Default::default() }
    };
    for (slug, dialect, expected) in [
        ("one", object::Dialect::Openai, None),
        ("two", object::Dialect::Anthropic, Some("x-api-key")),
        ("three", object::Dialect::Gemini, Some("x-goog-api-key")),
    ] {
        let made = soon(providers.create(provider(slug, dialect))).await.unwrap().into_inner();
        let Some(Kind::Provider(made)) = made.object.unwrap().object else { panic!("asked for") };
        let header = match made.auth.unwrap().scheme.unwrap() {
            object::auth_scheme::Scheme::Header(header) => Some(header),
            _ => None,
        };
        assert_eq!(header.as_deref(), expected);
    }
}

#[tokio::test]
async fn another_secret_opens_the_same_account_in_the_same_way() {
    let stack = Stack::start().await;
    let mut credentials = CredentialsClient::new(stack.over_unix().await);
    let client = |secret: &str| {
        format!(r#"{{"token_url":"https://login.example.com/token","client_id":"me","client_secret":"{secret}"}}"#)
    };
    let secret = |secret: String| pb::SecretRequest {
        provider: "acme".into(),
        name: "login".into(),
        secret,
        ..pb::SecretRequest::default()
    };
    let first = pb::SecretRequest {
        kind: Some(object::CredentialKind::OauthClientCredentials.into()),
        owner: Some(object::Owner::User.into()),
        user: Some("dana".into()),
        weight: Some(3),
        ..secret(client("one"))
    };
    soon(credentials.create(first)).await.unwrap();
    let rotated = soon(credentials.update(secret(client("two")))).await.unwrap().into_inner();
    let rotated = credential_of(rotated.object);
    assert_eq!((rotated.user.as_deref(), rotated.weight, rotated.version), (Some("dana"), Some(3), 2));
    assert_eq!(rotated.kind(), object::CredentialKind::OauthClientCredentials);
    let status = soon(credentials.update(secret("sk-plain".into()))).await.unwrap_err();
    assert_eq!(fields(&status), ["secret"]);
    assert!(!status.message().contains("sk-plain"), "{status}");
    let given_away = pb::SecretRequest { owner: Some(object::Owner::Org.into()), ..secret(client("two")) };
    let given_away = credential_of(soon(credentials.update(given_away)).await.unwrap().into_inner().object);
    assert_eq!((given_away.user, given_away.version), (None, 2), "the secret is the same");
    let wrong = pb::SecretRequest { weight: Some(0), ..secret(client("two")) };
    assert_eq!(fields(&soon(credentials.update(wrong)).await.unwrap_err()), ["weight"]);
}
