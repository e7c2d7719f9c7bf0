//! Deleting rows that are older than they need to be kept, a few at a time.

use sqlx::Connection;

use super::Database;

/// The rows that go next: the oldest.
const OLDEST: &str = "SELECT seq FROM requests WHERE at < ?1 ORDER BY at LIMIT ?2";

impl Database {
    /// Deletes at most `limit` rows of requests that came before a moment, with their labels. Returns how many went.
    pub(crate) async fn delete_before(&mut self, micros: i64, limit: u32) -> Result<u64, sqlx::Error> {
        let mut transaction = self.connection().await?.begin_with("BEGIN IMMEDIATE").await?;
        let mut deleted = 0;
        for table in ["tags", "requests"] {
            let sql = sqlx::AssertSqlSafe(format!("DELETE FROM {table} WHERE seq IN ({OLDEST})"));
            let done = sqlx::query(sql).bind(micros).bind(i64::from(limit)).execute(&mut *transaction).await?;
            deleted = done.rows_affected();
        }
        transaction.commit().await?;
        Ok(deleted)
    }
}
