//! Withdraws what runs under an API key that no longer holds: revoked, deleted, replaced or expired.
//!
//! Who runs holds a [`Grant`] and races it against its work. One entry stands for all requests of a key, and only while
//! there are any, so a new configuration is compared with the keys that are running and never with all there are; those
//! whose keys still hold are not woken. What the caller is told stands in `error`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{ApiKey, KeyHash, Scope, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::app::App;
use crate::layers::auth::KeyFault;
use crate::snapshots::Live;

/// Expiry is by the wall clock, which may be set: it is looked at this often while an end is far off.
const CLOCK_CHECK: Duration = Duration::from_secs(30);

/// Whether a key may be used, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    fault: Option<KeyFault>,
    expires_at: Option<Timestamp>,
}

impl Standing {
    /// What a configuration says of a key. One that it does not have was deleted, or has another secret by now.
    fn of(live: &Live, hash: &KeyHash) -> Self {
        match live.snapshot.keys.get(hash) {
            None => Self { fault: Some(KeyFault::Revoked), expires_at: None },
            Some(key) => Self { fault: withdrawn(key), expires_at: key.expires_at },
        }
    }

    fn at(self, now: Timestamp) -> Option<KeyFault> {
        let expired = self.expires_at.is_some_and(|end| end <= now);
        self.fault.or_else(|| expired.then_some(KeyFault::Expired))
    }
}

/// What takes a key its right to send requests, whatever the time.
fn withdrawn(key: &ApiKey) -> Option<KeyFault> {
    if key.revoked_at.is_some() {
        return Some(KeyFault::Revoked);
    }
    (!key.scopes.contains(&Scope::Routing)).then_some(KeyFault::Scope)
}

/// Why a key may not send requests now; `None` = it may.
pub(crate) fn fault_of(key: &ApiKey, now: Timestamp) -> Option<KeyFault> {
    // In the order in which callers are told: what is past cannot be mended by a scope.
    let expired = key.expires_at.is_some_and(|end| end <= now);
    match withdrawn(key) {
        Some(KeyFault::Scope) | None if expired => Some(KeyFault::Expired),
        fault => fault,
    }
}

/// Why the key with this hash may not send requests now, by the configuration in force.
pub(crate) fn fault_of_hash(live: &Live, hash: &KeyHash, now: Timestamp) -> Option<KeyFault> {
    Standing::of(live, hash).at(now)
}

// === Revocations ===

/// The keys under which something is running.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    running: Mutex<HashMap<KeyHash, Running>>,
}

#[derive(Debug)]
struct Running {
    standing: watch::Sender<Standing>,
    grants: usize,
}

impl Revocations {
    /// Tells those that run what a new configuration says of their keys.
    pub(crate) fn review(&self, live: &Live) {
        for (hash, running) in self.lock().iter() {
            let standing = Standing::of(live, hash);
            running.standing.send_if_modified(|held| {
                let changed = *held != standing;
                *held = standing;
                changed
            });
        }
    }

    fn enter(&self, key: &ApiKey) -> watch::Receiver<Standing> {
        let mut keys = self.lock();
        let running = keys.entry(key.hash).or_insert_with(|| {
            let standing = Standing { fault: None, expires_at: key.expires_at };
            Running { standing: watch::Sender::new(standing), grants: 0 }
        });
        running.grants += 1;
        running.standing.subscribe()
    }

    fn leave(&self, hash: KeyHash) {
        if let Entry::Occupied(mut running) = self.lock().entry(hash) {
            running.get_mut().grants -= 1;
            if running.get().grants == 0 {
                running.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyHash, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === Grant ===

/// The right of one request to go on.
pub(crate) struct Grant {
    app: Arc<App>,
    hash: KeyHash,
    standing: watch::Receiver<Standing>,
}

impl Grant {
    /// The right of a request whose key has been let in.
    pub(crate) fn of(app: &Arc<App>, key: &ApiKey) -> Self {
        let standing = app.snapshots.revocations().enter(key);
        let grant = Self { app: app.clone(), hash: key.hash, standing };
        // The configuration may have changed between the key's look-up and its entry here.
        if let Some(live) = app.snapshots.live()
            && Standing::of(&live, &key.hash) != *grant.standing.borrow()
        {
            app.snapshots.revocations().review(&live);
        }
        grant
    }

    /// Waits until the right is withdrawn, and says why. Whoever ends by this counts as cut.
    pub(crate) async fn withdrawn(&mut self) -> KeyFault {
        loop {
            let standing = *self.standing.borrow_and_update();
            let now = self.app.clock.wall();
            if let Some(fault) = standing.at(now) {
                metrics::counter!("signalbox_requests_cut_total", "code" => fault.code()).increment(1);
                return fault;
            }
            match standing.expires_at {
                None => self.changes().await,
                Some(end) => {
                    let left = u64::try_from(end.unix_micros() - now.unix_micros()).unwrap_or(0);
                    let nap = Duration::from_micros(left).min(CLOCK_CHECK);
                    tokio::select! {
                        () = self.changes() => {}
                        () = sleep(nap) => {}
                    }
                }
            }
        }
    }

    async fn changes(&mut self) {
        if self.standing.changed().await.is_err() {
            // Cannot be while this grant is counted; without news the key stays as it was.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.app.snapshots.revocations().leave(self.hash);
    }
}
