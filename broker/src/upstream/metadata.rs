//! An identity provider's metadata and keys, fetched at need and kept for a while.

use std::sync::Arc;

use http::Request;
use nixa_protocol::Timestamp;
use openidconnect::core::CoreJsonWebKeySet;
use openidconnect::{IssuerUrl, JsonWebKeySetUrl};
use serde_json::Value;

use super::{Metadata, UpstreamError, Upstreams, promises_iss};
use crate::settings::IdpSettings;

/// How long metadata and keys are kept, in seconds.
const KEPT: i64 = 300;
/// How soon they may be fetched again for an unknown key, in seconds: a forged `kid` per request must not
/// become a request to the provider each.
const AGAIN: i64 = 5;

pub(super) struct Fetched {
    pub(super) metadata: Metadata,
    pub(super) promises_iss: bool,
    at: Timestamp,
}

impl Upstreams {
    /// The provider's metadata with its keys.
    pub(super) async fn metadata(&self, idp: &IdpSettings) -> Result<Arc<Fetched>, UpstreamError> {
        let now = self.clock.now();
        let known = self.fetched.read().await.get(&idp.id).cloned();
        match known {
            Some(fetched) if now - fetched.at < KEPT => Ok(fetched),
            _ => self.fetch(idp, now).await,
        }
    }

    /// The provider's metadata, fetched again if that was not just done: for a key that is not known.
    pub(super) async fn refreshed(&self, idp: &IdpSettings) -> Result<Arc<Fetched>, UpstreamError> {
        let now = self.clock.now();
        let known = self.fetched.read().await.get(&idp.id).cloned();
        match known {
            Some(fetched) if now - fetched.at < AGAIN => Ok(fetched),
            _ => self.fetch(idp, now).await,
        }
    }

    async fn fetch(&self, idp: &IdpSettings, now: Timestamp) -> Result<Arc<Fetched>, UpstreamError> {
        let raw = self.get_json(&format!("{}/.well-known/openid-configuration", idp.issuer)).await?;
        let promises_iss = promises_iss(&raw);
        let metadata: Metadata = serde_json::from_value(raw).map_err(|_| UpstreamError::Metadata)?;
        let expected = IssuerUrl::new(idp.issuer.clone()).map_err(|_| UpstreamError::Configuration("issuer"))?;
        // Metadata that names another issuer is another provider's (Discovery 1.0 §4.3).
        if metadata.issuer() != &expected {
            return Err(UpstreamError::Configuration("the metadata names another issuer"));
        }
        let jwks_uri: &JsonWebKeySetUrl = metadata.jwks_uri();
        let keys = self.get_json(jwks_uri.as_str()).await?;
        let keys: CoreJsonWebKeySet = serde_json::from_value(keys).map_err(|_| UpstreamError::Metadata)?;
        let fetched = Arc::new(Fetched { metadata: metadata.set_jwks(keys), promises_iss, at: now });
        self.fetched.write().await.insert(idp.id.clone(), fetched.clone());
        Ok(fetched)
    }

    async fn get_json(&self, url: &str) -> Result<Value, UpstreamError> {
        let request = Request::get(url).header(http::header::ACCEPT, "application/json").body(Vec::new());
        let answer = self.http.send(request.map_err(|_| UpstreamError::Metadata)?).await;
        let answer = answer.map_err(|_| UpstreamError::Metadata)?;
        if !answer.status().is_success() {
            return Err(UpstreamError::Metadata);
        }
        serde_json::from_slice(answer.body()).map_err(|_| UpstreamError::Metadata)
    }
}
