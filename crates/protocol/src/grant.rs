//! The token request by grant type (RFC 6749 §4.1.3, §4.4, §6), and the limits of what a grant can give.

use std::collections::BTreeSet;

use crate::client::Client;
use crate::error::{ErrorCode, OAuthError, invalid_grant};
use crate::params::Params;
use crate::pkce;

/// A token request by grant type, read but not yet judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// RFC 6749 §4.1.3.
    AuthorizationCode(AuthorizationCodeRequest),
    /// RFC 6749 §4.4: a token for the client itself.
    ClientCredentials(ClientCredentialsRequest),
    /// RFC 6749 §6.
    RefreshToken(RefreshTokenRequest),
}

/// The redemption of an authorization code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorizationCodeRequest {
    /// The authorization code that the client received.
    pub code: String,
    /// Must be the one of the authorization request.
    pub redirect_uri: Option<String>,
    /// The secret from which the client made its PKCE challenge (RFC 7636 §4.5).
    pub code_verifier: Option<String>,
    /// The APIs that the access token is asked for (RFC 8707 §2.2).
    pub resources: Vec<String>,
}

/// A request in the client's own name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCredentialsRequest {
    /// The requested scope; all that the client may have, when none is given.
    pub scope: Option<BTreeSet<String>>,
    /// The APIs that the access token is asked for.
    pub resources: Vec<String>,
}

/// The use of a refresh token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshTokenRequest {
    /// The refresh token that the client presents.
    pub refresh_token: String,
    /// A narrower scope, when given.
    pub scope: Option<BTreeSet<String>>,
    /// The APIs that the access token is asked for.
    pub resources: Vec<String>,
}

impl TokenRequest {
    /// Reads the parameters of a token request, by their `grant_type`.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`.
    pub fn parse(params: &Params) -> Result<Self, OAuthError> {
        let resources = params.resources().to_vec();
        match params.required("grant_type")? {
            "authorization_code" => Ok(Self::AuthorizationCode(AuthorizationCodeRequest {
                code: params.required("code")?.to_owned(),
                redirect_uri: params.owned("redirect_uri"),
                code_verifier: params.owned("code_verifier"),
                resources,
            })),
            "client_credentials" => {
                Ok(Self::ClientCredentials(ClientCredentialsRequest { scope: scope(params), resources }))
            }
            "refresh_token" => Ok(Self::RefreshToken(RefreshTokenRequest {
                refresh_token: params.required("refresh_token")?.to_owned(),
                scope: scope(params),
                resources,
            })),
            _ => Err(OAuthError::new(ErrorCode::UnsupportedGrantType, "grant_type is not supported")),
        }
    }
}

fn scope(params: &Params) -> Option<BTreeSet<String>> {
    params.get("scope").map(|_| params.list("scope").into_iter().collect())
}

/// The scope of a token for the client itself (RFC 6749 §4.4).
///
/// # Errors
/// `unauthorized_client` for a client that may have none (public ones never may), `invalid_scope`.
pub fn client_credentials_scope(
    client: &Client,
    requested: Option<&BTreeSet<String>>,
) -> Result<BTreeSet<String>, OAuthError> {
    if client.own_scopes.is_empty() || !client.authentication.is_confidential() {
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "the client may not have tokens of its own"));
    }
    restrict_scope(&client.own_scopes, requested)
}

/// What a code was issued for.
#[derive(Debug, Clone, Copy)]
pub struct CodeBinding<'a> {
    /// The client that the code was issued to.
    pub client_id: &'a str,
    /// Where the code was sent.
    pub redirect_uri: &'a str,
    /// The PKCE challenge of the authorization request, if it had one (RFC 7636 §4.4).
    pub code_challenge: Option<&'a str>,
}

/// Checks a code's redemption against what it was issued for.
///
/// # Errors
/// `invalid_grant` (also for another client's code: RFC 6749 §5.2), `invalid_request` for a malformed verifier.
pub fn check_redemption(
    binding: CodeBinding<'_>,
    client: &Client,
    request: &AuthorizationCodeRequest,
) -> Result<(), OAuthError> {
    if binding.client_id != client.client_id {
        return Err(invalid_grant("code is not valid"));
    }
    if request.redirect_uri.as_deref() != Some(binding.redirect_uri) {
        return Err(invalid_grant("redirect_uri is not the one of the authorization request"));
    }
    pkce::check_verifier(binding.code_challenge, request.code_verifier.as_deref())
}

/// The scope of a token: what was granted, or the part of it that was requested (RFC 6749 §6).
///
/// # Errors
/// `invalid_scope` when more is requested than was granted.
pub fn restrict_scope(
    granted: &BTreeSet<String>,
    requested: Option<&BTreeSet<String>>,
) -> Result<BTreeSet<String>, OAuthError> {
    match requested {
        None => Ok(granted.clone()),
        Some(requested) if requested.is_subset(granted) => Ok(requested.clone()),
        Some(_) => Err(OAuthError::new(ErrorCode::InvalidScope, "scope exceeds what was granted")),
    }
}

/// The API that an access token of a grant is for: the one of the authorization request, of which a token request
/// may only ask the same (RFC 8707 §2.2); where that named none, one that the client may use.
///
/// # Errors
/// `invalid_target`.
pub fn restrict_audience<'a>(
    client: &'a Client,
    granted: Option<&'a str>,
    requested: &'a [String],
    issuer: &'a str,
) -> Result<&'a str, OAuthError> {
    match granted {
        None => client.audience(requested, issuer),
        Some(granted) if requested.iter().all(|one| one == granted) => Ok(granted),
        Some(_) => Err(OAuthError::new(ErrorCode::InvalidTarget, "resource is not the one that was granted")),
    }
}
