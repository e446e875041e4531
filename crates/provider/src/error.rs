//! What can go wrong inside an endpoint, and what the caller learns of it.

use nixa_protocol::encryption::EncryptionError;
use nixa_protocol::jose::JoseRefusal;
use nixa_protocol::{ErrorCode, OAuthError};
use nixa_storage::StorageError;
use nixa_web::{BrowserError, FormError};
use thiserror::Error;

/// An error with its public code; the private cause is logged, never sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The request is refused, as the protocol says.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    /// The body is not a form.
    #[error("{}", .0.description())]
    Form(FormError),
    /// The durable or the short-lived store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The browser's session could not be read or written.
    #[error("the session store failed")]
    Session(#[from] BrowserError),
    /// A token could not be signed or encrypted.
    #[error("a token could not be made: {0}")]
    Token(#[from] JoseRefusal),
    /// An answer that is kept for a retry could not be encrypted.
    #[error("a kept answer could not be encrypted")]
    Encryption(#[from] EncryptionError),
    /// A record does not have the form that this version writes.
    #[error("a record could not be read or written")]
    Record(#[from] serde_json::Error),
    /// The address or the client sent too many requests.
    #[error("too many requests")]
    RateLimited {
        /// When the next one is answered, in seconds.
        retry_after: i64,
    },
    /// The server has as much work of a costly kind as it may take on at once.
    #[error("too much work at once")]
    Overloaded,
    /// A piece of work ended without a result.
    #[error("a task ended early")]
    TaskFailed,
}

impl ProviderError {
    /// The error as a client may see it.
    #[must_use]
    pub fn public(&self) -> OAuthError {
        match self {
            Self::OAuth(error) => error.clone(),
            Self::Form(error) => OAuthError::new(ErrorCode::InvalidRequest, error.description()),
            Self::Token(_) | Self::Encryption(_) | Self::Record(_) => {
                OAuthError::new(ErrorCode::ServerError, "internal error")
            }
            Self::Storage(_) | Self::Session(_) | Self::RateLimited { .. } | Self::Overloaded | Self::TaskFailed => {
                OAuthError::new(ErrorCode::TemporarilyUnavailable, "try again later")
            }
        }
    }

    /// Logs a cause that the caller will not see.
    pub fn log(&self) {
        match self {
            Self::RateLimited { .. } => tracing::info!("too many requests"),
            Self::OAuth(_) | Self::Form(_) => tracing::info!(code = self.public().code.as_str(), "refused"),
            Self::Storage(error) => tracing::error!(%error, cause = error.cause(), "failed"),
            other => tracing::error!(error = %other, cause = ?std::error::Error::source(other), "failed"),
        }
    }
}

impl From<FormError> for ProviderError {
    fn from(error: FormError) -> Self {
        Self::Form(error)
    }
}
