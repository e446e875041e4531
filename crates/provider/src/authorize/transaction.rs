//! Open transactions: authorization requests on their way, one per browser tab.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_protocol::authorize::AuthorizationRequest;
use nixa_protocol::id::{self, Id};
use nixa_storage::{ShortLived, StorageError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;

/// How long a login is remembered after its time, in seconds, so that a late page can still say what
/// happened and lead back to the service.
const REMEMBERED: i64 = 6 * 3_600;

/// An open login.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transaction<S> {
    /// Its identifier, which stands in its pages' paths.
    pub id: Id<id::Transaction>,
    /// The request.
    pub request: AuthorizationRequest,
    /// The browser that it belongs to; none until a page or redirect is first fetched.
    pub browser: Option<Id<id::Browser>>,
    /// When it began.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether its answer has been sent.
    pub finished: bool,
    /// What the host remembers.
    pub data: S,
}

/// An open login as it stands in the store, so that it changes only from what was read.
#[derive(Debug, Clone)]
pub struct StoredTransaction<S> {
    transaction: Transaction<S>,
    stored: Vec<u8>,
}

impl<S> Deref for StoredTransaction<S> {
    type Target = Transaction<S>;
    fn deref(&self) -> &Transaction<S> {
        &self.transaction
    }
}

/// The store of open transactions.
pub struct Transactions<S> {
    short: Arc<dyn ShortLived>,
    data: PhantomData<fn() -> S>,
}

impl<S: Serialize + DeserializeOwned + Clone> Transactions<S> {
    pub(crate) fn new(short: Arc<dyn ShortLived>) -> Self {
        Self { short, data: PhantomData }
    }

    pub(crate) async fn create(&self, transaction: &Transaction<S>) -> Result<(), ProviderError> {
        let bytes = serde_json::to_vec(transaction)?;
        Ok(self.short.put(&key(&transaction.id), &bytes, remembered_until(transaction), transaction.created).await?)
    }

    /// The login with this identifier, open, finished or expired.
    ///
    /// # Errors
    /// [`ProviderError`] when the store fails.
    pub async fn load(
        &self,
        id: &Id<id::Transaction>,
        now: Timestamp,
    ) -> Result<Option<StoredTransaction<S>>, ProviderError> {
        let Some(stored) = self.short.get(&key(id), now).await? else { return Ok(None) };
        Ok(Some(StoredTransaction { transaction: serde_json::from_slice(&stored)?, stored }))
    }

    /// Changes a login, again from what is stored when another request changed it meanwhile. `None` when
    /// it is finished: a finished login never changes.
    ///
    /// # Errors
    /// [`ProviderError`] when the store fails or never settles.
    pub async fn change(
        &self,
        id: &Id<id::Transaction>,
        now: Timestamp,
        mut change: impl FnMut(&mut Transaction<S>),
    ) -> Result<Option<StoredTransaction<S>>, ProviderError> {
        for _ in 0..16 {
            let Some(current) = self.load(id, now).await? else { return Ok(None) };
            if current.finished {
                return Ok(None);
            }
            let mut transaction = current.transaction.clone();
            change(&mut transaction);
            if let Some(changed) = self.swap(&current, transaction, now).await? {
                return Ok(Some(changed));
            }
        }
        Err(StorageError::Contended.into())
    }

    /// Ends a login exactly as it was judged: `false` when it changed meanwhile or was finished already,
    /// so that two requests at once never both answer.
    pub(crate) async fn finish(&self, current: &StoredTransaction<S>, now: Timestamp) -> Result<bool, ProviderError> {
        let mut transaction = current.transaction.clone();
        transaction.finished = true;
        Ok(!current.finished && self.swap(current, transaction, now).await?.is_some())
    }

    async fn swap(
        &self,
        current: &StoredTransaction<S>,
        transaction: Transaction<S>,
        now: Timestamp,
    ) -> Result<Option<StoredTransaction<S>>, ProviderError> {
        let stored = serde_json::to_vec(&transaction)?;
        let ends = remembered_until(&transaction);
        let won = self.short.replace(&key(&transaction.id), &current.stored, &stored, ends, now).await?;
        Ok(won.then_some(StoredTransaction { transaction, stored }))
    }
}

/// A login that no browser has opened was perhaps never meant to be: it is not remembered beyond its time.
fn remembered_until<S>(transaction: &Transaction<S>) -> Timestamp {
    transaction.expires + if transaction.browser.is_some() { REMEMBERED } else { 0 }
}

fn key(id: &Id<id::Transaction>) -> String {
    format!("login:{}", id.as_str())
}
