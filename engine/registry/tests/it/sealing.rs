//! A new sealing key while the registry is in use, and processes that are killed in the middle of it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use domain::desired::KeySpec;
use registry::{Idempotency, Registry, Terms};
use seal::{Aad, KeyFiles};
use serde_json::json;

use crate::story::{Story, desired, keyring, sealing_key};

const CHILD: &str = "SIGNALBOX_TEST_ROTATES";
const KILLS: u64 = 25;
const CREDENTIALS: usize = 350;

fn secret(number: usize) -> String {
    format!("sk-provider-secret-{number}")
}

fn repeatable(number: u8) -> Terms {
    let idempotency = Idempotency { key: format!("request-{number}"), fingerprint: [number; 32] };
    Terms { idempotency: Some(idempotency), ..Terms::operator() }
}

fn key_named(number: u8) -> KeySpec {
    serde_json::from_value(json!({ "name": format!("key {number}") })).unwrap()
}

async fn open(folder: &Path) -> Registry {
    let keyring = KeyFiles::of(folder).load_or_create().unwrap();
    Registry::open(&folder.join("registry.db"), keyring).await.unwrap()
}

/// A registry with many secrets, and answers that may be asked for again; returns those.
async fn furnish(registry: &Registry) -> Vec<String> {
    let organisation = registry.bootstrap().await.unwrap().unwrap().organisation;
    let credentials: Vec<_> =
        (0..CREDENTIALS).map(|it| json!({ "name": format!("key {it}"), "secret": secret(it) })).collect();
    let provider =
        json!({"slug": "acme", "dialect": "openai", "base_url": "https://acme.example/v1", "credentials": credentials});
    let configuration = desired(json!({ "providers": [provider] }));
    registry.apply(&organisation, &configuration, false, Terms::operator()).await.unwrap();
    let mut answers = Vec::new();
    for number in 0..3 {
        let created = registry.create_key(&organisation, key_named(number), repeatable(number)).await.unwrap();
        answers.push(created.key.expose().to_owned());
    }
    answers
}

/// Every secret opens and is what it was, and every answer can be had again.
async fn check_whole(registry: &Registry, answers: &[String]) {
    let organisation = registry.list_organisations()[0].id.clone();
    let tenant = registry.tenant(&organisation).unwrap();
    assert_eq!(tenant.credentials.len(), CREDENTIALS);
    for credential in tenant.credentials.values() {
        let number = credential.name.trim_start_matches("key ").parse().unwrap();
        let opened = registry.keyring().open(&Aad::credential(credential), &credential.sealed).unwrap();
        assert!(opened.matches(secret(number).as_bytes()), "{}", credential.name);
    }
    for (number, text) in (0..).zip(answers) {
        assert!(registry.snapshot().keys.get(&registry.pepper().hash_key(text)).is_some(), "keys stay valid");
        let again = registry.create_key(&organisation, key_named(number), repeatable(number)).await.unwrap();
        assert_eq!(again.key.expose(), text, "the same answer");
    }
}

#[tokio::test]
async fn rotation_moves_everything_and_is_repeatable() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path()).await;
    let answers = furnish(&registry).await;
    let before = registry.seal_status().await.unwrap();
    assert_eq!((before.under_current, before.under_others), (CREDENTIALS as u64 + 4, 0));
    for _ in 0..2 {
        let from = registry.seal_status().await.unwrap().current;
        let status = registry.rotate_sealing_key().await.unwrap();
        assert_eq!((status.previous, status.under_others, status.rotating), (Some(from), 0, false));
        assert_eq!(registry.seal_status().await.unwrap(), status);
    }
    check_whole(&registry, &answers).await;
    registry.close().await;
    std::fs::remove_file(KeyFiles::of(folder.path()).previous()).unwrap();
    check_whole(&open(folder.path()).await, &answers).await;
}

#[tokio::test]
async fn changes_are_made_while_seals_are_moved() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path()).await;
    let answers = furnish(&registry).await;
    let organisation = registry.list_organisations()[0].id.clone();
    let changing = async {
        for number in 10..40 {
            registry.create_key(&organisation, key_named(number), repeatable(number)).await.unwrap();
        }
    };
    let (status, ()) = tokio::join!(registry.rotate_sealing_key(), changing);
    assert_eq!(status.unwrap().under_others, 0);
    assert_eq!(registry.seal_status().await.unwrap().under_others, 0, "later ones are sealed with the new key");
    check_whole(&registry, &answers).await;
}

#[tokio::test]
async fn keys_from_outside_are_not_made_anew_but_seals_are_moved() {
    let story = Story::furnished().await;
    story.registry.close().await;
    let new = seal::SealingKey::from_bytes([9; 32]);
    let both = seal::Keyring::new(new.clone()).with_previous(sealing_key());
    let registry = Registry::open(&story.path(), both).await.unwrap();
    assert_eq!(registry.seal_status().await.unwrap().under_others, 2);
    let status = registry.rotate_sealing_key().await.unwrap();
    assert_eq!((status.current, status.under_others, status.can_rotate), (new.id(), 0, false));
    assert_ne!(status.current, keyring().current_id());
}

#[tokio::test]
#[ignore = "is run by the test that kills it"]
async fn child_rotates_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let registry = open(Path::new(&folder)).await;
    eprintln!("ready");
    loop {
        registry.rotate_sealing_key().await.unwrap();
    }
}

#[tokio::test]
async fn killed_at_any_moment_a_rotation_loses_nothing_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let registry = open(folder.path()).await;
    let answers = furnish(&registry).await;
    registry.close().await;
    let (mut random, mut in_the_middle) = (7_u64, 0);
    for _ in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "sealing::child_rotates_until_it_is_killed", "--ignored", "--nocapture"]);
        let mut child = child.env(CHILD, folder.path()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().ends_with("ready")), "the child has begun");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Not to wait for something to happen, but to hit a moment that nobody chose.
        std::thread::sleep(Duration::from_micros((random >> 33) % 150_000));
        child.kill().unwrap();
        child.wait().unwrap();

        let registry = open(folder.path()).await;
        in_the_middle += u64::from(registry.seal_status().await.unwrap().rotating);
        check_whole(&registry, &answers).await;
        registry.close().await;
    }
    assert!(in_the_middle > KILLS / 5, "only {in_the_middle} kills hit a rotation");
    let registry = open(folder.path()).await;
    let status = registry.rotate_sealing_key().await.unwrap();
    assert_eq!((status.under_current, status.under_others, status.rotating), (CREDENTIALS as u64 + 4, 0, false));
    check_whole(&registry, &answers).await;
}
