//! The `scope` parameter (RFC 6749 §3.3; OpenID Connect Core §3.1.2.1).

use std::collections::BTreeSet;

use crate::client::Client;
use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;

/// The scopes that are granted: those the client is entitled to. Others are passed over, and the token
/// response names what was granted (RFC 6749 §3.3; OpenID Connect Core §3.1.2.1 says unknown ones SHOULD
/// be ignored). `openid` must be there: this is no plain OAuth server.
pub(super) fn check_scope(params: &Params, client: &Client) -> Result<BTreeSet<String>, OAuthError> {
    let asked: BTreeSet<String> = params.list("scope").into_iter().collect();
    if !asked.contains("openid") {
        return Err(OAuthError::new(ErrorCode::InvalidScope, "scope must contain openid"));
    }
    let granted = |scope: &String| {
        scope == "openid" || client.scopes.contains(scope) && (scope != "offline_access" || client.refresh_tokens)
    };
    Ok(asked.into_iter().filter(granted).collect())
}
