//! The browser session store over our short-lived port.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use nixa_protocol::{Clock, digest};
use nixa_storage::ShortLived;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

/// Keeps browser sessions by the digest of their id: a read of the store gives no usable cookie.
#[derive(Clone)]
pub struct ShortLivedSessions {
    short: Arc<dyn ShortLived>,
    clock: Arc<dyn Clock>,
}

impl ShortLivedSessions {
    /// A session store over a short-lived one.
    #[must_use]
    pub fn new(short: Arc<dyn ShortLived>, clock: Arc<dyn Clock>) -> Self {
        Self { short, clock }
    }
}

impl fmt::Debug for ShortLivedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortLivedSessions").finish_non_exhaustive()
    }
}

/// How long a browser's record is kept after its last change, in seconds: longer than any single sign-on
/// session. The cookie itself ends with the browser.
const KEPT: i64 = 9 * 3_600;

fn key(id: &Id) -> String {
    format!("browser:{}", digest(&id.to_string()).as_str())
}

fn failed(error: impl fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for ShortLivedSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let now = self.clock.now();
        loop {
            let bytes = serde_json::to_vec(record).map_err(failed)?;
            if self.short.put_new(&key(&record.id), &bytes, now + KEPT, now).await.map_err(failed)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let bytes = serde_json::to_vec(record).map_err(failed)?;
        let now = self.clock.now();
        self.short.put(&key(&record.id), &bytes, now + KEPT, now).await.map_err(failed)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = self.short.get(&key(id), self.clock.now()).await.map_err(failed)?;
        found.map(|bytes| serde_json::from_slice(&bytes).map_err(failed)).transpose()
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.short.delete(&key(id)).await.map_err(failed)
    }
}
