//! Providers that take tokens instead of a fixed secret: the gateway fetches one and shows it.

use std::sync::Arc;

use domain::{Change, Credential, CredentialKind, Object, SealedBytes, SnapshotVersion};
use seal::Aad;

use crate::engine::{Mood, ScriptedEngine};
use crate::stack::{KEY, TestStack, ask, summary};
use crate::upstream::{Upstream, refusal, whole};
use crate::wire::post;

/// Makes the secret of the first provider an OAuth client of this token server.
fn use_tokens_of(stack: &TestStack, tokens: &Upstream) -> ScriptedEngine {
    let tenant = stack.snapshot.tenants.values().next().unwrap();
    let before = tenant.credentials.values().find(|it| it.provider.as_str() == "p0").unwrap();
    let mut client = Credential {
        kind: CredentialKind::OauthClientCredentials,
        version: before.version + 1,
        sealed: SealedBytes(Vec::new()),
        ..Credential::clone(before)
    };
    let secret = serde_json::json!({
        "token_url": format!("http://{}/token", tokens.address), "client_id": "gateway", "client_secret": "canary"
    });
    client.sealed = stack.keyring.seal(&Aad::credential(&client), secret.to_string().as_bytes());
    let engine = ScriptedEngine::start(&stack.engine_socket(), Mood::Scores(0.5));
    let version = SnapshotVersion { revision: 2, ..stack.snapshot.version };
    engine.publish(stack.snapshot.apply(version, [Change::Put(Object::Credential(Arc::new(client)))]));
    stack.wait_for_revision(2);
    engine
}

#[test]
fn requests_show_a_token_that_is_fetched_once() {
    let tokens = Upstream::answering(whole("200 OK", "", r#"{"access_token":"token-1","expires_in":3600}"#));
    let upstream = Upstream::good();
    let stack = TestStack::over(&[upstream.address]);
    let _engine = use_tokens_of(&stack, &tokens);
    for _ in 0..3 {
        let answer = stack.chat(&ask(""));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let head = upstream.last_request().to_ascii_lowercase();
        assert!(head.contains("authorization: bearer token-1\r\n"), "{head}");
    }
    assert_eq!(tokens.calls(), 1);
}

#[test]
fn a_token_that_the_provider_refuses_is_not_used_again_on_its_own_paths_either() {
    let tokens = Upstream::answering(whole("200 OK", "", r#"{"access_token":"token-1","expires_in":3600}"#));
    let refusing = Upstream::answering(refusal("401 Unauthorized", "", "x", "invalid_token", "no"));
    let stack = TestStack::over(&[refusing.address]);
    let _engine = use_tokens_of(&stack, &tokens);
    // With a model of the catalogue and with none.
    for (times, body) in [(1, r#"{"model":"native-0"}"#), (2, "{}"), (3, r#"{"model":"native-0","input":"x"}"#)] {
        assert_eq!(stack.send(&post("/p0/v1/files", KEY, body)).status, 401);
        assert_eq!((tokens.calls(), refusing.calls()), (times, times));
    }
}

#[test]
fn a_token_server_that_refuses_moves_on_to_the_next_candidate() {
    let tokens = Upstream::answering(refusal("401 Unauthorized", "", "x", "invalid_client", "no"));
    let (first, second) = (Upstream::good(), Upstream::good());
    let stack = TestStack::over(&[first.address, second.address]);
    let _engine = use_tokens_of(&stack, &tokens);
    let answer = stack.chat(&ask(""));
    assert_eq!((answer.status, first.calls(), second.calls()), (200, 0, 1), "{}", answer.body);
    let record = stack.record();
    assert_eq!(summary(&record).2, ["p0/small not_sent", "p1/small ok"]);
    assert!(!format!("{record:?}").contains("canary"));
}

#[test]
fn a_token_that_the_provider_refuses_is_not_used_again() {
    let tokens = Upstream::answering(whole("200 OK", "", r#"{"access_token":"token-1","expires_in":3600}"#));
    let refusing = Upstream::answering(refusal("401 Unauthorized", "", "x", "invalid_token", "no"));
    let second = Upstream::good();
    let stack = TestStack::over(&[refusing.address, second.address]);
    let _engine = use_tokens_of(&stack, &tokens);
    assert_eq!(stack.chat(&ask("")).status, 200);
    assert_eq!((tokens.calls(), refusing.calls()), (1, 1));
    // The key is out now; asked for by name it is tried all the same, with a token of its own.
    stack.chat(&ask("").replace("\"auto\"", "\"p0/small\""));
    assert_eq!((tokens.calls(), refusing.calls()), (2, 2));
}
