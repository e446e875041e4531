//! Keeping the durable store: the audit trail's months, its signed checkpoints with their time stamps, its
//! retention; and the removal of what has ended.

use std::sync::Arc;

use nixa_audit::{
    Checkpoint, Head, checkpoint_hash, first_second_of, month_after, month_of, months_before, sign_checkpoint,
};
use nixa_protocol::Timestamp;
use nixa_protocol::jose::SigningKey;
use nixa_storage::{Audit, AuditHead, StorageError, StoredCheckpoint, Upkeep};
use thiserror::Error;

use crate::stamp::{StampError, TimeStamps};

/// Why the trail could not be kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrailError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A checkpoint could not be signed.
    #[error("a checkpoint cannot be signed: {0}")]
    Sign(#[from] nixa_protocol::jose::JoseRefusal),
    /// The time-stamping authority gave no time stamp that counts; it is asked again.
    #[error(transparent)]
    Stamp(#[from] StampError),
}

/// Keeps a trail. Every instance has one; what one of them has done, the others find done.
pub struct Keeper {
    /// The trail.
    pub store: Arc<dyn Audit>,
    /// What has ended.
    pub ended: Arc<dyn Upkeep>,
    /// Signs checkpoints, and nothing else.
    pub key: SigningKey,
    /// How long after a checkpoint the next one is made, in seconds, if anything happened.
    pub every: i64,
    /// For how many months records are kept, the current one not counted; for ever without it.
    pub keep_months: Option<u32>,
    /// The time-stamping authority.
    pub stamps: Option<TimeStamps>,
}

impl Keeper {
    /// Does what is due.
    ///
    /// # Errors
    /// [`TrailError`]; what was not done is due again.
    pub async fn tick(&self, now: Timestamp) -> Result<(), TrailError> {
        let month = month_of(now);
        self.store.make_partition(month_after(month)).await?;
        let last = self.store.last_checkpoint().await?;
        if last.is_none_or_old(now, self.every) {
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
    ///
    /// # Errors
    /// [`TrailError`].
    pub async fn checkpoint(&self, now: Timestamp) -> Result<Option<i64>, TrailError> {
        // The order matters: heads that are read after the last checkpoint are never older than it says.
        let last = self.store.last_checkpoint().await?;
        let heads: Vec<Head> = self.store.heads().await?.into_iter().map(head).collect();
        let before = last.as_ref().map(|last| unverified(&last.jws));
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
    async fn stamp(&self) -> Result<(), TrailError> {
        let (Some(stamps), Some(last)) = (&self.stamps, self.store.last_checkpoint().await?) else { return Ok(()) };
        if last.token.is_none() {
            let token = stamps.stamp(&last.jws).await?;
            self.store.stamp_checkpoint(last.n, &token).await?;
        }
        Ok(())
    }
}

trait Age {
    fn is_none_or_old(&self, now: Timestamp, most: i64) -> bool;
}

impl Age for Option<StoredCheckpoint> {
    fn is_none_or_old(&self, now: Timestamp, most: i64) -> bool {
        // One of the future too: a clock that was ahead must not keep the others from signing.
        let due = |at: i64| at > now.0 || now.0 - at >= most;
        self.as_ref().is_none_or(|last| due(unverified(&last.jws).at))
    }
}

fn head(head: AuditHead) -> Head {
    Head { shard: head.shard, seq: head.seq, hash: head.hash }
}

/// What a checkpoint of ours says, to go on from it; whoever must trust it verifies it. One that cannot be
/// read counts as the first, which the verification will then name.
fn unverified(jws: &str) -> Checkpoint {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = jws.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
    serde_json::from_slice(&payload).unwrap_or(Checkpoint { n: 0, at: 0, previous: String::new(), heads: Vec::new() })
}
