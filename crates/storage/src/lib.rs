//! Storage: ports, records and backends.
//!
//! Ports are split by owner, so that the broker cannot name a credential table. Durable state goes
//! through sqlx; short-lived state through [`ShortLived`]. This crate must not hold rules of OAuth or
//! assurance: a port's method is one atomic step, and the caller decides which.

mod entry;
mod metered;
mod ports;
mod records;
mod redis;
mod sql;
mod sqlite;

pub use self::redis::{RedisOptions, RedisShortLived};
pub use entry::{Entries, Entry, Prefix, Stored, Update};
pub use metered::Metered;
pub use ports::{
    Accounts, Audit, ClientStore, Grants, KeyStore, LogoutOutbox, OfDeclaration, OfLogin, OfRotation, People,
    ShortLived, Signals, Upkeep,
};
pub use records::{
    Account, AuditHead, Authenticator, ClientRecord, DELIVERED, DecisionRecord, DeliveryHealth, DeliveryRecord,
    DeliveryState, GrantBody, GrantRecord, KeyRecord, Linked, NewRefresh, Person, Rotation, StoredCheckpoint, Upstream,
};
pub use sql::{Copied, Limits, Location, Role, SqlStore, Step};
pub use sqlite::SqliteShortLived;

use thiserror::Error;

/// Why a store could not do its work. Its text names no value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The database cannot be reached, is busy or refused the statement.
    #[error("storage is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("storage schema cannot be prepared")]
    Schema(#[source] sqlx::migrate::MigrateError),
    /// A stored record does not have the form that this version writes.
    #[error("a stored record is not readable")]
    Corrupt(#[source] serde_json::Error),
    /// The record exists already.
    #[error("the record exists already")]
    Exists,
    /// Another transaction was in the way; the same work may succeed when it is tried again.
    #[error("another transaction was in the way")]
    Conflict(#[source] sqlx::Error),
    /// An entry was changed by other requests again and again.
    #[error("an entry is changed by too many requests at once")]
    Contended,
    /// The database did not answer in time. What was asked of it may have been done.
    #[error("storage did not answer in time")]
    TooSlow,
    /// Personal data cannot be encrypted or read: the key is missing or another one.
    #[error("personal data of the audit trail cannot be encrypted or read with this key")]
    NoKey,
    /// The short-lived store cannot be reached, was too slow or refused. A write may have happened.
    #[error("storage is unavailable")]
    ShortLived(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A setting cannot be used.
    #[error("the short-lived store cannot be set up: {0}")]
    Settings(&'static str),
    /// A text holds a NUL, which is stored nowhere.
    #[error("a text holds a NUL")]
    NotText,
}

impl StorageError {
    /// The cause for a log. What a database says of a row that it refused holds values of that row: of its own
    /// errors only the code is told.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Unavailable(sqlx::Error::Database(error)) | Self::Conflict(sqlx::Error::Database(error)) => {
                format!("database error {}", error.code().unwrap_or_default())
            }
            Self::Unavailable(error) | Self::Conflict(error) => error.to_string(),
            Self::Schema(error) => error.to_string(),
            other => std::error::Error::source(other).map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Exists,
            // serialization_failure, deadlock_detected
            sqlx::Error::Database(e) if matches!(e.code().as_deref(), Some("40001" | "40P01")) => Self::Conflict(error),
            _ => Self::Unavailable(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StorageError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Schema(error)
    }
}

impl From<serde_json::Error> for StorageError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error)
    }
}
