//! Reads drafts, versions, history, the audit log and kept answers, always those of one organisation.

use std::sync::Arc;

use domain::{Object, ObjectKind, OrganisationId, SealedBytes, Timestamp};
use sqlx::SqliteConnection;

use super::failed;
use crate::error::RegistryError;
use crate::kept::{AuditAction, AuditEntry, AuditFilter, Draft, Page, Version};
use crate::rows::parse;
use crate::terms::{Actor, Etag};

type DraftRow = (String, Option<i64>, i64, String, String);

/// The draft of an object by id, name or slug.
pub(crate) async fn draft(
    db: &mut SqliteConnection,
    organisation: &OrganisationId,
    kind: ObjectKind,
    text: &str,
) -> Result<Option<Draft>, RegistryError> {
    let rows: Vec<DraftRow> = sqlx::query_as(
        "SELECT id, base, at, actor, body FROM drafts WHERE organisation = ?1 AND kind = ?2 \
         AND (id = ?3 OR name = ?3 OR slug = ?3) ORDER BY id = ?3 DESC, slug = ?3 DESC LIMIT 1",
    )
    .bind(organisation.to_string())
    .bind(kind.as_str())
    .bind(text.to_owned())
    .fetch_all(db)
    .await
    .map_err(failed("read a draft"))?;
    rows.into_iter().next().map(|row| read_draft(kind, row)).transpose()
}

/// The drafts of a kind, by name.
pub(crate) async fn drafts(
    db: &mut SqliteConnection,
    organisation: &OrganisationId,
    kind: ObjectKind,
) -> Result<Vec<Draft>, RegistryError> {
    let rows: Vec<DraftRow> = sqlx::query_as(
        "SELECT id, base, at, actor, body FROM drafts WHERE organisation = ?1 AND kind = ?2 ORDER BY name, id",
    )
    .bind(organisation.to_string())
    .bind(kind.as_str())
    .fetch_all(db)
    .await
    .map_err(failed("read drafts"))?;
    rows.into_iter().map(|row| read_draft(kind, row)).collect()
}

/// How many drafts an organisation has.
pub(crate) async fn count_drafts(
    db: &mut SqliteConnection,
    organisation: &OrganisationId,
) -> Result<u64, RegistryError> {
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM drafts WHERE organisation = ?1")
        .bind(organisation.to_string())
        .fetch_one(db)
        .await
        .map_err(failed("count drafts"))?;
    Ok(count.cast_unsigned())
}

/// Versions of an object, newest first; `only` picks one.
pub(crate) async fn versions(
    db: &mut SqliteConnection,
    organisation: &OrganisationId,
    (kind, id): (ObjectKind, &str),
    only: Option<u32>,
    page: Page,
) -> Result<Vec<Version>, RegistryError> {
    let rows: Vec<(i64, i64, String, String, String)> = sqlx::query_as(
        "SELECT number, at, actor, note, body FROM versions WHERE organisation = ?1 AND kind = ?2 AND id = ?3 \
         AND (?4 IS NULL OR number = ?4) AND (?5 IS NULL OR number < ?5) ORDER BY number DESC LIMIT ?6",
    )
    .bind(organisation.to_string())
    .bind(kind.as_str())
    .bind(id.to_owned())
    .bind(only.map(i64::from))
    .bind(page.before.map(u64::cast_signed))
    .bind(i64::from(page.limit))
    .fetch_all(db)
    .await
    .map_err(failed("read versions"))?;
    let read = |(number, at, actor, note, body): (i64, i64, String, String, String)| {
        let number = u32::try_from(number).unwrap_or_default();
        let object = with_version(object(kind, id, &body)?, number);
        Ok(Version { number, at: Timestamp(at), actor: who(&actor)?, object, note })
    };
    rows.into_iter().map(read).collect()
}

/// The audit log, newest first.
pub(crate) async fn audit(
    db: &mut SqliteConnection,
    organisation: &OrganisationId,
    filter: &AuditFilter,
    page: Page,
) -> Result<Vec<AuditEntry>, RegistryError> {
    type Row = (i64, i64, String, String, String, String, String, String, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT number, at, actor, action, kind, id, name, changes, revision FROM audit WHERE organisation = ?1 \
         AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR id = ?3) AND (?4 IS NULL OR actor = ?4) \
         AND (?5 IS NULL OR at >= ?5) AND (?6 IS NULL OR at < ?6) AND (?7 IS NULL OR number < ?7) \
         ORDER BY number DESC LIMIT ?8",
    )
    .bind(organisation.to_string())
    .bind(filter.kind.map(ObjectKind::as_str))
    .bind(filter.id.clone())
    .bind(filter.actor.as_ref().map(ToString::to_string))
    .bind(filter.since.map(Timestamp::unix_micros))
    .bind(filter.until.map(Timestamp::unix_micros))
    .bind(page.before.map(u64::cast_signed))
    .bind(i64::from(page.limit))
    .fetch_all(db)
    .await
    .map_err(failed("read the audit log"))?;
    let read = |(number, at, actor, action, kind, id, name, changes, revision): Row| {
        let unreadable = || RegistryError::Incomplete { what: "a readable line of the audit log" };
        Ok(AuditEntry {
            number: number.cast_unsigned(),
            at: Timestamp(at),
            actor: who(&actor)?,
            action: AuditAction::parse(&action).ok_or_else(unreadable)?,
            kind: kind.parse().map_err(|_| unreadable())?,
            changes: parse("line of the audit log", number.to_string(), &changes)?,
            id,
            name,
            revision: revision.cast_unsigned(),
        })
    };
    rows.into_iter().map(read).collect()
}

