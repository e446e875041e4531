use std::collections::BTreeSet;

use async_trait::async_trait;
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{Digest, Timestamp};

use super::SqlStore;
use crate::StorageError;
use crate::ports::Signals;

const KNOWS: &str = "SELECT 1 FROM devices WHERE person_id = $1 AND device = $2";
const REMEMBER: &str = "INSERT INTO devices (person_id, device, first_at) VALUES ($1, $2, $3)
    ON CONFLICT (person_id, device) DO NOTHING";
const RAISED: &str = "SELECT signal FROM raised_signals";
const RAISE: &str = "INSERT INTO raised_signals (signal, raised_at) VALUES ($1, $2) ON CONFLICT (signal) DO NOTHING";
const CLEAR: &str = "DELETE FROM raised_signals WHERE signal = $1";

type Result<T> = std::result::Result<T, StorageError>;

#[async_trait]
impl Signals for SqlStore {
    async fn knows_device(&self, person: &Id<Subject>, device: &Digest) -> Result<bool> {
        let query = sqlx::query(KNOWS).bind(person.as_str()).bind(device.as_str());
        Ok(query.fetch_optional(&self.read).await?.is_some())
    }

    async fn remember_device(&self, person: &Id<Subject>, device: &Digest, now: Timestamp) -> Result<()> {
        let query = sqlx::query(REMEMBER).bind(person.as_str()).bind(device.as_str()).bind(now.0);
        query.execute(&self.write).await?;
        Ok(())
    }

    async fn raised(&self) -> Result<BTreeSet<String>> {
        let signals: Vec<String> = sqlx::query_scalar(RAISED).fetch_all(&self.read).await?;
        Ok(signals.into_iter().collect())
    }

    async fn raise(&self, signal: &str, now: Timestamp) -> Result<bool> {
        let done = sqlx::query(RAISE).bind(signal).bind(now.0).execute(&self.write).await?;
        Ok(done.rows_affected() > 0)
    }

    async fn clear(&self, signal: &str) -> Result<bool> {
        Ok(sqlx::query(CLEAR).bind(signal).execute(&self.write).await?.rows_affected() > 0)
    }
}
