use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Delivery, Id};
use sqlx::Row;

use super::SqlStore;
use crate::StorageError;
use crate::ports::LogoutOutbox;
use crate::records::DeliveryRecord;

const ENQUEUE: &str = "INSERT INTO logout_deliveries (id, client_id, subject, sid, attempts, next_at)
    VALUES ($1, $2, $3, $4, $5, $6)";
const CLAIM: &str = "UPDATE logout_deliveries SET attempts = attempts + 1, next_at = $2
    WHERE id IN (SELECT id FROM logout_deliveries WHERE next_at <= $1 ORDER BY next_at LIMIT $3)
    RETURNING id, client_id, subject, sid, attempts";
const DONE: &str = "DELETE FROM logout_deliveries WHERE id = $1";
const PUT_OFF: &str = "UPDATE logout_deliveries SET next_at = $2 WHERE id = $1";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl LogoutOutbox for SqlStore {
    async fn enqueue(&self, deliveries: &[DeliveryRecord], now: Timestamp) -> Result<()> {
        let mut tx = self.write.begin_with("BEGIN IMMEDIATE").await?;
        for delivery in deliveries {
            sqlx::query(ENQUEUE)
                .bind(delivery.id.as_str())
                .bind(&delivery.client_id)
                .bind(delivery.subject.as_str())
                .bind(delivery.sid.as_str())
                .bind(delivery.attempts)
                .bind(now.0)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn claim(&self, now: Timestamp, lease: Timestamp, limit: i64) -> Result<Vec<DeliveryRecord>> {
        let query = sqlx::query(CLAIM).bind(now.0).bind(lease.0).bind(limit);
        let rows = query.fetch_all(&self.write).await?;
        rows.iter()
            .map(|row| {
                Ok(DeliveryRecord {
                    id: Id::from_text(row.try_get::<String, _>("id")?),
                    client_id: row.try_get("client_id")?,
                    subject: Id::from_text(row.try_get::<String, _>("subject")?),
                    sid: Id::from_text(row.try_get::<String, _>("sid")?),
                    attempts: row.try_get("attempts")?,
                })
            })
            .collect()
    }

    async fn done(&self, id: &Id<Delivery>) -> Result<()> {
        sqlx::query(DONE).bind(id.as_str()).execute(&self.write).await?;
        Ok(())
    }

    async fn put_off(&self, id: &Id<Delivery>, next: Timestamp) -> Result<()> {
        sqlx::query(PUT_OFF).bind(id.as_str()).bind(next.0).execute(&self.write).await?;
        Ok(())
    }
}
