//! The server's secrets and signing keys.

use async_trait::async_trait;
use nixa_audit::AuditEvent;
use nixa_protocol::Timestamp;

use crate::error::Result;

/// A signing key as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its identifier in the key set (RFC 7517 §4.5).
    pub kid: String,
    /// The registered name of its algorithm (RFC 7518 §3.1).
    pub algorithm: String,
    /// The private key, encrypted under the master key. The column is called `sealed`: instances of an earlier
    /// version read it by that name.
    pub encrypted: String,
    /// When it begins to sign; it is published from the start.
    pub active_at: Timestamp,
    /// When it is no longer published.
    pub retired_at: Option<Timestamp>,
}

impl std::fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRecord").field("kid", &self.kid).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Keys and secrets of the server, encrypted before they come here.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// The secret of this name, encrypted.
    async fn secret(&self, name: &str) -> Result<Option<String>>;
    /// Stores a secret unless there is one of this name: of instances that start at once, all use the first.
    async fn insert_secret(&self, name: &str, encrypted: &str, events: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Every signing key, also those that are no longer published, in the order in which they begin to sign.
    async fn signing_keys(&self) -> Result<Vec<KeyRecord>>;
    /// Stores the first key of an algorithm, unless there is one.
    async fn insert_first_key(&self, key: &KeyRecord, events: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// Stores a further key and says when the earlier ones of its algorithm are no longer published; unless one of
    /// them begins at or after the given time: `false` then. Of instances that do it at once, one does.
    async fn add_key(
        &self,
        key: &KeyRecord,
        retire_others_at: Timestamp,
        if_all_began_before: Timestamp,
        events: &[AuditEvent],
        now: Timestamp,
    ) -> Result<bool>;
}
