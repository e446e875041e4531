//! The broker as a client of the identity providers.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use nixa_http_client::{HttpClient, HttpError};
use nixa_protocol::{Clock, Entropy};
use openidconnect::core::CoreClient;
use openidconnect::{
    AsyncHttpClient, ClientId, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, RedirectUrl,
};

use super::error::UpstreamError;
use super::metadata::{IdpMetadata, MetadataCache};
use crate::settings::IdpSettings;

/// The client of every identity provider, with their metadata kept for a while.
pub struct UpstreamClient {
    pub(super) metadata: MetadataCache,
    pub(super) http: OpenIdHttp,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl UpstreamClient {
    /// No metadata is fetched yet. The HTTP client must be the trusted one: the operator has named the providers.
    #[must_use]
    pub fn new(trusted: Arc<dyn HttpClient>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let metadata = MetadataCache::new(trusted.clone(), clock.clone());
        Self { metadata, http: OpenIdHttp(trusted), clock, entropy }
    }
}

/// A client of one provider that has authorization, token and userinfo endpoints, as its metadata says.
pub(super) type OpenIdClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// The client of one provider; it is authenticated by an assertion of ours, not by a secret.
pub(super) fn openid_client(idp: &IdpSettings, metadata: &IdpMetadata) -> OpenIdClient {
    CoreClient::from_provider_metadata(metadata.provider.clone(), ClientId::new(idp.client_id.clone()), None)
}

/// The address of ours that the provider sends the browser back to.
pub(super) fn redirect_url(redirect_uri: &str) -> Result<RedirectUrl, UpstreamError> {
    RedirectUrl::new(redirect_uri.to_owned()).map_err(|_| UpstreamError::Configuration("redirect URI"))
}

/// Our HTTP client as that of the `openidconnect` crate.
pub(super) struct OpenIdHttp(Arc<dyn HttpClient>);

impl<'c> AsyncHttpClient<'c> for OpenIdHttp {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}
