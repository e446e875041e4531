//! The way to the identity providers: OpenID Connect on the `openidconnect` crate.

mod exchange;
mod metadata;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use nixa_http_client::HttpClient;
use nixa_protocol::{Clock, Entropy};
use openidconnect::core::CoreProviderMetadata;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::RwLock;

pub(crate) use exchange::{Answer, VerifiedIdentity};
pub(crate) use request::{UpstreamRequest, authorization_request};

use metadata::Fetched;

/// Why an identity provider's answer is worth nothing. Which check failed is logged; values are not.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum UpstreamError {
    /// Metadata or keys cannot be fetched or read.
    #[error("metadata cannot be read")]
    Metadata,
    /// The configuration does not fit the provider.
    #[error("the provider cannot be used as configured: {0}")]
    Configuration(&'static str),
    /// The token endpoint refused or cannot be read.
    #[error("the token endpoint refused or failed")]
    Token,
    /// The ID token is missing or not valid.
    #[error("the ID token is not valid: {0}")]
    IdToken(&'static str),
    /// The userinfo answer is not valid.
    #[error("the userinfo answer is not valid")]
    Userinfo,
}

/// The identity providers' endpoints, with their metadata kept for a while.
pub struct Upstreams {
    http: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    fetched: RwLock<BTreeMap<String, Arc<Fetched>>>,
}

impl Upstreams {
    /// With the trusted client.
    #[must_use]
    pub fn new(http: Arc<dyn HttpClient>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { http, clock, entropy, fetched: RwLock::default() }
    }
}

/// Whether the metadata promises `iss` in authorization responses (RFC 9207 §3).
fn promises_iss(raw: &Value) -> bool {
    raw.get("authorization_response_iss_parameter_supported").and_then(Value::as_bool).unwrap_or(false)
}

type Metadata = CoreProviderMetadata;
