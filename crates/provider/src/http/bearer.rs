//! Bearer tokens in requests (RFC 6750).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nixa_protocol::{ErrorCode, OAuthError, Params};

/// The access token of a request: in the header or in the form, not in both (RFC 6750 §2) and never in
/// the query, where it would end in logs. `None` when there is none.
///
/// # Errors
/// `invalid_request`.
pub(crate) fn bearer(headers: &HeaderMap, form: &Params) -> Result<Option<String>, OAuthError> {
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "the access token is malformed");
    let header = match headers.get(header::AUTHORIZATION) {
        None => None,
        Some(value) => {
            let text = value.to_str().map_err(|_| malformed())?;
            let (scheme, token) = text.split_once(' ').ok_or_else(malformed)?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        }
    };
    match (header, form.get("access_token")) {
        (Some(_), Some(_)) => Err(OAuthError::new(ErrorCode::InvalidRequest, "the access token came twice")),
        (header, form) => Ok(header.or(form).map(str::to_owned)),
    }
}

/// The answer to a missing or bad token (RFC 6750 §3): without an error code when there was no token.
pub(crate) fn challenge(error: Option<&OAuthError>) -> Response {
    let (status, value) = match error {
        None => (StatusCode::UNAUTHORIZED, "Bearer realm=\"userinfo\"".to_owned()),
        Some(e) => (
            StatusCode::from_u16(e.code.status()).unwrap_or(StatusCode::UNAUTHORIZED),
            format!(
                "Bearer realm=\"userinfo\", error=\"{}\", error_description=\"{}\"",
                e.code.as_str(),
                e.description
            ),
        ),
    };
    let mut response = status.into_response();
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
