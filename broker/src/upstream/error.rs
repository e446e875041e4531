//! Why an identity provider cannot be used, or its answer is worth nothing.

use http::StatusCode;
use nixa_http_client::HttpError;
use thiserror::Error;

/// What went wrong with an identity provider. Which check failed is logged; values are not.
#[derive(Debug, Error)]
pub(crate) enum UpstreamError {
    /// It cannot be asked, or does not answer.
    #[error("the provider cannot be reached: {0}")]
    Http(#[from] HttpError),
    /// Its metadata or keys are answered with this status.
    #[error("metadata or keys are answered with status {0}")]
    MetadataStatus(StatusCode),
    /// Its metadata or keys cannot be read.
    #[error("metadata or keys cannot be read")]
    Metadata,
    /// The configuration does not fit the provider.
    #[error("the provider cannot be used as configured: {0}")]
    Configuration(&'static str),
    /// The token endpoint refused or cannot be read.
    #[error("the token endpoint refused or failed")]
    Token,
    /// The `iss` of the authorization response is missing or another one.
    #[error("the authorization response is not valid: {0}")]
    Response(&'static str),
    /// The ID token is missing or not valid.
    #[error("the ID token is not valid: {0}")]
    IdToken(&'static str),
    /// The userinfo answer is not valid.
    #[error("the userinfo answer is not valid")]
    Userinfo,
}
