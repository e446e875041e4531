//! What is known of the exchange: its metadata and keys, fetched when first needed.
//!
//! The exchange may start after the portal, be down, or come back with other keys. So nothing is
//! fetched at start, what was fetched is kept for a few minutes only, and a signature that does
//! not verify is a reason to look again before it is a reason to refuse.

use crate::ambient::now;
use crate::claims::OtherClaims;
use crate::config::{PortalError, Settings};
use crate::http_client::{CallError, HttpClient};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreSubjectIdentifierType, CoreTokenType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, Client, ClientId, ClientSecret, DiscoveryError, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, ExtraTokenFields, IdToken, IdTokenFields, IntrospectionUrl,
    IssuerUrl, JwsSigningAlgorithm as _, ProviderMetadata, RedirectUrl, StandardErrorResponse,
    StandardTokenIntrospectionResponse, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

const KEPT_SECONDS: i64 = 5 * 60;
const PAUSE_AFTER_FAILURE_SECONDS: i64 = 1;

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

/// Metadata beyond Discovery 1.0: RP-Initiated Logout 1.0, section 2.1, RFC 8414, section 2, and
/// RFC 9207, section 3.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct MoreMetadata {
    end_session_endpoint: Option<Url>,
    introspection_endpoint: Option<Url>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl AdditionalProviderMetadata for MoreMetadata {}

type Metadata = ProviderMetadata<
    MoreMetadata,
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
    pub(crate) client: PortalClient,
    /// The same client with an introspection endpoint, if the exchange has one.
    pub(crate) introspector: Option<PortalClient<EndpointSet>>,
    pub(crate) keys: CoreJsonWebKeySet,
    /// Signature algorithms to accept; never one with a shared secret.
    pub(crate) algorithms: Vec<CoreJwsSigningAlgorithm>,
    pub(crate) end_session_endpoint: Option<Url>,
    /// RFC 9207: every authorization response carries `iss`.
    pub(crate) response_names_issuer: bool,
    fetched_at: i64,
}

/// The exchange could not be reached, or did not describe itself in a usable way.
#[derive(Debug, thiserror::Error)]
#[error("the login exchange cannot be reached")]
pub(crate) struct Unreachable;

/// The exchange, fetched at need.
pub(crate) struct ProviderCache {
    pub(crate) http: HttpClient,
    issuer: IssuerUrl,
    redirect_uri: RedirectUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    auth_type: AuthType,
    kept: Mutex<Option<Arc<Provider>>>,
    /// Held while fetching, so that a crowd of requests fetches once; holds the last failure.
    last_failure: tokio::sync::Mutex<Option<i64>>,
}

impl ProviderCache {
    /// # Errors
    /// See [`HttpClient::new`]; the URLs were checked by [`Settings::new`].
    pub(crate) fn new(settings: &Settings) -> Result<Self, PortalError> {
        let config = &settings.config;
        Ok(Self {
            http: HttpClient::new()?,
            issuer: IssuerUrl::new(settings.issuer.clone()).map_err(|_| PortalError::Issuer)?,
            redirect_uri: RedirectUrl::new(settings.redirect_uri.clone()).map_err(|_| PortalError::PublicUrl)?,
            client_id: ClientId::new(config.client_id.clone()),
            client_secret: ClientSecret::new(config.client_secret.clone()),
            auth_type: if config.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth },
            kept: Mutex::new(None),
            last_failure: tokio::sync::Mutex::new(None),
        })
    }

    /// The exchange, from memory when that is fresh.
    ///
    /// # Errors
    /// [`Unreachable`].
    pub(crate) async fn get(&self) -> Result<Arc<Provider>, Unreachable> {
        match self.fresh() {
            Some(provider) => Ok(provider),
            None => self.fetch(None).await,
        }
    }

    /// The exchange as it is now, because what `stale` says did not fit. When someone else has
    /// fetched since, that is taken.
    ///
    /// # Errors
    /// [`Unreachable`].
    pub(crate) async fn get_newer(&self, stale: &Arc<Provider>) -> Result<Arc<Provider>, Unreachable> {
        self.fetch(Some(stale)).await
    }

    /// Forgets what is kept, so that the next need fetches.
    pub(crate) fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn fresh(&self) -> Option<Arc<Provider>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|provider| (0..KEPT_SECONDS).contains(&(now() - provider.fetched_at))).map(Arc::clone)
    }

    async fn fetch(&self, stale: Option<&Arc<Provider>>) -> Result<Arc<Provider>, Unreachable> {
        let mut last_failure = self.last_failure.lock().await;
        if let Some(provider) = self.fresh()
            && stale.is_none_or(|stale| !Arc::ptr_eq(stale, &provider))
        {
            return Ok(provider);
        }
        // Requests that queued behind a failed fetch share its outcome; else each would wait for
        // its own time-out in turn, and a dead exchange would hold up the portal for minutes.
        if last_failure.is_some_and(|at| (0..PAUSE_AFTER_FAILURE_SECONDS).contains(&(now() - at))) {
            return Err(Unreachable);
        }
        match Metadata::discover_async(self.issuer.clone(), &self.http).await {
            Ok(metadata) => {
                let provider = Arc::new(self.describe(metadata));
                *last_failure = None;
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Some(Arc::clone(&provider));
                Ok(provider)
            }
            Err(error) => {
                *last_failure = Some(now());
                tracing::warn!(cause = cause(&error), "discovery failed");
                Err(Unreachable)
            }
        }
    }

    fn describe(&self, metadata: Metadata) -> Provider {
        let more = metadata.additional_metadata().clone();
        let keys = metadata.jwks().clone();
        // With a shared-secret algorithm, whoever reads one portal's secret could mint logins.
        let algorithms = metadata
            .id_token_signing_alg_values_supported()
            .iter()
            .filter(|algorithm| !algorithm.uses_shared_secret())
            .filter(|algorithm| **algorithm != CoreJwsSigningAlgorithm::None)
            .cloned()
            .collect();
        let client =
            PortalClient::from_provider_metadata(metadata, self.client_id.clone(), Some(self.client_secret.clone()))
                .set_redirect_uri(self.redirect_uri.clone())
                .set_auth_type(self.auth_type.clone());
        let introspection = more.introspection_endpoint.map(IntrospectionUrl::from_url);
        let introspector = introspection.map(|url| client.clone().set_introspection_url(url));
        Provider {
            client,
            introspector,
            keys,
            algorithms,
            end_session_endpoint: more.end_session_endpoint.filter(|url| matches!(url.scheme(), "http" | "https")),
            response_names_issuer: more.authorization_response_iss_parameter_supported.unwrap_or(false),
            fetched_at: now(),
        }
    }
}

fn cause(error: &DiscoveryError<CallError>) -> &'static str {
    match error {
        DiscoveryError::Request(_) => "no answer",
        DiscoveryError::Response(..) => "unexpected status or type",
        DiscoveryError::Parse(_) => "metadata cannot be read",
        DiscoveryError::Validation(_) => "metadata of another issuer",
        _ => "other",
    }
}
