//! Why a server cannot be put together.

use nixa_idp::EnrolError;
use nixa_storage::StorageError;
use nixa_storage_sql::Location;
use thiserror::Error;

use crate::config::Config;
use crate::keys::KeyError;

/// Why a server could not be put together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A key file cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A database cannot be opened.
    #[error("{database} cannot be opened: {cause}")]
    Storage {
        /// The database, in words for the operator.
        database: String,
        /// The cause, with its own cause.
        cause: String,
    },
    /// The configuration is for the other kind of server, or was not checked.
    #[error("configuration: {0}")]
    Config(String),
    /// Passwords cannot be hashed on this machine.
    #[error(transparent)]
    Hash(#[from] EnrolError),
}

impl StartError {
    /// A fault of the named database.
    pub(super) fn database(database: impl Into<String>, error: &StorageError) -> Self {
        let cause = match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        Self::Storage { database: database.into(), cause }
    }

    /// A fault of the server's durable store.
    pub(super) fn durable(config: &Config, error: &StorageError) -> Self {
        let database = match config.server.durable().0 {
            Location::File(file) => format!("the database beside {}", file.display()),
            Location::Postgres(_) => "the PostgreSQL database".to_owned(),
        };
        Self::database(database, error)
    }
}
