//! The `claims` parameter and the levels that it asks for (OpenID Connect Core §5.5).

use crate::claims::ClaimsRequest;
use crate::error::OAuthError;
use crate::params::Params;

pub(super) fn check_claims(params: &Params) -> Result<ClaimsRequest, OAuthError> {
    params.get("claims").map_or(Ok(ClaimsRequest::default()), ClaimsRequest::parse)
}

/// The levels asked for: an `acr` claim request goes before `acr_values` (OpenID Connect Core §5.5.1.1),
/// and only an essential one with values insists.
pub(super) fn requested_acr(params: &Params, claims: &ClaimsRequest) -> (Vec<String>, bool) {
    let claim = claims.id_token.get("acr").and_then(Option::as_ref);
    match claim.map(|c| (c.wanted(), c.essential)) {
        Some((values, essential)) if !values.is_empty() => (values, essential),
        _ => (params.list("acr_values"), false),
    }
}
