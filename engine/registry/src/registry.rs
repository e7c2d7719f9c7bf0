//! The registry itself: one writer, an in-memory snapshot that is current after every commit, and who follows it.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::desired::{CreatedKey, Desired, DesiredFault, Diff, KeySpec, PolicySpec};
use domain::policy::Axis;
use domain::{
    ApiKey, Candidates, Change, Model, Object, ObjectKind, Organisation, OrganisationId, Policy, Provider, Router,
    Snapshot, SnapshotVersion, Strategy, Tenant,
};
use seal::{Keyring, Pepper};
use tokio::sync::watch;

use crate::change_log::ChangeLog;
use crate::error::{ApplyError, RegistryError};
use crate::names;
use crate::plan::{self, Context, Planned, Removal};
use crate::store::{Loaded, Store};

/// How long a change waits for those before it.
const WRITER_WAIT: Duration = Duration::from_secs(20);
/// The organisation, policy and key of a first start.
const DEFAULT: &str = "default";

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

    /// Makes the first organisation, policy and key; `None` when there is an organisation already.
    pub async fn bootstrap(&self) -> Result<Option<FirstStart>, ApplyError> {
        self.write(|inner, before| {
            if !before.tenants.is_empty() {
                return Ok((Vec::new(), None));
            }
            let organisation = new_organisation(DEFAULT);
            let id = organisation.id.clone();
            let mut changes = vec![Change::Put(Object::Organisation(organisation))];
            let started = before.apply(before.version, changes.clone());
            let mut planned = plan::apply(inner.context(&started, &id), &first_configuration()).map_err(refuse)?;
            changes.append(&mut planned.changes);
            let first_start = |key| FirstStart { organisation: id, key };
            Ok((changes, planned.diff.created_keys.pop().map(first_start)))
        })
        .await
    }

    /// Makes another organisation.
    pub async fn create_organisation(&self, name: &str) -> Result<OrganisationId, ApplyError> {
        let name = name.to_owned();
        self.write(move |_, before| {
            let taken = before.tenants.values().any(|tenant| tenant.organisation.name == name);
            if taken || name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
                let message = if taken {
                    format!("there is an organisation `{name}` already: choose another name")
                } else {
                    "a name has 1 to 100 characters, without line breaks".to_owned()
                };
                return Err(refuse(vec![DesiredFault { path: "name".to_owned(), message }]));
            }
            let organisation = new_organisation(&name);
            let id = organisation.id.clone();
            Ok((vec![Change::Put(Object::Organisation(organisation))], id))
        })
        .await
    }

    /// Makes the organisation's configuration what is desired, all or nothing; a dry run only tells.
    pub async fn apply(
        &self,
        organisation: &OrganisationId,
        desired: &Desired,
        dry_run: bool,
    ) -> Result<Diff, ApplyError> {
        if dry_run {
            let snapshot = self.snapshot();
            let planned = plan::apply(self.inner.context(&snapshot, organisation), desired).map_err(refuse)?;
            // A key of a dry run will not exist: it is not shown.
            return Ok(Diff { created_keys: Vec::new(), ..planned.diff });
        }
        let (organisation, desired) = (organisation.clone(), desired.clone());
        self.plan_and_write(move |inner, before| plan::apply(inner.context(before, &organisation), &desired)).await
    }

    /// Makes an API key; its text is in the answer and nowhere else.
    pub async fn create_key(&self, organisation: &OrganisationId, spec: KeySpec) -> Result<CreatedKey, ApplyError> {
        let (organisation, name) = (organisation.clone(), spec.name.clone());
        let given = spec.secret.clone();
        let diff = self
            .plan_and_write(move |inner, before| {
                let mut keys = before.keys.iter();
                if keys.any(|it| it.organisation == organisation && it.name == spec.name && it.revoked_at.is_none()) {
                    let message = format!("there is a key `{}` already: choose another name, or revoke it", spec.name);
                    return Err(vec![DesiredFault { path: "name".to_owned(), message }]);
                }
                let desired = Desired { keys: vec![spec], ..Desired::default() };
                plan::apply(inner.context(before, &organisation), &desired)
            })
            .await?;
        if let Some(created) = diff.created_keys.into_iter().next() {
            return Ok(created);
        }
        let snapshot = self.snapshot();
        let key = given.ok_or(RegistryError::Incomplete { what: "the new key" })?;
        let record = snapshot.keys.get(&self.inner.pepper.hash_key(key.expose()));
        let record = record.ok_or(RegistryError::Incomplete { what: "the new key" })?;
        Ok(CreatedKey { id: record.id.to_string(), name, key })
    }

    /// Revokes an API key, by id or name; one that is revoked already stays so.
    pub async fn revoke_key(&self, organisation: &OrganisationId, key: &str) -> Result<Arc<ApiKey>, RegistryError> {
        let (organisation, text) = (organisation.clone(), key.to_owned());
        self.write(move |_, before| {
            let known = find_key(before, &organisation, &text)?;
            if known.revoked_at.is_some() {
                return Ok((Vec::new(), known));
            }
            let revoked = Arc::new(ApiKey { revoked_at: Some(crate::now()), ..ApiKey::clone(&known) });
            Ok((vec![Change::Put(Object::Key(revoked.clone()))], revoked))
        })
        .await
    }

    /// Deletes an object, by id, name or slug (a credential: `provider/name`); refused while others refer to it.
    pub async fn delete(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
        name: &str,
    ) -> Result<Diff, ApplyError> {
        let organisation = organisation.clone();
        let removal = Removal { kind, name: name.to_owned() };
        self.plan_and_write(move |inner, before| plan::remove(inner.context(before, &organisation), &removal)).await
    }

    /// Moves every seal under the current sealing key and returns how many were moved. May be repeated at will.
    pub async fn rewrap(&self) -> Result<usize, RegistryError> {
        self.write(|inner, before| {
            let changes = rewrapped(&inner.keyring, before)?;
            let count = changes.len();
            Ok((changes, count))
        })
        .await
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

    /// Plans and commits one change and publishes it.
    ///
    /// Runs as a task of its own: a caller that goes away must not leave what readers see behind what was committed.
    async fn write<T, E, P>(&self, plan: P) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RegistryError> + Send + 'static,
        P: FnOnce(&Inner, &Snapshot) -> Result<(Vec<Change>, T), E> + Send + 'static,
    {
        let inner = self.inner.clone();
        let task = tokio::spawn(async move {
            let turn = tokio::time::timeout(WRITER_WAIT, inner.writer.lock()).await;
            let _turn = turn.map_err(|_| RegistryError::Busy { seconds: WRITER_WAIT.as_secs() })?;
            let before = inner.snapshot();
            let (changes, result) = plan(&inner, &before)?;
            if !changes.is_empty() {
                inner.commit(&before, &changes).await?;
            }
            Ok(result)
        });
        match task.await {
            Ok(result) => result,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(RegistryError::Interrupted.into()),
            },
        }
    }

    async fn plan_and_write<P>(&self, plan: P) -> Result<Diff, ApplyError>
    where
        P: FnOnce(&Inner, &Snapshot) -> Result<Planned, Vec<DesiredFault>> + Send + 'static,
    {
        self.write(move |inner, before| {
            let planned = plan(inner, before).map_err(refuse)?;
            Ok((planned.changes, planned.diff))
        })
        .await
    }
}

