//! Opening: from nothing, again, with the wrong key, and files that are not ours.

use domain::Scope;
use registry::{Registry, RegistryError};
use seal::{Keyring, Pepper, SealError, SealingKey};

use crate::story::{Story, keyring, sealing_key};

#[tokio::test]
async fn first_start_makes_organisation_policy_and_key_once() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("registry.db"), keyring()).await.unwrap();
    let first = registry.bootstrap().await.unwrap().expect("a first start");
    assert!(registry.bootstrap().await.unwrap().is_none());
    let tenant = registry.tenant(&first.organisation).unwrap();
    assert_eq!(tenant.organisation.name, "default");
    let policy = tenant.policy_named("default").unwrap();
    assert_eq!(tenant.organisation.default_policy.as_ref(), Some(&policy.id));
    assert_eq!(policy.strategy.as_str(), "intelligent");
    let snapshot = registry.snapshot();
    let key = snapshot.keys.get(&registry.pepper().hash_key(first.key.key.expose())).unwrap();
    assert_eq!((key.scopes.as_slice(), key.name.as_str()), (&[Scope::Routing][..], "default"));
    assert!(Pepper::verify(&key.hash, &registry.pepper().hash_key(first.key.key.expose())));
}

#[tokio::test]
async fn reopened_registry_is_the_same_to_the_last_object() {
    let mut story = Story::furnished().await;
    let before = story.registry.snapshot();
    story.reopen().await;
    assert_eq!(*story.registry.snapshot(), *before);
    assert_eq!(story.registry.version(), before.version);
}

#[tokio::test]
async fn key_made_before_a_restart_is_found_after_it() {
    let mut story = Story::furnished().await;
    story.reopen().await;
    let hash = story.registry.pepper().hash_key("an-operators-own-key-of-32-chars-1");
    assert_eq!(story.registry.snapshot().keys.get(&hash).unwrap().name, "ci");
}

#[tokio::test]
async fn wrong_sealing_key_is_refused_with_both_ids_and_the_cure() {
    let story = Story::empty().await;
    story.registry.close().await;
    let other = SealingKey::from_bytes([8; 32]);
    let refused = Registry::open(&story.path(), Keyring::new(other.clone())).await.err().unwrap();
    let RegistryError::Seal { source: SealError::UnknownKey { needed, have }, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!((*needed, have.as_slice()), (keyring().current_id(), &[other.id()][..]));
    assert!(refused.to_string().contains("put back the sealing key"), "{refused}");
}

#[tokio::test]
async fn rotated_sealing_key_opens_everything_after_a_rewrap() {
    let story = Story::furnished().await;
    story.registry.close().await;
    let new = SealingKey::from_bytes([9; 32]);
    let both = Keyring::new(new.clone()).with_previous(sealing_key());
    let registry = Registry::open(&story.path(), both).await.unwrap();
    assert_eq!(registry.rewrap().await.unwrap(), 2, "the pepper and one credential");
    assert_eq!(registry.rewrap().await.unwrap(), 0);
    registry.close().await;
    let registry = Registry::open(&story.path(), Keyring::new(new)).await.unwrap();
    let credential = registry.tenant(&story.organisation).unwrap().credentials.values().next().unwrap().clone();
    let opened = registry.keyring().open(&seal::Aad::credential(&credential), &credential.sealed).unwrap();
    assert!(opened.matches(b"sk-provider-secret-1"));
    let hash = registry.pepper().hash_key("an-operators-own-key-of-32-chars-1");
    assert!(registry.snapshot().keys.get(&hash).is_some(), "keys stay valid");
}

#[tokio::test]
async fn registry_of_a_newer_release_is_refused() {
    let story = Story::empty().await;
    story.registry.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(story.path());
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (999, 'later', 1, x'00', 0)";
    sqlx::query(newer).execute(&pool).await.unwrap();
    pool.close().await;
    let refused = Registry::open(&story.path(), keyring()).await.err().unwrap();
    assert!(matches!(refused, RegistryError::Newer { found: 999, .. }), "{refused}");
    assert!(refused.to_string().contains("run the release that wrote it"), "{refused}");
}

#[tokio::test]
async fn file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let text = "this is a letter, not a database, and long enough to be read as a header of one hundred bytes or more";
    std::fs::write(&path, text).unwrap();
    let refused = Registry::open(&path, keyring()).await.err().unwrap().to_string();
    assert!(refused.contains("registry.db") && refused.contains("not a database"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Registry::open(&folder.path().join("no/registry.db"), keyring()).await.err().unwrap().to_string();
    assert!(refused.contains("no/registry.db") && refused.contains("folder must exist"), "{refused}");
}

#[tokio::test]
async fn sealed_secret_is_nowhere_in_the_file_in_clear() {
    let story = Story::furnished().await;
    story.registry.close().await;
    for entry in std::fs::read_dir(story.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in ["sk-provider-secret-1", "an-operators-own-key-of-32-chars-1"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}
