//! Nothing crosses organisations.

use domain::ObjectKind;
use serde_json::json;

use crate::story::{Story, desired, furniture};

#[tokio::test]
async fn data_of_another_organisation_is_never_returned_or_touched() {
    let story = Story::furnished().await;
    let other = story.registry.create_organisation("other").await.unwrap();
    let before = story.tenant();
    assert!(story.registry.list_keys(&other).is_empty());
    assert!(story.registry.list_models(&other).is_empty() && story.registry.list_policies(&other).is_empty());
    assert!(story.registry.list_providers(&other).is_empty() && story.registry.list_routers(&other).is_empty());
    let key = story.registry.find_key(&story.organisation, "ci").unwrap();
    for text in ["ci", key.id.as_str()] {
        assert!(story.registry.find_key(&other, text).is_err());
        assert!(story.registry.revoke_key(&other, text, registry::Terms::operator()).await.is_err());
    }
    for (kind, name) in [
        (ObjectKind::Policy, before.policies.keys().next().unwrap().as_str()),
        (ObjectKind::Router, "edge"),
        (ObjectKind::Credential, before.credentials.keys().next().unwrap().as_str()),
        (ObjectKind::Model, "acme-ai/small"),
    ] {
        assert!(story.registry.delete(&other, kind, name, registry::Terms::operator()).await.is_err(), "{kind} {name}");
    }
    assert_eq!(story.tenant(), before);
}

#[tokio::test]
async fn references_do_not_reach_into_another_organisation() {
    let story = Story::furnished().await;
    let other = story.registry.create_organisation("other").await.unwrap();
    let policy = story.tenant().policies.keys().next().unwrap().to_string();
    let reach = desired(json!({
        "projects": [{"name": "p", "policy": policy}],
        "routers": [{"name": "r", "models": ["acme-ai/small"]}],
    }));
    let refused = story.registry.apply(&other, &reach, false, registry::Terms::operator()).await.unwrap_err();
    let faults: Vec<_> = refused.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            format!("projects[0].policy: there is no policy `{policy}`; there are none yet"),
            "routers[0].models[0]: there is no model `acme-ai/small`; there are none yet".to_owned(),
        ]
    );
}

#[tokio::test]
async fn two_organisations_may_use_the_same_names_but_not_the_same_key() {
    let story = Story::furnished().await;
    let other = story.registry.create_organisation("other").await.unwrap();
    let refused =
        story.registry.apply(&other, &desired(furniture()), false, registry::Terms::operator()).await.unwrap_err();
    // The message does not say whose key it is.
    assert_eq!(refused.to_string(), "keys[0].secret: this secret cannot be used: choose a new one");
    let mut file = furniture();
    file["keys"][0]["secret"] = json!("another-operators-own-key-of-32-chars");
    story.registry.apply(&other, &desired(file), false, registry::Terms::operator()).await.unwrap();
    let (here, there) = (story.tenant(), story.registry.tenant(&other).unwrap());
    assert_eq!(here.models.len(), there.models.len());
    assert!(here.policies.keys().all(|id| !there.policies.contains_key(id)));
    let (mine, theirs) = (here.credentials.values().next().unwrap(), there.credentials.values().next().unwrap());
    let swapped = domain::Credential { sealed: theirs.sealed.clone(), ..domain::Credential::clone(mine) };
    assert!(story.registry.keyring().open(&seal::Aad::credential(&swapped), &swapped.sealed).is_err());
}

#[tokio::test]
async fn organisation_names_are_unique() {
    let story = Story::empty().await;
    let refused = story.registry.create_organisation("acme").await.unwrap_err().to_string();
    assert_eq!(refused, "name: there is an organisation `acme` already: choose another name");
}
