//! API keys: made, found, revoked, replaced.

use domain::KeyText;
use domain::desired::{CreatedKey, KeySpec};
use serde_json::json;

use crate::story::Story;

fn spec(name: &str) -> KeySpec {
    serde_json::from_value(json!({"name": name})).unwrap()
}

async fn create(story: &Story, name: &str) -> CreatedKey {
    story.registry.create_key(&story.organisation, spec(name), registry::Terms::operator()).await.unwrap()
}

#[tokio::test]
async fn made_key_is_well_formed_and_found_by_its_hash_alone() {
    let story = Story::empty().await;
    let created = create(&story, "mine").await;
    let text = created.key.expose();
    assert!(text.starts_with("sk-sb-") && !KeyText::is_malformed(text));
    let snapshot = story.registry.snapshot();
    let record = snapshot.keys.get(&story.registry.pepper().hash_key(text)).unwrap();
    assert_eq!((record.id.to_string(), record.name.as_str()), (created.id, "mine"));
    assert_eq!(record.hint, KeyText::hint(text));
    assert!(!format!("{record:?}").contains(text));
}

#[tokio::test]
async fn second_key_of_a_name_is_refused_until_the_first_is_revoked() {
    let story = Story::empty().await;
    let first = create(&story, "mine").await;
    let refused = story
        .registry
        .create_key(&story.organisation, spec("mine"), registry::Terms::operator())
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(refused, "name: there is a key `mine` already: choose another name, or revoke it");
    let revoked = story.registry.revoke_key(&story.organisation, "mine", registry::Terms::operator()).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    let second = create(&story, "mine").await;
    assert_ne!(first.id, second.id);
    let found = story.registry.find_key(&story.organisation, "mine").unwrap();
    assert_eq!(found.id.to_string(), second.id, "the one in force is found first");
    assert_eq!(story.registry.list_keys(&story.organisation).len(), 2);
}

#[tokio::test]
async fn revoked_key_stays_revoked_and_says_so_to_followers() {
    let mut story = Story::empty().await;
    let created = create(&story, "mine").await;
    let from = story.registry.version();
    let once = story.registry.revoke_key(&story.organisation, &created.id, registry::Terms::operator()).await.unwrap();
    let version = story.registry.version();
    assert_eq!(story.registry.changes_since(from).unwrap().1.len(), 1);
    let twice = story.registry.revoke_key(&story.organisation, &created.id, registry::Terms::operator()).await.unwrap();
    assert_eq!((once, version), (twice, story.registry.version()));
    story.reopen().await;
    assert!(story.registry.find_key(&story.organisation, &created.id).unwrap().revoked_at.is_some());
}

#[tokio::test]
async fn new_key_with_the_secret_of_a_revoked_one_is_refused() {
    let story = Story::furnished().await;
    story.registry.revoke_key(&story.organisation, "ci", registry::Terms::operator()).await.unwrap();
    for name in ["ci", "ci2"] {
        let mut again = spec(name);
        again.secret = Some(domain::SecretText::new("an-operators-own-key-of-32-chars-1".to_owned()));
        let created = story.registry.create_key(&story.organisation, again, registry::Terms::operator()).await;
        let fault = created.unwrap_err().to_string();
        assert_eq!(fault, "keys[0].secret: the revoked key `ci` has this secret: choose a new one");
    }
}

#[tokio::test]
async fn file_that_still_names_a_revoked_key_is_applied_without_it() {
    let story = Story::furnished().await;
    story.registry.revoke_key(&story.organisation, "ci", registry::Terms::operator()).await.unwrap();
    let file = json!({
        "keys": [{"name": "ci", "secret": "an-operators-own-key-of-32-chars-1"}],
        "projects": [{"name": "new"}],
    });
    let diff = story.apply(file).await;
    let warning = "keys[0]: the key `ci` was revoked and stays so: take it out of the file, or give it a new secret";
    assert_eq!(diff.warnings, [warning]);
    assert!(story.registry.find_key(&story.organisation, "ci").unwrap().revoked_at.is_some());
    assert_eq!(story.registry.list_projects(&story.organisation).iter().filter(|it| it.name == "new").count(), 1);
    // With a secret of its own it is a new key, as before.
    let renewed = story.apply(json!({"keys": [{"name": "ci", "secret": "an-operators-own-key-of-32-chars-2"}]})).await;
    assert_eq!(renewed.warnings, [""; 0]);
    assert!(story.registry.find_key(&story.organisation, "ci").unwrap().revoked_at.is_none());
}

