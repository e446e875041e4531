//! Typed entries of the short-lived store: each kind has a prefix, a value type and a lifetime.
//!
//! Every prefix stands in [`Prefix`], so that no two kinds can meet under one key. The value types stand with the
//! crates that own them and implement [`Entry`].

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use nixa_protocol::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StorageError;
use crate::short_lived::ShortLived;

/// The kinds of entries, by the prefix of their keys. Where a key would let a reader of the store act for somebody
/// (a cookie, a code, a token), it holds a digest of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// `transaction:ID`: an authorization transaction.
    Transaction,
    /// `session:SID`: a single sign-on session.
    Session,
    /// `browser:DIGEST`: a browser's session record.
    Browser,
    /// `code:DIGEST`: an authorization code, used or not.
    Code,
    /// `access:DIGEST`: an access token.
    AccessToken,
    /// `retry:DIGEST`: the answer to a refresh whose client may not have received it.
    RefreshRetry,
    /// `par:DIGEST`: a pushed authorization request.
    PushedRequest,
    /// `jti:CLIENT:DIGEST`: a client assertion that was used.
    ClientAssertion,
    /// `aside:DIGEST`: a logout request that waits for the person.
    LogoutRequest,
    /// `logout:DIGEST`: a logout whose outcome can be looked up.
    LogoutOutcome,
    /// `rate:CALLER:WINDOW`: a counter of requests.
    Rate,
    /// `upstream-request:DIGEST`: an authorization request to an identity provider (broker).
    UpstreamRequest,
    /// `attempts:METHOD:DIGEST`: wrong answers (identity provider).
    Attempts,
    /// `totp:ACCOUNT`: the last time step used (identity provider).
    TotpStep,
}

impl Prefix {
    /// The key of an entry of this kind.
    #[must_use]
    pub fn key(self, name: &str) -> String {
        format!("{}:{name}", self.as_str())
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Session => "session",
            Self::Browser => "browser",
            Self::Code => "code",
            Self::AccessToken => "access",
            Self::RefreshRetry => "retry",
            Self::PushedRequest => "par",
            Self::ClientAssertion => "jti",
            Self::LogoutRequest => "aside",
            Self::LogoutOutcome => "logout",
            Self::Rate => "rate",
            Self::UpstreamRequest => "upstream-request",
            Self::Attempts => "attempts",
            Self::TotpStep => "totp",
        }
    }
}

/// A value that is kept in the short-lived store.
///
/// The value alone says how long it lives, and is asked anew each time it is stored: by a first write and by a
/// change. One that is to live on with its use counts from `now`; one that has a fixed end carries it as a field, so
/// that no change prolongs it (a token, a transaction).
pub trait Entry: Serialize + DeserializeOwned + Send + Sync {
    /// The prefix of its keys.
    const PREFIX: Prefix;

    /// When it ends if it is stored now: from that second on it is not found.
    fn expires(&self, now: Timestamp) -> Timestamp;
}

/// The entries of one kind.
pub struct Entries<E> {
    store: Arc<dyn ShortLived>,
    entry: PhantomData<fn() -> E>,
}

impl<E> Clone for Entries<E> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), entry: PhantomData }
    }
}

/// An entry as it was read, so that it is replaced only if it is still the same.
#[derive(Debug, Clone)]
pub struct Stored<E> {
    value: E,
    bytes: Vec<u8>,
}

impl<E> Stored<E> {
    /// The value, without the means to replace it.
    pub fn into_value(self) -> E {
        self.value
    }
}

impl<E> Deref for Stored<E> {
    type Target = E;
    fn deref(&self) -> &E {
        &self.value
    }
}

/// What becomes of an entry that a request wants to change.
#[derive(Debug)]
pub enum Update<E, T> {
    /// It is replaced by this value; asked anew when another request was first.
    Store(E),
    /// It stays as it is, for this reason.
    Leave(T),
}

/// How often a change is tried again when another request was first.
const ATTEMPTS: usize = 32;

impl<E: Entry> Entries<E> {
    /// The entries of this kind in a store.
    #[must_use]
    pub fn new(store: Arc<dyn ShortLived>) -> Self {
        Self { store, entry: PhantomData }
    }

    /// Writes an entry, whatever was there.
    pub async fn put(&self, name: &str, value: &E, now: Timestamp) -> Result<(), StorageError> {
        self.store.put(&E::PREFIX.key(name), &serde_json::to_vec(value)?, value.expires(now), now).await
    }

    /// Writes an entry only if there is none; says whether it did.
    pub async fn put_new(&self, name: &str, value: &E, now: Timestamp) -> Result<bool, StorageError> {
        self.store.put_new(&E::PREFIX.key(name), &serde_json::to_vec(value)?, value.expires(now), now).await
    }

    /// The entry of this name, as it can be replaced; none when it has ended.
    pub async fn get(&self, name: &str, now: Timestamp) -> Result<Option<Stored<E>>, StorageError> {
        let Some(bytes) = self.store.get(&E::PREFIX.key(name), now).await? else { return Ok(None) };
        Ok(Some(Stored { value: serde_json::from_slice(&bytes)?, bytes }))
    }

    /// Removes an entry and returns it: of many takers, one has it.
    pub async fn take(&self, name: &str, now: Timestamp) -> Result<Option<E>, StorageError> {
        let taken = self.store.take(&E::PREFIX.key(name), now).await?;
        Ok(taken.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    /// Replaces an entry if it is still as it was read; `None` when another request was first.
    pub async fn replace(
        &self,
        name: &str,
        old: &Stored<E>,
        value: E,
        now: Timestamp,
    ) -> Result<Option<Stored<E>>, StorageError> {
        let bytes = serde_json::to_vec(&value)?;
        let expires = value.expires(now);
        let won = self.store.replace(&E::PREFIX.key(name), &old.bytes, &bytes, expires, now).await?;
        Ok(won.then_some(Stored { value, bytes }))
    }

    /// Changes an entry from what is stored, again when another request was first. The inner error says why it was
    /// left as it is.
    ///
    /// # Errors
    /// [`StorageError::Contended`] when other requests are always first.
    pub async fn update<T>(
        &self,
        name: &str,
        now: Timestamp,
        mut change: impl FnMut(Option<&E>) -> Update<E, T> + Send,
    ) -> Result<Result<Stored<E>, T>, StorageError> {
        for _ in 0..ATTEMPTS {
            let stored = self.get(name, now).await?;
            let value = match change(stored.as_deref()) {
                Update::Store(value) => value,
                Update::Leave(reason) => return Ok(Err(reason)),
            };
            let written = match &stored {
                Some(old) => self.replace(name, old, value, now).await?,
                None => {
                    let bytes = serde_json::to_vec(&value)?;
                    let new = self.store.put_new(&E::PREFIX.key(name), &bytes, value.expires(now), now).await?;
                    new.then_some(Stored { value, bytes })
                }
            };
            if let Some(stored) = written {
                return Ok(Ok(stored));
            }
        }
        Err(StorageError::Contended)
    }

    /// Removes an entry, if there is one.
    pub async fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.store.delete(&E::PREFIX.key(name)).await
    }
}
