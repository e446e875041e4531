//! Why a store could not do its work, in words that may be logged.

use std::error::Error as StdError;
use std::fmt;

use thiserror::Error;

pub(crate) type Result<T> = std::result::Result<T, StorageError>;

/// What failed underneath, in words that may be logged.
///
/// What a database says of a row that it refused holds values of that row, and what Redis says of a command holds
/// its arguments: an adapter makes a cause of what names neither, and nothing else of the driver's error goes on.
pub struct Cause(Box<dyn StdError + Send + Sync>);

impl Cause {
    /// A cause whose text holds nothing that is stored, and nothing that was sent.
    pub fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// Why a store could not do its work, whichever it is. Its text names no value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The store cannot be reached, is busy or refused what it was asked. A write may have happened.
    #[error("storage is unavailable")]
    Unavailable(#[source] Cause),
    /// The store did not answer in time. What was asked of it may have been done.
    #[error("storage did not answer in time")]
    TooSlow,
    /// The schema could not be brought up to date.
    #[error("storage schema cannot be prepared")]
    Schema(#[source] Cause),
    /// What is stored does not have the form that this version writes.
    #[error("a stored record is not readable")]
    Corrupt(#[source] Cause),
    /// A record with the same identifier or unique name is stored already.
    #[error("the record exists already")]
    Exists,
    /// Another transaction was in the way; the same work may succeed when it is tried again.
    #[error("another database transaction was in the way")]
    Conflict(#[source] Cause),
    /// An entry was changed by other requests again and again.
    #[error("an entry is changed by too many requests at once")]
    Contended,
    /// Personal data cannot be encrypted or read: the key is missing or another one.
    #[error("personal data of the audit trail cannot be encrypted or read with this key")]
    NoKey,
    /// A setting cannot be used.
    #[error("the short-lived store cannot be set up: {0}")]
    Settings(&'static str),
    /// A text holds a NUL, which is stored nowhere.
    #[error("a text holds a NUL")]
    NotText,
}

impl StorageError {
    /// The cause for a log; empty where the error says it all.
    #[must_use]
    pub fn cause(&self) -> String {
        self.source().map(ToString::to_string).unwrap_or_default()
    }
}

impl From<serde_json::Error> for StorageError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(Cause::new(error))
    }
}
