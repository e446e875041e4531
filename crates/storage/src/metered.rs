use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use nixa_protocol::Timestamp;

use crate::StorageError;
use crate::ports::ShortLived;

type Result<T> = std::result::Result<T, StorageError>;

/// A short-lived store that counts what is asked of it: each of its methods is one command to whatever is
/// behind it.
pub struct Metered {
    inner: Arc<dyn ShortLived>,
    commands: AtomicU64,
    written: AtomicU64,
}

impl Metered {
    /// Counts what is asked of this store.
    #[must_use]
    pub fn new(inner: Arc<dyn ShortLived>) -> Self {
        Self { inner, commands: AtomicU64::new(0), written: AtomicU64::new(0) }
    }

    /// How many commands there were, and how many octets of keys and values they wrote.
    #[must_use]
    pub fn used(&self) -> (u64, u64) {
        (self.commands.load(Ordering::Relaxed), self.written.load(Ordering::Relaxed))
    }

    fn asked(&self, written: usize) -> &dyn ShortLived {
        self.commands.fetch_add(1, Ordering::Relaxed);
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        &*self.inner
    }
}

#[async_trait]
impl ShortLived for Metered {
    async fn put(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<()> {
        self.asked(key.len() + value.len()).put(key, value, expires, now).await
    }

    async fn put_new(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        self.asked(key.len() + value.len()).put_new(key, value, expires, now).await
    }

    async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        self.asked(0).get(key, now).await
    }

    async fn take(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        self.asked(0).take(key, now).await
    }

    async fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        self.asked(key.len() + new.len()).replace(key, old, new, expires, now).await
    }

    async fn count(&self, key: &str, expires: Timestamp, now: Timestamp) -> Result<u64> {
        self.asked(key.len() + size_of::<u64>()).count(key, expires, now).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.asked(0).delete(key).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<()> {
        self.inner.sweep(now).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }
}
