//! Open logins: authorization requests on their way, one per browser tab.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_protocol::authorize::AuthorizationRequest;
use nixa_protocol::id::{Browser, Id, Login};
use nixa_storage::ShortLived;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;

/// How long a login is remembered after its time, in seconds, so that a late page can still say what
/// happened and lead back to the service.
const REMEMBERED: i64 = 6 * 3_600;

/// An open login.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending<S> {
    /// Its identifier, which stands in its pages' paths.
    pub id: Id<Login>,
    /// The request.
    pub request: AuthorizationRequest,
    /// The browser that it belongs to; none until a page or redirect is first fetched.
    pub browser: Option<Id<Browser>>,
    /// When it began.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether its answer has been sent.
    pub finished: bool,
    /// What the host remembers.
    pub step: S,
}

/// An open login as it stands in the store, so that it changes only from what was read.
#[derive(Debug, Clone)]
pub struct Current<S> {
    pending: Pending<S>,
    stored: Vec<u8>,
}

impl<S> Deref for Current<S> {
    type Target = Pending<S>;
    fn deref(&self) -> &Pending<S> {
        &self.pending
    }
}

/// The store of open logins.
pub struct Logins<S> {
    short: Arc<dyn ShortLived>,
    step: PhantomData<fn() -> S>,
}

impl<S: Serialize + DeserializeOwned + Clone> Logins<S> {
    pub(crate) fn new(short: Arc<dyn ShortLived>) -> Self {
        Self { short, step: PhantomData }
    }

    pub(crate) async fn create(&self, pending: &Pending<S>) -> Result<(), ProviderError> {
        let bytes = serde_json::to_vec(pending)?;
        Ok(self.short.put(&key(&pending.id), &bytes, remembered_until(pending), pending.created).await?)
    }

    /// The login with this identifier, open, finished or expired.
    ///
    /// # Errors
    /// [`ProviderError`] when the store fails.
    pub async fn load(&self, id: &Id<Login>, now: Timestamp) -> Result<Option<Current<S>>, ProviderError> {
        let Some(stored) = self.short.get(&key(id), now).await? else { return Ok(None) };
        Ok(Some(Current { pending: serde_json::from_slice(&stored)?, stored }))
    }

    /// Changes a login, again from what is stored when another request changed it meanwhile. `None` when
    /// it is finished: a finished login never changes.
    ///
    /// # Errors
    /// [`ProviderError`] when the store fails or never settles.
    pub async fn change(
        &self,
        id: &Id<Login>,
        now: Timestamp,
        mut change: impl FnMut(&mut Pending<S>),
    ) -> Result<Option<Current<S>>, ProviderError> {
        for _ in 0..16 {
            let Some(current) = self.load(id, now).await? else { return Ok(None) };
            if current.finished {
                return Ok(None);
            }
            let mut pending = current.pending.clone();
            change(&mut pending);
            if let Some(changed) = self.swap(&current, pending, now).await? {
                return Ok(Some(changed));
            }
        }
        Err(ProviderError::Busy)
    }

    /// Ends a login exactly as it was judged: `false` when it changed meanwhile or was finished already,
    /// so that two requests at once never both answer.
    pub(crate) async fn finish(&self, current: &Current<S>, now: Timestamp) -> Result<bool, ProviderError> {
        let mut pending = current.pending.clone();
        pending.finished = true;
        Ok(!current.finished && self.swap(current, pending, now).await?.is_some())
    }

    async fn swap(
        &self,
        current: &Current<S>,
        pending: Pending<S>,
        now: Timestamp,
    ) -> Result<Option<Current<S>>, ProviderError> {
        let stored = serde_json::to_vec(&pending)?;
        let ends = remembered_until(&pending);
        let won = self.short.replace(&key(&pending.id), &current.stored, &stored, ends, now).await?;
        Ok(won.then_some(Current { pending, stored }))
    }
}

/// A login that no browser has opened was perhaps never meant to be: it is not remembered beyond its time.
fn remembered_until<S>(pending: &Pending<S>) -> Timestamp {
    pending.expires + if pending.browser.is_some() { REMEMBERED } else { 0 }
}

fn key(id: &Id<Login>) -> String {
    format!("login:{}", id.as_str())
}
