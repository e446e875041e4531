//! The token endpoint (RFC 6749 §3.2).

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use nixa_protocol::grant::TokenRequest;

use crate::client::authentication::{AuthenticatedClient, ClientAuthenticator};
use crate::error::ProviderError;
use crate::http::json::{JsonError, NoStoreJson};
use crate::interaction::Interaction;
use crate::provider::Provider;
use crate::token::authorization_code::AuthorizationCodeGrant;
use crate::token::client_credentials::ClientCredentialsGrant;
use crate::token::refresh_token::RefreshTokenGrant;
use crate::token::response::{TokenIssuer, TokenResponse};

/// The endpoint: who may use it, and what it does for each grant type.
pub(crate) struct TokenEndpoint {
    authenticator: ClientAuthenticator,
    authorization_code: AuthorizationCodeGrant,
    client_credentials: ClientCredentialsGrant,
    refresh_token: RefreshTokenGrant,
}

impl TokenEndpoint {
    pub(crate) fn new<I: Interaction>(provider: &Provider<I>) -> Self {
        let issuer = Arc::new(TokenIssuer::new(provider));
        Self {
            authenticator: ClientAuthenticator::new(provider),
            authorization_code: AuthorizationCodeGrant::new(provider, issuer.clone()),
            client_credentials: ClientCredentialsGrant::new(provider, issuer.clone()),
            refresh_token: RefreshTokenGrant::new(provider, issuer),
        }
    }
}

impl FromRef<Arc<TokenEndpoint>> for ClientAuthenticator {
    fn from_ref(endpoint: &Arc<TokenEndpoint>) -> Self {
        endpoint.authenticator.clone()
    }
}

/// `POST /token`
pub(crate) async fn token(
    State(endpoint): State<Arc<TokenEndpoint>>,
    request: Result<AuthenticatedClient, JsonError>,
) -> Result<NoStoreJson<TokenResponse>, TokenError> {
    let AuthenticatedClient { client, form, now } = request.map_err(TokenError)?;
    let response = match TokenRequest::parse(&form)? {
        TokenRequest::AuthorizationCode(request) => endpoint.authorization_code.redeem(&client, &request, now).await,
        TokenRequest::ClientCredentials(request) => endpoint.client_credentials.issue(&client, &request, now).await,
        TokenRequest::RefreshToken(request) => endpoint.refresh_token.refresh(&client, &request, now).await,
    };
    Ok(NoStoreJson(response?))
}

/// An error of this endpoint: a body that is no form is answered with the status that HTTP has for it.
#[derive(Debug)]
pub(crate) struct TokenError(JsonError);

impl<E: Into<ProviderError>> From<E> for TokenError {
    fn from(error: E) -> Self {
        Self(JsonError(error.into()))
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let status = match &self.0.0 {
            ProviderError::Form(error) => Some(error.status()),
            _ => None,
        };
        let mut response = self.0.into_response();
        if let Some(status) = status {
            *response.status_mut() = status;
        }
        response
    }
}
