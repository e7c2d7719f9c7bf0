//! What is written beside the live configuration in the same transaction: versions, history, drafts, the audit log and
//! the answers to requests that may be repeated. How it is read back stands in `journal/read`, how
//! much is kept in `journal/retention`.

pub(crate) mod read;
pub(crate) mod retention;

use std::fmt::Write as _;

use domain::{Change, Credential, Object, ObjectKey, ObjectKind, OrganisationId, SealedBytes, Timestamp};
use sqlx::SqliteConnection;

use crate::error::RegistryError;
use crate::kept::{AuditAction, Draft};
use crate::rows::json;
use crate::terms::{Actor, Idempotency};

/// The versions of one policy or blend that are kept.
const VERSIONS: i64 = 200;
/// How long the answer to a request is kept for its repetition, in microseconds: a day.
const ANSWER_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
/// The answers of one organisation that are kept.
const ANSWERS: i64 = 1_000;
/// The lines of one change that the audit log keeps.
const LINES: usize = 200;

/// One line for the audit log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) key: ObjectKey,
    pub(crate) action: AuditAction,
    pub(crate) name: String,
    pub(crate) changes: Vec<String>,
}

/// What becomes of a draft.
#[derive(Clone, Debug)]
pub(crate) enum DraftStep {
    Put(Box<Draft>),
    Discard(ObjectKey),
}

/// The sealed answer to a request that may be repeated.
pub(crate) struct Answer {
    pub(crate) organisation: OrganisationId,
    pub(crate) to: Idempotency,
    pub(crate) sealed: SealedBytes,
}

/// Everything that one transaction writes.
pub(crate) struct Entry<'a> {
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a Actor,
    pub(crate) note: &'a str,
    pub(crate) changes: &'a [Change],
    pub(crate) records: &'a [Record],
    pub(crate) draft: Option<&'a DraftStep>,
    pub(crate) answer: Option<&'a Answer>,
}

impl Entry<'_> {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.records.is_empty() && self.draft.is_none() && self.answer.is_none()
    }

    /// Writes what stands beside the objects themselves; `revision` is that of the configuration afterwards.
    pub(crate) async fn write(&self, db: &mut SqliteConnection, revision: u64) -> Result<(), RegistryError> {
        for change in self.changes {
            match change {
                Change::Put(object) => {
                    self.remember(db, object, revision).await?;
                    self.number(db, object).await?;
                }
                Change::Delete(key) => {
                    remember(db, key, None, revision).await?;
                    forget(db, key).await?;
                }
            }
        }
        for record in self.records {
            self.audit(db, record, revision).await?;
        }
        match self.draft {
            Some(DraftStep::Put(draft)) => put_draft(db, draft).await?,
            Some(DraftStep::Discard(key)) => discard_draft(db, key).await?,
            None => {}
        }
        match self.answer {
            Some(answer) => self.keep_answer(db, answer).await,
            None => Ok(()),
        }
    }

    async fn remember(&self, db: &mut SqliteConnection, object: &Object, revision: u64) -> Result<(), RegistryError> {
        match body_of(object) {
            Some(body) => remember(db, &object.key(), Some(body), revision).await,
            None => Ok(()),
        }
    }

    /// Keeps the saved state of a policy or blend, and lets the oldest go.
    async fn number(&self, db: &mut SqliteConnection, object: &Object) -> Result<(), RegistryError> {
        let (number, body) = match object {
            Object::Policy(it) => (it.version, json(&**it)),
            Object::Blend(it) => (it.version, json(&**it)),
            Object::Pepper(_)
            | Object::Organisation(_)
            | Object::Project(_)
            | Object::Provider(_)
            | Object::Credential(_)
            | Object::Model(_)
            | Object::Scorecard(_)
            | Object::Router(_)
            | Object::Key(_) => return Ok(()),
        };
        let key = object.key();
        let organisation = owner(&key);
        sqlx::query(
            "INSERT INTO versions (organisation, kind, id, number, at, actor, note, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
             ON CONFLICT DO UPDATE SET at = ?5, actor = ?6, note = ?7, body = ?8",
        )
        .bind(organisation.clone())
        .bind(key.kind.as_str())
        .bind(key.id.clone())
        .bind(i64::from(number))
        .bind(self.at.unix_micros())
        .bind(self.actor.to_string())
        .bind(self.note.to_owned())
        .bind(body)
        .execute(&mut *db)
        .await
        .map_err(failed("keep a version"))?;
        sqlx::query("DELETE FROM versions WHERE organisation = ?1 AND kind = ?2 AND id = ?3 AND number <= ?4")
            .bind(organisation)
            .bind(key.kind.as_str())
            .bind(key.id)
            .bind(i64::from(number) - VERSIONS)
            .execute(db)
            .await
            .map_err(failed("let old versions go"))?;
        Ok(())
    }

    async fn audit(&self, db: &mut SqliteConnection, record: &Record, revision: u64) -> Result<(), RegistryError> {
        let line = sqlx::query(
            "INSERT INTO audit (organisation, at, actor, action, kind, id, name, changes, revision) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .bind(owner(&record.key))
        .bind(self.at.unix_micros())
        .bind(self.actor.to_string())
        .bind(record.action.as_str())
        .bind(record.key.kind.as_str())
        .bind(record.key.id.clone())
        .bind(record.name.clone())
        .bind(json(&shortened(&record.changes)))
        .bind(revision.cast_signed())
        .execute(&mut *db)
        .await
        .map_err(failed("write the audit log"))?;
        retention::after_line(db, line.last_insert_rowid()).await
    }

    async fn keep_answer(&self, db: &mut SqliteConnection, answer: &Answer) -> Result<(), RegistryError> {
        let organisation = answer.organisation.to_string();
        // Those that are too old, then those that are too many.
        sqlx::query(
            "DELETE FROM idempotency WHERE organisation = ?1 AND (at < ?2 OR at <= \
             (SELECT at FROM idempotency WHERE organisation = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?3))",
        )
        .bind(organisation.clone())
        .bind(self.at.unix_micros() - ANSWER_MICROS)
        .bind(ANSWERS - 1)
        .execute(&mut *db)
        .await
        .map_err(failed("let old answers go"))?;
        sqlx::query("INSERT INTO idempotency (organisation, key, fingerprint, at, answer) VALUES (?1, ?2, ?3, ?4, ?5)")
            .bind(organisation)
            .bind(answer.to.key.clone())
            .bind(answer.to.fingerprint.to_vec())
            .bind(self.at.unix_micros())
            .bind(answer.sealed.0.clone())
            .execute(db)
            .await
            .map_err(failed("keep an answer"))?;
        Ok(())
    }
}

