//! Single sign-on sessions: who is logged in, and at which clients.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_protocol::id::{Id, Sso, Subject};
use nixa_storage::{ShortLived, StorageError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;
use crate::settings::Lifetimes;

/// A single sign-on session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SsoSession<L> {
    /// Its identifier: the `sid` claim.
    pub sid: Id<Sso>,
    /// Who is logged in.
    pub subject: Id<Subject>,
    /// When it ends at the latest.
    pub expires: Timestamp,
    /// The clients that were answered in it.
    pub clients: BTreeSet<String>,
    /// What the host remembers.
    pub data: L,
}

/// The store of single sign-on sessions. They are apart from the browser's session record, so that two
/// tabs never overwrite one another's change and a session can end without its browser.
pub struct Sessions<L> {
    short: Arc<dyn ShortLived>,
    lifetimes: Lifetimes,
    data: PhantomData<fn() -> L>,
}

impl<L: Serialize + DeserializeOwned + Clone> Sessions<L> {
    pub(crate) fn new(short: Arc<dyn ShortLived>, lifetimes: Lifetimes) -> Self {
        Self { short, lifetimes, data: PhantomData }
    }

    /// Begins a session.
    ///
    /// # Errors
    /// [`ProviderError`] when the store fails.
    pub async fn start(
        &self,
        sid: Id<Sso>,
        subject: Id<Subject>,
        data: L,
        now: Timestamp,
    ) -> Result<SsoSession<L>, ProviderError> {
        let expires = now + self.lifetimes.session;
        let session = SsoSession { sid, subject, expires, clients: BTreeSet::new(), data };
        let bytes = serde_json::to_vec(&session)?;
        self.short.put(&key(&session.sid), &bytes, self.ends(&session, now), now).await?;
        Ok(session)
    }

    /// A living session.
    ///
    /// # Errors
    /// [`ProviderError`] when the store fails.
    pub async fn load(&self, sid: Option<&Id<Sso>>, now: Timestamp) -> Result<Option<SsoSession<L>>, ProviderError> {
        let Some(sid) = sid else { return Ok(None) };
        let stored = self.short.get(&key(sid), now).await?;
        stored.map(|bytes| Ok(serde_json::from_slice(&bytes)?)).transpose()
    }

    /// Changes a living session and counts as its use. `None` when it has ended.
    ///
    /// # Errors
    /// [`ProviderError`] when the store fails or never settles.
    pub async fn change(
        &self,
        sid: &Id<Sso>,
        now: Timestamp,
        mut change: impl FnMut(&mut SsoSession<L>),
    ) -> Result<Option<SsoSession<L>>, ProviderError> {
        for _ in 0..16 {
            let Some(old) = self.short.get(&key(sid), now).await? else { return Ok(None) };
            let mut session: SsoSession<L> = serde_json::from_slice(&old)?;
            change(&mut session);
            let new = serde_json::to_vec(&session)?;
            if self.short.replace(&key(sid), &old, &new, self.ends(&session, now), now).await? {
                return Ok(Some(session));
            }
        }
        Err(StorageError::Contended.into())
    }

    /// Ends a session and returns it as it was at its end.
    pub(crate) async fn end(&self, sid: &Id<Sso>, now: Timestamp) -> Result<Option<SsoSession<L>>, ProviderError> {
        let taken = self.short.take(&key(sid), now).await?;
        taken.map(|bytes| Ok(serde_json::from_slice(&bytes)?)).transpose()
    }

    fn ends(&self, session: &SsoSession<L>, now: Timestamp) -> Timestamp {
        session.expires.min(now + self.lifetimes.session_idle)
    }
}

fn key(sid: &Id<Sso>) -> String {
    format!("sso:{}", sid.as_str())
}
