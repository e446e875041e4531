//! Parameters that pass a request or a registration in ways that are not served (OpenID Connect Core §6.2, §7.2.1).

use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;

/// Refuses registration by value, which is not supported, with the code of OpenID Connect Core §7.2.1. A
/// `request_uri` that is left here is none that was pushed: fetching what a browser names would let anybody
/// send this server anywhere (RFC 9101 §10.4).
pub(super) fn check_request_object(params: &Params) -> Result<(), OAuthError> {
    let table =
        [("request_uri", ErrorCode::RequestUriNotSupported), ("registration", ErrorCode::RegistrationNotSupported)];
    match table.into_iter().find(|(name, _)| params.get(name).is_some()) {
        Some((name, code)) => Err(OAuthError::new(code, format!("{name} is not supported"))),
        None => Ok(()),
    }
}
