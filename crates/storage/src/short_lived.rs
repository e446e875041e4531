//! The port of what lives for seconds to hours.

use async_trait::async_trait;
use nixa_protocol::Timestamp;

use crate::error::Result;

/// State that may be lost with the loss of open transactions and sessions, and nothing else.
///
/// An entry ends at `expires`: at that second it is gone. Each method is atomic. [`Entries`](crate::Entries) gives
/// the octets a type.
#[async_trait]
pub trait ShortLived: Send + Sync {
    /// Writes an entry, whatever was there.
    async fn put(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<()>;
    /// Writes an entry only if there is none; says whether it did.
    async fn put_new(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool>;
    /// The value of an entry; none when it has ended.
    async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>>;
    /// Removes an entry and returns it: of many takers, one has it.
    async fn take(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>>;
    /// Replaces an entry only if it still is `old`; says whether it did.
    async fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool>;
    /// Adds one to a counter and returns it. The key names the counter's window, which ends at `expires`: after
    /// that it is forgotten, at once or a little later. Counters are no entries: no other method knows them.
    async fn count(&self, key: &str, expires: Timestamp, now: Timestamp) -> Result<u64>;
    /// Removes an entry, if there is one.
    async fn delete(&self, key: &str) -> Result<()>;
    /// Removes what has ended; backends that do so themselves do nothing.
    async fn sweep(&self, now: Timestamp) -> Result<()>;
    /// Fails when the store does not answer, for the readiness check.
    async fn ping(&self) -> Result<()>;
}
