//! The server's signing keys and secrets, as the caller encrypted them.

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_protocol::Timestamp;
use nixa_storage::{KeyRecord, KeyStore, StorageError};

use crate::db::{Row, args};
use crate::store::SqlStore;

const SECRET: &str = "SELECT sealed FROM secrets WHERE name = $1";
const INSERT_SECRET: &str = "INSERT INTO secrets (name, sealed, created_at) VALUES ($1, $2, $3)
    ON CONFLICT (name) DO NOTHING";
const KEYS: &str = "SELECT * FROM signing_keys ORDER BY active_at, kid";
const INSERT_FIRST_KEY: &str = "INSERT INTO signing_keys (kid, algorithm, generation, sealed, active_at)
    VALUES ($1, $2, 1, $3, $4) ON CONFLICT (algorithm, generation) DO NOTHING";
/// Of two rotations at the same moment one fails as [`StorageError::Exists`].
const INSERT_KEY: &str = "INSERT INTO signing_keys (kid, algorithm, generation, sealed, active_at)
    SELECT $1, $2, COALESCE(MAX(generation), 0) + 1, $3, $4 FROM signing_keys WHERE algorithm = $2
    HAVING COALESCE(MAX(active_at), 0) < $5";
const RETIRE: &str = "UPDATE signing_keys SET retired_at = $4
    WHERE algorithm = $1 AND kid <> $2 AND active_at <= $3 AND retired_at IS NULL";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl KeyStore for SqlStore {
    async fn secret(&self, name: &str) -> Result<Option<String>> {
        self.db.one(SECRET, args![name]).await?.map(|row| row.text("sealed")).transpose()
    }

    async fn insert_secret(&self, name: &str, encrypted: &str, events: &[AuditEvent], now: Timestamp) -> Result<()> {
        let mut tx = self.db.begin().await?;
        if tx.execute(INSERT_SECRET, args![name, encrypted, now]).await? == 1 {
            self.append(&mut tx, events, now).await?;
        }
        tx.commit().await
    }

    async fn signing_keys(&self) -> Result<Vec<KeyRecord>> {
        self.db.all(KEYS, args![]).await?.iter().map(key_from_row).collect()
    }

    async fn insert_first_key(&self, key: &KeyRecord, events: &[AuditEvent], now: Timestamp) -> Result<()> {
        let KeyRecord { kid, algorithm, encrypted, active_at, .. } = key;
        let mut tx = self.db.begin().await?;
        if tx.execute(INSERT_FIRST_KEY, args![kid, algorithm, encrypted, *active_at]).await? == 1 {
            self.append(&mut tx, events, now).await?;
        }
        tx.commit().await
    }

    async fn add_key(
        &self,
        key: &KeyRecord,
        retire_others_at: Timestamp,
        if_all_began_before: Timestamp,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool> {
        let KeyRecord { kid, algorithm, encrypted, active_at, .. } = key;
        let mut tx = self.db.begin().await?;
        if tx.execute(INSERT_KEY, args![kid, algorithm, encrypted, *active_at, if_all_began_before]).await? == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.execute(RETIRE, args![algorithm, kid, *active_at, retire_others_at]).await?;
        self.append(&mut tx, events, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn key_from_row(row: &Row) -> Result<KeyRecord> {
    Ok(KeyRecord {
        kid: row.text("kid")?,
        algorithm: row.text("algorithm")?,
        encrypted: row.text("sealed")?,
        active_at: Timestamp(row.int("active_at")?),
        retired_at: row.maybe_int("retired_at")?.map(Timestamp),
    })
}
