//! Risk signals: devices that people have used, and signals that are raised.

use std::collections::BTreeSet;

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_protocol::id::{Id, Subject};
use nixa_protocol::{Digest, Timestamp};
use nixa_storage::{Signals, StorageError};

use crate::db::args;
use crate::store::SqlStore;

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
        Ok(self.db.one(KNOWS, args![person, device]).await?.is_some())
    }

    async fn remember_device(&self, person: &Id<Subject>, device: &Digest, now: Timestamp) -> Result<()> {
        self.db.execute(REMEMBER, args![person, device, now]).await.map(drop)
    }

    async fn raised(&self) -> Result<BTreeSet<String>> {
        self.db.all(RAISED, args![]).await?.iter().map(|row| row.text("signal")).collect()
    }

    async fn raise(&self, signal: &str, events: &[AuditEvent], now: Timestamp) -> Result<bool> {
        Ok(self.recorded(RAISE, args![signal, now], events, now).await? > 0)
    }

    async fn clear(&self, signal: &str, events: &[AuditEvent], now: Timestamp) -> Result<bool> {
        Ok(self.recorded(CLEAR, args![signal], events, now).await? > 0)
    }
}