/// The body that history keeps; `None` for what it does not.
fn body_of(object: &Object) -> Option<String> {
    match object {
        // No pepper and no keys: decisions of the past do not need them, and nothing that is hashed or sealed stays.
        Object::Pepper(_) | Object::Key(_) => None,
        Object::Organisation(it) => Some(json(&**it)),
        Object::Project(it) => Some(json(&**it)),
        Object::Provider(it) => Some(json(&**it)),
        // That a provider had a credential decides what could be called.
        Object::Credential(it) => {
            Some(json(&Credential { sealed: SealedBytes(Vec::new()), hint: String::new(), ..(**it).clone() }))
        }
        Object::Model(it) => Some(json(&**it)),
        Object::Scorecard(it) => Some(json(&**it)),
        Object::Blend(it) => Some(json(&**it)),
        Object::Policy(it) => Some(json(&**it)),
        Object::Router(it) => Some(json(&**it)),
    }
}

async fn remember(
    db: &mut SqliteConnection,
    key: &ObjectKey,
    body: Option<String>,
    revision: u64,
) -> Result<(), RegistryError> {
    if matches!(key.kind, ObjectKind::Pepper | ObjectKind::Key) {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO history (organisation, kind, id, revision, body) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT DO UPDATE SET body = ?5",
    )
    .bind(owner(key))
    .bind(key.kind.as_str())
    .bind(key.id.clone())
    .bind(revision.cast_signed())
    .bind(body)
    .execute(db)
    .await
    .map_err(failed("write history"))?;
    Ok(())
}

/// The versions and the draft of what is deleted go with it.
async fn forget(db: &mut SqliteConnection, key: &ObjectKey) -> Result<(), RegistryError> {
    if !matches!(key.kind, ObjectKind::Policy | ObjectKind::Blend) {
        return Ok(());
    }
    sqlx::query("DELETE FROM versions WHERE organisation = ?1 AND kind = ?2 AND id = ?3")
        .bind(owner(key))
        .bind(key.kind.as_str())
        .bind(key.id.clone())
        .execute(&mut *db)
        .await
        .map_err(failed("forget versions"))?;
    discard_draft(db, key).await
}

async fn put_draft(db: &mut SqliteConnection, draft: &Draft) -> Result<(), RegistryError> {
    let key = draft.object.key();
    let slug = if let Object::Policy(it) = &draft.object { Some(it.slug.clone()) } else { None };
    sqlx::query(
        "INSERT INTO drafts (organisation, kind, id, name, slug, base, at, actor, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (organisation, kind, id) DO UPDATE SET \
         name = ?4, slug = ?5, base = ?6, at = ?7, actor = ?8, body = ?9",
    )
    .bind(owner(&key))
    .bind(key.kind.as_str())
    .bind(key.id)
    .bind(draft.object.name())
    .bind(slug)
    .bind(draft.base.map(i64::from))
    .bind(draft.at.unix_micros())
    .bind(draft.actor.to_string())
    .bind(body_of(&draft.object).unwrap_or_default())
    .execute(db)
    .await
    .map_err(failed("save a draft"))?;
    Ok(())
}

async fn discard_draft(db: &mut SqliteConnection, key: &ObjectKey) -> Result<(), RegistryError> {
    sqlx::query("DELETE FROM drafts WHERE organisation = ?1 AND kind = ?2 AND id = ?3")
        .bind(owner(key))
        .bind(key.kind.as_str())
        .bind(key.id.clone())
        .execute(db)
        .await
        .map_err(failed("discard a draft"))?;
    Ok(())
}

/// The organisation of a row: that of the object, or the object itself.
fn owner(key: &ObjectKey) -> String {
    key.organisation.as_ref().map_or_else(|| key.id.clone(), ToString::to_string)
}

/// An apply may change thousands of scores: the log keeps the first lines, and says how many there were.
fn shortened(changes: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = changes.iter().take(LINES).cloned().collect();
    if changes.len() > LINES {
        let mut rest = String::new();
        let _ = write!(rest, "… and {} more", changes.len() - LINES);
        kept.push(rest);
    }
    kept
}

fn failed(what: &'static str) -> impl FnOnce(sqlx::Error) -> RegistryError {
    move |source| RegistryError::Database { what, source }
}
