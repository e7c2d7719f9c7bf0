//! The registry itself: one writer, an in-memory snapshot that is current after every commit, and who follows it.

mod changing;
mod drafts;
mod lookups;
mod past;
mod sealing;
mod starting;
mod writing;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use domain::desired::CreatedKey;
use domain::{Change, Object, ObjectKey, OrganisationId, Snapshot, SnapshotVersion};
use seal::{Keyring, Pepper};
use tokio::sync::watch;

use crate::change_log::ChangeLog;
use crate::error::RegistryError;
use crate::plan::Context;
use crate::store::{Loaded, Store};
use crate::terms::Etag;

pub use sealing::SealStatus;
pub(crate) use sealing::aad_of_answer;

/// The configuration store. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

/// What a first start made; the key is shown once.
#[derive(Clone, Debug)]
pub struct FirstStart {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The first API key.
    pub key: CreatedKey,
}

struct Inner {
    store: Store,
    keyring: Keyring,
    pepper: Pepper,
    /// Held from planning to publishing, over the commit's await: plans build on each other.
    writer: tokio::sync::Mutex<()>,
    live: RwLock<Live>,
    version: watch::Sender<SnapshotVersion>,
}

/// What readers see.
struct Live {
    snapshot: Arc<Snapshot>,
    log: ChangeLog,
}

impl Registry {
    /// Opens the registry of a file, or makes one; refuses a sealing key that does not open it.
    pub async fn open(path: &Path, keyring: Keyring) -> Result<Self, RegistryError> {
        let store = Store::open(path).await?;
        let loaded = match store.load().await? {
            Some(loaded) => loaded,
            None => create(&store, &keyring).await?,
        };
        let live = Live::from(loaded);
        let sealed = live.snapshot.pepper.as_ref().ok_or(RegistryError::Incomplete { what: "the sealed pepper" })?;
        let pepper = Pepper::open(&keyring, sealed)
            .map_err(|source| RegistryError::Seal { what: "the registry".to_owned(), source })?;
        let (version, _) = watch::channel(live.snapshot.version);
        let writer = tokio::sync::Mutex::new(());
        let inner = Inner { store, keyring, pepper, writer, live: RwLock::new(live), version };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The current version.
    pub fn version(&self) -> SnapshotVersion {
        *self.inner.version.borrow()
    }

    /// The current configuration of all organisations.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.live.read().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    /// The steps from a version to the current one; `None` when a full copy is needed.
    pub fn changes_since(&self, from: SnapshotVersion) -> Option<(SnapshotVersion, Vec<Change>)> {
        let live = self.inner.live.read().unwrap_or_else(PoisonError::into_inner);
        let version = live.snapshot.version;
        if from.epoch != version.epoch {
            return None;
        }
        Some((version, live.log.since(from.revision, &live.snapshot)?))
    }

    /// The state of an object; `None` when it is not there.
    pub fn etag(&self, object: &ObjectKey) -> Option<Etag> {
        self.inner.etag(object)
    }

    /// The state of the whole configuration: what an apply is on top of.
    pub fn configuration_etag(&self) -> Etag {
        Etag::of_revision(self.version().revision)
    }

    /// Follows the version.
    pub fn subscribe(&self) -> watch::Receiver<SnapshotVersion> {
        self.inner.version.subscribe()
    }

    /// What turns an API key into its hash.
    pub fn pepper(&self) -> &Pepper {
        &self.inner.pepper
    }

    /// The sealing keys.
    pub fn keyring(&self) -> &Keyring {
        &self.inner.keyring
    }

    /// Closes the file; later changes fail.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }
}

// === impl Inner ===

impl Inner {
    fn context<'a>(&'a self, snapshot: &'a Snapshot, organisation: &'a OrganisationId) -> Context<'a> {
        Context { snapshot, organisation, keyring: &self.keyring, pepper: &self.pepper, now: crate::now() }
    }

    fn etag(&self, object: &ObjectKey) -> Option<Etag> {
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        live.log.revision_of(object).map(Etag::of_revision)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    fn publish(&self, loaded: Live) {
        let version = loaded.snapshot.version;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        self.version.send_replace(version);
    }
}

impl From<Loaded> for Live {
    fn from(loaded: Loaded) -> Self {
        let snapshot = Arc::new(Snapshot::full(loaded.version, loaded.objects));
        Self { snapshot, log: ChangeLog::restore(loaded.log, loaded.pruned) }
    }
}

/// Makes the identity of a new registry: its epoch and its pepper.
async fn create(store: &Store, keyring: &Keyring) -> Result<Loaded, RegistryError> {
    let pepper = Pepper::generate().seal(keyring);
    // Zero would look like a version nobody has.
    let epoch = u64::from_be_bytes(crate::random()).max(1);
    store.create(epoch, &[Change::Put(Object::Pepper(pepper))]).await?;
    store.load().await?.ok_or(RegistryError::Incomplete { what: "the registry's head" })
}
