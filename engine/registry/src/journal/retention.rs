//! How much of the past is kept: history and the audit log do not grow without end.
//!
//! The registry does not know which revisions the ledger's rows name, since the ledger is the gateway's. So the bound is
//! a wide one; what is decided again later finds nothing older, and says so.

use sqlx::SqliteConnection;

use super::failed;
use crate::error::RegistryError;

/// Revisions of which the whole configuration can still be told.
pub(crate) const REVISIONS: u64 = 100_000;
/// Lines of the audit log that an organisation keeps.
const LINES: i64 = 100_000;
/// One in so many revisions, or lines, is the moment to let go of what is too old.
const EVERY: u64 = 1_024;

/// Whether the configuration of a revision can still be told.
pub(crate) fn reaches(revision: u64, newest: u64) -> bool {
    revision >= newest.saturating_sub(REVISIONS)
}

/// Lets history go that is out of reach, if this revision is the moment to.
pub(crate) async fn after_revision(db: &mut SqliteConnection, revision: u64) -> Result<(), RegistryError> {
    if revision.is_multiple_of(EVERY) {
        cut_history(db, revision.saturating_sub(REVISIONS)).await?;
    }
    Ok(())
}

/// Lets the oldest lines of the audit log go, if this line is the moment to.
pub(crate) async fn after_line(db: &mut SqliteConnection, number: i64) -> Result<(), RegistryError> {
    if number.unsigned_abs().is_multiple_of(EVERY) {
        cut_audit(db, LINES).await?;
    }
    Ok(())
}

/// Lets every state go that was replaced or deleted by revision `floor`: the configuration at `floor` and after it can
/// still be told.
async fn cut_history(db: &mut SqliteConnection, floor: u64) -> Result<(), RegistryError> {
    let cut = sqlx::query(
        "DELETE FROM history WHERE revision <= ?1 AND (body IS NULL OR EXISTS (SELECT 1 FROM history AS later \
         WHERE later.organisation = history.organisation AND later.kind = history.kind AND later.id = history.id \
         AND later.revision > history.revision AND later.revision <= ?1))",
    )
    .bind(floor.cast_signed())
    .execute(db)
    .await
    .map_err(failed("let old history go"))?;
    metrics::counter!("signalbox_registry_history_dropped_total").increment(cut.rows_affected());
    Ok(())
}

/// Keeps the newest lines of each organisation.
async fn cut_audit(db: &mut SqliteConnection, kept: i64) -> Result<(), RegistryError> {
    let cut = sqlx::query(
        "DELETE FROM audit WHERE number IN (SELECT number FROM (SELECT number, row_number() OVER \
         (PARTITION BY organisation ORDER BY number DESC) AS place FROM audit) WHERE place > ?1)",
    )
    .bind(kept)
    .execute(db)
    .await
    .map_err(failed("let old lines of the audit log go"))?;
    metrics::counter!("signalbox_registry_audit_dropped_total").increment(cut.rows_affected());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use sqlx::Connection;

    use super::*;

    /// The two tables, without what they refer to.
    async fn tables() -> SqliteConnection {
        let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for table in [
            "CREATE TABLE history (organisation, kind, id, revision INTEGER, body)",
            "CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, organisation)",
        ] {
            sqlx::query(table).execute(&mut db).await.unwrap();
        }
        db
    }

    async fn states(db: &mut SqliteConnection, floor: u64) -> Vec<(String, i64)> {
        cut_history(db, floor).await.unwrap();
        sqlx::query_as("SELECT id, revision FROM history ORDER BY id, revision").fetch_all(db).await.unwrap()
    }

    #[tokio::test]
    async fn every_configuration_from_the_floor_on_can_still_be_told() {
        let mut db = tables().await;
        // a changes at 1, 5 and 9; b is made at 2 and deleted at 4; c is deleted after the floor.
        for (id, revision, body) in
            [("a", 1, "1"), ("a", 5, "5"), ("a", 9, "9"), ("b", 2, "2"), ("b", 4, ""), ("c", 3, "3"), ("c", 8, "")]
        {
            let put = sqlx::query("INSERT INTO history VALUES ('o', 'policy', ?1, ?2, nullif(?3, ''))");
            put.bind(id).bind(revision).bind(body).execute(&mut db).await.unwrap();
        }
        let kept = |it: &[(&str, i64)]| it.iter().map(|(id, at)| ((*id).to_owned(), *at)).collect::<Vec<_>>();
        assert_eq!(states(&mut db, 1).await.len(), 7);
        assert_eq!(states(&mut db, 6).await, kept(&[("a", 5), ("a", 9), ("c", 3), ("c", 8)]));
        assert_eq!(states(&mut db, 9).await, kept(&[("a", 9)]));
    }

    #[tokio::test]
    async fn each_organisation_keeps_its_newest_lines() {
        let mut db = tables().await;
        for organisation in ["loud", "loud", "quiet", "loud", "loud"] {
            let put = sqlx::query("INSERT INTO audit (organisation) VALUES (?1)");
            put.bind(organisation).execute(&mut db).await.unwrap();
        }
        cut_audit(&mut db, 2).await.unwrap();
        let kept: Vec<(i64,)> =
            sqlx::query_as("SELECT number FROM audit ORDER BY number").fetch_all(&mut db).await.unwrap();
        assert_eq!(kept, [(3,), (4,), (5,)]);
    }

    #[test]
    fn what_is_out_of_reach_is_told_to_be() {
        assert!(reaches(0, REVISIONS) && !reaches(0, REVISIONS + 1) && reaches(7, 7));
    }
}
