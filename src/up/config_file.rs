//! The configuration file of `up --config`: applied at start, and again whenever it changes.
//!
//! A file that is wrong changes nothing and is reported; at start it ends the process. The folder is watched rather than
//! the file, since editors and orchestrators replace files by renaming.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use config::{ProcessEnv, Secrets};
use domain::OrganisationId;
use domain::desired::Diff;
use futures_util::FutureExt as _;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use registry::Registry;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::commands::located;
use crate::exit::UsageError;
use crate::up::new_keys::show_of_changed_file;

/// Editors write in several steps: what comes within this belongs together.
const SETTLE: Duration = Duration::from_millis(100);

/// A file that is being watched, until dropped.
pub(crate) struct Watch {
    _watcher: RecommendedWatcher,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Applies the file once.
pub(crate) async fn apply(registry: &Registry, organisation: &OrganisationId, file: &Path) -> anyhow::Result<Diff> {
    let loaded = config::load(file, Secrets::Resolve(&ProcessEnv)).map_err(|faults| UsageError(faults.to_string()))?;
    for warning in &loaded.warnings {
        tracing::warn!(file = %file.display(), line = warning.line, "{}: {}", warning.path, warning.message);
    }
    let applied = registry.apply(organisation, &loaded.desired, false, registry::Terms::operator()).await;
    let diff = applied.map_err(|error| match error.faults() {
        [] => anyhow!(error),
        faults => UsageError(located(file, &loaded.positions, faults)).into(),
    })?;
    for warning in &diff.warnings {
        tracing::warn!(file = %file.display(), "{warning}");
    }
    Ok(diff)
}

/// Applies the file again whenever it changes. Keys that this makes are shown once on standard output.
pub(crate) fn watch(
    registry: &Registry,
    organisation: &OrganisationId,
    file: &Path,
    as_json: bool,
) -> anyhow::Result<Watch> {
    let file = file.canonicalize().with_context(|| format!("cannot watch {}", file.display()))?;
    let folder = file.parent().context("a file lies in a folder")?.to_owned();
    let changed = Arc::new(Notify::new());
    let notify = changed.clone();
    let name = file.file_name().map(ToOwned::to_owned);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let concerns = event.paths.iter().any(|path| path.file_name() == name.as_deref() || path.ends_with("..data"));
        if concerns && !matches!(event.kind, EventKind::Access(_)) {
            notify.notify_one();
        }
    })?;
    watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    let task = tokio::spawn(follow(registry.clone(), organisation.clone(), file, changed, as_json));
    Ok(Watch { _watcher: watcher, task })
}

async fn follow(registry: Registry, organisation: OrganisationId, file: PathBuf, changed: Arc<Notify>, as_json: bool) {
    loop {
        changed.notified().await;
        tokio::time::sleep(SETTLE).await;
        // What was told meanwhile is in what is read now.
        let _ = changed.notified().now_or_never();
        match apply(&registry, &organisation, &file).await {
            Ok(diff) if diff.is_empty() => {}
            Ok(diff) => {
                tracing::info!(changes = diff.lines.len(), "the configuration file was applied");
                if let Err(fault) = show_of_changed_file(&diff.created_keys, as_json) {
                    tracing::error!("a new key could not be shown: revoke it and create another: {fault:#}");
                }
            }
            Err(fault) => {
                metrics::counter!("signalbox_config_faults_total").increment(1);
                tracing::error!("the configuration file is wrong and changes nothing: {fault:#}");
            }
        }
    }
}
