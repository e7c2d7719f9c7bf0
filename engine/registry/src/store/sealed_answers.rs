//! The sealed answers of requests that may be repeated, when the sealing key changes.

use domain::{OrganisationId, SealedBytes};
use seal::{KekId, Keyring};

use super::{Store, failed};
use crate::error::RegistryError;
use crate::registry::aad_of_answer;

// A seal's second to ninth bytes name the key that made it; `seal`'s tests hold it there.

impl Store {
    /// How many answers are sealed with this key, and how many with others.
    pub(crate) async fn count_answers(&self, current: KekId) -> Result<(u64, u64), RegistryError> {
        let counted = "SELECT coalesce(sum(substr(answer, 2, 8) = ?1), 0), count(*) FROM idempotency";
        let (own, all): (i64, i64) = sqlx::query_as(counted)
            .bind(current.bytes().to_vec())
            .fetch_one(&mut *self.connection().await?)
            .await
            .map_err(failed("count sealed answers"))?;
        Ok((own.cast_unsigned(), (all - own).cast_unsigned()))
    }

    /// Moves answers under the current sealing key, at most so many, in one transaction; returns how many there were. An
    /// answer that no key at hand opens is of no use to anybody: it is let go.
    pub(crate) async fn rewrap_answers(&self, keyring: &Keyring, most: usize) -> Result<usize, RegistryError> {
        let mut transaction = self.begin().await?;
        let found = "SELECT organisation, key, answer FROM idempotency WHERE substr(answer, 2, 8) <> ?1 LIMIT ?2";
        let rows: Vec<(String, String, Vec<u8>)> = sqlx::query_as(found)
            .bind(keyring.current_id().bytes().to_vec())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&mut *transaction)
            .await
            .map_err(failed("read sealed answers"))?;
        let moved_count = rows.len();
        for (organisation, key, answer) in rows {
            let sealed = SealedBytes(answer);
            let moved = OrganisationId::parse(&organisation)
                .ok()
                .and_then(|organisation| keyring.rewrap(&aad_of_answer(&organisation, &key), &sealed).ok().flatten());
            let change = if let Some(moved) = moved {
                let update = "UPDATE idempotency SET answer = ?3 WHERE organisation = ?1 AND key = ?2";
                sqlx::query(update).bind(organisation).bind(key).bind(moved.0)
            } else {
                metrics::counter!("signalbox_sealed_answers_lost_total").increment(1);
                let delete = "DELETE FROM idempotency WHERE organisation = ?1 AND key = ?2";
                sqlx::query(delete).bind(organisation).bind(key)
            };
            change.execute(&mut *transaction).await.map_err(failed("move a sealed answer"))?;
        }
        transaction.commit().await.map_err(failed("move sealed answers"))?;
        Ok(moved_count)
    }
}
