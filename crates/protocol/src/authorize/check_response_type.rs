//! `response_type` (RFC 6749 §3.1.1) and `response_mode` (OAuth 2.0 Multiple Response Type Encoding Practices §2.1).

use crate::error::{ErrorCode, OAuthError, invalid_request};
use crate::params::Params;

/// Only the code flow: implicit and hybrid put tokens into URLs (RFC 9700 §2.1.2).
pub(super) fn check_response_type(params: &Params) -> Result<(), OAuthError> {
    match params.required("response_type")? {
        "code" => Ok(()),
        _ => Err(OAuthError::new(ErrorCode::UnsupportedResponseType, "response_type must be code")),
    }
}

/// The query, which is the code flow's default, and a posted form. A fragment is readable by the scripts of
/// the page that it leads to.
pub(super) fn check_response_mode(params: &Params) -> Result<(), OAuthError> {
    match params.get("response_mode") {
        None | Some("query" | "form_post") => Ok(()),
        Some(_) => Err(invalid_request("response_mode must be query or form_post")),
    }
}
