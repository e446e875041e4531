use async_trait::async_trait;
use nixa_protocol::id::{Grant, Id, Sso};
use nixa_protocol::{Digest, Timestamp};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqlStore;
use crate::StorageError;
use crate::ports::Grants;
use crate::records::{GrantBody, GrantRecord, NewRefresh, Rotation};

const INSERT: &str = "INSERT INTO grants (id, client_id, subject, sid, body, offline, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
const LIVE: &str = "SELECT * FROM grants WHERE id = $1 AND revoked_at IS NULL";
const OF_REFRESH: &str = "SELECT g.* FROM grants g JOIN refresh_tokens r ON r.grant_id = g.id WHERE r.digest = $1";
const INSERT_REFRESH: &str = "INSERT INTO refresh_tokens (digest, grant_id, expires_at) VALUES ($1, $2, $3)";
/// Wins only once, and only while the grant lives.
const USE_REFRESH: &str = "UPDATE refresh_tokens SET used_at = $2
    WHERE digest = $1 AND used_at IS NULL AND expires_at > $2
      AND EXISTS (SELECT 1 FROM grants WHERE grants.id = grant_id AND revoked_at IS NULL)
    RETURNING grant_id";
const USED_REFRESH: &str = "SELECT grant_id FROM refresh_tokens WHERE digest = $1 AND used_at IS NOT NULL";
/// For a grant that is not stored yet it leaves a row that the insert will run into.
const REVOKE: &str = "INSERT INTO grants (id, client_id, subject, sid, body, offline, created_at, revoked_at)
    VALUES ($1, '', '', '', '{}', FALSE, $2, $2)
    ON CONFLICT (id) DO UPDATE SET revoked_at = COALESCE(grants.revoked_at, excluded.revoked_at)";
const REVOKE_SESSION: &str = "UPDATE grants SET revoked_at = $2 WHERE sid = $1 AND NOT offline AND revoked_at IS NULL";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl Grants for SqlStore {
    async fn insert_grant(&self, grant: &GrantRecord, refresh: Option<&NewRefresh>) -> Result<bool> {
        let mut tx = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let inserted = sqlx::query(INSERT)
            .bind(grant.id.as_str())
            .bind(&grant.client_id)
            .bind(grant.subject.as_str())
            .bind(grant.sid.as_str())
            .bind(serde_json::to_string(&grant.body)?)
            .bind(grant.offline)
            .bind(grant.created_at.0)
            .execute(&mut *tx)
            .await?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(refresh) = refresh {
            insert_refresh(&mut tx, refresh, grant.id.as_str()).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn live_grant(&self, id: &Id<Grant>) -> Result<Option<GrantRecord>> {
        let row = sqlx::query(LIVE).bind(id.as_str()).fetch_optional(&self.read).await?;
        row.as_ref().map(read).transpose()
    }

    async fn grant_of_refresh(&self, token: &Digest) -> Result<Option<GrantRecord>> {
        let row = sqlx::query(OF_REFRESH).bind(token.as_str()).fetch_optional(&self.read).await?;
        row.as_ref().map(read).transpose()
    }

    async fn rotate(&self, token: &Digest, next: &NewRefresh, now: Timestamp) -> Result<Rotation> {
        let mut tx = self.write.begin_with("BEGIN IMMEDIATE").await?;
        let won: Option<String> =
            sqlx::query_scalar(USE_REFRESH).bind(token.as_str()).bind(now.0).fetch_optional(&mut *tx).await?;
        let outcome = if let Some(grant) = won {
            insert_refresh(&mut tx, next, &grant).await?;
            Rotation::Rotated
        } else {
            let used: Option<String> =
                sqlx::query_scalar(USED_REFRESH).bind(token.as_str()).fetch_optional(&mut *tx).await?;
            match used {
                Some(grant) => {
                    sqlx::query(REVOKE).bind(grant).bind(now.0).execute(&mut *tx).await?;
                    Rotation::Reused
                }
                None => Rotation::Refused,
            }
        };
        tx.commit().await?;
        Ok(outcome)
    }

    async fn revoke_grant(&self, id: &Id<Grant>, now: Timestamp) -> Result<()> {
        sqlx::query(REVOKE).bind(id.as_str()).bind(now.0).execute(&self.write).await?;
        Ok(())
    }

    async fn revoke_session(&self, sid: &Id<Sso>, now: Timestamp) -> Result<()> {
        sqlx::query(REVOKE_SESSION).bind(sid.as_str()).bind(now.0).execute(&self.write).await?;
        Ok(())
    }

    async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.read).await?;
        Ok(())
    }
}

async fn insert_refresh(tx: &mut SqliteConnection, refresh: &NewRefresh, grant: &str) -> Result<()> {
    sqlx::query(INSERT_REFRESH)
        .bind(refresh.digest.as_str())
        .bind(grant)
        .bind(refresh.expires_at.0)
        .execute(tx)
        .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<GrantRecord> {
    let body: GrantBody = serde_json::from_str(row.try_get("body")?)?;
    Ok(GrantRecord {
        id: Id::from_text(row.try_get::<String, _>("id")?),
        client_id: row.try_get("client_id")?,
        subject: Id::from_text(row.try_get::<String, _>("subject")?),
        sid: Id::from_text(row.try_get::<String, _>("sid")?),
        body,
        offline: row.try_get("offline")?,
        created_at: Timestamp(row.try_get("created_at")?),
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(Timestamp),
    })
}
