use async_trait::async_trait;
use nixa_audit::Event;
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Delivery, Id, Sso};

use super::SqlStore;
use super::db::args;
use super::grants::REVOKE_SESSION;
use crate::StorageError;
use crate::ports::LogoutOutbox;
use crate::records::DeliveryRecord;

const ENQUEUE: &str = "INSERT INTO logout_deliveries (id, client_id, subject, sid, attempts, next_at)
    VALUES ($1, $2, $3, $4, $5, $6)";
const CLAIM: &str = "UPDATE logout_deliveries SET attempts = attempts + 1, next_at = $2
    WHERE id IN (SELECT id FROM logout_deliveries WHERE next_at <= $1 ORDER BY next_at LIMIT $3)
    RETURNING id, client_id, subject, sid, attempts";
/// PostgreSQL lets claimers in at the same time: each passes over what another one has just locked.
const CLAIM_POSTGRES: &str = "UPDATE logout_deliveries SET attempts = attempts + 1, next_at = $2
    WHERE id IN (SELECT id FROM logout_deliveries WHERE next_at <= $1 ORDER BY next_at LIMIT $3
      FOR UPDATE SKIP LOCKED)
    RETURNING id, client_id, subject, sid, attempts";
const DONE: &str = "DELETE FROM logout_deliveries WHERE id = $1";
const PUT_OFF: &str = "UPDATE logout_deliveries SET next_at = $2 WHERE id = $1";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl LogoutOutbox for SqlStore {
    async fn enqueue(&self, deliveries: &[DeliveryRecord], trail: &[Event], now: Timestamp) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for DeliveryRecord { id, client_id, subject, sid, attempts } in deliveries {
            tx.execute(ENQUEUE, args![id, client_id, subject, sid, *attempts, now]).await?;
        }
        self.append(&mut tx, trail, now).await?;
        tx.commit().await
    }

    async fn end_session(
        &self,
        sid: &Id<Sso>,
        deliveries: &[DeliveryRecord],
        trail: &[Event],
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for DeliveryRecord { id, client_id, subject, sid, attempts } in deliveries {
            tx.execute(ENQUEUE, args![id, client_id, subject, sid, *attempts, now]).await?;
        }
        tx.execute(REVOKE_SESSION, args![sid, now]).await?;
        self.append(&mut tx, trail, now).await?;
        tx.commit().await
    }

    async fn claim(&self, now: Timestamp, lease: Timestamp, limit: i64) -> Result<Vec<DeliveryRecord>> {
        let mut tx = self.db.begin().await?;
        let rows = tx.all(self.db.text(CLAIM, CLAIM_POSTGRES), args![now, lease, limit]).await?;
        tx.commit().await?;
        rows.iter()
            .map(|row| {
                Ok(DeliveryRecord {
                    id: Id::from_text(row.text("id")?),
                    client_id: row.text("client_id")?,
                    subject: Id::from_text(row.text("subject")?),
                    sid: Id::from_text(row.text("sid")?),
                    attempts: row.int("attempts")?,
                })
            })
            .collect()
    }

    async fn done(&self, id: &Id<Delivery>, trail: &[Event], now: Timestamp) -> Result<()> {
        self.recorded(DONE, args![id], trail, now).await.map(drop)
    }

    async fn put_off(&self, id: &Id<Delivery>, next: Timestamp, trail: &[Event], now: Timestamp) -> Result<()> {
        self.recorded(PUT_OFF, args![id, next], trail, now).await.map(drop)
    }
}
