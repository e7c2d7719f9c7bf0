//! Moves everything that is sealed under another sealing key, while the registry serves.
//!
//! In batches, one transaction each: changes get their turn between two of them, and whoever is killed goes on where the
//! last one was committed. What a batch does not find it need not move, so it may all be repeated at will. The steps of
//! the keys themselves are `seal`'s.

use std::sync::Arc;

use domain::{Change, Credential, Object, OrganisationId, Snapshot};
use seal::{Aad, KekId, Keyring, Pepper};

use super::writing::{Scope, Step, WRITER_WAIT};
use super::{Inner, Registry};
use crate::error::{ApplyError, RegistryError};

/// Seals moved in one transaction: a few milliseconds in which no other change can be made.
const BATCH: usize = 100;

/// Under which keys the registry is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealStatus {
    /// The key that seals.
    pub current: KekId,
    /// The key that only opens.
    pub previous: Option<KekId>,
    /// A rotation was begun and has not been finished.
    pub rotating: bool,
    /// The keys are kept in the data folder, so that a new one can be made.
    pub can_rotate: bool,
    /// What is sealed with the current key.
    pub under_current: u64,
    /// What is sealed with another one.
    pub under_others: u64,
}

impl Registry {
    /// Tells under which keys the registry is sealed.
    pub async fn seal_status(&self) -> Result<SealStatus, RegistryError> {
        let inner = &self.inner;
        let keyring = &inner.keyring;
        let current = keyring.current_id();
        let (mut under_current, mut under_others) = inner.store.count_answers(current).await?;
        let snapshot = inner.snapshot();
        let credentials = snapshot.tenants.values().flat_map(|tenant| tenant.credentials.values());
        for sealed in credentials.map(|it| &it.sealed).chain(&snapshot.pepper) {
            *(if keyring.is_current(sealed) { &mut under_current } else { &mut under_others }) += 1;
        }
        Ok(SealStatus {
            current,
            previous: keyring.previous_id(),
            rotating: keyring.is_rotating(),
            can_rotate: keyring.can_rotate(),
            under_current,
            under_others,
        })
    }

    /// Makes a new sealing key, moves everything under it and retires the one before; goes on with a rotation that was
    /// begun and not finished. Where the keys come from outside, everything is moved under the current one.
    pub async fn rotate_sealing_key(&self) -> Result<SealStatus, ApplyError> {
        // Also before: two keys open, so nothing may be left under the one that is about to be the third.
        self.rewrap().await?;
        if !self.inner.keyring.can_rotate() {
            return Ok(self.seal_status().await?);
        }
        let begun = {
            // What is being planned has been sealed with the key of now: it is let through first.
            let _turn = self.inner.turn().await?;
            self.inner.keyring.is_rotating() || self.inner.keyring.begin_rotation().map_err(RegistryError::from)?
        };
        tracing::info!(key = %self.inner.keyring.current_id(), begun, "moving every seal under the new sealing key");
        self.rewrap().await?;
        let _turn = self.inner.turn().await?;
        let status = self.seal_status().await?;
        if status.under_others > 0 {
            return Err(RegistryError::LeftBehind { count: status.under_others }.into());
        }
        self.inner.keyring.finish_rotation().map_err(RegistryError::from)?;
        tracing::info!(key = %status.current, seals = status.under_current, "the sealing key has been rotated");
        Ok(SealStatus { rotating: false, ..status })
    }

    /// Moves every seal under the current sealing key and returns how many were moved. May be repeated at will.
    pub async fn rewrap(&self) -> Result<usize, ApplyError> {
        let mut moved = 0;
        loop {
            let objects = self.rewrap_batch().await?;
            let answers = {
                let _turn = self.inner.turn().await?;
                self.inner.store.rewrap_answers(&self.inner.keyring, BATCH).await?
            };
            if objects + answers == 0 {
                return Ok(moved);
            }
            moved += objects + answers;
            metrics::counter!("signalbox_seals_moved_total").increment((objects + answers) as u64);
        }
    }

    async fn rewrap_batch(&self) -> Result<usize, ApplyError> {
        self.write(Scope::installation(), |inner, before, _| {
            let changes = rewrapped(&inner.keyring, before)?;
            let count = changes.len();
            Ok(Step { changes, ..Step::nothing(count) })
        })
        .await
    }
}

impl Inner {
    /// Waits for the changes before.
    pub(super) async fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, RegistryError> {
        let turn = tokio::time::timeout(WRITER_WAIT, self.writer.lock()).await;
        turn.map_err(|_| RegistryError::Busy { seconds: WRITER_WAIT.as_secs() })
    }
}

/// A batch of seals that are not under the current sealing key, moved there.
fn rewrapped(keyring: &Keyring, snapshot: &Snapshot) -> Result<Vec<Change>, RegistryError> {
    let unsealed = |what: String| move |source| RegistryError::Seal { what, source };
    let mut changes = Vec::new();
    if let Some(sealed) = &snapshot.pepper {
        let moved = Pepper::rewrap(keyring, sealed).map_err(unsealed("the registry".to_owned()))?;
        changes.extend(moved.map(|sealed| Change::Put(Object::Pepper(sealed))));
    }
    let credentials = snapshot.tenants.values().flat_map(|tenant| tenant.credentials.values());
    for credential in credentials.filter(|it| !keyring.is_current(&it.sealed)).take(BATCH) {
        let what = format!("the credential `{}/{}`", credential.provider, credential.name);
        let moved = keyring.rewrap(&Aad::credential(credential), &credential.sealed).map_err(unsealed(what))?;
        if let Some(sealed) = moved {
            let moved = Credential { sealed, ..Credential::clone(credential) };
            changes.push(Change::Put(Object::Credential(Arc::new(moved))));
        }
    }
    Ok(changes)
}

/// What the seal of a kept answer belongs to.
pub(crate) fn aad_of_answer<'a>(organisation: &'a OrganisationId, key: &'a str) -> Aad<'a> {
    Aad::record(organisation, key, 1)
}