/// Every object of an organisation as it was at a revision; none when that is before its history.
pub(crate) async fn objects_at(
    db: &mut SqliteConnection,
    organisation: &OrganisationId,
    revision: u64,
) -> Result<Vec<Object>, RegistryError> {
    // Of a group, SQLite gives the columns of the row that has the maximum.
    let rows: Vec<(String, String, Option<String>, i64)> = sqlx::query_as(
        "SELECT kind, id, body, max(revision) FROM history WHERE organisation = ?1 AND revision <= ?2 GROUP BY kind, id",
    )
    .bind(organisation.to_string())
    .bind(revision.cast_signed())
    .fetch_all(db)
    .await
    .map_err(failed("read history"))?;
    let mut objects = Vec::with_capacity(rows.len());
    for (kind, id, body, _) in rows {
        let kind = kind.parse().map_err(|_| RegistryError::Incomplete { what: "readable history" })?;
        if let Some(body) = body {
            objects.push(object(kind, &id, &body)?);
        }
    }
    // An object of an organisation that is not there has nowhere to go.
    objects.sort_by_key(Object::key);
    Ok(objects)
}

/// The fingerprint of the request with this idempotency key and its sealed answer, if it was kept since `since`.
pub(crate) async fn answer(
    db: &mut SqliteConnection,
    organisation: &OrganisationId,
    key: &str,
    now: Timestamp,
) -> Result<Option<(Vec<u8>, SealedBytes)>, RegistryError> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> =
        sqlx::query_as("SELECT fingerprint, answer FROM idempotency WHERE organisation = ?1 AND key = ?2 AND at >= ?3")
            .bind(organisation.to_string())
            .bind(key.to_owned())
            .bind(now.unix_micros() - super::ANSWER_MICROS)
            .fetch_all(db)
            .await
            .map_err(failed("read an answer"))?;
    Ok(rows.into_iter().next().map(|(fingerprint, answer)| (fingerprint, SealedBytes(answer))))
}

fn read_draft(kind: ObjectKind, (id, base, at, actor, body): DraftRow) -> Result<Draft, RegistryError> {
    let at = Timestamp(at);
    let base = base.and_then(|base| u32::try_from(base).ok());
    let object = with_version(object(kind, &id, &body)?, base.unwrap_or(0) + 1);
    Ok(Draft { object, base, at, actor: who(&actor)?, etag: Etag::of_draft(at) })
}

fn object(kind: ObjectKind, id: &str, body: &str) -> Result<Object, RegistryError> {
    fn read<T: serde::de::DeserializeOwned>(
        kind: ObjectKind,
        id: &str,
        body: &str,
        wrap: fn(Arc<T>) -> Object,
    ) -> Result<Object, RegistryError> {
        parse(kind.as_str(), id.to_owned(), body).map(|it| wrap(Arc::new(it)))
    }
    match kind {
        ObjectKind::Pepper | ObjectKind::Key => Err(RegistryError::Incomplete { what: "readable history" }),
        ObjectKind::Organisation => read(kind, id, body, Object::Organisation),
        ObjectKind::Project => read(kind, id, body, Object::Project),
        ObjectKind::Provider => read(kind, id, body, Object::Provider),
        ObjectKind::Credential => read(kind, id, body, Object::Credential),
        ObjectKind::Model => read(kind, id, body, Object::Model),
        ObjectKind::Scorecard => read(kind, id, body, Object::Scorecard),
        ObjectKind::Blend => read(kind, id, body, Object::Blend),
        ObjectKind::Policy => read(kind, id, body, Object::Policy),
        ObjectKind::Router => read(kind, id, body, Object::Router),
    }
}

/// Bodies written before versions were counted do not say theirs.
pub(crate) fn with_version(object: Object, version: u32) -> Object {
    match object {
        Object::Policy(it) => Object::Policy(Arc::new(domain::Policy { version, ..Arc::unwrap_or_clone(it) })),
        Object::Blend(it) => Object::Blend(Arc::new(domain::Blend { version, ..Arc::unwrap_or_clone(it) })),
        other => other,
    }
}

fn who(text: &str) -> Result<Actor, RegistryError> {
    text.parse().map_err(|_| RegistryError::Incomplete { what: "a readable actor" })
}
