//! What a login costs the short-lived store, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use nixa_protocol::Timestamp;

use crate::error::Result;
use crate::short_lived::ShortLived;

/// What was asked of a store so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// How many of its methods were called.
    pub commands: u64,
    /// How many octets of keys and values they wrote.
    pub octets_written: u64,
}

/// A short-lived store that counts what is asked of it: each of its methods is one command to whatever is
/// behind it.
pub struct Metered {
    inner: Arc<dyn ShortLived>,
    commands: AtomicU64,
    octets_written: AtomicU64,
}

impl Metered {
    /// Counts what is asked of this store.
    #[must_use]
    pub fn new(inner: Arc<dyn ShortLived>) -> Self {
        Self { inner, commands: AtomicU64::new(0), octets_written: AtomicU64::new(0) }
    }

    /// What was asked so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            commands: self.commands.load(Ordering::Relaxed),
            octets_written: self.octets_written.load(Ordering::Relaxed),
        }
    }

    fn counted(&self, written: usize) -> &dyn ShortLived {
        self.commands.fetch_add(1, Ordering::Relaxed);
        self.octets_written.fetch_add(written as u64, Ordering::Relaxed);
        &*self.inner
    }
}

#[async_trait]
impl ShortLived for Metered {
    async fn put(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<()> {
        self.counted(key.len() + value.len()).put(key, value, expires, now).await
    }

    async fn put_new(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        self.counted(key.len() + value.len()).put_new(key, value, expires, now).await
    }

    async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        self.counted(0).get(key, now).await
    }

    async fn take(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        self.counted(0).take(key, now).await
    }

    async fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        self.counted(key.len() + new.len()).replace(key, old, new, expires, now).await
    }

    async fn count(&self, key: &str, expires: Timestamp, now: Timestamp) -> Result<u64> {
        self.counted(key.len() + size_of::<u64>()).count(key, expires, now).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.counted(0).delete(key).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<()> {
        self.inner.sweep(now).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }
}
