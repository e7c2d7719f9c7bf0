//! The thread that writes bodies and deletes those whose time is over.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use super::erase::Which;
use super::recorder::Entry;
use super::store::BodyStore;
use super::{Job, Shared};

/// Bodies are promised to go after days: looking once an hour is often enough, since each check reads the whole file.
const SWEEP: Duration = Duration::from_hours(1);
/// Requests per transaction.
const BATCH: usize = 64;

/// Writes until nobody can send any more.
pub(super) fn run(dir: &Path, shared: &Arc<Shared>, jobs: Receiver<Job>) {
    match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime.block_on(work(dir, shared, jobs)),
        Err(error) => tracing::error!(%error, "no runtime can be made for bodies; none are kept"),
    }
}

async fn work(dir: &Path, shared: &Arc<Shared>, mut jobs: Receiver<Job>) {
    let mut store = None;
    let mut next_sweep = Instant::now();
    loop {
        if Instant::now() >= next_sweep {
            sweep(dir, &mut store).await;
            next_sweep = Instant::now() + SWEEP;
        }
        let first = match timeout_at(next_sweep, jobs.recv()).await {
            Ok(Some(job)) => job,
            Ok(None) => break,
            Err(_) => continue,
        };
        let (mut entries, mut flushes) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Keep(entry) => entries.push(entry),
                Job::Flush(done) => flushes.push(done),
            }
            next = if entries.len() < BATCH { jobs.try_recv().ok() } else { None };
        }
        write(dir, &mut store, shared, &entries).await;
        // Whoever has waited for them finds their room free again.
        drop(entries);
        for done in flushes {
            let _ = done.send(());
        }
    }
    if let Some(store) = store {
        store.close().await;
    }
}

async fn write(dir: &Path, store: &mut Option<BodyStore>, shared: &Shared, entries: &[Box<Entry>]) {
    if entries.is_empty() {
        return;
    }
    let written = match opened(dir, store).await {
        Some(open) => open.keep(entries).await.map_err(|error| tracing::error!(%error, "bodies cannot be kept")),
        None => Err(()),
    };
    if written.is_ok() {
        shared.kept(entries.len() as u64);
        return;
    }
    // The next ones try a fresh connection.
    *store = None;
    for _ in entries {
        shared.dropped("store");
    }
}

async fn opened<'a>(dir: &Path, store: &'a mut Option<BodyStore>) -> Option<&'a mut BodyStore> {
    if store.is_none() {
        match BodyStore::create(dir).await {
            Ok(open) => *store = Some(open),
            Err(error) => tracing::error!(%error, "bodies cannot be kept"),
        }
    }
    store.as_mut()
}

/// Deletes the bodies whose time is over.
async fn sweep(dir: &Path, store: &mut Option<BodyStore>) {
    let Some(open) = opened(dir, store).await else { return };
    match open.erase(&Which::ExpiredBy(now())).await {
        Ok(erased) if erased.requests > 0 => {
            metrics::counter!("signalbox_bodies_expired_total").increment(erased.requests);
            tracing::info!(requests = erased.requests, "bodies whose time was over are gone");
        }
        Ok(_) => {}
        Err(error) => {
            metrics::counter!("signalbox_bodies_erase_failures_total").increment(1);
            tracing::error!(%error, "bodies whose time is over are not gone; the next hour tries again");
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
