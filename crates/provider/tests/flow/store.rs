//! A short-lived store that fails when it is told to, and says what was written to it.

use std::sync::Mutex;

use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_storage::{ShortLived, StorageError};
use nixa_storage_sql::SqliteShortLived;

type Result<T> = std::result::Result<T, StorageError>;

pub(crate) struct WatchedStore {
    inner: SqliteShortLived,
    /// How the keys begin of which nothing is read or written.
    pub(crate) failing: Mutex<Option<&'static str>>,
    written: Mutex<Vec<String>>,
}

impl WatchedStore {
    pub(crate) fn new(inner: SqliteShortLived) -> Self {
        Self { inner, failing: Mutex::default(), written: Mutex::default() }
    }

    /// Lets everything fail whose key begins so.
    pub(crate) fn fail(&self, prefix: &'static str) {
        *self.failing.lock().unwrap() = Some(prefix);
    }

    pub(crate) fn recover(&self) {
        *self.failing.lock().unwrap() = None;
    }

    /// How many codes were made.
    pub(crate) fn codes(&self) -> usize {
        self.written.lock().unwrap().iter().filter(|key| key.starts_with("code:")).count()
    }

    fn reach(&self, key: &str) -> Result<&SqliteShortLived> {
        match *self.failing.lock().unwrap() {
            Some(prefix) if key.starts_with(prefix) => Err(StorageError::TooSlow),
            _ => Ok(&self.inner),
        }
    }

    fn note(&self, key: &str) {
        self.written.lock().unwrap().push(key.to_owned());
    }
}

#[async_trait]
impl ShortLived for WatchedStore {
    async fn put(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<()> {
        self.reach(key)?.put(key, value, expires, now).await?;
        self.note(key);
        Ok(())
    }

    async fn put_new(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        let new = self.reach(key)?.put_new(key, value, expires, now).await?;
        if new {
            self.note(key);
        }
        Ok(new)
    }

    async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        self.reach(key)?.get(key, now).await
    }

    async fn take(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        self.reach(key)?.take(key, now).await
    }

    async fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        self.reach(key)?.replace(key, old, new, expires, now).await
    }

    async fn count(&self, key: &str, expires: Timestamp, now: Timestamp) -> Result<u64> {
        self.reach(key)?.count(key, expires, now).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.reach(key)?.delete(key).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<()> {
        self.inner.sweep(now).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }
}
