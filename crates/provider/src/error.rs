//! What can go wrong inside an endpoint, and the one place that maps it to HTTP.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_protocol::jose::JoseRefusal;
use nixa_protocol::{ErrorCode, OAuthError};
use nixa_storage::StorageError;
use nixa_web::{BrowserError, FormError, no_store};
use serde::Serialize;
use serde_json::json;
use thiserror::Error;

use crate::http::rate_limit::retry_after;

/// An error with its public code; the private cause is logged, never sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The protocol's own error.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    /// A store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The session store failed.
    #[error("the session store failed")]
    Session(#[from] BrowserError),
    /// A token could not be signed.
    #[error("signing failed: {0}")]
    Jose(#[from] JoseRefusal),
    /// A stored record does not have the form that this version writes.
    #[error("a stored record is not readable")]
    Record(#[from] serde_json::Error),
    /// The address or the client asked too often; the seconds to wait.
    #[error("too many requests")]
    TooMany(i64),
    /// The server has more work than it may take on at once.
    #[error("too busy")]
    Busy,
}

impl ProviderError {
    /// The error as a client may see it.
    #[must_use]
    pub fn public(&self) -> OAuthError {
        match self {
            Self::OAuth(error) => error.clone(),
            Self::Jose(_) | Self::Record(_) => OAuthError::new(ErrorCode::ServerError, "internal error"),
            Self::Storage(_) | Self::Session(_) | Self::Busy | Self::TooMany(_) => {
                OAuthError::new(ErrorCode::TemporarilyUnavailable, "try again later")
            }
        }
    }

    /// Logs a cause that the caller will not see.
    pub fn log(&self) {
        match self {
            Self::TooMany(_) => tracing::info!("too many requests"),
            Self::OAuth(error) => tracing::info!(code = error.code.as_str(), "refused"),
            Self::Storage(error) => tracing::error!(%error, cause = error.cause(), "failed"),
            other => tracing::error!(error = %other, cause = ?std::error::Error::source(other), "failed"),
        }
    }
}

impl From<FormError> for ProviderError {
    fn from(error: FormError) -> Self {
        OAuthError::new(ErrorCode::InvalidRequest, error.description()).into()
    }
}

/// An answer in JSON that nobody may store, or its error.
pub(crate) fn json_answer(status: StatusCode, said: Result<impl Serialize, ProviderError>) -> Response {
    match said {
        Ok(said) => {
            let mut response = (status, Json(said)).into_response();
            no_store(response.headers_mut());
            response
        }
        Err(error) => json_error(&error),
    }
}

/// A direct answer of an endpoint that speaks JSON (RFC 6749 §5.2).
pub(crate) fn json_error(error: &ProviderError) -> Response {
    error.log();
    let public = error.public();
    let status = StatusCode::from_u16(public.code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    // RFC 6585 §4; OAuth has no code of its own for it.
    let status = if let ProviderError::TooMany(_) = error { StatusCode::TOO_MANY_REQUESTS } else { status };
    let body = json!({ "error": public.code.as_str(), "error_description": public.description });
    let mut response = (status, Json(body)).into_response();
    no_store(response.headers_mut());
    if public.code == ErrorCode::InvalidClient {
        let challenge = HeaderValue::from_static("Basic realm=\"token\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let ProviderError::TooMany(seconds) = error {
        retry_after(&mut response, *seconds);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
