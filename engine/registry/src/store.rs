//! The `SQLite` file: opening, migrating, reading it whole, and committing one revision at a time.

mod sealed_answers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{Change, Object, ObjectKey, ObjectKind, OrganisationId, SealedBytes, SnapshotVersion, Timestamp};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr, Sqlite, SqliteConnection};

use crate::error::RegistryError;
use crate::journal::{Entry, read, retention};
use crate::kept::{AuditEntry, AuditFilter, Draft, Page, Version};
use crate::rows;

/// Forward only: a migration that has been released is never changed.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "registry", include_str!("../migrations/0001_registry.sql")),
    (2, "versions", include_str!("../migrations/0002_versions.sql")),
];
const WAIT: Duration = Duration::from_secs(5);

/// An open registry file.
#[derive(Debug)]
pub(crate) struct Store {
    // One connection: it is the writer, and what is read after the start is short.
    pool: SqlitePool,
}

/// Everything in a file.
pub(crate) struct Loaded {
    pub(crate) version: SnapshotVersion,
    pub(crate) pruned: u64,
    pub(crate) objects: Vec<Object>,
    pub(crate) log: Vec<(ObjectKey, u64, bool)>,
}

impl Store {
    /// Opens or makes the file and brings its schema up to date.
    pub(crate) async fn open(path: &Path) -> Result<Self, RegistryError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Configuration changes are rare and must survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(WAIT);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(WAIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(|source| RegistryError::Open { path: path.to_owned(), source })?;
        migrator().run(&pool).await.map_err(|source| refused(path.to_owned(), source))?;
        Ok(Self { pool })
    }

    /// Reads everything, or `None` from a file that was just made.
    pub(crate) async fn load(&self) -> Result<Option<Loaded>, RegistryError> {
        let mut transaction = self.begin().await?;
        let db = &mut *transaction;
        let heads: Vec<(i64, i64, i64)> = rows::fetch(db, "SELECT epoch, revision, pruned FROM registry").await?;
        let Some((epoch, revision, pruned)) = heads.into_iter().next() else {
            return Ok(None);
        };
        let version = SnapshotVersion { epoch: epoch.cast_unsigned(), revision: revision.cast_unsigned() };
        let objects = rows::load(db).await?;
        let log = load_log(db).await?;
        Ok(Some(Loaded { version, pruned: pruned.cast_unsigned(), objects, log }))
    }

    /// Makes a new registry with its first objects, at revision 1.
    pub(crate) async fn create(&self, epoch: u64, changes: &[Change]) -> Result<(), RegistryError> {
        let mut transaction = self.begin().await?;
        let head = sqlx::query("INSERT INTO registry (one, epoch, revision, pruned) VALUES (1, ?1, 1, 0)");
        head.bind(epoch.cast_signed()).execute(&mut *transaction).await.map_err(failed("be created"))?;
        write(&mut transaction, 1, changes).await?;
        transaction.commit().await.map_err(failed("be created"))
    }

    /// Writes an entry on top of the revision `from`, in one transaction; `cut` forgets old deletions. The revision goes
    /// up by one when objects change.
    pub(crate) async fn commit(&self, from: u64, entry: &Entry<'_>, cut: Option<u64>) -> Result<(), RegistryError> {
        let mut transaction = self.begin().await?;
        let next = from + u64::from(!entry.changes.is_empty());
        let bumped = sqlx::query("UPDATE registry SET revision = ?1 WHERE revision = ?2")
            .bind(next.cast_signed())
            .bind(from.cast_signed())
            .execute(&mut *transaction)
            .await
            .map_err(failed("bump the revision"))?;
        if bumped.rows_affected() != 1 {
            return Err(RegistryError::ChangedElsewhere);
        }
        write(&mut transaction, next, entry.changes).await?;
        entry.write(&mut transaction, next).await?;
        if next > from {
            retention::after_revision(&mut transaction, next).await?;
        }
        if let Some(cut) = cut {
            prune(&mut transaction, cut).await?;
        }
        transaction.commit().await.map_err(failed("commit"))
    }

    /// The draft of an object by id, name or slug.
    pub(crate) async fn draft(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
        text: &str,
    ) -> Result<Option<Draft>, RegistryError> {
        read::draft(&mut *self.connection().await?, organisation, kind, text).await
    }

    /// The drafts of a kind, by name.
    pub(crate) async fn drafts(
        &self,
        organisation: &OrganisationId,
        kind: ObjectKind,
    ) -> Result<Vec<Draft>, RegistryError> {
        read::drafts(&mut *self.connection().await?, organisation, kind).await
    }

