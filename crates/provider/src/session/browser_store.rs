//! The browser session store over our short-lived port.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use nixa_protocol::{Clock, Timestamp, digest};
use nixa_storage::{Entries, Entry, Prefix, ShortLived};
use serde::{Deserialize, Serialize};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

/// How long a browser's record is kept after its last change, in seconds: longer than any single sign-on
/// session. The cookie itself ends with the browser.
const KEPT: i64 = 9 * 3_600;

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct BrowserRecord(Record);

impl Entry for BrowserRecord {
    const PREFIX: Prefix = Prefix::Browser;

    fn expires(&self, now: Timestamp) -> Timestamp {
        now + KEPT
    }
}

/// Keeps browser sessions by the digest of their id: a read of the store gives no usable cookie.
#[derive(Clone)]
pub(crate) struct ShortLivedSessions {
    entries: Entries<BrowserRecord>,
    clock: Arc<dyn Clock>,
}

impl ShortLivedSessions {
    /// A session store over a short-lived one.
    pub(crate) fn new(store: Arc<dyn ShortLived>, clock: Arc<dyn Clock>) -> Self {
        Self { entries: Entries::new(store), clock }
    }
}

impl fmt::Debug for ShortLivedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortLivedSessions").finish_non_exhaustive()
    }
}

fn name(id: &Id) -> String {
    digest(&id.to_string()).as_str().to_owned()
}

fn failed(error: impl fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for ShortLivedSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let now = self.clock.now();
        while !self.entries.put_new(&name(&record.id), &BrowserRecord(record.clone()), now).await.map_err(failed)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let entry = BrowserRecord(record.clone());
        self.entries.put(&name(&record.id), &entry, self.clock.now()).await.map_err(failed)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = self.entries.get(&name(id), self.clock.now()).await.map_err(failed)?;
        Ok(found.map(|stored| stored.into_value().0))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.entries.delete(&name(id)).await.map_err(failed)
    }
}
