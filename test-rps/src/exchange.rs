//! The login exchange as it describes itself (OpenID Connect Discovery 1.0), and HTTP to it.
//!
//! The exchange may start after the portal, be down, or come back with other keys. So nothing is fetched at start, what
//! was fetched is kept for a few minutes only, and a signature that does not verify is a reason to look again before it
//! is a reason to refuse.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use moka::future::Cache;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenType,
};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, AuthType, Client, ClientId, ClientSecret, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, ExtraTokenFields, HttpClientError, HttpRequest, HttpResponse,
    IdToken, IdTokenFields, IntrospectionUrl, IssuerUrl, JwsSigningAlgorithm as _, LogoutProviderMetadata,
    ProviderMetadata, RedirectUrl, StandardErrorResponse, StandardTokenIntrospectionResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};

use crate::claims::OtherClaims;
use crate::config::{PortalConfig, PortalError};

const KEPT: Duration = Duration::from_secs(5 * 60);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const TOTAL_LIMIT: Duration = Duration::from_secs(10);
const RESPONSE_LIMIT_BYTES: usize = 1024 * 1024;

/// The ID token with every claim kept.
pub(crate) type PortalIdToken =
    IdToken<OtherClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

type PortalTokenResponse = StandardTokenResponse<
    IdTokenFields<
        OtherClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

/// What the exchange says about the login behind a token (RFC 9470, section 6.2).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct TokenLogin {
    pub(crate) acr: Option<String>,
    pub(crate) auth_time: Option<i64>,
}

impl ExtraTokenFields for TokenLogin {}

/// The answer to an introspection request (RFC 7662, section 2.2).
pub(crate) type Introspection = StandardTokenIntrospectionResponse<TokenLogin, CoreTokenType>;

/// The `openidconnect` client after discovery.
pub(crate) type PortalClient<HasIntrospectionUrl = EndpointNotSet> = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    PortalTokenResponse,
    Introspection,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    HasIntrospectionUrl,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Metadata that the crate has no field for (RFC 8414, section 2).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct OtherMetadata {
    introspection_endpoint: Option<IntrospectionUrl>,
}

impl AdditionalProviderMetadata for OtherMetadata {}

type Metadata = ProviderMetadata<
    LogoutProviderMetadata<OtherMetadata>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The exchange as it described itself at one moment.
pub(crate) struct Provider {
    /// With its keys; of its signature algorithms only those without a shared secret.
    pub(crate) metadata: Metadata,
    pub(crate) client: PortalClient,
    /// The same client with an introspection endpoint, if the exchange has one.
    pub(crate) introspector: Option<PortalClient<EndpointSet>>,
}

/// The exchange could not be reached, or did not describe itself in a usable way.
#[derive(Debug, thiserror::Error)]
#[error("the login exchange cannot be reached")]
pub(crate) struct Unreachable;

/// The exchange, fetched at need.
pub(crate) struct Exchange {
    pub(crate) http: Http,
    issuer: IssuerUrl,
    redirect_uri: RedirectUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    auth_type: AuthType,
    kept: Cache<(), Arc<Provider>>,
}

impl Exchange {
    pub(crate) fn new(config: &PortalConfig) -> Result<Self, PortalError> {
        Ok(Self {
            http: Http::new()?,
            issuer: IssuerUrl::new(config.issuer().to_owned()).map_err(|_| PortalError::Issuer)?,
            redirect_uri: RedirectUrl::new(config.address("callback")).map_err(|_| PortalError::PublicUrl)?,
            client_id: ClientId::new(config.registration.client_id.clone()),
            client_secret: ClientSecret::new(config.registration.client_secret.clone()),
            auth_type: if config.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth },
            kept: Cache::builder().time_to_live(KEPT).build(),
        })
    }

    /// The exchange, from memory when that is fresh. A crowd of requests fetches once, and shares a failure.
    pub(crate) async fn provider(&self) -> Result<Arc<Provider>, Unreachable> {
        self.kept.try_get_with((), self.discover()).await.map_err(|_| Unreachable)
    }

    /// The exchange as it is now, because what `stale` says did not fit. When someone else has fetched since, that is
    /// taken.
    pub(crate) async fn newer_than(&self, stale: &Arc<Provider>) -> Result<Arc<Provider>, Unreachable> {
        if self.kept.get(&()).await.is_some_and(|kept| Arc::ptr_eq(&kept, stale)) {
            self.kept.invalidate(&()).await;
        }
        self.provider().await
    }

    async fn discover(&self) -> Result<Arc<Provider>, Unreachable> {
        let metadata = Metadata::discover_async(self.issuer.clone(), &self.http).await.map_err(|error| {
            tracing::warn!(%error, "discovery failed");
            Unreachable
        })?;
        // With a shared-secret algorithm, whoever reads one portal's secret could mint logins.
        let algorithms = metadata
            .id_token_signing_alg_values_supported()
            .iter()
            .filter(|algorithm| !algorithm.uses_shared_secret() && **algorithm != CoreJwsSigningAlgorithm::None);
        let algorithms = algorithms.cloned().collect();
        let metadata = metadata.set_id_token_signing_alg_values_supported(algorithms);
        let (id, secret) = (self.client_id.clone(), self.client_secret.clone());
        let client = PortalClient::from_provider_metadata(metadata.clone(), id, Some(secret))
            .set_redirect_uri(self.redirect_uri.clone())
            .set_auth_type(self.auth_type.clone());
        let introspection = metadata.additional_metadata().additional_metadata.introspection_endpoint.clone();
        let introspector = introspection.map(|url| client.clone().set_introspection_url(url));
        Ok(Arc::new(Provider { metadata, client, introspector }))
    }
}

/// A client that follows no redirect: one could carry the client secret or a bearer token to another host, or make the
/// portal fetch an address inside its own network.
pub(crate) struct Http(reqwest::Client);

type HttpError = HttpClientError<reqwest::Error>;

impl Http {
    fn new() -> Result<Self, PortalError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(PortalError::NoCryptoProvider);
        }
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        let client = builder.connect_timeout(CONNECT_LIMIT).timeout(TOTAL_LIMIT).build();
        client.map(Self).map_err(PortalError::HttpClient)
    }

    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let anonymous = |error: reqwest::Error| HttpError::Reqwest(Box::new(error.without_url()));
        let request = reqwest::Request::try_from(request).map_err(anonymous)?;
        let response: http::Response<reqwest::Body> = self.0.execute(request).await.map_err(anonymous)?.into();
        let (parts, body) = response.into_parts();
        let body = to_bytes(Body::new(body), RESPONSE_LIMIT_BYTES).await;
        let body = body.map_err(|_| HttpError::Other("the answer broke off or is too large".to_owned()))?;
        Ok(HttpResponse::from_parts(parts, body.into()))
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