/// Look-ups in the current snapshot. Each sees one organisation only.
impl Registry {
    /// An organisation by id or name.
    pub fn find_organisation(&self, text: &str) -> Option<Arc<Organisation>> {
        let snapshot = self.snapshot();
        let by_id = snapshot.tenants.get(text);
        let found = by_id.or_else(|| snapshot.tenants.values().find(|it| it.organisation.name == text));
        found.map(|tenant| tenant.organisation.clone())
    }

    /// Every organisation.
    pub fn list_organisations(&self) -> Vec<Arc<Organisation>> {
        self.snapshot().tenants.values().map(|tenant| tenant.organisation.clone()).collect()
    }

    /// An organisation's configuration.
    pub fn tenant(&self, organisation: &OrganisationId) -> Option<Arc<Tenant>> {
        self.snapshot().tenants.get(organisation).cloned()
    }

    /// An API key by id or name.
    pub fn find_key(&self, organisation: &OrganisationId, text: &str) -> Result<Arc<ApiKey>, RegistryError> {
        find_key(&self.snapshot(), organisation, text)
    }

    /// An organisation's API keys, oldest first.
    pub fn list_keys(&self, organisation: &OrganisationId) -> Vec<Arc<ApiKey>> {
        let snapshot = self.snapshot();
        let mut keys: Vec<_> = snapshot.keys.iter().filter(|it| it.organisation == *organisation).cloned().collect();
        keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        keys
    }

    /// An organisation's providers.
    pub fn list_providers(&self, organisation: &OrganisationId) -> Vec<Arc<Provider>> {
        self.tenant(organisation).map(|it| it.providers.values().cloned().collect()).unwrap_or_default()
    }

    /// An organisation's models.
    pub fn list_models(&self, organisation: &OrganisationId) -> Vec<Arc<Model>> {
        self.tenant(organisation).map(|it| it.models.values().cloned().collect()).unwrap_or_default()
    }

