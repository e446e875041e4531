//! Authorization transactions: what a request becomes while a person is working on it, one per browser tab.

use std::sync::Arc;

use nixa_protocol::Timestamp;
use nixa_protocol::authorize::AuthorizationRequest;
use nixa_protocol::id::{self, Id};
use nixa_storage::{Entries, Entry, Prefix, ShortLived, Stored, Update};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::ProviderError;

/// How long a transaction is remembered after its time, in seconds, so that a late page can still say what
/// happened and lead back to the service.
const REMEMBERED: i64 = 6 * 3_600;

/// An authorization request between its arrival and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transaction<D> {
    /// Its identifier, which stands in its pages' paths.
    pub id: Id<id::Transaction>,
    /// What the client asks for, checked.
    pub request: AuthorizationRequest,
    /// The browser that it belongs to; none until a page or redirect is first fetched.
    pub browser: Option<Id<id::Browser>>,
    /// When the request arrived.
    pub created: Timestamp,
    /// The end of the time that the person has to log in.
    pub expires: Timestamp,
    /// Whether its answer has been sent.
    pub finished: bool,
    /// What the interaction remembers of it.
    pub data: D,
}

impl<D> Transaction<D> {
    /// Where the browser goes when a page is done: the dispatcher decides there what is next.
    #[must_use]
    pub fn continue_path(&self) -> String {
        continue_path(&self.id)
    }

    /// The path of one of its pages.
    #[must_use]
    pub fn page_path(&self, page: &str) -> String {
        format!("/login/{}/{page}", self.id.as_str())
    }
}

/// The path at which the dispatcher decides what a transaction needs next.
#[must_use]
pub fn continue_path(id: &Id<id::Transaction>) -> String {
    format!("/continue/{}", id.as_str())
}

impl<D: Serialize + DeserializeOwned + Send + Sync> Entry for Transaction<D> {
    const PREFIX: Prefix = Prefix::Transaction;

    /// One that no browser has opened was perhaps never meant to be: it is not remembered beyond its time.
    fn expires(&self, _now: Timestamp) -> Timestamp {
        self.expires + if self.browser.is_some() { REMEMBERED } else { 0 }
    }
}

/// A transaction as it stands in the store, so that it changes only from what was read.
pub type StoredTransaction<D> = Stored<Transaction<D>>;

/// The authorization transactions in the short-lived store.
pub struct Transactions<D> {
    entries: Entries<Transaction<D>>,
}

impl<D: Serialize + DeserializeOwned + Clone + Send + Sync> Transactions<D> {
    pub(crate) fn new(store: Arc<dyn ShortLived>) -> Self {
        Self { entries: Entries::new(store) }
    }

    pub(crate) async fn create(&self, transaction: &Transaction<D>) -> Result<(), ProviderError> {
        Ok(self.entries.put(transaction.id.as_str(), transaction, transaction.created).await?)
    }

    /// The transaction with this identifier, open, finished or expired.
    pub async fn load(
        &self,
        id: &Id<id::Transaction>,
        now: Timestamp,
    ) -> Result<Option<StoredTransaction<D>>, ProviderError> {
        Ok(self.entries.get(id.as_str(), now).await?)
    }

    /// Changes a transaction, again from what is stored when another request changed it meanwhile. `None` when
    /// it is finished: a finished transaction never changes.
    pub async fn change(
        &self,
        id: &Id<id::Transaction>,
        now: Timestamp,
        change: impl Fn(&mut Transaction<D>) + Send + Sync,
    ) -> Result<Option<StoredTransaction<D>>, ProviderError> {
        let changed = self.entries.update(id.as_str(), now, |stored| match stored {
            Some(transaction) if !transaction.finished => {
                let mut transaction = transaction.clone();
                change(&mut transaction);
                Update::Store(transaction)
            }
            _ => Update::Leave(()),
        });
        Ok(changed.await?.ok())
    }

    /// Ends a transaction exactly as it was judged: `false` when it changed meanwhile or was finished already,
    /// so that of two requests at once one answers.
    pub(crate) async fn finish(&self, judged: &StoredTransaction<D>, now: Timestamp) -> Result<bool, ProviderError> {
        if judged.finished {
            return Ok(false);
        }
        let finished = Transaction { finished: true, ..Transaction::clone(judged) };
        Ok(self.entries.replace(judged.id.as_str(), judged, finished, now).await?.is_some())
    }
}
