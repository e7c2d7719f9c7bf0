//! The configuration in force: an immutable snapshot, swapped whole, with the pepper that reads its keys.
//!
//! A running request keeps the snapshot that it began with.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use domain::{Snapshot, SnapshotVersion};
use providers::{Upstreams, Vault};
use seal::{Keyring, Pepper, SealError};

use crate::revocation::Revocations;
use crate::snapshot_store::SnapshotStore;

/// A snapshot that can be served.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) pepper: Pepper,
}

/// Why a snapshot cannot be put in force. The one before stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// It carries no pepper, so no key could be checked.
    #[error("the configuration has no key pepper: it does not come from a complete registry")]
    NoPepper,
    /// The sealing key of this gateway does not open it.
    #[error("the configuration cannot be opened")]
    Seal(#[from] SealError),
}

/// Holds the snapshot in force.
pub(crate) struct Snapshots {
    live: ArcSwapOption<Live>,
    keyring: Keyring,
    store: SnapshotStore,
    /// What the store holds; locked while it is written.
    stored: Mutex<Option<SnapshotVersion>>,
    vault: Arc<Vault>,
    upstreams: Arc<Upstreams>,
    revocations: Revocations,
}

impl Snapshots {
    pub(crate) fn new(keyring: Keyring, store: SnapshotStore, vault: Arc<Vault>, upstreams: Arc<Upstreams>) -> Self {
        Self {
            live: ArcSwapOption::empty(),
            keyring,
            store,
            stored: Mutex::default(),
            vault,
            upstreams,
            revocations: Revocations::default(),
        }
    }

    pub(crate) fn live(&self) -> Option<Arc<Live>> {
        self.live.load_full()
    }

    /// The keys under which something is running.
    pub(crate) fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    pub(crate) fn version(&self) -> Option<SnapshotVersion> {
        self.live.load().as_ref().map(|live| live.snapshot.version)
    }

    /// Puts a snapshot in force.
    pub(crate) fn install(&self, snapshot: Arc<Snapshot>) -> Result<(), InstallError> {
        let sealed = snapshot.pepper.as_ref().ok_or(InstallError::NoPepper)?;
        let pepper = Pepper::open(&self.keyring, sealed)?;
        self.vault.retain(&snapshot);
        self.upstreams.retain(|organisation, model| {
            snapshot.tenant(organisation).is_some_and(|tenant| tenant.models.contains_key(model))
        });
        self.upstreams.retain_credentials(|organisation, id, version| {
            let held = snapshot.tenant(organisation).and_then(|tenant| tenant.credentials.get(id));
            held.is_some_and(|held| held.version == version)
        });
        tracing::info!(revision = snapshot.version.revision, keys = snapshot.keys.len(), "configuration in force");
        metrics::gauge!("signalbox_snapshot_revision").set(snapshot.version.revision as f64);
        let live = Arc::new(Live { snapshot, pepper });
        self.live.store(Some(live.clone()));
        self.revocations.review(&live);
        Ok(())
    }

    /// Puts the stored snapshot in force, if there is one that is whole. Says what was wrong with others.
    pub(crate) fn install_stored(&self) -> bool {
        let (stored, faults) = self.store.load();
        for fault in faults {
            metrics::counter!("signalbox_snapshot_file_faults_total").increment(1);
            tracing::error!(fault = %chain(&fault), "a stored configuration cannot be used");
        }
        let Some(snapshot) = stored else { return false };
        let version = snapshot.version;
        match self.install(snapshot) {
            Ok(()) => {
                *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
                true
            }
            Err(fault) => {
                tracing::error!(fault = %chain(&fault), "the stored configuration cannot be used");
                false
            }
        }
    }

    /// Stores the snapshot in force, if it is not stored already. Blocks on the disk.
    pub(crate) fn save(&self) {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(live) = self.live().filter(|live| *stored != Some(live.snapshot.version)) else { return };
        match self.store.save(&live.snapshot) {
            Ok(()) => *stored = Some(live.snapshot.version),
            Err(fault) => {
                metrics::counter!("signalbox_snapshot_file_faults_total").increment(1);
                tracing::error!(fault = %chain(&fault), "the configuration in force cannot be stored");
            }
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