#[tokio::test]
async fn revoked_secret_is_left_out_of_a_file_whatever_has_its_name_now() {
    let story = Story::furnished().await;
    story.registry.revoke_key(&story.organisation, "ci", registry::Terms::operator()).await.unwrap();
    let live = create(&story, "ci").await;
    let before = story.registry.find_key(&story.organisation, "ci").unwrap();
    let old = "an-operators-own-key-of-32-chars-1";
    let file = json!({
        "keys": [
            {"name": "ci", "secret": old, "allowed_models": ["acme-ai/small"]},
            {"name": "renamed", "secret": old},
            {"name": "other", "secret": "an-operators-own-key-of-32-chars-2"},
        ],
    });
    let diff = story.apply(file).await;
    let advice = "was revoked and stays so: take it out of the file, or give it a new secret";
    assert_eq!(
        diff.warnings,
        [
            format!("keys[0]: the key `ci` {advice}; the live key `ci` is another one and stays as it is"),
            format!("keys[1]: `renamed` has the secret of the key `ci`, which {advice}"),
        ]
    );
    let after = story.registry.find_key(&story.organisation, "ci").unwrap();
    assert_eq!((after.id.to_string(), after), (live.id, before));
    assert!(story.registry.find_key(&story.organisation, "renamed").is_err());
    assert!(story.registry.find_key(&story.organisation, "other").is_ok(), "the rest is applied");
}

#[tokio::test]
async fn key_that_a_file_had_made_is_not_made_anew_after_its_revocation() {
    let story = Story::furnished().await;
    let file =
        || json!({"keys": [{"name": "auto", "allowed_models": ["acme-ai/small"]}], "projects": [{"name": "new"}]});
    let keys = || story.registry.list_keys(&story.organisation).into_iter().filter(|it| it.name == "auto").count();
    assert_eq!(story.apply(file()).await.created_keys.len(), 1);
    story.registry.revoke_key(&story.organisation, "auto", registry::Terms::operator()).await.unwrap();
    let again = story.apply(file()).await;
    let warning = "keys[0]: the key `auto` was revoked and stays so: take it out of the file, make a new one with \
                   `signalbox keys create`, or choose another name";
    assert_eq!((again.warnings, again.created_keys, keys()), (vec![warning.to_owned()], vec![], 1));
    // Made by the operator, it is the file's again.
    let made = create(&story, "auto").await;
    let renewed = story.apply(file()).await;
    assert_eq!((renewed.warnings, renewed.created_keys, keys()), (vec![], vec![], 2));
    let live = story.registry.find_key(&story.organisation, "auto").unwrap();
    assert_eq!((live.id.to_string(), live.allowed_models.len()), (made.id, 1));
}

#[tokio::test]
async fn unknown_key_is_named_with_the_nearest() {
    let story = Story::furnished().await;
    let unknown = story.registry.revoke_key(&story.organisation, "cii", registry::Terms::operator()).await.unwrap_err();
    assert!(matches!(unknown, registry::ApplyError::Unknown { .. }));
    assert_eq!(unknown.to_string(), "there is no key `cii`; did you mean `ci`?");
}

#[tokio::test]
async fn operators_own_key_is_answered_as_given() {
    let story = Story::empty().await;
    let mut own = spec("own");
    own.secret = Some(domain::SecretText::new("an-operators-own-key-of-32-chars-9".to_owned()));
    let created = story.registry.create_key(&story.organisation, own, registry::Terms::operator()).await.unwrap();
    assert_eq!(created.key.expose(), "an-operators-own-key-of-32-chars-9");
    assert_eq!(story.registry.find_key(&story.organisation, "own").unwrap().id.to_string(), created.id);
}

#[tokio::test]
async fn one_secret_is_one_key_even_within_a_file() {
    let story = Story::empty().await;
    let twice = json!([{"name": "a", "secret": "an-operators-own-key-of-32-chars-9"}, {"name": "b", "secret": "an-operators-own-key-of-32-chars-9"}]);
    let faults = story.refused(json!({"keys": twice})).await;
    assert_eq!(faults, ["keys[1].secret: the key `a` has this secret: choose a new one"]);
}
