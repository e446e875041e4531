//! Logout tokens on their way to clients, and what became of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use nixa_audit::{AuditEvent, DeliveryOutcome};
use nixa_protocol::Timestamp;
use nixa_protocol::id::{Delivery, Id, Sso};
use nixa_storage::{DeliveryHealth, DeliveryRecord, DeliveryState, LogoutOutbox, StorageError};

use crate::db::{Row, args};
use crate::grants::{REVOKE_OF_CLIENT, REVOKE_SESSION};
use crate::store::SqlStore;

const ENQUEUE: &str = "INSERT INTO logout_deliveries (id, client_id, subject, sid, attempts, next_at, queued_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6)";
const CLAIM: &str = "UPDATE logout_deliveries SET attempts = attempts + 1, next_at = $2
    WHERE id IN (SELECT id FROM logout_deliveries WHERE next_at <= $1 ORDER BY next_at LIMIT $3)
    RETURNING id, client_id, subject, sid, attempts";
/// PostgreSQL lets claimers in at the same time: each passes over what another one has just locked.
const CLAIM_POSTGRES: &str = "UPDATE logout_deliveries SET attempts = attempts + 1, next_at = $2
    WHERE id IN (SELECT id FROM logout_deliveries WHERE next_at <= $1 ORDER BY next_at LIMIT $3
      FOR UPDATE SKIP LOCKED)
    RETURNING id, client_id, subject, sid, attempts";
/// The end of time: what is done is never due again, for instances of an older version neither.
const DONE: &str = "UPDATE logout_deliveries SET done_at = $2, outcome = $3, next_at = 9223372036854775807
    WHERE id = $1 AND done_at IS NULL";
const OF_SESSION: &str = "SELECT * FROM logout_deliveries WHERE sid = $1 ORDER BY client_id, id";
const OF_CLIENT: &str = "SELECT * FROM logout_deliveries WHERE client_id = $1 ORDER BY queued_at DESC, id LIMIT $2";
const WAITING: &str = "SELECT client_id, COUNT(*) AS n, MIN(queued_at) AS at FROM logout_deliveries
    WHERE done_at IS NULL GROUP BY client_id";
const ENDED: &str = "SELECT client_id, outcome, COUNT(*) AS n, MAX(done_at) AS at FROM logout_deliveries
    WHERE done_at >= $1 GROUP BY client_id, outcome";
const WAITING_OF: &str = "SELECT client_id, COUNT(*) AS n, MIN(queued_at) AS at FROM logout_deliveries
    WHERE client_id = $1 AND done_at IS NULL GROUP BY client_id";
const ENDED_OF: &str = "SELECT client_id, outcome, COUNT(*) AS n, MAX(done_at) AS at FROM logout_deliveries
    WHERE client_id = $2 AND done_at >= $1 GROUP BY client_id, outcome";
const PUT_OFF: &str = "UPDATE logout_deliveries SET next_at = $2 WHERE id = $1 AND done_at IS NULL";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl LogoutOutbox for SqlStore {
    async fn enqueue(&self, deliveries: &[DeliveryRecord], events: &[AuditEvent], now: Timestamp) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for DeliveryRecord { id, client_id, subject, sid, attempts } in deliveries {
            tx.execute(ENQUEUE, args![id, client_id, subject, sid, *attempts, now]).await?;
        }
        self.append(&mut tx, events, now).await?;
        tx.commit().await
    }

    async fn end_session(
        &self,
        sid: &Id<Sso>,
        only: Option<&str>,
        deliveries: &[DeliveryRecord],
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for DeliveryRecord { id, client_id, subject, sid, attempts } in deliveries {
            tx.execute(ENQUEUE, args![id, client_id, subject, sid, *attempts, now]).await?;
        }
        match only {
            Some(client) => tx.execute(REVOKE_OF_CLIENT, args![sid, now, client]).await?,
            None => tx.execute(REVOKE_SESSION, args![sid, now]).await?,
        };
        self.append(&mut tx, events, now).await?;
        tx.commit().await
    }

    async fn claim(&self, now: Timestamp, lease: Timestamp, limit: i64) -> Result<Vec<DeliveryRecord>> {
        let mut tx = self.db.begin().await?;
        let rows = tx.all(self.db.text(CLAIM, CLAIM_POSTGRES), args![now, lease, limit]).await?;
        tx.commit().await?;
        rows.iter().map(delivery_from_row).collect()
    }

    async fn done(
        &self,
        id: &Id<Delivery>,
        outcome: DeliveryOutcome,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<()> {
        self.recorded(DONE, args![id, now, outcome.as_str()], events, now).await.map(drop)
    }

    async fn deliveries_of_session(&self, sid: &Id<Sso>) -> Result<Vec<DeliveryState>> {
        self.db.all(OF_SESSION, args![sid]).await?.iter().map(state_from_row).collect()
    }

    async fn deliveries_of_client(&self, client_id: &str, most: i64) -> Result<Vec<DeliveryState>> {
        self.db.all(OF_CLIENT, args![client_id, most]).await?.iter().map(state_from_row).collect()
    }

    async fn delivery_health(&self, only: Option<&str>, since: Timestamp) -> Result<BTreeMap<String, DeliveryHealth>> {
        let (waiting, ended) = match only {
            Some(client) => {
                (self.db.all(WAITING_OF, args![client]).await?, self.db.all(ENDED_OF, args![since, client]).await?)
            }
            None => (self.db.all(WAITING, args![]).await?, self.db.all(ENDED, args![since]).await?),
        };
        let mut health: BTreeMap<String, DeliveryHealth> = BTreeMap::new();
        for row in waiting {
            let of = health.entry(row.text("client_id")?).or_default();
            of.waiting = row.int("n")?;
            of.oldest_waiting_at = row.maybe_int("at")?.map(Timestamp);
        }
        for row in ended {
            let of = health.entry(row.text("client_id")?).or_default();
            match row.maybe_text("outcome")?.as_deref().and_then(DeliveryOutcome::from_word) {
                Some(DeliveryOutcome::Delivered) => {
                    of.delivered = row.int("n")?;
                    of.last_delivered_at = row.maybe_int("at")?.map(Timestamp);
                }
                _ => of.given_up += row.int("n")?,
            }
        }
        Ok(health)
    }

    async fn put_off(&self, id: &Id<Delivery>, next: Timestamp, events: &[AuditEvent], now: Timestamp) -> Result<()> {
        self.recorded(PUT_OFF, args![id, next], events, now).await.map(drop)
    }
}

fn delivery_from_row(row: &Row) -> Result<DeliveryRecord> {
    Ok(DeliveryRecord {
        id: Id::from_text(row.text("id")?),
        client_id: row.text("client_id")?,
        subject: Id::from_text(row.text("subject")?),
        sid: Id::from_text(row.text("sid")?),
        attempts: row.int("attempts")?,
    })
}

fn state_from_row(row: &Row) -> Result<DeliveryState> {
    let done_at = row.maybe_int("done_at")?.map(Timestamp);
    Ok(DeliveryState {
        delivery: delivery_from_row(row)?,
        queued_at: row.maybe_int("queued_at")?.map(Timestamp),
        next_at: if done_at.is_some() { None } else { Some(Timestamp(row.int("next_at")?)) },
        done_at,
        outcome: row.maybe_text("outcome")?,
    })
}
