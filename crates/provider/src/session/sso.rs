//! Single sign-on sessions: who is logged in, and at which clients.

use std::collections::BTreeSet;
use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Sso, Subject};
use nixa_storage::{Entries, Entry, Prefix, ShortLived, Stored, Update};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::settings::Lifetimes;

/// A single sign-on session: who is logged in, and which clients know it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SsoSession<D> {
    /// Its identifier: the `sid` claim.
    pub sid: Id<Sso>,
    /// Who is logged in.
    pub subject: Id<Subject>,
    /// When it ends at the latest.
    pub expires: Timestamp,
    /// How long it lives without use, in seconds.
    pub idle_timeout: i64,
    /// The clients that were answered in it.
    pub clients: BTreeSet<String>,
    /// What the interaction remembers of it.
    pub data: D,
}

impl<D: Serialize + DeserializeOwned + Send + Sync> Entry for SsoSession<D> {
    const PREFIX: Prefix = Prefix::Session;

    fn expires(&self, now: Timestamp) -> Timestamp {
        self.expires.min(now + self.idle_timeout)
    }
}

/// The store of single sign-on sessions. They are apart from the browser's session record, so that two
/// tabs never overwrite one another's change and a session can end without its browser.
pub struct Sessions<D> {
    entries: Entries<SsoSession<D>>,
    lifetimes: Lifetimes,
}

impl<D: Serialize + DeserializeOwned + Clone + Send + Sync> Sessions<D> {
    pub(crate) fn new(store: Arc<dyn ShortLived>, lifetimes: Lifetimes) -> Self {
        Self { entries: Entries::new(store), lifetimes }
    }

    /// Stores a new session; it ends after the lifetimes of this server's settings.
    pub async fn start(
        &self,
        sid: Id<Sso>,
        subject: Id<Subject>,
        data: D,
        now: Timestamp,
    ) -> Result<SsoSession<D>, ProviderError> {
        let Lifetimes { session, session_idle: idle_timeout, .. } = self.lifetimes;
        let session = SsoSession { sid, subject, expires: now + session, idle_timeout, clients: BTreeSet::new(), data };
        self.entries.put(session.sid.as_str(), &session, now).await?;
        Ok(session)
    }

    /// The session with this identifier, unless it has ended.
    pub async fn load(&self, sid: Option<&Id<Sso>>, now: Timestamp) -> Result<Option<SsoSession<D>>, ProviderError> {
        let Some(sid) = sid else { return Ok(None) };
        Ok(self.entries.get(sid.as_str(), now).await?.map(Stored::into_value))
    }

    /// Changes a living session and counts as its use. `None` when it has ended.
    pub async fn change(
        &self,
        sid: &Id<Sso>,
        now: Timestamp,
        change: impl Fn(&mut SsoSession<D>) + Send + Sync,
    ) -> Result<Option<SsoSession<D>>, ProviderError> {
        let changed = self.entries.update(sid.as_str(), now, |stored| match stored {
            Some(session) => {
                let mut session = session.clone();
                change(&mut session);
                Update::Store(session)
            }
            None => Update::Leave(()),
        });
        Ok(changed.await?.ok().map(Stored::into_value))
    }

    /// Ends a session and returns it as it was at its end.
    pub(crate) async fn end(&self, sid: &Id<Sso>, now: Timestamp) -> Result<Option<SsoSession<D>>, ProviderError> {
        Ok(self.entries.take(sid.as_str(), now).await?)
    }
}
