//! The certificate towards callers: read again when its files change, or on SIGHUP.
//!
//! The folders are watched rather than the files, since whoever renews certificates replaces files by renaming, one after
//! the other. Until both fit together, what was in force stays in force.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gateway::{Gateway, TlsFiles};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Certificate and key are replaced one after the other: what comes within this belongs together.
const SETTLE: Duration = Duration::from_millis(200);

/// Files that are being watched, until dropped.
pub(crate) struct Watch {
    _watcher: RecommendedWatcher,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the files again whenever one changes.
pub(crate) fn watch(gateway: &Arc<Gateway>, files: &TlsFiles) -> anyhow::Result<Watch> {
    let changed = Arc::new(Notify::new());
    let notify = changed.clone();
    let names = [&files.certificate, &files.key].map(|file| file.file_name().map(OsStr::to_owned));
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_)) && speaks_of(&event, &names)) {
            notify.notify_one();
        }
    })?;
    for file in [&files.certificate, &files.key] {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .with_context(|| format!("cannot watch {}", folder.display()))?;
    }
    let mut hangup = signal(SignalKind::hangup())?;
    let gateway = gateway.clone();
    let task = tokio::spawn(async move {
        loop {
            tokio::select! {
                () = changed.notified() => tokio::time::sleep(SETTLE).await,
                _ = hangup.recv() => {}
            }
            match gateway.reload_tls() {
                Ok(()) => tracing::info!("the certificate towards callers was read again"),
                Err(fault) => {
                    metrics::counter!("signalbox_tls_reload_faults_total").increment(1);
                    tracing::error!(%fault, "the certificate towards callers stays as it is");
                }
            }
        }
    });
    Ok(Watch { _watcher: watcher, task })
}

/// Whether an event is about one of the files. A log beside them changes all the time; a mounted secret is renewed by
/// renaming a link that begins with two dots.
fn speaks_of(event: &notify::Event, names: &[Option<OsString>]) -> bool {
    event.paths.iter().filter_map(|path| path.file_name()).any(|changed| {
        names.iter().flatten().any(|name| name == changed) || changed.to_string_lossy().starts_with("..")
    })
}
