//! Slow watchers: fewer steps, not more memory. What is sent is tested end to end in `tests/it`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use domain::desired::KeySpec;
use proto::watch::{Assembler, Event};
use tokio_stream::StreamExt;

use super::*;
use crate::Limits;
use crate::auth::Caller;
use crate::testing::shared;

fn key(name: &str) -> KeySpec {
    serde_json::from_value(serde_json::json!({ "name": name })).unwrap()
}

async fn watch(shared: &Arc<Shared>) -> ReceiverStream<Result<pb::WatchMessage, Status>> {
    let service = SnapshotService { shared: shared.clone() };
    service.watch(Request::new(pb::WatchRequest::default())).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_slow_watcher_gets_many_changes_in_few_steps() {
    let (shared, _folder) = shared(Limits::default()).await;
    let mut stream = watch(&shared).await;
    let organisation = shared.organisation(None, &Caller::Operator).unwrap();
    for number in 0..20 {
        shared
            .registry
            .create_key(&organisation.id, key(&format!("key {number}")), registry::Terms::operator())
            .await
            .unwrap();
    }
    let (mut assembler, mut commits) = (Assembler::new(None), 0);
    let newest = shared.registry.snapshot();
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap().unwrap();
        if let Event::Committed(snapshot) = assembler.take(message).unwrap() {
            commits += 1;
            if snapshot.version == newest.version {
                assert_eq!(snapshot, newest);
                break;
            }
        }
    }
    assert!(commits <= 3, "{commits} steps for 20 changes");
}

#[tokio::test]
async fn a_watcher_that_takes_nothing_is_let_go() {
    let (shared, _folder) = shared(Limits { stall: Duration::from_millis(5), watchers: 1, ..Limits::default() }).await;
    let stalled = watch(&shared).await;
    let service = SnapshotService { shared: shared.clone() };
    let refused = service.watch(Request::new(pb::WatchRequest::default())).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    // Its place comes free without the watcher's doing.
    let place = shared.watchers.acquire();
    drop(tokio::time::timeout(Duration::from_secs(10), place).await.unwrap().unwrap());
    drop(stalled);
}
