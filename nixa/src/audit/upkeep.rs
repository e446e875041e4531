//! What a running server does for its audit trail: the months of its tables, signed checkpoints with their time stamps,
//! and retention; with it the removal of decisions and grants that have ended.

use std::sync::Arc;

use nixa_audit::{
    Checkpoint, Head, checkpoint_hash, first_second_of, month_after, month_of, months_before, sign_checkpoint,
};
use nixa_protocol::Timestamp;
use nixa_protocol::jose::SigningKey;
use nixa_storage::{Audit, AuditHead, StorageError, StoredCheckpoint, Upkeep};
use thiserror::Error;

use super::timestamping::{TimestampAuthority, TimestampError};

/// Why a part of the upkeep was not done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// The durable store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A checkpoint could not be signed.
    #[error("a checkpoint cannot be signed: {0}")]
    Sign(#[from] nixa_protocol::jose::JoseRefusal),
    /// The time-stamping authority gave no time stamp that counts; it is asked again.
    #[error(transparent)]
    Stamp(#[from] TimestampError),
}

/// The upkeep of a server's audit trail. Every instance has it; what one of them has done, the others find done.
pub struct AuditUpkeep {
    /// The store of the records and checkpoints.
    pub store: Arc<dyn Audit>,
    /// The tables from which what has ended is removed.
    pub ended: Arc<dyn Upkeep>,
    /// Signs checkpoints, and nothing else.
    pub key: SigningKey,
    /// How long after a checkpoint the next one is made, in seconds, if anything happened.
    pub checkpoint_seconds: i64,
    /// For how many months records are kept, the current one not counted; for ever without it.
    pub keep_months: Option<u32>,
    /// Stamps the checkpoints, where an authority is configured.
    pub timestamps: Option<TimestampAuthority>,
}

impl AuditUpkeep {
    /// Makes the next partition, signs and stamps checkpoints, and removes what is past its retention.
    ///
    /// # Errors
    /// What was not done is due again.
    pub async fn tick(&self, now: Timestamp) -> Result<(), UpkeepError> {
        let month = month_of(now);
        self.store.make_partition(month_after(month)).await?;
        let last = self.store.last_checkpoint().await?;
        if is_due(last.as_ref(), now, self.checkpoint_seconds) {
            self.checkpoint(now).await?;
        }
        let oldest = self.keep_months.map(|keep| months_before(month, keep));
        if let Some(oldest) = oldest {
            self.store.remove_before(oldest, now).await?;
        }
        // A decision is kept as long as the record that speaks of it.
        self.ended.remove_ended(oldest.map(first_second_of), now).await?;
        self.stamp().await
    }

    /// Signs the heads of all chains, if they changed since the last time; the checkpoint's number.
    pub async fn checkpoint(&self, now: Timestamp) -> Result<Option<i64>, UpkeepError> {
        // The order matters: heads that are read after the last checkpoint are never older than it says.
        let last = self.store.last_checkpoint().await?;
        let heads: Vec<Head> = self.store.heads().await?.into_iter().map(head).collect();
        let before = last.as_ref().map(|last| read_unverified(&last.jws));
        if heads.is_empty() || before.as_ref().is_some_and(|before| before.heads == heads) {
            return Ok(None);
        }
        let n = last.as_ref().map_or(1, |last| last.n + 1);
        let at = before.map_or(now.0, |before| before.at.max(now.0));
        let previous = last.map(|last| checkpoint_hash(&last.jws)).unwrap_or_default();
        let jws = sign_checkpoint(&self.key, &Checkpoint { n, at, previous, heads })?;
        self.store.add_checkpoint(&StoredCheckpoint { n, jws, token: None }).await?;
        Ok(Some(n))
    }

    /// Has the newest checkpoint time-stamped, if an authority is configured and it has no stamp yet.
    async fn stamp(&self) -> Result<(), UpkeepError> {
        let (Some(authority), Some(last)) = (&self.timestamps, self.store.last_checkpoint().await?) else {
            return Ok(());
        };
        if last.token.is_none() {
            let token = authority.stamp(&last.jws).await?;
            self.store.stamp_checkpoint(last.n, &token).await?;
        }
        Ok(())
    }
}

/// Whether the next checkpoint is due, so many seconds after the last.
fn is_due(last: Option<&StoredCheckpoint>, now: Timestamp, seconds: i64) -> bool {
    // After one of the future too: a clock that was ahead must not keep the others from signing.
    let due = |at: i64| at > now.0 || now.0 - at >= seconds;
    last.is_none_or(|last| due(read_unverified(&last.jws).at))
}

fn head(head: AuditHead) -> Head {
    Head { shard: head.shard, seq: head.seq, hash: head.hash }
}

/// What a checkpoint of ours says, to go on from it; whoever must trust it verifies it. One that cannot be
/// read counts as the first, which the verification will then name.
fn read_unverified(jws: &str) -> Checkpoint {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = jws.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
    serde_json::from_slice(&payload).unwrap_or(Checkpoint { n: 0, at: 0, previous: String::new(), heads: Vec::new() })
}
