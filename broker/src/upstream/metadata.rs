//! The identity providers' metadata and keys, fetched at need and kept for a while.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderValue, header};
use nixa_http_client::{HttpClient, get};
use nixa_protocol::{Clock, Timestamp};
use openidconnect::IssuerUrl;
use openidconnect::core::{CoreJsonWebKeySet, CoreProviderMetadata};
use serde_json::Value;
use tokio::sync::RwLock;

use super::error::UpstreamError;
use crate::settings::IdpSettings;

/// How long metadata and keys are kept, in seconds.
const KEPT: i64 = 300;
/// How soon they may be fetched again for an unknown key, in seconds: a forged `kid` per request must not
/// become a request to the provider each.
const REFRESH_AFTER: i64 = 5;

/// What an identity provider publishes of itself.
pub(super) struct IdpMetadata {
    /// Its endpoints and keys.
    pub(super) provider: CoreProviderMetadata,
    /// Whether it promises `iss` in authorization responses (RFC 9207 §3).
    pub(super) promises_iss: bool,
    fetched_at: Timestamp,
}

/// The metadata of every provider that was used.
pub(super) struct MetadataCache {
    http: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    known: RwLock<BTreeMap<String, Arc<IdpMetadata>>>,
}

impl MetadataCache {
    pub(super) fn new(http: Arc<dyn HttpClient>, clock: Arc<dyn Clock>) -> Self {
        Self { http, clock, known: RwLock::default() }
    }

    /// The provider's metadata with its keys.
    pub(super) async fn get(&self, idp: &IdpSettings) -> Result<Arc<IdpMetadata>, UpstreamError> {
        self.younger_than(KEPT, idp).await
    }

    /// The provider's metadata, fetched again if that was not just done: for a key that is not known.
    pub(super) async fn refresh(&self, idp: &IdpSettings) -> Result<Arc<IdpMetadata>, UpstreamError> {
        self.younger_than(REFRESH_AFTER, idp).await
    }

    async fn younger_than(&self, seconds: i64, idp: &IdpSettings) -> Result<Arc<IdpMetadata>, UpstreamError> {
        let now = self.clock.now();
        let known = self.known.read().await.get(&idp.id).cloned();
        if let Some(metadata) = known.filter(|metadata| now - metadata.fetched_at < seconds) {
            return Ok(metadata);
        }
        let metadata = Arc::new(self.fetch(idp, now).await?);
        self.known.write().await.insert(idp.id.clone(), metadata.clone());
        Ok(metadata)
    }

    async fn fetch(&self, idp: &IdpSettings, now: Timestamp) -> Result<IdpMetadata, UpstreamError> {
        let document = self.get_json(&format!("{}/.well-known/openid-configuration", idp.issuer)).await?;
        let promises_iss = document.get("authorization_response_iss_parameter_supported").and_then(Value::as_bool);
        let provider: CoreProviderMetadata = serde_json::from_value(document).map_err(|_| UpstreamError::Metadata)?;
        let expected = IssuerUrl::new(idp.issuer.clone()).map_err(|_| UpstreamError::Configuration("issuer"))?;
        // Metadata that names another issuer is another provider's (Discovery 1.0 §4.3).
        if provider.issuer() != &expected {
            return Err(UpstreamError::Configuration("the metadata names another issuer"));
        }
        let keys = self.get_json(provider.jwks_uri().as_str()).await?;
        let keys: CoreJsonWebKeySet = serde_json::from_value(keys).map_err(|_| UpstreamError::Metadata)?;
        let provider = provider.set_jwks(keys);
        Ok(IdpMetadata { provider, promises_iss: promises_iss.unwrap_or(false), fetched_at: now })
    }

    async fn get_json(&self, url: &str) -> Result<Value, UpstreamError> {
        let mut request = get(url)?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.http.send(request).await?;
        if !response.status().is_success() {
            return Err(UpstreamError::MetadataStatus(response.status()));
        }
        serde_json::from_slice(response.body()).map_err(|_| UpstreamError::Metadata)
    }
}