    /// How many drafts an organisation has.
    pub(crate) async fn count_drafts(&self, organisation: &OrganisationId) -> Result<u64, RegistryError> {
        read::count_drafts(&mut *self.connection().await?, organisation).await
    }

    /// Versions of an object, newest first; `only` picks one.
    pub(crate) async fn versions(
        &self,
        organisation: &OrganisationId,
        object: (ObjectKind, &str),
        only: Option<u32>,
        page: Page,
    ) -> Result<Vec<Version>, RegistryError> {
        read::versions(&mut *self.connection().await?, organisation, object, only, page).await
    }

    /// The audit log, newest first.
    pub(crate) async fn audit(
        &self,
        organisation: &OrganisationId,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Vec<AuditEntry>, RegistryError> {
        read::audit(&mut *self.connection().await?, organisation, filter, page).await
    }

    /// Every object of an organisation as it was at a revision; none when that is before its history.
    pub(crate) async fn objects_at(
        &self,
        organisation: &OrganisationId,
        revision: u64,
    ) -> Result<Vec<Object>, RegistryError> {
        read::objects_at(&mut *self.connection().await?, organisation, revision).await
    }

    /// The fingerprint of the request with this idempotency key and its sealed answer, while they are kept.
    pub(crate) async fn answer(
        &self,
        organisation: &OrganisationId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<(Vec<u8>, SealedBytes)>, RegistryError> {
        read::answer(&mut *self.connection().await?, organisation, key, now).await
    }

    async fn connection(&self) -> Result<PoolConnection<Sqlite>, RegistryError> {
        self.pool.acquire().await.map_err(failed("read"))
    }

    /// Closes the file.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, RegistryError> {
        // IMMEDIATE: a writer of another process is met here, not half-way.
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed("begin"))
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

fn refused(path: PathBuf, source: MigrateError) -> RegistryError {
    match source {
        MigrateError::VersionMissing(found) => {
            RegistryError::Newer { path, found, known: MIGRATIONS[MIGRATIONS.len() - 1].0 }
        }
        source => RegistryError::Migrate { path, source },
    }
}

fn failed(what: &'static str) -> impl FnOnce(sqlx::Error) -> RegistryError {
    move |source| RegistryError::Database { what, source }
}

async fn write(db: &mut SqliteConnection, revision: u64, changes: &[Change]) -> Result<(), RegistryError> {
    for change in changes {
        let (key, deleted) = match change {
            Change::Put(object) => {
                rows::put(db, object).await?;
                (object.key(), false)
            }
            Change::Delete(key) => {
                rows::delete(db, key).await?;
                (key.clone(), true)
            }
        };
        sqlx::query(
            "INSERT INTO changes (kind, organisation, id, rev, deleted) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (kind, organisation, id) DO UPDATE SET rev = ?4, deleted = ?5",
        )
        .bind(key.kind.as_str())
        .bind(key.organisation.map(String::from).unwrap_or_default())
        .bind(key.id)
        .bind(revision.cast_signed())
        .bind(i64::from(deleted))
        .execute(&mut *db)
        .await
        .map_err(failed("note a change"))?;
    }
    Ok(())
}

async fn prune(db: &mut SqliteConnection, cut: u64) -> Result<(), RegistryError> {
    for statement in
        ["DELETE FROM changes WHERE deleted = 1 AND rev <= ?1", "UPDATE registry SET pruned = max(pruned, ?1)"]
    {
        sqlx::query(statement)
            .bind(cut.cast_signed())
            .execute(&mut *db)
            .await
            .map_err(failed("forget old deletions"))?;
    }
    Ok(())
}

async fn load_log(db: &mut SqliteConnection) -> Result<Vec<(ObjectKey, u64, bool)>, RegistryError> {
    let rows: Vec<(String, String, String, i64, i64)> =
        rows::fetch(db, "SELECT kind, organisation, id, rev, deleted FROM changes").await?;
    let entry = |(kind, organisation, id, revision, deleted): (String, String, String, i64, i64)| {
        let kind: ObjectKind = kind.parse().ok()?;
        let organisation = match organisation.as_str() {
            "" => None,
            text => Some(OrganisationId::parse(text).ok()?),
        };
        Some((ObjectKey { kind, organisation, id }, revision.cast_unsigned(), deleted != 0))
    };
    rows.into_iter().map(|row| entry(row).ok_or(RegistryError::Incomplete { what: "a readable change" })).collect()
}
