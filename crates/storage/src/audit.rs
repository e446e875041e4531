//! The port of the audit trail.

use async_trait::async_trait;
use nixa_audit::{AuditEvent, Record};
use nixa_protocol::Timestamp;
use serde_json::{Map, Value};

use crate::error::Result;

/// The newest record of a chain of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// The number of the chain.
    pub shard: i64,
    /// The number of the record in its chain.
    pub seq: i64,
    /// The hash of the record, which covers those before it.
    pub hash: String,
}

/// A checkpoint of the audit trail as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Its number, from 1.
    pub n: i64,
    /// The heads of all chains, as a signed JWS.
    pub jws: String,
    /// The time stamp (RFC 3161) in base64url, once there is one.
    pub token: Option<String>,
}

/// The audit trail. What a port changes, it records in the same transaction; this one is for what changes
/// nothing else, for reading, and for its own upkeep.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Adds a record for each event, all of them or none.
    async fn append(&self, events: &[AuditEvent], now: Timestamp) -> Result<()>;
    /// The newest record of each chain.
    async fn heads(&self) -> Result<Vec<AuditHead>>;
    /// The last record of each chain that was removed after its retention.
    async fn anchors(&self) -> Result<Vec<AuditHead>>;
    /// Records of a chain in order, `most` at most.
    async fn records(&self, shard: i64, after: i64, most: i64) -> Result<Vec<Record>>;
    /// Checkpoints in order, `most` at most.
    async fn checkpoints(&self, after: i64, most: i64) -> Result<Vec<StoredCheckpoint>>;
    /// The checkpoint with the highest number; none before the first.
    async fn last_checkpoint(&self) -> Result<Option<StoredCheckpoint>>;
    /// Stores a checkpoint; `false` when another instance was first.
    async fn add_checkpoint(&self, checkpoint: &StoredCheckpoint) -> Result<bool>;
    /// Adds the time stamp of a checkpoint that has none yet.
    async fn stamp_checkpoint(&self, n: i64, token: &[u8]) -> Result<()>;
    /// The personal data of a record; none when it has none, or when it was erased.
    async fn personal(&self, record: &Record) -> Result<Option<Map<String, Value>>>;
    /// Erases the personal data of a person's records by destroying their key; whether there was one.
    async fn forget(&self, person: &str, events: &[AuditEvent], now: Timestamp) -> Result<bool>;
    /// Removes records of months before this one (`YYYYMM`), some thousands of each chain at once, and keeps and
    /// records where each chain now begins.
    async fn remove_before(&self, month: i64, now: Timestamp) -> Result<u64>;
    /// The chains that have records.
    async fn shards(&self) -> Result<Vec<i64>>;
    /// Makes the place for a month's records (`YYYYMM`), where the database keeps them by the month.
    async fn make_partition(&self, month: i64) -> Result<()>;
}
