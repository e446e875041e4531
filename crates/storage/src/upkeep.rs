//! The port of removing what has ended.

use async_trait::async_trait;
use nixa_protocol::Timestamp;

use crate::error::Result;

/// Removing what has ended, so that a store is as large as its use and not as its age.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Removes refresh tokens and grants that ended a day ago, browsers whose mark has ended, and decisions of
    /// before the given time: batch by batch, some thousands of each at most. How many rows it removed.
    async fn remove_ended(&self, decisions_before: Option<Timestamp>, now: Timestamp) -> Result<u64>;
}
