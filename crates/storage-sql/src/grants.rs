//! Grants and their refresh tokens: rotation and revocation.

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_protocol::id::{Grant, Id, Sso};
use nixa_protocol::{Digest, Timestamp};
use nixa_storage::{GrantBody, GrantRecord, Grants, NewRefresh, Rotation, RotationEvents, StorageError};

use crate::db::{Row, args};
use crate::store::SqlStore;
use crate::upkeep::KEPT;

const INSERT: &str = "INSERT INTO grants (id, client_id, subject, sid, body, offline, created_at, ends_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
const LIVE: &str = "SELECT * FROM grants WHERE id = $1 AND revoked_at IS NULL";
const OF_REFRESH: &str = "SELECT g.* FROM grants g JOIN refresh_tokens r ON r.grant_id = g.id WHERE r.digest = $1";
const INSERT_REFRESH: &str = "INSERT INTO refresh_tokens (digest, grant_id, expires_at) VALUES ($1, $2, $3)";
/// Wins only once, and only while the grant lives.
const USE_REFRESH: &str = "UPDATE refresh_tokens SET used_at = $2
    WHERE digest = $1 AND used_at IS NULL AND expires_at > $2
      AND EXISTS (SELECT 1 FROM grants WHERE grants.id = grant_id AND revoked_at IS NULL)
    RETURNING grant_id";
const USED_REFRESH: &str = "SELECT grant_id, used_at FROM refresh_tokens WHERE digest = $1 AND used_at IS NOT NULL";
const PROLONG: &str = "UPDATE grants SET ends_at = $2 WHERE id = $1";
/// For a grant that is not stored yet it leaves a row that the insert will run into.
const REVOKE: &str = "INSERT INTO grants (id, client_id, subject, sid, body, offline, created_at, revoked_at, ends_at)
    VALUES ($1, '', '', '', '{}', FALSE, $2, $2, $3)
    ON CONFLICT (id) DO UPDATE SET revoked_at = COALESCE(grants.revoked_at, excluded.revoked_at)";
pub(crate) const REVOKE_OF_CLIENT: &str = "UPDATE grants SET revoked_at = $2
    WHERE sid = $1 AND client_id = $3 AND NOT offline AND revoked_at IS NULL";
pub(crate) const REVOKE_SESSION: &str =
    "UPDATE grants SET revoked_at = $2 WHERE sid = $1 AND NOT offline AND revoked_at IS NULL";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl Grants for SqlStore {
    async fn insert_grant(
        &self,
        grant: &GrantRecord,
        refresh: Option<&NewRefresh>,
        events: &[AuditEvent],
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let GrantRecord { id, client_id, subject, sid, offline, created_at, .. } = grant;
        let body = serde_json::to_string(&grant.body)?;
        let ends_at = refresh.map_or(*created_at, |refresh| refresh.expires_at) + KEPT;
        if tx.execute(INSERT, args![id, client_id, subject, sid, &body, *offline, *created_at, ends_at]).await? == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        if let Some(refresh) = refresh {
            tx.execute(INSERT_REFRESH, args![&refresh.digest, id, refresh.expires_at]).await?;
        }
        self.append(&mut tx, events, grant.created_at).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn live_grant(&self, id: &Id<Grant>) -> Result<Option<GrantRecord>> {
        self.db.one(LIVE, args![id]).await?.as_ref().map(grant_from_row).transpose()
    }

    async fn grant_of_refresh(&self, token: &Digest) -> Result<Option<GrantRecord>> {
        self.db.one(OF_REFRESH, args![token]).await?.as_ref().map(grant_from_row).transpose()
    }

    async fn rotate(
        &self,
        token: &Digest,
        next: &NewRefresh,
        grace: i64,
        events: RotationEvents<'_>,
        now: Timestamp,
    ) -> Result<Rotation> {
        let mut tx = self.db.begin().await?;
        let outcome = if let Some(won) = tx.one(USE_REFRESH, args![token, now]).await? {
            let grant = won.text("grant_id")?;
            tx.execute(INSERT_REFRESH, args![&next.digest, &grant, next.expires_at]).await?;
            tx.execute(PROLONG, args![&grant, next.expires_at + KEPT]).await?;
            Rotation::Rotated
        } else if let Some(used) = tx.one(USED_REFRESH, args![token]).await? {
            if now < Timestamp(used.int("used_at")?) + grace
                && tx.one(LIVE, args![&used.text("grant_id")?]).await?.is_some()
            {
                self.append(&mut tx, &events(Rotation::Recent), now).await?;
                tx.commit().await?;
                return Ok(Rotation::Recent);
            }
            tx.execute(REVOKE, args![&used.text("grant_id")?, now, now + KEPT]).await?;
            Rotation::Reused
        } else {
            Rotation::Refused
        };
        self.append(&mut tx, &events(outcome), now).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    async fn revoke_grant(&self, id: &Id<Grant>, events: &[AuditEvent], now: Timestamp) -> Result<()> {
        self.recorded(REVOKE, args![id, now, now + KEPT], events, now).await.map(drop)
    }

    async fn revoke_session(&self, sid: &Id<Sso>, events: &[AuditEvent], now: Timestamp) -> Result<()> {
        self.recorded(REVOKE_SESSION, args![sid, now], events, now).await.map(drop)
    }

    async fn ping(&self) -> Result<()> {
        self.db.one("SELECT 1", args![]).await.map(drop)
    }
}

fn grant_from_row(row: &Row) -> Result<GrantRecord> {
    let body: GrantBody = serde_json::from_str(&row.text("body")?)?;
    Ok(GrantRecord {
        id: Id::from_text(row.text("id")?),
        client_id: row.text("client_id")?,
        subject: Id::from_text(row.text("subject")?),
        sid: Id::from_text(row.text("sid")?),
        body,
        offline: row.flag("offline")?,
        created_at: Timestamp(row.int("created_at")?),
        revoked_at: row.maybe_int("revoked_at")?.map(Timestamp),
    })
}