    /// An organisation's policies.
    pub fn list_policies(&self, organisation: &OrganisationId) -> Vec<Arc<Policy>> {
        self.tenant(organisation).map(|it| it.policies.values().cloned().collect()).unwrap_or_default()
    }

    /// An organisation's routers.
    pub fn list_routers(&self, organisation: &OrganisationId) -> Vec<Arc<Router>> {
        self.tenant(organisation).map(|it| it.routers.values().cloned().collect()).unwrap_or_default()
    }
}

// === impl Inner ===

impl Inner {
    fn context<'a>(&'a self, snapshot: &'a Snapshot, organisation: &'a OrganisationId) -> Context<'a> {
        Context { snapshot, organisation, keyring: &self.keyring, pepper: &self.pepper, now: crate::now() }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    /// Commits changes on top of a snapshot and publishes the next one.
    async fn commit(&self, before: &Snapshot, changes: &[Change]) -> Result<(), RegistryError> {
        let revision = before.version.revision;
        let cut = self.live.read().unwrap_or_else(PoisonError::into_inner).log.cut();
        if let Err(error) = self.store.commit(revision, changes, cut).await {
            // Whether the file took it may be unknown now: what it holds is what counts.
            metrics::counter!("signalbox_registry_commit_failures_total").increment(1);
            if let Ok(Some(loaded)) = self.store.load().await {
                self.publish(Live::from(loaded));
            }
            return Err(error);
        }
        let version = SnapshotVersion { revision: revision + 1, ..before.version };
        let snapshot = Arc::new(before.apply(version, changes.iter().cloned()));
        {
            let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
            live.log.record(version.revision, changes, cut);
            live.snapshot = snapshot;
        }
        self.version.send_replace(version);
        Ok(())
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

fn new_organisation(name: &str) -> Arc<Organisation> {
    let id = OrganisationId::from_random(crate::random());
    Arc::new(Organisation { id, name: name.to_owned(), default_policy: None, calibration: None })
}

/// Everything enabled, chosen by complexity, and a key to try it with.
fn first_configuration() -> Desired {
    let policy = PolicySpec {
        name: DEFAULT.to_owned(),
        slug: None,
        default: true,
        candidates: Candidates::All,
        strategy: Strategy::Intelligent { axis: Axis::Performance },
        rules: Vec::new(),
    };
    let key = KeySpec {
        name: DEFAULT.to_owned(),
        project: None,
        routing: None,
        secret: None,
        scopes: Vec::new(),
        allowed_models: Vec::new(),
        expires_at: None,
    };
    Desired { policies: vec![policy], keys: vec![key], ..Desired::default() }
}

fn refuse(faults: Vec<DesiredFault>) -> ApplyError {
    ApplyError::Refused { faults }
}

/// A key by id, or by name: the one in force before those revoked.
fn find_key(snapshot: &Snapshot, organisation: &OrganisationId, text: &str) -> Result<Arc<ApiKey>, RegistryError> {
    let own: Vec<_> = snapshot.keys.iter().filter(|it| it.organisation == *organisation).collect();
    let by_id = own.iter().find(|it| it.id.as_str() == text);
    let named = || own.iter().filter(|it| it.name == text).min_by_key(|it| it.revoked_at.is_some());
    by_id.or_else(named).map(|it| (*it).clone()).ok_or_else(|| RegistryError::Unknown {
        kind: ObjectKind::Key.as_str(),
        name: text.to_owned(),
        hint: names::hint(text, own.iter().map(|it| it.name.as_str())),
    })
}

/// Every seal that is not under the current sealing key, moved there.
fn rewrapped(keyring: &Keyring, snapshot: &Snapshot) -> Result<Vec<Change>, RegistryError> {
    let unsealed = |what: String| move |source| RegistryError::Seal { what, source };
    let mut changes = Vec::new();
    if let Some(sealed) = &snapshot.pepper {
        let moved = Pepper::rewrap(keyring, sealed).map_err(unsealed("the registry".to_owned()))?;
        changes.extend(moved.map(|sealed| Change::Put(Object::Pepper(sealed))));
    }
    for credential in snapshot.tenants.values().flat_map(|tenant| tenant.credentials.values()) {
        let aad = seal::Aad::credential(credential);
        let what = format!("the credential `{}/{}`", credential.provider, credential.name);
        if let Some(sealed) = keyring.rewrap(&aad, &credential.sealed).map_err(unsealed(what))? {
            let moved = domain::Credential { sealed, ..domain::Credential::clone(credential) };
            changes.push(Change::Put(Object::Credential(Arc::new(moved))));
        }
    }
    Ok(changes)
}
