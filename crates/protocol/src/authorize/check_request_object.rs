use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;

/// Refuses request objects and registration by value, which are not supported, with the codes of
/// OpenID Connect Core §6 and §7: ignoring them would act on other parameters than the client signed.
pub(super) fn check_request_object(params: &Params) -> Result<(), OAuthError> {
    let table = [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ];
    match table.into_iter().find(|(name, _)| params.get(name).is_some()) {
        Some((name, code)) => Err(OAuthError::new(code, format!("{name} is not supported"))),
        None => Ok(()),
    }
}
