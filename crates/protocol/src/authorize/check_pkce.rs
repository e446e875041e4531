//! The code challenge of PKCE (RFC 7636 §4.3, §4.4.1).

use crate::client::Client;
use crate::error::{OAuthError, invalid_request};
use crate::params::Params;
use crate::pkce::is_challenge;

/// PKCE with S256 (RFC 7636 §4.3). An absent method means `plain` there, which protects nothing against
/// a reader of the request, so it is refused like any other method.
pub(super) fn check_pkce(params: &Params, client: &Client) -> Result<Option<String>, OAuthError> {
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) if client.needs_pkce() => Err(invalid_request("code_challenge is missing")),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(invalid_request("code_challenge is missing")),
        (Some(c), Some("S256")) if is_challenge(c) => Ok(Some(c.to_owned())),
        (Some(_), Some("S256")) => Err(invalid_request("code_challenge is malformed")),
        (Some(_), _) => Err(invalid_request("code_challenge_method must be S256")),
    }
}
