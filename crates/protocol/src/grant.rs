//! The token request (RFC 6749 §4.1.3, §6).

use std::collections::BTreeSet;

use crate::client::Client;
use crate::error::{ErrorCode, OAuthError, invalid_grant};
use crate::params::Params;
use crate::pkce;

/// A token request by grant type, read but not yet judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// RFC 6749 §4.1.3.
    AuthorizationCode {
        /// The code.
        code: String,
        /// Must be the one of the authorization request.
        redirect_uri: Option<String>,
        /// The PKCE verifier.
        code_verifier: Option<String>,
    },
    /// RFC 6749 §4.4: a token for the client itself.
    ClientCredentials {
        /// The scopes wanted; all that the client may have, when none is named.
        scope: Option<BTreeSet<String>>,
    },
    /// RFC 6749 §6.
    RefreshToken {
        /// The token.
        refresh_token: String,
        /// A narrower scope, when given.
        scope: Option<BTreeSet<String>>,
    },
}

impl TokenRequest {
    /// Reads a token request.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_grant_type`.
    pub fn parse(params: &Params) -> Result<Self, OAuthError> {
        match params.required("grant_type")? {
            "authorization_code" => Ok(Self::AuthorizationCode {
                code: params.required("code")?.to_owned(),
                redirect_uri: params.owned("redirect_uri"),
                code_verifier: params.owned("code_verifier"),
            }),
            "client_credentials" => Ok(Self::ClientCredentials { scope: scope(params) }),
            "refresh_token" => Ok(Self::RefreshToken {
                refresh_token: params.required("refresh_token")?.to_owned(),
                scope: scope(params),
            }),
            _ => Err(OAuthError::new(ErrorCode::UnsupportedGrantType, "grant_type is not supported")),
        }
    }
}

fn scope(params: &Params) -> Option<BTreeSet<String>> {
    params.get("scope").map(|_| params.list("scope").into_iter().collect())
}

/// The scopes of a token for the client itself.
///
/// # Errors
/// `unauthorized_client` for a client that may have none (public ones never may), `invalid_scope`.
pub fn own_scopes(client: &Client, asked: Option<&BTreeSet<String>>) -> Result<BTreeSet<String>, OAuthError> {
    if client.own_scopes.is_empty() || !client.authentication.is_confidential() {
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "the client may not have tokens of its own"));
    }
    narrowed(&client.own_scopes, asked)
}

/// What a code was issued for.
#[derive(Debug, Clone, Copy)]
pub struct CodeBinding<'a> {
    /// The client that asked.
    pub client_id: &'a str,
    /// Where the code was sent.
    pub redirect_uri: &'a str,
    /// The PKCE challenge.
    pub code_challenge: Option<&'a str>,
}

/// Checks a code's redemption against what it was issued for.
///
/// # Errors
/// `invalid_grant` (also for another client's code: RFC 6749 §5.2), `invalid_request` for a malformed verifier.
pub fn check_redemption(
    binding: CodeBinding<'_>,
    client: &Client,
    redirect_uri: Option<&str>,
    code_verifier: Option<&str>,
) -> Result<(), OAuthError> {
    if binding.client_id != client.client_id {
        return Err(invalid_grant("code is not valid"));
    }
    if redirect_uri != Some(binding.redirect_uri) {
        return Err(invalid_grant("redirect_uri is not the one of the authorization request"));
    }
    pkce::check_verifier(binding.code_challenge, code_verifier)
}

/// The scope of a refreshed token: what was granted, or a part of it (RFC 6749 §6).
///
/// # Errors
/// `invalid_scope` when more is asked for than was granted.
pub fn narrowed(granted: &BTreeSet<String>, asked: Option<&BTreeSet<String>>) -> Result<BTreeSet<String>, OAuthError> {
    match asked {
        None => Ok(granted.clone()),
        Some(asked) if asked.is_subset(granted) => Ok(asked.clone()),
        Some(_) => Err(OAuthError::new(ErrorCode::InvalidScope, "scope exceeds what was granted")),
    }
}
