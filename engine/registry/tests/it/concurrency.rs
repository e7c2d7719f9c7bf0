//! Many at once: no deadlock, nothing lost, callers may leave.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use domain::ObjectKind;
use serde_json::json;
use tokio::time::timeout;

use crate::story::{Story, desired};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundred_concurrent_applies_all_land() {
    let story = Story::furnished().await;
    let from = story.registry.version();
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let (registry, organisation) = (story.registry.clone(), story.organisation.clone());
            let file = desired(json!({"models": [{"id": format!("acme-ai/m{number}")}]}));
            tokio::spawn(async move {
                registry.apply(&organisation, &file, false, registry::Terms::operator()).await.map(|_| ())
            })
        })
        .collect();
    timeout(Duration::from_mins(1), async {
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    })
    .await
    .expect("no deadlock");
    assert_eq!(story.registry.version().revision, from.revision + 100);
    assert_eq!(story.tenant().models.len(), 103);
    assert_eq!(story.registry.changes_since(from).unwrap().1.len(), 100);
}

#[tokio::test]
async fn caller_that_leaves_does_not_leave_readers_behind() {
    let mut story = Story::furnished().await;
    let mut versions = story.registry.subscribe();
    versions.mark_unchanged();
    {
        let file = desired(json!({"models": [{"id": "acme-ai/late"}]}));
        let mut apply = Box::pin(story.registry.apply(&story.organisation, &file, false, registry::Terms::operator()));
        // Polled once, so the change is on its way, and then dropped.
        assert!(poll_fn(|context| Poll::Ready(apply.as_mut().poll(context).is_pending())).await);
    }
    timeout(Duration::from_secs(20), versions.changed()).await.expect("it is committed").unwrap();
    assert_eq!(story.tenant().models.len(), 4);
    let snapshot = story.registry.snapshot();
    story.reopen().await;
    assert_eq!(*story.registry.snapshot(), *snapshot);
}

#[tokio::test]
async fn change_by_another_process_is_noticed_and_read() {
    let story = Story::furnished().await;
    let second = registry::Registry::open(&story.path(), crate::story::keyring()).await.unwrap();
    second.delete(&story.organisation, ObjectKind::Router, "edge", registry::Terms::operator()).await.unwrap();
    let file = desired(json!({"models": [{"id": "acme-ai/new"}]}));
    let refused = story
        .registry
        .apply(&story.organisation, &file, false, registry::Terms::operator())
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("changed by another process") && refused.contains("try again"), "{refused}");
    assert_eq!(story.registry.snapshot(), second.snapshot());
    story.registry.apply(&story.organisation, &file, false, registry::Terms::operator()).await.unwrap();
}
